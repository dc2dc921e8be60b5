"""What one client is still owed: a bounded queue of events. Pure.

The rest of the flow control is the link's (`window_open`). When the queue is over its limit deltas are merged first,
then dropped; if that is not enough the streams in it are cut off: their events go, and one `gap` each says from which
number to resume. Final items are never lost: they are in the log. Callers: `server.conversation`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from agentproto.api.log import GapEvent
from agentproto.api.turn import DeltaEvent
from agentproto.codec import encode_map
from agentproto.limits import LIMITS, Limits
from agentproto.shape import to_plain

__all__ = ["Outbox", "SharedDelta", "encode_event"]

_JOINED = 256 * 1024
"""Bytes of text after which joined deltas leave as one: well below what one message may hold."""


def encode_event(body: msgspec.Struct) -> bytes:
    """An event's body, once for all its readers."""
    return encode_map(to_plain(body))


class SharedDelta:
    """One delta for many readers: its size and its bytes are worked out once, the bytes when they are first asked for.
    Readers that lag alike get the same pieces joined, so these bytes are kept for the next one too."""

    __slots__ = ("_bodies", "delta", "size")

    def __init__(self, delta: DeltaEvent) -> None:
        self.delta = delta
        self.size = len(delta.text.encode(errors="replace"))
        self._bodies: tuple[SharedDelta, bytes] | None = None

    def body(self, last: SharedDelta, pieces: Sequence[str]) -> bytes:
        """The bytes of all deltas from this one to `last`, whose texts are `pieces`."""
        if self._bodies is None or self._bodies[0] is not last:
            whole = self.delta if last is self else msgspec.structs.replace(self.delta, text="".join(pieces))
            self._bodies = (last, encode_event(whole))
        return self._bodies[1]


@dataclass(slots=True)
class _Waiting:
    """`shared` is kept as long as it waits, so that the next piece can be joined to it: those up to `last` are."""

    name: str
    stream: str
    seq: int
    body: bytes
    shared: SharedDelta | None = None
    last: SharedDelta | None = None
    pieces: list[str] | None = None
    size: int = 0


class Outbox:
    """One client's. `cut_off` collects streams whose subscription ended by a gap since it was last read."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self.numbered = 0
        """How many of the waiting are more than streamed text."""
        self.cut_off: list[str] = []

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def waiting_bytes(self) -> int:
        return self._bytes

    def put(self, name: str, stream: str, seq: int, body: bytes) -> None:
        """Queue a numbered event (`body` already encoded)."""
        self._add(_Waiting(name, stream, seq, body, size=len(body)))

    def drop(self, stream: str) -> None:
        """Forget what waits of a stream, but for the word of a gap: its reader begins anew."""
        self._keep([waiting for waiting in self._queue if waiting.stream != stream or waiting.name == "log.gap"])

    def put_delta(self, delta: DeltaEvent) -> None:
        """Queue a delta for this reader alone; see `share`."""
        self.share(SharedDelta(delta))

    def share(self, shared: SharedDelta) -> None:
        """Queue a delta; joined to the last one when that is the same item's and ends where this begins."""
        delta, size = shared.delta, shared.size
        last = self._queue[-1] if self._queue else None
        if last is not None and last.shared is not None and last.last is not None:
            before = last.shared.delta
            if before.item == delta.item and before.stream == delta.stream:
                end = before.offset + last.size
                if end == delta.offset and last.size < _JOINED:
                    if last.pieces is None:
                        last.pieces = [before.text]
                    last.pieces.append(delta.text)
                    last.last = shared
                    last.size += size
                    self._bytes += size
                    self._shrink()
                    return
        self._add(_Waiting("turn.delta", delta.stream, delta.seq, b"", shared, shared, None, size))

    def _add(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        self._bytes += waiting.size
        self.numbered += waiting.shared is None
        self._shrink()

    def _over(self) -> bool:
        return len(self._queue) > self._limits.queue_events or self._bytes > self._limits.queue_bytes

    def _shrink(self) -> None:
        if not self._over():
            return
        # Deltas first: the text they carry comes whole with the step's reply.
        self._keep([waiting for waiting in self._queue if waiting.shared is None])
        if not self._over():
            return
        resume: dict[str, int] = {}
        for waiting in self._queue:
            resume.setdefault(waiting.stream, waiting.seq - 1)
        self._keep([])
        for stream, seq in resume.items():
            gap = encode_event(GapEvent(stream, seq))
            self._queue.append(_Waiting("log.gap", stream, seq, gap, size=len(gap)))
            self._bytes += len(gap)
            self.numbered += 1
            self.cut_off.append(stream)

    def _keep(self, rows: list[_Waiting]) -> None:
        self._queue = deque(rows)
        self._bytes = sum(waiting.size for waiting in rows)
        self.numbered = sum(waiting.shared is None for waiting in rows)

    def pop(self) -> tuple[str, bytes]:
        """The next event: name and body. IndexError when there is none."""
        waiting = self._queue.popleft()
        self._bytes -= waiting.size
        if waiting.shared is None or waiting.last is None:
            self.numbered -= 1
            return waiting.name, waiting.body
        return waiting.name, waiting.shared.body(waiting.last, waiting.pieces or ())
