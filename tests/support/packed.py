"""Homes with archives in memory: the worker's job, a session's whole content, and one life of a store after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from agentd.errors import AgentdError
from agentd.session.listing import Listed
from agentd.session.packing import member
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld
from agentd.world.faults import Crash, Fault, Plan, plans
from support.homes_with_logs import FOLDERS, build, sessions_of

__all__ = ["Deed", "digits", "faults_of", "files_of", "home", "live", "rows", "store_of"]

Deed = Callable[[FakeWorld, SessionStore, str], Awaitable[None]]
"""Something done to one session in one life of the store."""


def home() -> FakeWorld:
    """Three sessions at rest, and a worker that packs."""
    world = build()
    world.processes.on_job("pack", member)
    return world


def store_of(world: FakeWorld) -> SessionStore:
    return SessionStore(world, FOLDERS.data, FOLDERS.state)


def live(world: FakeWorld, deed: Deed, session: str) -> None:
    """One life: prepared as at a start, then the deed."""

    async def main() -> None:
        store = store_of(world)
        store.prepare()
        await deed(world, store, session)

    world.run(main())


def digits(world: FakeWorld, session: str) -> list[bytes]:
    """The chain's digits line by line, read without changing anything: equal ones are equal bytes."""
    log = store_of(world).open(session, writable=False)
    assert (log.problem, log.torn, log.head_missing) == (None, (0, ""), 0)
    found = [line.crc for line in log.lines_after(0, 1000)]
    log.close()
    return found


def files_of(world: FakeWorld, session: str) -> list[str]:
    """Names in the session's folder that are no blobs."""
    folder = store_of(world).folder(session)
    return [name for name, _ in world.files.list(folder) if name != "blobs"]


def rows(world: FakeWorld) -> dict[str, Listed]:
    return {row.id: row for row in store_of(world).listed()}


def faults_of(before: Deed, deed: Deed, only: tuple[Fault, ...] | None) -> Iterator[tuple[FakeWorld, str, Plan, bool]]:
    """The deed with each fault at each of its door calls: the world after it, and whether the process died of it.

    `before` is what was done in an earlier life. Every call of the deed's own life counts, its start included.
    """
    counted = home()
    session = sessions_of(counted)[1]
    live(counted, before, session)
    counted = counted.restart()
    live(counted, deed, session)
    for plan in plans(counted.points.calls, only):
        world = home()
        live(world, before, session)
        world = world.restart(plan=plan)
        died = False
        try:
            live(world, deed, session)
        except Crash:
            died = True
        except AgentdError:
            pass
        yield world, session, plan, died
