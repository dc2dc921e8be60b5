"""A window that gets full: what can be had again is left out, before a server has to say that it is too much, and after."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence

from agentd.context.budget import Window
from agentd.context.tokens import estimate
from agentd.providers.base import Failure, ModelEvent, ModelRequest
from agentd.providers.prepared import PreparedCall
from agentd.session.compactions import Compacted
from agentd.session.entries import Broke, Entry, Finished
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice
from agentd.turn.replay import replay
from agentd.turn.sessions import Sessions
from agentd.world.fake import FakeWorld, fake_world
from agentproto.content import ToolResultBlock
from support.household import PERSON, WORKSPACE, Household, Reply, TalkModel, ask, whole_log

READ: Reply = (("read", {"path": "big.txt"}),)
READS: Sequence[Reply] = [(("read", {"path": "big.txt", "limit": 2000 - n}),) for n in range(12)]
"""The whole file each time, and no call like another: equal ones would end the turn."""


class SmallServer(TalkModel):
    """Refuses what is longer than `holds` tokens, or the first `refusals` requests behind the first, in its own words."""

    holds = 1_000_000
    refuses: tuple[int, ...] = ()
    sent: list[int]

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        self.sent.append(estimate(call.body))
        if self.sent[-1] > self.holds or len(self.sent) in self.refuses:
            yield Failure("overflow", "prompt is too long", status=400)
            return
        async for event in super().stream(call):
            yield event


class OneModel:
    def __init__(self, model: TalkModel, window: int) -> None:
        self._choice = ModelChoice(model, "m", Window(window, 2_000))

    def stand_in(self, given_up: Sequence[str]) -> str:
        return ""

    async def ready(self, name: str) -> None:
        return

    async def count(self, name: str, body: bytes) -> int | None:
        return None

    def get(self, name: str) -> ModelChoice:
        return self._choice

    def default(self) -> str:
        return "talk"


def tell(
    replies: Sequence[Reply],
    window: int,
    refuses: tuple[int, ...] = (),
    turns: int = 1,
    more: Mapping[str, bytes] = {},
) -> tuple[SmallServer, list[Entry]]:
    """The server as it was left, and the entries of a session of `turns` turns on a window of so many tokens."""
    world: FakeWorld = fake_world(seed=4, auto=True)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/big.txt", b"".join(b"line %d of many words\n" % n for n in range(300)))
    for name, data in more.items():
        world.files.write_atomic(f"{WORKSPACE}/{name}", data)
    server = SmallServer(replies, world)
    server.refuses, server.sent = refuses, []

    async def main() -> str:
        house = Household(world, replies)
        house.parts = dataclasses.replace(house.parts, models=OneModel(server, window))
        house.sessions = Sessions(house.parts, house.requests)
        await house.start()
        session = await ask(house, "read it all")
        await house.until_quiet(session)
        for number in range(2, turns + 1):
            await house.sessions.start(session, f"k{number}", "h", NewTurn("and again"), PERSON)
            await house.until_quiet(session)
        assert house.faults == []
        await house.sessions.stop()
        return session

    lines = whole_log(world, world.run(main()))
    assert replay(lines).identical
    return server, [line.entry for line in lines]


def _results(request: ModelRequest, calls: Sequence[str]) -> list[str]:
    blocks = [block for message in request.messages for block in message.blocks]
    return [block.text for block in blocks if isinstance(block, ToolResultBlock) and block.call in calls]


def of(kind: type, entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if isinstance(entry, kind)]


def test_twelve_steps_with_large_results_fit_into_a_small_window() -> None:
    server, entries = tell((*READS, "done"), 14_000)
    assert len(server.sent) == 13
    assert max(server.sent) <= 14_000 - 1_400 - 2_000
    assert [entry.stop for entry in of(Finished, entries)] == ["end"]  # type: ignore[attr-defined]
    batches = of(Compacted, entries)
    assert 1 <= len(batches) < 12
    cleared = [call for batch in batches for call in batch.calls]  # type: ignore[attr-defined]
    assert len(cleared) == len(set(cleared))


def test_what_was_cleared_stays_so_in_every_later_request_and_after_a_restart() -> None:
    server, entries = tell((*READS, "done"), 14_000, turns=2)
    (first, *_) = of(Compacted, entries)
    texts = [_results(request, first.calls) for request in server.requests]  # type: ignore[attr-defined]
    at = next(n for n, found in enumerate(texts) if found and found[0].startswith("[This result of read was cleared"))
    assert all(found == texts[at] for found in texts[at:])


def test_a_server_that_says_too_long_once_gets_less_and_the_turn_ends_well() -> None:
    server, entries = tell((*READS[:3], "done"), 100_000, refuses=(4,))
    broke = of(Broke, entries)
    assert [(entry.failure, entry.again, entry.wait_ms) for entry in broke] == [("overflow", True, 0)]  # type: ignore[attr-defined]
    assert len(of(Compacted, entries)) == 1
    assert server.sent[4] < server.sent[3]
    assert [entry.stop for entry in of(Finished, entries)] == ["end"]  # type: ignore[attr-defined]


def test_a_server_that_says_so_again_and_again_ends_the_turn_with_its_words() -> None:
    server, entries = tell((*READS[:3], "done"), 100_000, refuses=(4, 5, 6))
    (finished,) = of(Finished, entries)
    assert (len(server.sent), finished.stop, finished.error) == (5, "error", "prompt is too long")  # type: ignore[attr-defined]


def test_where_nothing_can_be_left_out_the_turn_is_refused_with_advice() -> None:
    server, entries = tell(("done",), 100_000, refuses=(1,))
    (finished,) = of(Finished, entries)
    assert (len(server.sent), finished.stop) == (1, "budget")  # type: ignore[attr-defined]
    assert "Set `window` of the connection" in (finished.remedy or "")  # type: ignore[attr-defined]


def test_a_result_that_is_larger_than_the_window_is_cut_to_what_the_next_request_can_hold() -> None:
    digits = b"".join(b"%08d\n" % n for n in range(25_000))
    replies: tuple[Reply, ...] = (
        (("read", {"path": "digits.txt"}), ("read", {"path": "digits.txt", "offset": 9_000})),
        READ,
        "done",
    )
    server, entries = tell(replies, 16_000, more={"digits.txt": digits})
    assert max(server.sent) <= 16_000 - 1_600 - 2_000
    assert [entry.stop for entry in of(Finished, entries)] == ["end"]  # type: ignore[attr-defined]
