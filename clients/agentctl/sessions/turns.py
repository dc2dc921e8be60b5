"""The turns of a session as they are now: those that were taken back or withdrawn are not among them. Pure.

They are counted from 1 in the order in which they were asked; `--to 3`, `--after 3` and `/rewind 3` mean that number.
Callers: `showing`, `rewinding`, `forking`, `contest`, `chat.revising`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from agentclient.errors import ClientError
from agentclient.turn_stream import Added, Replaced, TurnStream
from agentproto.api import session, turn
from agentproto.api.turn import WithdrawnEvent
from agentproto.link import Happened
from agentproto.revisions import RevertedEvent

__all__ = ["Turn", "picked", "short", "turns_of"]


class Turn(msgspec.Struct):
    """One turn. `number` counts from 1; `stop` is None until it ended; `tools` are named in the order of their calls."""

    id: str
    at_ms: int
    actor: str
    prompt: str
    number: int = 0
    files: tuple[str, ...] = ()
    model: str = ""
    stop: str | None = None
    steps: int = 0
    tools: tuple[str, ...] = ()
    usage: turn.TurnUsage = turn.TurnUsage()
    text: str = ""
    error: str | None = None


def turns_of(events: Iterable[session.StreamedEvent | Happened]) -> list[Turn]:
    """The turns that a session's events leave, oldest first."""
    known: dict[str, Turn] = {}
    gone: set[str] = set()
    stream = TurnStream()
    for event in events:
        for change in stream.take(Happened(event.name, event.body)):
            match change:
                case Added() | Replaced():
                    pass
                case turn.QueuedEvent():
                    known[change.turn] = Turn(
                        change.turn, change.at_ms, change.actor, change.prompt, files=change.files
                    )
                case WithdrawnEvent():
                    gone.add(change.turn)
                case RevertedEvent(kind="redo"):
                    gone.difference_update(change.turns)
                case RevertedEvent():
                    gone.update(change.turns)
                case _:
                    found = known.get(str(getattr(change, "turn", None)))
                    if found is not None:
                        _learn(found, change)
    left = [one for one in known.values() if one.id not in gone and one.stop != "withdrawn"]
    for number, one in enumerate(left, 1):
        one.number = number
    return left


def _learn(found: Turn, change: object) -> None:
    match change:
        case turn.StartedEvent(model=model):
            found.model = model
        case turn.ToolStartedEvent(tool=tool):
            found.tools = (*found.tools, tool)
        case turn.FinishedEvent():
            found.stop, found.steps, found.usage = change.stop, change.steps, change.usage
            found.text, found.error = change.text, change.error
        case _:
            pass


def picked(turns: Sequence[Turn], text: str, id: str) -> Turn:
    """The turn that a person names: by its number, its id, or the id's last part (`t3`). ClientError when none is."""
    for one in turns:
        if text in (str(one.number), one.id, short(one.id)):
            return one
    count = f"{len(turns)} turn{'s' if len(turns) != 1 else ''}"
    raise ClientError(
        f"session {id} has no turn {text}",
        why=f"It has {count} now." if turns else "It has no turns now.",
        remedy=f"agentctl sessions show {id} --turns",
    )


def short(id: str) -> str:
    """A turn's, step's or call's id without its session: `s….t3.2.1` -> `t3.2.1`."""
    head, dot, rest = id.partition(".")
    return rest if dot and head.startswith("s") else id
