"""A client at work: one turn from request to end, timed, with what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agentclient.blocking import BlockingClient
from agentclient.keys import new_key
from agentproto.api.turn import StartParams, StartResult

__all__ = ["Turn", "one_turn"]


@dataclass(slots=True)
class Turn:
    """`ms`: from the request until `turn.finished` was here. `at`: perf_counter of the first and the last delta."""

    session: str
    ms: float
    stop: str
    deltas: int = 0
    size: int = 0
    pieces: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)


def one_turn(
    client: BlockingClient, cwd: str, session: str | None = None, prompt: str = "go on", allow: tuple[str, ...] = ()
) -> Turn:
    """Start a turn (in a new session without `session`), in which `allow` is allowed, and take its events to the end. AssertionError when it did not
    end well: a bench of a broken turn would be a fast one."""
    begun = time.perf_counter()
    params = StartParams(key=new_key(), prompt=prompt, session=session, cwd=cwd, subscribe=True, allow=allow)
    ticket = client.send("turn.start", params)
    ended = {"stop": ""}
    found = Turn(session or "", 0.0, "")

    def take() -> bool:
        event = client.next_event(500)
        if event is None:
            return False
        if event.name == "turn.delta":
            found.deltas += 1
            found.at.append(time.perf_counter())
            if event.body["offset"] == found.size:  # the text of the bench is ASCII: bytes and characters are the same
                text = str(event.body["text"])
                found.pieces.append(text)
                found.size += len(text)
        elif event.name == "turn.finished":
            ended["stop"] = str(event.body["stop"])
            return True
        return False

    while not take():
        assert time.perf_counter() - begun < 120, "the turn does not end"
    found.ms = (time.perf_counter() - begun) * 1000
    started = client.receive(ticket, StartResult)
    found.session, found.stop = started.session, ended["stop"]
    assert found.stop == "end", found.stop
    return found
