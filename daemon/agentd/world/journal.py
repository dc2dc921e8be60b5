"""The one writer: a thread that appends and syncs for everybody, so that no sync ever stalls the loop.

Theory. Callers put entries into one queue and wait. The thread takes all that wait at once, writes them handle by
handle in the order they came (one write each), and syncs each handle once if any of its entries asked for it: entries
that wait share one sync (group commit). Results go back to the loop in one wake-up for each group.

A failed write or sync poisons its handle. After a failed fsync the kernel may have dropped the dirty pages and report
success the next time, so a retry would acknowledge what is not there; every later append raises `ReadOnlyLogError`.

Durability level `interval` (`relax`): such an entry is acknowledged after its write, and its handle owes a sync. The
thread keeps a duplicate of the handle, so that the sync is done even if the file is closed meanwhile, and syncs it when
half the time is over: the other half is the disk's. All entries of that time share the one sync.

A caller that is cancelled while it waits does not take its entry back: the bytes are written in their place, only
nobody hears of it. Used through `World.journal`; it must never be used from two processes for one file.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from agentd.errors import BusyError, DiskError, ReadOnlyLogError
from agentd.world.doors import Handle

__all__ = ["QUEUE_LIMIT", "ThreadJournal"]

_T = TypeVar("_T")

QUEUE_LIMIT = 64 * 1024 * 1024
"""Bytes that may wait. A disk that is this far behind will not catch up; better to say so than to fill memory."""


_OWED_SHARE = 0.5
"""Of the time that a sync may be owed, the part after which it begins: what is promised is when it is done."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """`sync`: answered when it is synced. `owes_ms`: answered when it is written, and synced so much later."""

    handle: Handle
    data: bytes
    sync: bool
    owes_ms: int
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[int]


@dataclass(frozen=True, slots=True)
class _End:
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Owed:
    """A sync to come: of `twin`, at `due_s` of the monotonic clock."""

    twin: Handle
    due_s: float
    loop: asyncio.AbstractEventLoop


_Outcome = tuple[_Entry, "int | Exception"]


class ThreadJournal:
    """See `agentd.world.doors.Journal`. The thread starts with the first append."""

    def __init__(self, queue_limit: int = QUEUE_LIMIT) -> None:
        self._queue: queue.SimpleQueue[_Entry | _End] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._queue_limit = queue_limit
        self._waiting_bytes = 0
        self._within_ms: Callable[[], int] = lambda: 0
        self._failed: Callable[[DiskError], None] = lambda _: None
        # Touched by the thread alone. Weak, so that a poisoned handle that is given up does not stay for ever.
        self._poisoned: weakref.WeakKeyDictionary[Handle, str] = weakref.WeakKeyDictionary()
        self._owed: dict[Handle, _Owed] = {}

    def relax(self, within_ms: Callable[[], int], failed: Callable[[DiskError], None]) -> None:
        self._within_ms, self._failed = within_ms, failed

    async def append(self, handle: Handle, data: bytes, *, sync: bool) -> int:
        if self._closed:
            raise ReadOnlyLogError("the journal is closed", why="the daemon is stopping")
        # An entry that is larger than the limit alone may still pass when nothing else waits.
        if self._waiting_bytes and self._waiting_bytes + len(data) > self._queue_limit:
            raise BusyError(f"{self._waiting_bytes} bytes wait to be written", why="the disk is too slow")
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_for_ever, name="agentd-journal", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        self._waiting_bytes += len(data)
        owes_ms = self._within_ms() if sync else 0
        self._queue.put(_Entry(handle, data, sync and not owes_ms, owes_ms, loop, answer))
        return await answer

    async def close(self) -> None:
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is None:
            return
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        self._queue.put(_End(loop, ended))
        await ended
        # The thread has told its end as its last act, so this takes no time.
        thread.join()

    # --- the thread ---

    def _write_for_ever(self) -> None:
        while True:
            batch, end = self._take()
            for entries in _by_handle(batch):
                self._write(entries)
            self._settle_owed(all_of_them=end is not None)
            if end is not None:
                end.loop.call_soon_threadsafe(end.answer.set_result, None)
                return

    def _take(self) -> tuple[list[_Entry], _End | None]:
        """All entries that wait, and the end when it is among them. Blocks until there is something, or a sync due."""
        batch: list[_Entry] = []
        try:
            item = self._queue.get(timeout=self._until_due_s())
            while isinstance(item, _Entry):
                batch.append(item)
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, None
        return batch, item

    def _until_due_s(self) -> float | None:
        if not self._owed:
            return None
        return max(0.0, min(owed.due_s for owed in self._owed.values()) - time.monotonic())

    def _write(self, entries: Sequence[_Entry]) -> None:
        """One write and at most one sync for entries of one handle."""
        handle = entries[0].handle
        reason = self._poisoned.get(handle)
        if reason is not None:
            self._deliver([(e, ReadOnlyLogError("this log takes no more entries", why=reason)) for e in entries])
            return
        try:
            data = entries[0].data if len(entries) == 1 else b"".join(entry.data for entry in entries)
            offset = handle.append(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, the waiting callers must hear of it
            self._fail(entries, error)
            return
        written: list[_Outcome] = []
        for entry in entries:
            written.append((entry, offset))
            offset += len(entry.data)
        owed = self._owe(entries)
        waiting = [outcome for outcome in written if outcome[0].sync or (outcome[0].owes_ms and not owed)]
        if len(waiting) < len(written):
            self._deliver([outcome for outcome in written if not outcome[0].sync and (owed or not outcome[0].owes_ms)])
        if not waiting:
            return
        try:
            handle.sync()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail([entry for entry, _ in waiting], error)
            return
        self._deliver(waiting)

    def _owe(self, entries: Sequence[_Entry]) -> bool:
        """Note when the handle of these entries is to be synced; False when that can't be, so that it has to be now."""
        waits_ms = [entry.owes_ms for entry in entries if entry.owes_ms]
        if not waits_ms:
            return True
        handle = entries[0].handle
        due_s = time.monotonic() + min(waits_ms) * _OWED_SHARE / 1000
        before = self._owed.get(handle)
        try:
            twin = handle.duplicate() if before is None else before.twin
        except Exception:  # noqa: BLE001 - too many open files, for instance: a sync at once is always right
            return False
        if before is None or due_s < before.due_s:
            self._owed[handle] = _Owed(twin, due_s, entries[0].loop)
        return True

    def _settle_owed(self, *, all_of_them: bool) -> None:
        """Sync what is due."""
        now_s = time.monotonic()
        for handle, owed in tuple(self._owed.items()):
            if owed.due_s > now_s and not all_of_them:
                continue
            del self._owed[handle]
            try:
                try:
                    owed.twin.sync()
                finally:
                    owed.twin.close()
            except Exception as error:  # noqa: BLE001 - those who were acknowledged can't be told; whoever comes next is
                known = _known(error)
                self._poisoned[handle] = known.what
                self._call(owed.loop, self._failed, known)

    def _fail(self, entries: Sequence[_Entry], error: Exception) -> None:
        known = _known(error)
        self._poisoned[entries[0].handle] = known.what
        # One error each: several callers raising the same object would share its traceback.
        self._deliver([(entry, type(known)(known.what, why=known.why)) for entry in entries])

    def _deliver(self, outcomes: Sequence[_Outcome]) -> None:
        for loop in {outcome[0].loop for outcome in outcomes}:
            self._call(loop, self._settle, [outcome for outcome in outcomes if outcome[0].loop is loop])

    @staticmethod
    def _call(loop: asyncio.AbstractEventLoop, function: Callable[[_T], None], value: _T) -> None:
        try:
            loop.call_soon_threadsafe(function, value)
        except RuntimeError:
            pass  # the loop was closed while its entry was written: there is nobody left to tell

    # --- the loop ---

    def _settle(self, outcomes: Sequence[_Outcome]) -> None:
        for entry, outcome in outcomes:
            self._waiting_bytes -= len(entry.data)
            if entry.answer.done():
                continue
            if isinstance(outcome, int):
                entry.answer.set_result(outcome)
            else:
                entry.answer.set_exception(outcome)


def _known(error: Exception) -> DiskError:
    return error if isinstance(error, DiskError) else DiskError(f"the log was not written: {error}")


def _by_handle(batch: Sequence[_Entry]) -> list[list[_Entry]]:
    """The batch cut into one list for each handle, in the order in which the handles first appear."""
    groups: dict[int, list[_Entry]] = {}
    for entry in batch:
        groups.setdefault(id(entry.handle), []).append(entry)
    return list(groups.values())
