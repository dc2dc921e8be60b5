"""Turns as a test sees them from outside: started, followed and read back through the client's library."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentclient.blocking import BlockingClient
from agentclient.keys import new_key
from agentproto.api import session, turn
from agentproto.link import Happened
from agentproto.shape import typed
from support.daemon import RealDaemon
from support.waiting import until

__all__ = ["ended", "events_of", "fingerprint", "follow", "numbered", "start", "state_of"]

Event = tuple[str, Mapping[str, object]]


def start(client: BlockingClient, prompt: str, cwd: Path, **more: object) -> turn.StartResult:
    """Start a turn in a new session (or the one given by `session=`)."""
    given = {"key": new_key(), "prompt": prompt, "cwd": str(cwd), **more}
    return client.call("turn.start", typed(given, turn.StartParams), turn.StartResult)


def state_of(daemon: RealDaemon, id: str) -> str:
    with daemon.client() as client:
        return client.call("session.read", session.ReadParams(id), session.ReadResult).summary.state


def events_of(daemon: RealDaemon, id: str) -> list[Event]:
    """All logged events of a session, from the daemon, page by page."""
    found: list[Event] = []
    after: int | None = 0
    with daemon.client() as client:
        while after is not None:
            page = client.call("session.items", session.ItemsParams(session=id, after_seq=after), session.ItemsResult)
            found += [(event.name, event.body) for event in page.events]
            after = page.next_seq
    return found


def ended(daemon: RealDaemon, id: str, seconds: float = 15) -> turn.FinishedEvent:
    """The end of the session's latest turn, once nothing runs in it."""
    until(lambda: state_of(daemon, id) == "idle", f"session {id} is idle", seconds)
    bodies = [body for name, body in events_of(daemon, id) if name == "turn.finished"]
    return typed(bodies[-1], turn.FinishedEvent)


def follow(client: BlockingClient, last: str, seconds: float = 15) -> list[Event]:
    """What the client hears up to and with the first event named `last`."""
    heard: list[Event] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        event: Happened | None = client.next_event(100)
        if event is not None:
            heard.append((event.name, event.body))
            if event.name == last:
                return heard
    raise AssertionError(f"no {last} came within {seconds:g} s; last were {[name for name, _ in heard][-8:]}")


def numbered(events: Iterable[Event]) -> list[Event]:
    """Without the deltas: those of two readers may be cut differently. (`partial` text comes as deltas too.)"""
    return [(name, dict(body)) for name, body in events if name != "turn.delta"]


def fingerprint(events: Iterable[Event]) -> str:
    """One hash over the numbered events, names and bodies."""
    return hashlib.sha256(json.dumps(numbered(events), sort_keys=True).encode()).hexdigest()
