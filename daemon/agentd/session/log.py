"""One session's log file: opened with verification, appended through the journal, folded as it grows.

Decides: where the valid prefix ends, what is cut off (kept beside the log, never thrown away), when a checkpoint is
due. Never edits a line. A failed append makes the session read-only for good (`problem`): what was acknowledged is
safe, and nothing more is promised. Callers: `session.store`, `turn.runner` through it.
"""

from __future__ import annotations

import itertools
import zlib
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence

import msgspec

from agentd.chain.file import scan_lines, torn_tail
from agentd.chain.frame import FIRST_LINK, Damage, Line, encode_line
from agentd.errors import DamagedLogError, DiskError, FileExistsError_, ReadOnlyLogError
from agentd.session.asking import Asked
from agentd.session.compactions import Compacted
from agentd.session.entries import (
    Broke,
    Called,
    Checkpoint,
    Done,
    Entry,
    Finished,
    Partial,
    Replied,
    Requested,
    Started,
    Steered,
    durable,
)
from agentd.session.fold import fold
from agentd.session.reminders import Reminded
from agentd.session.revisions import Reverted, Withdrawn
from agentd.session.state import SessionState
from agentd.world.doors import Handle, World
from agentd.world.long_work import PIECE_BYTES, at_once

__all__ = ["CHECKPOINT_EVERY", "LOG_FILE", "Head", "Ref", "SessionLog"]

LOG_FILE = "log.jsonl"
CHECKPOINT_EVERY = 1000
_INDEX_EVERY = 64
_BACK = 512
_PIECE_LINES = 64
"""Read and folded while a log is opened: some 2 ms of work."""
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_TRANSCRIPT = (Requested, Started, Replied, Broke, Done, Steered, Withdrawn, Reverted, Compacted, Reminded, Asked)


class Head(msgspec.Struct, frozen=True):
    """Where a log ended after its last turn, and where its last checkpoint lies (offset 0, no digits: none). `title`
    is for lists, which read no log to its end."""

    seq: int
    crc: str
    checkpoint_offset: int = 0
    checkpoint_link: str = ""
    checkpoint_seq: int = 0
    title: str = ""


class Ref(msgspec.Struct, frozen=True, gc=False):
    """Where one entry of the conversation lies: what context assembly reads again. A long session has tens of thousands,
    at which the garbage collector, which stops the loop for each round, need not look."""

    seq: int
    offset: int
    length: int


class SessionLog:
    """An open log. `state` is the fold of everything in it; `refs` the conversation's places (kept while in use)."""

    def __init__(self, world: World, folder: str, handle: Handle) -> None:
        self.folder = folder
        self.state = SessionState()
        self.refs: list[Ref] = []
        self.problem: DiskError | DamagedLogError | None = None
        self.damage: Damage | None = None
        self.torn: tuple[int, str] = (0, "")
        self.head_missing = 0
        self.head_differs = False
        self.size = 0
        self._world = world
        self._handle = handle
        self._link = FIRST_LINK
        self._index: list[tuple[int, int, bytes]] = []
        self._since_checkpoint = 0
        self._fresh_refs: list[Ref] = []
        self._checkpoint: tuple[int, int] | None = None
        self._checkpoint_head = (0, "", 0)
        self._older: tuple[int, int] | None = None
        self._known: Head | None = None

    @property
    def session(self) -> str:
        """The session's id, which its folder is named by."""
        return self.folder.rpartition("/")[2]

    # -- opening -----------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, world: World, folder: str, head: Head | None = None, *, writable: bool = True) -> SessionLog:
        """Open and verify, from the last checkpoint when `head` knows one that fits, else whole.

        An unfinished last line is cut off and kept beside the log (with `writable`); damage before it leaves the
        session read-only up to there (`problem`). Raises only when the file itself can't be opened.
        """
        return at_once(cls.opening(world, folder, head, writable=writable))

    @classmethod
    def opening(
        cls, world: World, folder: str, head: Head | None = None, *, writable: bool = True
    ) -> Generator[None, None, SessionLog]:
        """The same in pieces of a few milliseconds: a log whose last checkpoint is not known is read whole."""
        path = f"{folder}/{LOG_FILE}"
        handle = world.files.open_append(path) if writable else world.files.open_read(path)
        log = cls(world, folder, handle)
        try:
            log._known = head
            if head is None or not head.checkpoint_offset or not (yield from log._restore(head)):
                log._start_over()
                yield from log._read(0, FIRST_LINK, 1)
            log._settle(head, writable)
        except BaseException:
            handle.close()
            raise
        return log

    def _scan(self, offset: int, link: bytes, first_seq: int) -> Iterator[Line[Entry] | Damage]:
        return scan_lines(self._handle, offset, link, first_seq, _decoder)

    def _start_over(self) -> None:
        self.state, self.refs, self._index, self._fresh_refs = SessionState(), [], [], []
        self._older = self._checkpoint = None

    def _restore(self, head: Head) -> Generator[None, None, bool]:
        link = head.checkpoint_link.encode()
        first = next(self._scan(head.checkpoint_offset, link, head.checkpoint_seq), None)
        if not isinstance(first, Line) or not isinstance(first.entry, Checkpoint):
            return False
        try:
            self.state = msgspec.convert(first.entry.state, SessionState)
        except msgspec.ValidationError:
            return False
        self._older = (first.offset, first.length)
        yield from self._read(head.checkpoint_offset, link, head.checkpoint_seq)
        return True

    def _read(self, offset: int, link: bytes, first_seq: int) -> Generator[None, None, None]:
        self._link = link
        self.size = begun = offset
        for line in self._scan(offset, link, first_seq):
            if isinstance(line, Damage):
                self.damage = line
                return
            if self._known is not None and line.seq == self._known.seq:
                # Another log of the same name and length: put back from a copy, or gone on with elsewhere.
                self.head_differs = line.crc.decode() != self._known.crc
            self._take(line)
            if self.size - begun >= PIECE_BYTES or line.seq % _PIECE_LINES == 0:
                begun = self.size
                yield

    def _take(self, line: Line[Entry]) -> None:
        entry = line.entry
        if line.seq % _INDEX_EVERY == 1 or not self._index:
            self._index.append((line.seq, line.offset, self._link))
        if isinstance(entry, Checkpoint):
            self._checkpoint = (line.offset, line.length)
            self._checkpoint_head = (line.offset, self._link.decode(), line.seq)
            self._since_checkpoint = 0
            self._fresh_refs = []
        self.state = fold(self.state, line.seq, line.at_ms, entry)
        self._link = line.crc
        self.size = line.offset + line.length
        self._since_checkpoint += 1
        if isinstance(entry, _TRANSCRIPT) or (isinstance(entry, Finished) and entry.dropped):
            ref = Ref(line.seq, line.offset, line.length)
            self.refs.append(ref)
            self._fresh_refs.append(ref)

    def _settle(self, head: Head | None, writable: bool) -> None:
        total = self._handle.size()
        missing = head.seq - self.state.seq if head is not None else 0
        if self.damage is not None:
            torn = torn_tail(self._handle, self.damage.offset, total)
            if torn == "line" or (torn == "hole" and missing <= 0):
                self.damage = None
                self._cut_off(total, writable)
        if self.damage is not None:
            self.problem = DamagedLogError(
                f"session {self.session} is damaged at byte {self.damage.offset}: {self.damage.reason}",
                why=f"{total - self.damage.offset} of its {total} bytes can't be trusted; it opens read-only up to there",
            )
        elif missing > 0:
            self.head_missing = missing
        if writable and total and self.problem is None:
            try:
                self._handle.sync()  # an earlier process may have died, or failed, before its own
            except DiskError as fault:
                self.problem = fault

    def _cut_off(self, total: int, writable: bool) -> None:
        """Keep the unfinished end beside the log, and cut it off. Where the disk is full the log can still be read."""
        tail = self._handle.read(self.size, total - self.size)
        if not writable:
            return
        try:
            name = self._keep_apart(tail)
            self._handle.truncate(self.size)
            self._handle.sync()
        except DiskError as fault:
            self.problem = fault
            return
        self.torn = (len(tail), name)

    def _keep_apart(self, tail: bytes) -> str:
        """Write `tail` into a file of its own; its name. One that was kept already, before a second death, is enough."""
        kept = first = f"torn-{self.size}-{self._world.clock.now_ms()}"
        for again in itertools.count():
            try:
                self._world.files.create_exclusive(f"{self.folder}/{kept}", tail)
            except FileExistsError_:
                if self._world.files.read(f"{self.folder}/{kept}") != tail:
                    kept = f"{first}+{zlib.crc32(tail, again):08x}"
                    continue
            break
        return kept

    # -- growing -----------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """ReadOnlyLogError or DamagedLogError when the log takes no more entries."""
        if self.problem is None:
            return
        kind = DamagedLogError if isinstance(self.problem, DamagedLogError) else ReadOnlyLogError
        raise kind(
            f"session {self.state.session} takes no more entries", why=self.problem.what, remedy=self.problem.remedy
        ) from self.problem

    async def append(self, entries: Sequence[Entry], at_ms: int) -> list[Line[Entry]]:
        """Record `entries`; returns when they are as durable as their types ask for.

        ReadOnlyLogError when the log takes no more (a failed sync), DamagedLogError when it is damaged; the state is
        unchanged then.
        """
        self.check_writable()
        lines: list[Line[Entry]] = []
        data = bytearray()
        link, seq, offset = self._link, self.state.seq, self.size
        for entry in entries:
            seq += 1
            raw, crc = encode_line(seq, at_ms, entry, link)
            lines.append(Line(seq, at_ms, entry, offset, len(raw), crc))
            link = crc
            offset += len(raw)
            data += raw
        try:
            await self._world.journal.append(self._handle, bytes(data), sync=any(map(durable, entries)))
        except DiskError as fault:
            self.problem = fault
            raise
        for line in lines:
            self._take(line)
        return lines

    def checkpoint_due(self) -> Checkpoint | None:
        """A checkpoint to append, when it is time for one: between turns, so that it holds no texts."""
        state = self.state
        idle = state.turn is None and not state.queue and not state.questions and state.reverting is None
        if self._since_checkpoint < CHECKPOINT_EVERY or not idle:
            return None
        plain = msgspec.to_builtins(state)
        assert isinstance(plain, dict)
        refs = tuple((ref.seq, ref.offset, ref.length) for ref in self._fresh_refs)
        return Checkpoint(state=plain, refs=refs, previous=self._checkpoint)

    def head(self) -> Head:
        offset, link, seq = self._checkpoint_head
        return Head(self.state.seq, self._link.decode(), offset, link, seq, self.state.title or "")

    # -- reading -----------------------------------------------------------------------------------------------

    def entry_at(self, ref: Ref) -> Entry:
        """The entry that `ref` points to; DamagedLogError when it is no longer there."""
        raw = self._handle.read(ref.offset, ref.length)
        try:
            return _decoder.decode(raw)
        except msgspec.MsgspecError as fault:
            raise DamagedLogError(
                f"session {self.state.session}: entry {ref.seq} can't be read again", why=str(fault)
            ) from None

    def all_refs(self) -> list[Ref]:
        """The whole conversation's places, those before the checkpoint that opening began at included."""
        for _ in self.reading_refs():
            pass
        return self.refs

    def reading_refs(self) -> Iterator[None]:
        """Read the places that `refs` does not hold yet, with a pause after each checkpoint; all or none are there."""
        place = self._older
        older: list[list[Ref]] = []
        while place is not None:
            entry = self.entry_at(Ref(0, *place))
            if not isinstance(entry, Checkpoint):
                raise DamagedLogError(f"session {self.state.session}: no checkpoint at byte {place[0]}")
            older.append([Ref(*ref) for ref in entry.refs])
            place = entry.previous
            yield
        for refs in older:
            self.refs[:0] = refs
        self._older = None

    def lines_after(self, seq: int, limit: int) -> list[Line[Entry]]:
        """At most `limit` lines with a number above `seq`, oldest first."""
        if seq >= self.state.seq or limit <= 0:
            return []
        at = bisect_right(self._index, seq + 1, key=lambda row: row[0]) - 1
        first, offset, link = self._index[at] if at >= 0 else (1, 0, FIRST_LINK)
        out: list[Line[Entry]] = []
        older: list[tuple[int, int, bytes]] = []
        for line in self._scan(offset, link, first):
            if isinstance(line, Damage) or line.seq > self.state.seq:
                break
            if line.seq % _INDEX_EVERY == 1 and line.seq < self._index[0][0]:
                # What lies before the checkpoint that opening began at: found once, it need not be looked for again.
                older.append((line.seq, line.offset, link))
            link = line.crc
            if line.seq > seq:
                out.append(line)
                if len(out) >= limit:
                    break
        if older:
            self._index = sorted({*older, *self._index})
        return out

    def kept_text(self, turn: str) -> dict[str, str]:
        """Streamed text of the running step as the log has it: item -> text (from its `partial` entries). Thinking is
        left out: it is no part of an answer."""
        items: dict[str, bytes] = {}
        lines: list[Line[Entry]] = []
        start = self.state.seq
        # What lies before the checkpoint that opening began at is read from the log's first byte on. A checkpoint is made
        # between turns, so the call is not there.
        known = self._index[0][0] - 1 if self._index else 0
        # Back to the call whose pieces they are: a slow model makes four a second, for as long as it takes.
        while start > 0 and not any(isinstance(line.entry, Called) for line in lines):
            end, start = start, max(0, start - _BACK)
            start = known if start < known < end else start
            lines[:0] = self.lines_after(start, end - start)
        for line in lines:
            entry = line.entry
            if isinstance(entry, Partial) and entry.turn == turn and entry.kind == "text":
                have = items.get(entry.item, b"")
                items[entry.item] = have[: entry.offset] + entry.text.encode()
            elif isinstance(entry, Replied | Broke):
                items = {}
        return {item: data.decode(errors="replace") for item, data in items.items()}

    def close(self) -> None:
        self._handle.close()
