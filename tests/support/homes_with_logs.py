"""A small home in memory with three sessions, a blob, and logs of requests and events: something to damage."""

from __future__ import annotations

from agentd.session.actors import Actor
from agentd.session.entries import Notice, Opened
from agentd.session.folders import session_folder
from agentd.session.requests import Accepted, RequestRecord
from agentd.session.store import SessionStore
from agentd.telemetry.eventlog import EventLog, Happened
from agentd.world.fake import FakeWorld, fake_world
from agentproto.homes import Folders

__all__ = ["EVENTS", "FOLDERS", "REQUESTS", "build", "log_of", "sessions_of"]

FOLDERS = Folders("/h/config", "/h/data", "/h/state", "/h/cache", "/h/run", "/h")
REQUESTS, EVENTS = "/h/state/requests.jsonl", "/h/state/events.jsonl"

_ENTRIES = 6


def build() -> FakeWorld:
    """The home after a clean stop, as the next process finds it."""
    world = fake_world()
    world.run(_lived_in(world))
    return world.restart()


def sessions_of(world: FakeWorld) -> list[str]:
    return SessionStore(world, FOLDERS.data, FOLDERS.state).ids()


def log_of(world: FakeWorld, session: str) -> str:
    return f"{session_folder(FOLDERS.data, session)}/log.jsonl"


async def _lived_in(world: FakeWorld) -> None:
    store = SessionStore(world, FOLDERS.data, FOLDERS.state)
    world.files.make_folder(FOLDERS.state)
    store.prepare()
    requests = RequestRecord(world, FOLDERS.state)
    requests.load()
    events = EventLog(world, FOLDERS.state, 600, 2)
    events.load()
    for number in range(3):
        await world.clock.advance(1_000)
        session = world.ids.session(world.clock.now_ms())
        await requests.record(Accepted(f"key{number}", "hash", "session.create", session))
        log = store.create(session)
        opened = Opened(
            format=1, machine=1, session=session, kind="chat", product="1", workspace="/w", cwd="/w", mode="ask",
            actor=Actor("client"),
        )  # fmt: skip
        await log.append([opened], world.clock.now_ms())
        for entry in range(_ENTRIES - 1):
            await log.append([Notice(code="note", text=f"entry {entry}")], world.clock.now_ms())
        store.settle_folder(session)
        store.put_blob(session, b"the whole output")
        store.keep_head(session, log.head())
        await events.append([Happened("session", "session.opened", "in /w", session)] * 3)
        log.close()
    requests.close()
    events.close()
