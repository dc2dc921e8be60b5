"""Pictures that a tool shows: kept with the session, or taken out of the result with words."""

from __future__ import annotations

import dataclasses
import hashlib

from agentd.session.entries import Done
from agentd.turn.forking import Forking
from agentd.turn.sessions import Sessions
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Plan
from agentproto.content import ImageBlock
from support.drawn import png
from support.household import PERSON, WORKSPACE, Household, Reply, ask, whole_log

PICTURE = png(30, 20)
IMAGE = ImageBlock("image/png", hashlib.sha256(PICTURE).hexdigest(), 30, 20)
READS: tuple[Reply, ...] = ((("read", {"path": "x.png"}),), (("read", {"path": "x.png"}),), "I see.")
SHOWN = f"[x.png is an image (PNG), 30x20 pixels, {len(PICTURE)} bytes]"


def a_world(plan: Plan | None = None) -> FakeWorld:
    world = fake_world(seed=7, auto=True, plan=plan)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/x.png", PICTURE)
    return world


def tell(world: FakeWorld, *, most_bytes: int = 1_000_000, fork: bool = False) -> str:
    """The session, or a fork of it, in which a picture was read twice."""

    async def main() -> str:
        house = Household(world, READS)
        settings = dataclasses.replace(house.parts.settings(), images_bytes=most_bytes)
        house.parts = dataclasses.replace(house.parts, settings=lambda: settings)
        house.sessions = Sessions(house.parts, house.requests)
        await house.start()
        session = await ask(house, "look")
        await house.until_quiet(session)
        if fork:
            made = await Forking(house.parts, house.sessions).fork(session, f"{session}.t1", None, "f", "h", PERSON)
            assert house.store.get_blob(made.session, IMAGE.blob) == PICTURE
        assert house.faults == []
        await house.sessions.stop()
        return session

    return world.run(main())


def outcomes(world: FakeWorld, session: str) -> list[tuple[str, str, tuple[ImageBlock, ...]]]:
    done = [line.entry for line in whole_log(world, session) if isinstance(line.entry, Done)]
    return [(one.status, one.text, one.images) for one in done]


def test_a_picture_is_kept_once_and_named_by_each_result() -> None:
    world = a_world()
    session = tell(world)
    assert outcomes(world, session) == [("ok", SHOWN, (IMAGE,))] * 2


def test_a_fork_has_the_pictures_of_its_parent() -> None:
    tell(a_world(), fork=True)


def test_a_session_that_keeps_too_much_already_shows_no_more() -> None:
    world = a_world()
    words = "[the picture is not shown, because it could not be kept: the session keeps 1 bytes of earlier contents already]"
    assert outcomes(world, tell(world, most_bytes=1)) == [("ok", f"{SHOWN}\n{words}", ())] * 2


def test_a_disk_that_takes_no_picture_ends_no_turn() -> None:
    world = a_world()
    begun = len(world.points.calls)
    tell(world)
    calls = [call for call in world.points.calls[begun:] if IMAGE.blob in call.subject]
    writes = ["files.create", "files.write", "files.sync", "files.rename", "files.sync_folder"]
    assert [call.name for call in calls] == writes
    for call in calls:
        broken = a_world(Plan({call.number: "ENOSPC"}))
        first, second = outcomes(broken, tell(broken))
        assert first[2] == ()
        assert first[1].startswith(f"{SHOWN}\n[the picture is not shown, because it could not be kept: ")
        assert second == ("ok", SHOWN, (IMAGE,))
