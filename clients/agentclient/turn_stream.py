"""Events of a session -> what a reader has to be shown, each piece once. Pure: no I/O, no waiting.

A newer daemon may use a word that this client does not know (a new mode, a new way to end). Such an event is shown as it
came (`Unknown`) instead of ending the client; if it says that a turn is over, that is understood all the same.

Text arrives as deltas that carry their item and their UTF-8 offset, and at last whole, in `step.replied`. A client that
joins late, comes back, or was cut off sees the same bytes twice or finds a hole; here they are joined: what is known is
dropped, what lies ahead waits until the hole is filled or the whole item supersedes it. Callers: `agentctl ask`, `chat`,
`attach`, and whoever draws a turn.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from agentproto.api import question, session, turn
from agentproto.content import TextBlock, ThinkingBlock
from agentproto.errors import RemoteProtocolError
from agentproto.link import Happened
from agentproto.revisions import RevertedEvent
from agentproto.shape import typed

__all__ = ["Added", "Change", "Kind", "Logged", "Replaced", "TurnStream", "Unknown", "is_unknown_word"]

Kind = Literal["text", "thinking", "output"]


class Added(msgspec.Struct, frozen=True):
    """New text at the end of an item. `first`: nothing of this item was shown before."""

    turn: str
    item: str
    kind: Kind
    text: str
    first: bool


class Replaced(msgspec.Struct, frozen=True):
    """An item turned out different from what was shown; `text` is all of it."""

    turn: str
    item: str
    kind: Kind
    text: str


class Unknown(msgspec.Struct, frozen=True):
    """An event with a word that this client does not know, as it came. `turn` is empty when it names none; `why` says
    which word it is, and where."""

    name: str
    turn: str
    body: dict[str, object]
    why: str

    @property
    def text(self) -> str:
        """The event on one line."""
        return f"{self.name} {msgspec.json.encode(self.body).decode()} ({self.why}; a newer client shows it)"


Logged = (
    question.AnsweredEvent
    | question.OpenedEvent
    | session.ChangedEvent
    | session.NoticeEvent
    | session.OpenedEvent
    | RevertedEvent
    | turn.FinishedEvent
    | turn.QueuedEvent
    | turn.RepliedEvent
    | turn.RetryEvent
    | turn.StartedEvent
    | turn.SteeredEvent
    | turn.ToolFinishedEvent
    | turn.ToolStartedEvent
    | turn.WithdrawnEvent
)
Change = Added | Replaced | Unknown | Logged

_KINDS: dict[str, type[Logged]] = {
    event.name: event.body
    for resource in (question, session, turn)
    for event in resource.EVENTS
    if event.name != "turn.delta"
}


class _Item(msgspec.Struct):
    """`size` bytes were shown. `have` holds them, except for tools' output, which has no whole to compare with."""

    size: int = 0
    have: bytearray = msgspec.field(default_factory=bytearray)
    ahead: dict[int, bytes] = msgspec.field(default_factory=dict)


class TurnStream:
    """Feed it a session's events in order of arrival; each call returns what to show now.

    Events that it does not know (a newer daemon's) are passed over.
    """

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], _Item] = {}

    def take(self, event: Happened) -> list[Change]:
        """What to show for one event. RemoteProtocolError when its body does not fit its name."""
        kind: type[Logged | turn.DeltaEvent] | None = (
            turn.DeltaEvent if event.name == "turn.delta" else _KINDS.get(event.name)
        )
        if kind is None:
            return []
        try:
            return self._taken(typed(event.body, kind))
        except RemoteProtocolError as fault:
            if not is_unknown_word(fault):
                raise
            return self._unknown(event, fault)

    def _unknown(self, event: Happened, fault: RemoteProtocolError) -> list[Change]:
        if event.name == "turn.delta" and event.body.get("offset"):
            return []  # its first piece was shown, and the whole of it comes at the end
        shown = Unknown(event.name, str(event.body.get("turn") or ""), event.body, fault.message)
        if event.name == "turn.finished" and fault.field == "stop":
            return [shown, *self._taken(typed({**event.body, "stop": "error"}, turn.FinishedEvent))]
        return [shown]

    def _taken(self, body: Logged | turn.DeltaEvent) -> list[Change]:
        match body:
            case turn.DeltaEvent():
                return self._delta(body)
            case turn.RepliedEvent():
                return [*self._whole(body), body]
            case turn.RetryEvent():
                self._forget(body.turn, body.step)
                return [body]
            case turn.FinishedEvent():
                self._items = {key: item for key, item in self._items.items() if key[0] != body.turn}
                return [body]
            case _:
                return [body]

    def _delta(self, delta: turn.DeltaEvent) -> list[Change]:
        item = self._items.setdefault((delta.turn, delta.item), _Item())
        first = item.size == 0
        if delta.kind == "output":
            return self._output(delta, item, first)
        before = len(item.have)
        item.ahead[delta.offset] = max(
            delta.text.encode(), item.ahead.get(delta.offset, b""), key=len
        )  # a partial from the log may be longer than the delta that was seen live
        for offset in sorted(item.ahead):
            if offset > len(item.have):
                break
            item.have += item.ahead.pop(offset)[len(item.have) - offset :]
        item.size = len(item.have)
        new = bytes(item.have[before:]).decode("utf-8", "replace")
        return [Added(delta.turn, delta.item, delta.kind, new, first)] if new else []

    @staticmethod
    def _output(delta: turn.DeltaEvent, item: _Item, first: bool) -> list[Change]:
        """A hole in a tool's output stays one: the whole of it is asked for by `tool.output`, not shown live."""
        text = delta.text.encode()
        new = text[max(0, item.size - delta.offset) :].decode("utf-8", "replace")
        item.size = max(item.size, delta.offset + len(text))
        return [Added(delta.turn, delta.item, delta.kind, new, first)] if new else []

    def _whole(self, reply: turn.RepliedEvent) -> list[Change]:
        """What the whole items add to what was streamed of them."""
        changes: list[Change] = []
        for index, block in enumerate(reply.items):
            match block:
                case TextBlock(text=text):
                    kind: Kind = "text"
                case ThinkingBlock(text=text):
                    kind = "thinking"
                case _:
                    continue
            name = f"{reply.step}.{index}"
            item = self._items.pop((reply.turn, name), None)
            have = bytes(item.have) if item is not None else b""
            whole = text.encode()
            if whole == have:
                continue
            if whole.startswith(have):
                rest = whole[len(have) :].decode("utf-8", "replace")
                changes.append(Added(reply.turn, name, kind, rest, first=not have))
            else:
                changes.append(Replaced(reply.turn, name, kind, text))
        self._forget(reply.turn, reply.step)
        return changes

    def _forget(self, turn_id: str, step: str) -> None:
        self._items = {
            key: item
            for key, item in self._items.items()
            if not (key[0] == turn_id and key[1].rpartition(".")[0] == step)
        }


def is_unknown_word(fault: RemoteProtocolError) -> bool:
    """Whether a body did not fit because of a word that this version does not know (and not because it is broken)."""
    return re.search(r"Invalid (enum )?value '", fault.message) is not None
