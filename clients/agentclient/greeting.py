"""What both pumps do the same way: say hello on a new socket, and make a typed result (or an error) of an answer."""

from __future__ import annotations

import time
from typing import TypeVar

from agentclient.conversation import Answered, Conversation, Opened, Refused
from agentclient.errors import RefusedError
from agentclient.sockets import Dealer
from agentproto.endpoints import Connection
from agentproto.errors import RemoteProtocolError
from agentproto.shape import typed

__all__ = ["greet", "now_ms", "result_of"]

R = TypeVar("R")


def now_ms() -> int:
    """The pumps' clock: monotonic milliseconds."""
    return time.monotonic_ns() // 1_000_000


def greet(conversation: Conversation, connection: Connection, wait_ms: int) -> Dealer | None:
    """Say hello on a new socket; the socket once welcome came, None when nothing came in time. RefusedError when the
    daemon does not want us."""
    dealer = Dealer(connection)
    opened = False
    try:
        dealer.send(conversation.begin(now_ms()))
        deadline = now_ms() + wait_ms
        while (left := deadline - now_ms()) > 0:
            dealer.wait(left)
            while (frames := dealer.receive()) is not None:
                match conversation.receive(frames, now_ms()):
                    case Opened():
                        opened = True
                        return dealer
                    case Refused(error=error):
                        raise RefusedError(error)
                    case _:
                        pass
        return None
    finally:
        if not opened:
            dealer.close()


def result_of(answer: Answered | Refused, kind: type[R]) -> R:
    """The answer's body as `kind`. RefusedError when the daemon refused, or answered something that does not fit."""
    if isinstance(answer, Refused):
        raise RefusedError(answer.error)
    try:
        return typed(answer.body, kind)
    except RemoteProtocolError as fault:
        raise RefusedError(fault.to_wire()) from None
