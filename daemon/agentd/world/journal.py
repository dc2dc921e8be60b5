"""The one writer: a thread that appends and syncs for everybody, so that no sync ever stalls the loop.

Theory. Callers put entries into one queue and wait. The thread takes all that wait at once, writes them handle by
handle in the order they came (one write each), and syncs each handle once if any of its entries asked for it: entries
that wait share one sync (group commit). Results go back to the loop in one wake-up for each group.

A failed write or sync poisons its handle. After a failed fsync the kernel may have dropped the dirty pages and report
success the next time, so a retry would acknowledge what is not there; every later append raises `ReadOnlyLogError`.

A caller that is cancelled while it waits does not take its entry back: the bytes are written in their place, only
nobody hears of it. Used through `World.journal`; it must never be used from two processes for one file.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from agentd.errors import BusyError, DiskError, ReadOnlyLogError
from agentd.world.doors import Handle

__all__ = ["QUEUE_LIMIT", "ThreadJournal"]

QUEUE_LIMIT = 64 * 1024 * 1024
"""Bytes that may wait. A disk that is this far behind will not catch up; better to say so than to fill memory."""


@dataclass(frozen=True, slots=True)
class _Entry:
    handle: Handle
    data: bytes
    sync: bool
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[int]


@dataclass(frozen=True, slots=True)
class _End:
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[None]


_Outcome = tuple[_Entry, "int | Exception"]


class ThreadJournal:
    """See `agentd.world.doors.Journal`. The thread starts with the first append."""

    def __init__(self, queue_limit: int = QUEUE_LIMIT) -> None:
        self._queue: queue.SimpleQueue[_Entry | _End] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._queue_limit = queue_limit
        self._waiting_bytes = 0
        # Touched by the thread alone. Weak, so that a poisoned handle that is given up does not stay for ever.
        self._poisoned: weakref.WeakKeyDictionary[Handle, str] = weakref.WeakKeyDictionary()

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
        self._queue.put(_Entry(handle, data, sync, loop, answer))
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
            if end is not None:
                end.loop.call_soon_threadsafe(end.answer.set_result, None)
                return

    def _take(self) -> tuple[list[_Entry], _End | None]:
        """All entries that wait (blocking until there is something), and the end when it is among them."""
        batch: list[_Entry] = []
        item = self._queue.get()
        while isinstance(item, _Entry):
            batch.append(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, None
        return batch, item

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
        if not any(entry.sync for entry in entries):
            self._deliver(written)
            return
        early = [outcome for outcome in written if not outcome[0].sync]
        if early:
            self._deliver(early)
        try:
            handle.sync()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail([entry for entry in entries if entry.sync], error)
            return
        self._deliver([outcome for outcome in written if outcome[0].sync])

    def _fail(self, entries: Sequence[_Entry], error: Exception) -> None:
        known = error if isinstance(error, DiskError) else DiskError(f"the log was not written: {error}")
        self._poisoned[entries[0].handle] = known.what
        # One error each: several callers raising the same object would share its traceback.
        self._deliver([(entry, type(known)(known.what, why=known.why)) for entry in entries])

    def _deliver(self, outcomes: Sequence[_Outcome]) -> None:
        loops = {outcome[0].loop for outcome in outcomes}
        for loop in loops:
            mine = [outcome for outcome in outcomes if outcome[0].loop is loop]
            try:
                loop.call_soon_threadsafe(self._settle, mine)
            except RuntimeError:
                # The loop was closed while its entry was written: there is nobody left to tell.
                continue

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


def _by_handle(batch: Sequence[_Entry]) -> list[list[_Entry]]:
    """The batch cut into one list for each handle, in the order in which the handles first appear."""
    groups: dict[int, list[_Entry]] = {}
    for entry in batch:
        groups.setdefault(id(entry.handle), []).append(entry)
    return list(groups.values())
