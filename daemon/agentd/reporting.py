"""What happened, said in three places: the daemon's event log, its stream to clients, its log on stderr.

Implements the turn's Reporter. Never raises and never waits: what can't be written is counted and said on stderr.
Callers: every room that is given a Reporter, by `agentd.app`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agentd.server.streams import Numbered, Streams
from agentd.telemetry.eventlog import Event, EventLog, Happened
from agentd.telemetry.logs import Log
from agentd.world.doors import World
from agentd.world.tasks import Tasks
from agentproto.api.daemon import HappenedEvent
from agentproto.api.log import DAEMON_STREAM

__all__ = ["Reporting"]


class Reporting:
    """`started` once the loop runs: before that only stderr hears of things."""

    def __init__(self, world: World, events: EventLog, log: Log, tasks: Callable[[], Tasks]) -> None:
        self._world = world
        self._events = events
        self._log = log
        self._tasks = tasks
        self.streams: Streams | None = None

    def happened(
        self,
        category: str,
        name: str,
        text: str,
        session: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        happened = Happened(category=category, name=name, text=text, session=session, details=dict(details or {}))  # type: ignore[arg-type]
        self._log.info(name, text, session=session)
        self._tasks().start("event log", self._write(happened))

    async def _write(self, happened: Happened) -> None:
        for event in await self._events.append((happened,)):
            if self.streams is not None:
                self.streams.publish(DAEMON_STREAM, _numbered(event))

    def bug(self, where: str, fault: BaseException) -> str:
        reference = f"bug-{self._world.ids.token(4).hex()}"
        self._log.bug(where, reference, fault)
        return reference

    def after(self, seq: int, limit: int) -> Sequence[Numbered]:
        """Lines of the event log for a reader that catches up."""
        return [_numbered(event) for event in self._events.read_after(seq, limit)]

    def head(self) -> int:
        """The number of the last event."""
        return self._events.seq


def _numbered(event: Event) -> Numbered:
    happened = event.entry
    body = HappenedEvent(
        stream=DAEMON_STREAM,
        seq=event.seq,
        at_ms=event.at_ms,
        category=happened.category,
        name=happened.name,
        text=happened.text,
        session=happened.session,
        details=happened.details,
    )
    return Numbered(event.seq, "daemon.happened", body)
