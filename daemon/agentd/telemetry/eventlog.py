"""The daemon's own event log, `state/events.jsonl`: appended, numbered without end, put aside when it is large.

Theory. A file is a chain of lines that begins at 1; events are numbered over all files. `Continues(after)` in a file
says that the next line is event `after + 1`; without one a file begins with event 1. A file that has reached its size
is renamed to `events.jsonl.1` (the older ones to `.2` and so on, the oldest is removed), and a new one begins.

It decides nothing about what is worth an event. It must never hurt whoever reports: what can't be written is counted
(`lost`), and said to `report` when it begins and when it is over. Events are not synced: they are for people, and no
promise rests on them; after a power cut some may be missing, and the numbers of the last ones are given again. Callers:
`agentd.reporting`, `agentd check`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from agentd.chain.file import ChainFile, scan_lines
from agentd.chain.frame import FIRST_LINK, Damage, Line
from agentd.errors import AgentdError
from agentd.telemetry.redact import Redactor
from agentd.world.doors import World
from agentproto.api.daemon import Category

__all__ = ["EVENTS_FILE", "Continues", "Event", "EventLine", "EventLog", "Happened", "event_files"]

EVENTS_FILE = "events.jsonl"
_LONGEST_TEXT = 2_000  # characters; more belongs into a session's log
_LARGEST_DETAILS = 8 * 1024  # bytes of JSON
_RECENT = 1_000  # events kept in memory, so that a client that was away for a moment costs no reading
_CHUNK = 1024 * 1024
_RETRY_MS = 10_000  # after a failed write; a full disk does not get better within one event


class Happened(msgspec.Struct, frozen=True, omit_defaults=True, tag="happened", tag_field="type"):
    """One event. `details` are plain values, bounded; they and the text pass the redactor before they are kept."""

    category: Category
    name: str
    text: str
    session: str | None = None
    details: dict[str, object] = {}


class Continues(msgspec.Struct, frozen=True, tag="continues", tag_field="type"):
    """The next line is event `after + 1`."""

    after: int


EventLine = Happened | Continues


@dataclass(frozen=True, slots=True)
class Event:
    """An event with its number over all files and its time (ms, UTC)."""

    seq: int
    at_ms: int
    entry: Happened


class EventLog:
    """`load` once, then `append`. `seq` is the number of the last event that `append` has returned."""

    def __init__(
        self,
        world: World,
        state_folder: str,
        file_bytes: int,
        older_files: int,
        *,
        redactor: Redactor | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`file_bytes`: size at which a file is put aside; `older_files`: how many of those are kept."""
        self._world = world
        self._path = f"{state_folder}/{EVENTS_FILE}"
        self._file_bytes = file_bytes
        self._older_files = older_files
        self._redactor = redactor or Redactor()
        self._report = report
        self._file: ChainFile[EventLine] | None = None
        self._given = 0
        self._settled: dict[int, Event] = {}
        self._in_flight = 0
        self._failed_at_ms: int | None = None
        self._untold = 0
        self._recent: deque[Event] = deque(maxlen=_RECENT)
        self._page: tuple[tuple[str, int], list[Event]] | None = None
        self.seq = 0
        self.lost = 0
        """Events that could not be written since the start."""
        self.set_aside: str | None = None
        """Where a damaged file was put by `load`."""

    # -- writing -----------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Open, and find the number to go on from. Never raises for the disk: then events are counted as lost."""
        try:
            self._file = self._opened()
        except AgentdError as fault:
            self._failed(fault)

    async def append(self, events: Sequence[Happened]) -> Sequence[Event]:
        """Number and write `events`; returned when they are with the kernel, or lost. In the order of the calls."""
        at_ms = self._world.clock.now_ms()
        file = self._ready()
        rows = [Event(self._given + place, at_ms, self._kept(event)) for place, event in enumerate(events, 1)]
        if not rows:
            return rows
        self._given = rows[-1].seq
        try:
            await self._write(file, rows, at_ms)
        finally:
            self._settled.update((row.seq, row) for row in rows)
            while (row := self._settled.pop(self.seq + 1, None)) is not None:
                self._recent.append(row)
                self.seq = row.seq
        while self.seq < rows[-1].seq:
            # only after a failure: an event that was lost at once waits for an earlier one that is still being written
            await self._world.clock.sleep(1)
        return rows

    async def _write(self, file: ChainFile[EventLine] | None, rows: Sequence[Event], at_ms: int) -> None:
        if file is None:
            self._lose(len(rows))
            return
        entries: list[EventLine] = [row.entry for row in rows]
        if file.seq == 0 and rows[0].seq > 1:
            entries = [Continues(rows[0].seq - 1), *entries]
        self._in_flight += 1
        try:
            await file.append(entries, at_ms, sync=False)
        except AgentdError as fault:
            self._file = None
            self._failed(fault)
            self._lose(len(rows))
        finally:
            self._in_flight -= 1

    def _ready(self) -> ChainFile[EventLine] | None:
        """The file to write to: put aside when it is large, opened again some time after a failure."""
        file = self._file
        try:
            if file is None and not self._in_flight and self._may_retry():
                file = self._reopened()
            elif file is not None and file.size >= self._file_bytes and not self._in_flight:
                file.close()
                self._file = None
                self._put_aside()
                file = self._opened()
        except AgentdError as fault:
            self._failed(fault)
            return None
        self._file = file
        return file

    def _may_retry(self) -> bool:
        return self._failed_at_ms is None or self._world.clock.monotonic_ms() - self._failed_at_ms >= _RETRY_MS

    def _reopened(self) -> ChainFile[EventLine]:
        """After a failure the numbers in the file no longer fit, so the file is ended and a new one begins."""
        file = self._opened()
        if file.seq:
            file.close()
            self._put_aside()
            file = self._opened()
        self._failed_at_ms = None
        self._report(f"events are written again; {self._untold} were lost")
        self._untold = 0
        return file

    def _opened(self) -> ChainFile[EventLine]:
        """The current file, loaded. Where the disk knows higher numbers than this process, those count."""
        file: ChainFile[EventLine] = ChainFile(self._world, self._path, _decoder())
        lines = file.load()
        last = _numbered(lines)[1]
        if file.set_aside is not None:
            self.set_aside = file.set_aside
            last = self._last_of(file.set_aside) + self._lines_after_damage(file.set_aside)
        elif not lines and (older := self._existing()[:-1]):
            last = self._last_of(older[-1])
        if last > self._given:
            self._recent.clear()
            self._given = self.seq = last
        return file

    def _put_aside(self) -> None:
        files = self._world.files
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, self._older_files + 1))]
        files.remove(names[-1])
        for number in range(len(names) - 2, -1, -1):
            if files.info(names[number]) is not None:
                files.rename(names[number], names[number + 1])
        self._page = None

    def _kept(self, event: Happened) -> Happened:
        text = self._redactor.text(event.text)
        details = self._redactor.value(event.details)
        assert isinstance(details, dict)
        if details and len(msgspec.json.encode(details)) > _LARGEST_DETAILS:
            details = {"left_out": "the details were too large"}
        if len(text) > _LONGEST_TEXT:
            text = text[: _LONGEST_TEXT - 4] + " ..."
        return msgspec.structs.replace(event, text=text, details=details)

    def _failed(self, fault: AgentdError) -> None:
        if self._failed_at_ms is None:
            self._report(f"events can't be written: {fault.what}")
        self._failed_at_ms = self._world.clock.monotonic_ms()

    def _lose(self, count: int) -> None:
        self.lost += count
        self._untold += count

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    # -- reading -----------------------------------------------------------------------------------------------

    def read_after(self, seq: int, limit: int) -> Sequence[Event]:
        """At most `limit` events with a number above `seq`, oldest first: as far back as files are kept."""
        if seq >= self.seq or limit <= 0:
            return ()
        if self._recent and seq >= self._recent[0].seq - 1:
            skipped = seq - self._recent[0].seq + 1
            return [row for number, row in enumerate(self._recent) if skipped <= number < skipped + limit]
        found: list[Event] = []
        try:
            for path in self._from(seq):
                rows = self._rows(path)
                start = bisect_right(rows, seq, key=lambda row: row.seq)
                found += [row for row in rows[start : start + limit - len(found)] if row.seq <= self.seq]
                if len(found) >= limit:
                    break
        except AgentdError as fault:
            self._report(f"older events can't be read: {fault.what}")
        # what was lost is nowhere but in memory
        last = found[-1].seq if found else seq
        return [*found, *(row for row in self._recent if row.seq > last)][:limit]

    def _existing(self) -> list[str]:
        return event_files(self._world, self._path, self._older_files)

    def _from(self, seq: int) -> list[str]:
        """The files in which events after `seq` can be: the last one that begins at or before it, and all younger."""
        paths = self._existing()
        for number in range(len(paths) - 1, 0, -1):
            if self._first_of(paths[number]) <= seq + 1:
                return paths[number:]
        return paths

    def _rows(self, path: str) -> list[Event]:
        """Every event of a file. The last one that was read is kept: who catches up asks for page after page."""
        info = self._world.files.info(path)
        mark = (path, info.size if info else 0)
        if self._page is None or self._page[0] != mark:
            self._page = (mark, _numbered(self._lines(path))[0])
        return self._page[1]

    def _lines(self, path: str) -> list[Line[EventLine]]:
        handle = self._world.files.open_read(path)
        try:
            lines: list[Line[EventLine]] = []
            for line in scan_lines(handle, 0, FIRST_LINK, 1, _decoder()):
                if isinstance(line, Damage):
                    break
                lines.append(line)
            return lines
        finally:
            handle.close()

    def _first_of(self, path: str) -> int:
        handle = self._world.files.open_read(path)
        try:
            start = handle.read(0, 256)
        finally:
            handle.close()
        try:
            return msgspec.json.decode(start.partition(b"\n")[0], type=Continues).after + 1
        except msgspec.MsgspecError:
            return 1

    def _last_of(self, path: str) -> int:
        return _numbered(self._lines(path))[1]

    def _lines_after_damage(self, path: str) -> int:
        """How many numbers the unreadable part may have used: its lines, so that no number is given twice."""
        handle = self._world.files.open_read(path)
        try:
            total, at = 0, 0
            while data := handle.read(at, _CHUNK):
                total += data.count(b"\n")
                at += len(data)
        finally:
            handle.close()
        return total - len(self._lines(path))


def event_files(world: World, path: str, older_files: int) -> list[str]:
    """The files of an event log that are there, oldest first. `path` is the current one's."""
    names = [f"{path}.{number}" for number in range(older_files, 0, -1)]
    return [name for name in [*names, path] if world.files.info(name) is not None]


def _numbered(lines: Iterable[Line[EventLine]]) -> tuple[list[Event], int]:
    """(the events with their numbers, the number of the last one)."""
    found: list[Event] = []
    last = 0
    for line in lines:
        match line.entry:
            case Continues(after=after):
                last = after
            case Happened() as happened:
                last += 1
                found.append(Event(last, line.at_ms, happened))
    return found, last


def _decoder() -> msgspec.json.Decoder[EventLine]:
    return msgspec.json.Decoder(EventLine)
