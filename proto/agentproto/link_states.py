"""The link's states and which message moves them: the table, and nothing else.

    client   NEW --hello--> GREETING --(welcome)--> OPEN --(silence)--> LOST
    daemon   NEW --(hello)--> GREETING --welcome--> OPEN --(silence)--> LOST

Parentheses: received; bare: sent. What the table doesn't name is not allowed in that state. LOST is final: a client
that was lost makes a new link and says hello again with the same `client` id.
"""

from __future__ import annotations

import enum
from typing import Literal

from agentproto.envelope import Kind

__all__ = ["MAY_RECEIVE", "MAY_SEND", "Side", "State", "after_receive", "after_send"]

Side = Literal["client", "daemon"]


class State(enum.Enum):
    NEW = "new"
    GREETING = "greeting"
    OPEN = "open"
    LOST = "lost"


_CLIENT_TALK = frozenset({Kind.REQUEST, Kind.CANCEL, Kind.CREDIT, Kind.PING})
_DAEMON_TALK = frozenset({Kind.REPLY, Kind.ERROR, Kind.EVENT, Kind.PONG})

MAY_SEND: dict[tuple[Side, State], frozenset[Kind]] = {
    ("client", State.NEW): frozenset({Kind.HELLO}),
    ("client", State.OPEN): _CLIENT_TALK,
    ("daemon", State.NEW): frozenset({Kind.ERROR}),
    ("daemon", State.GREETING): frozenset({Kind.WELCOME, Kind.ERROR}),
    ("daemon", State.OPEN): _DAEMON_TALK,
    # A client that slept through its time-out is told to say hello again.
    ("daemon", State.LOST): frozenset({Kind.ERROR}),
}
MAY_RECEIVE: dict[tuple[Side, State], frozenset[Kind]] = {
    ("client", State.GREETING): frozenset({Kind.WELCOME, Kind.ERROR}),
    ("client", State.OPEN): _DAEMON_TALK,
    ("daemon", State.NEW): frozenset({Kind.HELLO}),
    ("daemon", State.OPEN): _CLIENT_TALK,
}


def after_send(side: Side, state: State, kind: Kind) -> State | None:
    """The next state, or None when `kind` may not be sent now."""
    if kind not in MAY_SEND.get((side, state), frozenset()):
        return None
    if kind is Kind.HELLO:
        return State.GREETING
    return State.OPEN if kind is Kind.WELCOME else state


def after_receive(side: Side, state: State, kind: Kind) -> State | None:
    """The next state, or None when `kind` is not expected now."""
    if kind not in MAY_RECEIVE.get((side, state), frozenset()):
        return None
    if kind is Kind.HELLO:
        return State.GREETING
    return State.OPEN if kind is Kind.WELCOME else state
