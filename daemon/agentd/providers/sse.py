"""Server-sent events, sans I/O: bytes cut anywhere -> whole events.

Lines end at CR, LF or CRLF, fields are joined and comments dropped as the WHATWG specification's "event stream
interpretation" says. Cutting is done on bytes, so that a cut inside a UTF-8 character changes nothing; bytes that are
no UTF-8 become U+FFFD. It never holds more than `LIMIT` bytes of one event and never interprets the data. Callers: the
codecs. (The httpx-sse library parses the same format, but offers no way to feed it; the tests compare with it.)

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentd.errors import TooLargeError

__all__ = ["LIMIT", "Event", "Events"]

LIMIT = 8 * 1024 * 1024
"""Bytes of one event. A whole tool call with a file in it may be large; a server that never ends a line is broken."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event. `name` is empty where the server gave none (the specification's "message")."""

    name: str
    data: str


class Events:
    """The parser of one stream."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._seen_cr = False
        self._first = True
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes. TooLargeError when one event passes `LIMIT`."""
        for line in self._lines(data):
            if not line:
                if self._data:
                    yield Event(self._name, "\n".join(self._data))
                self._name, self._data, self._size = "", [], 0
                continue
            self._size += len(line)
            if self._size > LIMIT:
                raise TooLargeError(f"one event of the stream has more than {LIMIT} bytes")
            self._field(line)

    def end(self) -> Iterator[Event]:
        """An event that the stream's end cut off before its blank line. The specification drops it; model servers
        that forget the last line feed are common enough to be read."""
        yield from self.feed(b"\n\n")

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
        elif name == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")

    def _lines(self, data: bytes) -> Iterator[bytes]:
        if self._seen_cr and data:
            data = data.removeprefix(b"\n")
            self._seen_cr = False
        if not data:
            return
        if self._first:
            data = bytes(self._rest) + data
            self._rest.clear()
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._rest += data
                return
            data = data.removeprefix(_BOM)
            self._first = False
        # bytes.splitlines knows CR, LF and CRLF only, unlike str.splitlines
        for line in data.splitlines(keepends=True):
            self._rest += line.rstrip(b"\r\n")
            if line.endswith((b"\n", b"\r")):
                whole = bytes(self._rest)
                self._rest.clear()
                yield whole
            elif len(self._rest) > LIMIT:
                raise TooLargeError(f"one line of the stream has more than {LIMIT} bytes")
        self._seen_cr = data.endswith(b"\r")
