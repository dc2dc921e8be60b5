"""Keys by reference, late, remembered no longer than is said, and never in anybody's words."""

from __future__ import annotations

from typing import TypeVar

import pytest

from agentd.errors import AgentdError, MissingFileError, SettingsError
from agentd.providers.keys import FAILED_MS, KEEP_MS, Keys
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_processes import Script
from agentd.world.tasks import Tasks

T = TypeVar("T")


def a_world() -> FakeWorld:
    world = fake_world(auto=True)
    world.files.make_folder("/k")
    world.files.write_atomic("/k/good", b"sesame\n", 0o600)
    world.files.write_atomic("/k/open", b"sesame", 0o644)
    world.files.write_atomic("/k/two", b"one\ntwo", 0o600)
    return world


def test_references_are_resolved_at_each_call() -> None:
    world = a_world()
    environment = {"K": " sesame "}
    resolver = Keys(environment, world)

    async def story() -> list[str | None]:
        found = [await resolver.resolve(one) for one in ("", "env:K", "file:/k/good")]
        environment["K"] = "other"
        return [*found, await resolver.resolve("env:K")]

    assert world.run(story()) == [None, "sesame", "sesame", "other"]


@pytest.mark.parametrize(
    "reference",
    [
        *("env:NONE", "env:EMPTY", "env:WORDS", "file:/k/two", "file:/k/open", "sk-raw"),
        *("cmd:words", "cmd:silent", "cmd:", "cmd:'open", "cmd:nowhere", "keyring:x", "keyring:/x"),
    ],
)
def test_what_is_no_key_is_refused_with_a_remedy(reference: str) -> None:
    world = a_world()
    world.processes.on("words", does=Script(b"two words\n"))
    world.processes.on("silent", does=Script())
    with pytest.raises(SettingsError) as caught:
        world.run(Keys({"EMPTY": "", "WORDS": "two words"}, world).resolve(reference))
    told = caught.value.what + caught.value.why + caught.value.remedy
    assert caught.value.remedy != ""
    assert "sk-raw" not in told
    assert "two words" not in told


def test_a_missing_file_is_a_disk_error() -> None:
    world = a_world()
    with pytest.raises(MissingFileError):
        world.run(Keys({}, world).resolve("file:/k/none"))


def test_whoever_masks_is_told_each_key() -> None:
    world = a_world()
    learned: list[str] = []
    world.run(Keys({"K": "open"}, world, learned.append).resolve("env:K"))
    assert learned == ["open"]


# --- what a program gave ---


class Safe:
    """A password manager: answers after a second with the next of its answers."""

    def __init__(self, world: FakeWorld, *answers: Script) -> None:
        self.asked = 0
        self._answers = list(answers)
        world.processes.on("safe", does=lambda spawn, files: self._next())

    def _next(self) -> Script:
        self.asked += 1
        return self._answers.pop(0)


def test_a_program_is_asked_once_for_some_minutes() -> None:
    world = a_world()
    safe = Safe(world, Script(b"one\n"), Script(b"two\n"))
    resolver = Keys({}, world)

    async def story() -> list[tuple[str | None, bool]]:
        found = []
        for wait_ms in (0, KEEP_MS - 1, 1):
            await world.clock.sleep(wait_ms)
            at_hand = resolver.at_hand("cmd:safe")
            found.append((await resolver.resolve("cmd:safe"), at_hand))
        return found

    assert world.run(story()) == [("one", False), ("one", True), ("two", False)]
    assert safe.asked == 2


def test_calls_at_the_same_time_wait_for_one_run() -> None:
    world = a_world()
    safe = Safe(world, Script(b"one\n", takes_ms=1_000))
    resolver = Keys({}, world)

    async def story() -> list[str | None]:
        tasks = Tasks(lambda name, fault: None)
        running = [tasks.start("ask", resolver.resolve("cmd:safe")) for _ in range(3)]
        return [await one for one in running]

    assert world.run(story()) == ["one", "one", "one"]
    assert safe.asked == 1


def test_a_refused_key_is_forgotten_and_only_a_remembered_one_may_be_another_next_time() -> None:
    world = a_world()
    Safe(world, Script(b"one\n"), Script(b"two\n"))
    resolver = Keys({"K": "fixed"}, world)

    async def story() -> list[object]:
        return [
            await resolver.resolve("cmd:safe"),
            resolver.refused("cmd:safe"),
            resolver.refused("cmd:safe"),
            await resolver.resolve("cmd:safe"),
            await resolver.resolve("env:K"),
            resolver.refused("env:K"),
        ]

    assert world.run(story()) == ["one", True, False, "two", "fixed", False]


def test_a_failure_is_not_asked_for_twice_in_a_breath_and_is_mended_soon() -> None:
    world = a_world()
    safe = Safe(world, Script(b"", b"locked", 1), Script(b"one\n"))
    resolver = Keys({}, world)

    async def story() -> list[str | None]:
        found: list[str | None] = []
        for wait_ms in (0, FAILED_MS - 1, 1):
            await world.clock.sleep(wait_ms)
            try:
                found.append(await resolver.resolve("cmd:safe"))
            except AgentdError as fault:
                found.append(fault.why)
        return found

    assert world.run(story()) == ["it says: locked", "it says: locked", "one"]
    assert safe.asked == 2
