"""How a pump meets its daemon: the first time, and again after it was lost or replaced. One policy for both pumps.

A daemon that crashed leaves its connection file behind: it is started anew, so that the turn goes on. One that was
stopped in good order takes the file along: its successor is waited for, but nobody starts one behind its user's back.

A daemon gives up whom it does not hear for some heartbeats. A client that did something else for so long (it computed,
it was stopped, the laptop slept) can't tell that from its socket, so it looks at its own clock (`forgotten`) and takes
the conversation up again before it sends anything; else it would take its own silence for the daemon's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentclient.conversation import Conversation
from agentclient.discover import READY_MS, find, folders_of, stamp
from agentclient.greeting import greet, now_ms
from agentclient.keys import new_client
from agentclient.sockets import Dealer
from agentclient.starting import DAEMON_COMMAND
from agentproto.endpoints import Connection
from agentproto.link import BEATS_MISSED

__all__ = ["Meeting"]

_SLICE_MS = 500
"""A replaced connection file is seen this soon."""


class Meeting:
    """`name` is shown to people. `start`: whether a daemon is started when none runs. `give_variables`: whether the
    daemon may have those variables of `environment` that it asks for. `ready_ms`: see `discover.find`."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        *,
        start: bool = True,
        give_variables: bool = False,
        command: Sequence[str] = DAEMON_COMMAND,
        ready_ms: int = READY_MS,
    ) -> None:
        self.folders = folders_of(environment)
        self.conversation = Conversation(name, new_client(), environment if give_variables else None)
        self._environment = environment
        self._start = start
        self._command = command
        self._ready_ms = ready_ms
        self._stamp: tuple[int, int] | None = None
        self._sent_ms = 0

    def first(self) -> Dealer:
        """A greeted socket. NoDaemonError, HomeError or RefusedError when there is no daemon to be had."""
        return self._meet(self._start, 0)

    def again(self) -> Dealer:
        """A greeted socket after the last one was lost; errors as in `first`."""
        crashed = stamp(self.folders) is not None
        return self._meet(self._start and crashed, self._ready_ms)

    def sent(self) -> None:
        """Something was sent now: the daemon knows that this client is there."""
        self._sent_ms = now_ms()

    @property
    def forgotten(self) -> bool:
        """Whether the daemon has given this client up, so that it is time for `again`. A quarter of a beat early, since
        a request takes time too."""
        return now_ms() - self._sent_ms > (4 * BEATS_MISSED - 1) * self.conversation.heartbeat_ms // 4

    @property
    def slice_ms(self) -> int:
        """The longest single wait: no heartbeat is late, and a replaced connection file is seen soon."""
        return min(_SLICE_MS, max(1, self.conversation.heartbeat_ms // 2))

    @property
    def over(self) -> bool:
        """Whether it is time for `again`: three heartbeats were missed, or the file names another daemon."""
        return self.conversation.lost or stamp(self.folders) not in (self._stamp, None)

    def _meet(self, start: bool, patience_ms: int) -> Dealer:
        dealer = find(
            self.folders,
            self._greet,
            environment=self._environment,
            start=start,
            patience_ms=patience_ms,
            ready_ms=self._ready_ms,
            command=self._command,
        )
        self._stamp = stamp(self.folders)
        self.sent()
        return dealer

    def _greet(self, connection: Connection, wait_ms: int) -> Dealer | None:
        return greet(self.conversation, connection, wait_ms)
