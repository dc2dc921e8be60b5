"""The pump for scripts and one-shot commands: one socket, no threads, no asyncio.

It moves frames between a `Dealer` and a `Conversation`, keeps the heartbeat while it waits, and makes a new socket when
the daemon was lost or replaced. It decides nothing about messages. Events that come while a call waits are kept, in
order, for `next_event`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from agentclient.conversation import Answered, Refused
from agentclient.discover import READY_MS
from agentclient.errors import RefusedError
from agentclient.greeting import now_ms, result_of
from agentclient.meeting import Meeting
from agentclient.starting import DAEMON_COMMAND
from agentproto.envelope import Welcome
from agentproto.link import Happened
from agentproto.shape import to_plain

__all__ = ["BlockingClient", "connect"]

R = TypeVar("R")


def connect(
    name: str,
    *,
    environment: Mapping[str, str] = os.environ,
    start: bool = True,
    give_variables: bool = False,
    command: Sequence[str] = DAEMON_COMMAND,
    ready_ms: int = READY_MS,
) -> BlockingClient:
    """A client of the daemon of this home, which is started when none runs; the arguments are those of `Meeting`.

    NoDaemonError, HomeError or RefusedError when there is no daemon to be had.
    """
    return BlockingClient(
        Meeting(name, environment, start=start, give_variables=give_variables, command=command, ready_ms=ready_ms)
    )


class BlockingClient:
    """Make one with `connect`; close it, or use it in a `with` block."""

    def __init__(self, meeting: Meeting) -> None:
        self.folders = meeting.folders
        self._meeting = meeting
        self._conversation = meeting.conversation
        self._answers: dict[int, Answered | Refused] = {}
        self._events: deque[Happened | Refused] = deque()
        self._dealer = meeting.first()

    @property
    def welcome(self) -> Welcome:
        """The daemon's latest welcome."""
        assert self._conversation.welcome is not None  # the constructor has waited for it
        return self._conversation.welcome

    def send(self, method: str, params: msgspec.Struct) -> int:
        """Send a request without waiting; `receive` its ticket later."""
        self._meet_if_forgotten()
        ticket = self._conversation.ask(method, to_plain(params))
        self._flush()
        return ticket

    def receive(self, ticket: int, result: type[R]) -> R:
        """The answer to a request, when it has come. RefusedError when it is an error."""
        while ticket not in self._answers:
            self._pump(self._meeting.slice_ms)
        return result_of(self._answers.pop(ticket), result)

    def call(self, method: str, params: msgspec.Struct, result: type[R]) -> R:
        """Send and wait. `method`, `params` and `result` are a row of the table."""
        return self.receive(self.send(method, params), result)

    def answered(self, ticket: int) -> bool:
        """Whether `receive` would return at once."""
        return ticket in self._answers

    def cancel(self, ticket: int) -> None:
        self._conversation.cancel(ticket)
        self._flush()

    def next_event(self, wait_ms: int, also: Sequence[int] = ()) -> Happened | None:
        """The next event; None when none came in `wait_ms`, or when an answer came or a descriptor of `also` can be
        read. RefusedError when a subscription could not be taken up again."""
        if not self._events:
            self._pump(min(wait_ms, self._meeting.slice_ms), also)
        if not self._events:
            return None
        event = self._events.popleft()
        if isinstance(event, Refused):
            raise RefusedError(event.error)
        self._conversation.handled(event)
        return event

    def close(self) -> None:
        self._dealer.close()

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _flush(self) -> None:
        for frames in self._conversation.outgoing(now_ms()):
            self._dealer.send(frames)
            self._meeting.sent()

    def _meet_if_forgotten(self) -> None:
        if self._meeting.forgotten:
            self._meet_again()

    def _meet_again(self) -> None:
        self._dealer.close()
        self._dealer = self._meeting.again()
        self._flush()

    def _pump(self, wait_ms: int, also: Sequence[int] = ()) -> None:
        self._meet_if_forgotten()
        self._flush()
        self._dealer.wait(wait_ms, also)
        quiet = True
        while (frames := self._dealer.receive()) is not None:
            quiet = False
            match self._conversation.receive(frames, now_ms()):
                case Happened() | Refused(ticket=0) as event:
                    self._events.append(event)
                case Answered() | Refused() as answer:
                    self._answers[answer.ticket] = answer
                case _:
                    pass
        self._flush()
        if quiet and self._meeting.over:
            self._meet_again()
