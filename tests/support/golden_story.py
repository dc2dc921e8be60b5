"""The story behind the golden log: reads, an edit, a denied and an approved command, a steer, an interrupt, a restart."""

from __future__ import annotations

import msgspec

from agentd.session.log import LOG_FILE, SessionLog
from agentd.session.store import SessionStore
from agentd.turn.intake import NewTurn
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_processes import Script
from support.household import PERSON, WORKSPACE, Household, Reply, ask

REPLIES: tuple[Reply, ...] = (
    (("read", {"path": "a.txt"}), ("nonsense", {}), ("read", {"path": "none.txt"})),
    (("edit", {"path": "a.txt", "old_string": "one", "new_string": "uno"}),),
    (("shell", {"command": "make push"}),),
    (("shell", {"command": "make clean"}),),
    "all done äöü",
)


def _world() -> FakeWorld:
    world = fake_world(seed=1, auto=True)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/a.txt", b"one\n")
    world.processes.on("bash", does=Script(output=b"ok\n"))
    return world


def golden_log() -> bytes:
    """The log's bytes."""
    world = _world()
    found: list[str] = []

    async def before() -> None:
        house = Household(world, REPLIES, partial_bytes=4)
        await house.start()
        found.append(await ask(house, "do it all"))
        while not house.sessions.questions():
            await world.clock.sleep(10)

    async def after(again: FakeWorld) -> None:
        house = Household(again, REPLIES, slow_ms=50, partial_bytes=4)
        await house.start()
        session = found[0]
        await house.until_quiet(session, lambda question: not question.endswith("q2"))
        await house.sessions.change(session, "c", "h", PERSON, None, None, "renamed")
        await house.sessions.start(session, "k2", "h", NewTurn("once more"), PERSON)
        while not house.sessions.questions():
            await again.clock.sleep(10)
        await house.sessions.steer(session, "s", "h", "and be quick", PERSON)
        await house.sessions.interrupt(session, "i", "h", "enough", PERSON)
        await house.until_quiet(session)
        await house.sessions.stop()

    world.run(before())
    again = world.restart()
    again.run(after(again))
    last = again.restart()
    store = SessionStore(last, "/home/data", "/home/state")
    return last.files.read(f"{store.folder(found[0])}/{LOG_FILE}")


def golden_state(data: bytes) -> bytes:
    """The folded state of a log's bytes, as JSON."""
    world = fake_world()
    world.files.make_folder("/log")
    world.files.write_atomic(f"/log/{LOG_FILE}", data)
    log = SessionLog.open(world, "/log")
    assert log.problem is None
    assert log.torn == (0, "")
    plain = msgspec.to_builtins(log.state)
    plain["notices"] = sorted(plain["notices"])
    return msgspec.json.format(msgspec.json.encode(plain, order="deterministic"), indent=1) + b"\n"
