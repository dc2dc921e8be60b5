"""Who hears which stream, and from which number: first from the log, then live, no gap and no doubling.

A subscription is a cursor. While it is behind it reads the log in small pieces as its client takes them; once it has
reached the head it is live and gets what is published. Both happen on one loop, and a line is published only when it
is in the log: so there is no moment in which a line could be missed or come twice. Callers: `server.router`, and the
turn's runner through the Publisher interface.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from agentd.chain.frame import Line
from agentd.server.outbox import Outbox, SharedDelta, encode_event
from agentd.session.entries import Entry
from agentd.session.projection import project
from agentproto.api.session import NoticeEvent
from agentproto.api.turn import DeltaEvent
from agentproto.errors import LocalProtocolError
from agentproto.limits import LIMITS

__all__ = ["CATCH_UP", "CATCH_UP_BYTES", "Numbered", "Reader", "Source", "Streams"]

CATCH_UP_BYTES = LIMITS.queue_bytes // 4
"""As many bytes of them, or one line that is longer: what is read ahead must not itself make the queue overflow."""
CATCH_UP = 128
"""Lines read from a log in one go for one reader; more are read when those have left."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """One event of a stream; a line without an event still moves the cursor (`name` empty)."""

    seq: int
    name: str
    body: msgspec.Struct | None


class Source(Protocol):
    """What streams are read from. Only streams that are loaded are asked for."""

    def after(self, stream: str, seq: int, limit: int) -> Sequence[Numbered]: ...

    def head(self, stream: str) -> int: ...

    def live(self, stream: str) -> DeltaEvent | None:
        """The item that streams now, whole so far."""
        ...


@dataclass(slots=True)
class _Subscription:
    cursor: int
    live: bool = False


class Reader(Protocol):
    """A client's conversation, as streams need it."""

    outbox: Outbox

    def wake(self) -> None:
        """Something was put into the outbox."""
        ...


class Streams:
    """Implements the turn's Publisher."""

    def __init__(self, source: Source, now_ms: Callable[[], int]) -> None:
        self._source = source
        self._now_ms = now_ms
        self._readers: dict[str, dict[Reader, _Subscription]] = {}
        # Who is still reading the log, and which streams: else each round would look at every stream for every reader.
        self._behind: dict[Reader, list[str]] = {}

    def subscribe(self, reader: Reader, stream: str, after_seq: int) -> int:
        """Begin after `after_seq` (-1: from now on); the stream's head at this moment. Who subscribes again begins
        anew: what still waits of the stream would come twice."""
        head = self._source.head(stream)
        if self.follows(reader, stream):
            reader.outbox.drop(stream)
        cursor = head if after_seq < 0 else min(after_seq, head)
        self._readers.setdefault(stream, {})[reader] = _Subscription(cursor)
        behind = self._behind.setdefault(reader, [])
        if stream not in behind:
            behind.append(stream)
        return head

    def follows(self, reader: Reader, stream: str) -> bool:
        return reader in self._readers.get(stream, {})

    def unsubscribe(self, reader: Reader, stream: str) -> bool:
        readers = self._readers.get(stream, {})
        found = readers.pop(reader, None) is not None
        self._no_longer_behind(reader, stream)
        if not readers:
            self._readers.pop(stream, None)
        return found

    def leave(self, reader: Reader) -> list[str]:
        """The reader is gone; the streams that nobody listens to any more."""
        alone: list[str] = []
        for stream in [name for name, readers in self._readers.items() if reader in readers]:
            self.unsubscribe(reader, stream)
            if stream not in self._readers:
                alone.append(stream)
        return alone

    def wanted(self) -> frozenset[str]:
        """Streams that somebody listens to."""
        return frozenset(self._readers)

    def catch_up(self, reader: Reader) -> None:
        """Put more of what `reader` is behind with into its outbox, as much as it will soon take."""
        for stream in tuple(self._behind.get(reader, ())):
            if len(reader.outbox) >= CATCH_UP:
                return
            subscription = self._readers[stream][reader]
            rows = self._source.after(stream, subscription.cursor, CATCH_UP)
            for numbered in rows:
                if reader.outbox.waiting_bytes >= CATCH_UP_BYTES:
                    return
                row, body = self._encode(stream, numbered)
                if row.body is not None:
                    reader.outbox.put(row.name, stream, row.seq, body)
                subscription.cursor = row.seq
            self.forget_cut_off(reader)
            if len(rows) < CATCH_UP and self.follows(reader, stream):
                subscription.live = True
                self._no_longer_behind(reader, stream)
                delta = self._source.live(stream)
                if delta is not None:
                    reader.outbox.put_delta(delta)

    def _no_longer_behind(self, reader: Reader, stream: str) -> None:
        behind = self._behind.get(reader)
        if behind is not None and stream in behind:
            behind.remove(stream)
            if not behind:
                del self._behind[reader]

    def forget_cut_off(self, reader: Reader) -> None:
        """Streams of which the outbox told a gap: the client subscribes again when it can. At once, so that nothing comes
        after the gap, and before the client can have subscribed again."""
        cut_off, reader.outbox.cut_off = reader.outbox.cut_off, []
        for stream in cut_off:
            self.unsubscribe(reader, stream)

    def _encode(self, stream: str, row: Numbered) -> tuple[Numbered, bytes]:
        """The event's bytes; one that no message can hold is replaced by a notice with its number."""
        if row.body is None:
            return row, b""
        try:
            return row, encode_event(row.body)
        except LocalProtocolError as fault:
            text = f"event {row.seq} ({row.name}) can't be sent: {fault}; it is whole in the session's log"
            notice = NoticeEvent(stream, row.seq, self._now_ms(), "too_large", text)
            return Numbered(row.seq, "session.notice", notice), encode_event(notice)

    # -- Publisher ---------------------------------------------------------------------------------------------

    def lines(self, session: str, lines: Sequence[Line[Entry]]) -> None:
        readers = self._readers.get(session)
        if not readers:
            return
        for line in lines:
            event = project(session, line)
            self.publish(session, Numbered(line.seq, *event) if event else Numbered(line.seq, "", None))

    def publish(self, stream: str, row: Numbered) -> None:
        """One line that is in its log now."""
        readers = self._readers.get(stream)
        if not readers:
            return
        if row.name == "turn.delta":
            # Text that was streamed and is now kept: who is live has had it, delta by delta.
            row = Numbered(row.seq, "", None)
        row, body = self._encode(stream, row)
        for reader, subscription in tuple(readers.items()):
            if not subscription.live or row.seq <= subscription.cursor:
                continue
            subscription.cursor = row.seq
            if row.body is not None:
                reader.outbox.put(row.name, stream, row.seq, body)
                self.forget_cut_off(reader)
                reader.wake()

    def delta(self, delta: DeltaEvent) -> None:
        readers = self._readers.get(delta.stream)
        if not readers:
            return
        shared = SharedDelta(msgspec.structs.replace(delta, seq=self._source.head(delta.stream)))
        for reader, subscription in tuple(readers.items()):
            if subscription.live:
                reader.outbox.share(shared)
                self.forget_cut_off(reader)
                reader.wake()

    def stopped(self, session: str, text: str) -> None:
        """Not from the log, which takes no more: every reader is told, so that nobody waits for ever. Its number is 0;
        the last entry's would make it one that the reader has seen."""
        head = self._source.head(session)
        notice = NoticeEvent(session, 0, self._now_ms(), "read_only", f"this session takes no more entries: {text}")
        for reader in tuple(self._readers.get(session, ())):
            reader.outbox.put("session.notice", session, head, encode_event(notice))
            self.forget_cut_off(reader)
            reader.wake()
