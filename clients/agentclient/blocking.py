"""The pump for scripts and one-shot commands: one socket, no threads, no asyncio.

It moves frames between a `Dealer` and a `Conversation`, keeps the heartbeat while it waits, and makes a new socket when
the daemon was lost or replaced. It decides nothing about messages. Events that come while a call waits are kept, in
order, for `next_event`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from agentclient.conversation import Answered, Conversation, Refused
from agentclient.discover import READY_MS, find, folders_of, stamp
from agentclient.errors import RefusedError
from agentclient.greeting import greet, now_ms, result_of
from agentclient.keys import new_client
from agentclient.starting import DAEMON_COMMAND
from agentproto.envelope import Welcome
from agentproto.link import Happened
from agentproto.shape import to_plain

__all__ = ["BlockingClient", "connect"]

R = TypeVar("R")
_SLICE_MS = 500
"""Longest single wait: heartbeats are due every two seconds, and a replaced connection file is seen this soon."""


def connect(
    name: str,
    *,
    environment: Mapping[str, str] | None = None,
    start: bool = True,
    give_variables: bool = False,
    command: Sequence[str] = DAEMON_COMMAND,
) -> BlockingClient:
    """A client of the daemon of this home, which is started when none runs (unless `start` is false).

    `give_variables`: let the daemon have those variables of `environment` that it asks for.
    NoDaemonError, HomeError or RefusedError when there is no daemon to be had.
    """
    environment = os.environ if environment is None else environment
    conversation = Conversation(name, new_client(), environment if give_variables else None)
    return BlockingClient(conversation, environment, start, command)


class BlockingClient:
    """Make one with `connect`; close it, or use it in a `with` block."""

    def __init__(
        self, conversation: Conversation, environment: Mapping[str, str], start: bool, command: Sequence[str]
    ) -> None:
        self.folders = folders_of(environment)
        self._conversation = conversation
        hello = partial(greet, conversation)
        self._find = partial(find, self.folders, hello, environment=environment, command=command)
        self._start = start
        self._answers: dict[int, Answered | Refused] = {}
        self._events: deque[Happened | Refused] = deque()
        self._dealer = self._find(start=start)
        self._stamp = stamp(self.folders)

    @property
    def welcome(self) -> Welcome:
        """The daemon's latest welcome."""
        assert self._conversation.welcome is not None  # the constructor has waited for it
        return self._conversation.welcome

    def send(self, method: str, params: msgspec.Struct) -> int:
        """Send a request without waiting; `receive` its ticket later."""
        ticket = self._conversation.ask(method, to_plain(params))
        self._flush()
        return ticket

    def receive(self, ticket: int, result: type[R]) -> R:
        """The answer to a request, when it has come. RefusedError when it is an error."""
        while ticket not in self._answers:
            self._pump(_SLICE_MS)
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
            self._pump(min(wait_ms, _SLICE_MS), also)
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

    def _pump(self, wait_ms: int, also: Sequence[int] = ()) -> None:
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
        if quiet and (self._conversation.lost or stamp(self.folders) not in (self._stamp, None)):
            self._reconnect()

    def _reconnect(self) -> None:
        """A daemon that was stopped in good order took its connection file along: it is waited for, not started."""
        self._dealer.close()
        crashed = stamp(self.folders) is not None
        self._dealer = self._find(start=self._start and crashed, patience_ms=READY_MS)
        self._stamp = stamp(self.folders)
        self._flush()
