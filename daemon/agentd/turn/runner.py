"""One session's runner: takes events one at a time, records first, then acts, and feeds back what came of it.

The machine decides; this performs. A lock makes the session's events one sequence; everything that takes long (model
calls, tools, waits) runs in a supervised task of its own and comes back as an event. If a record can't be made durable,
nothing after it is done: the session turns read-only and its running work is stopped. Callers: `turn.sessions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Sequence
from typing import assert_never

from agentd.chain.frame import Line
from agentd.errors import AgentdError, BusyError, DamagedLogError, DeadlineError, DiskError
from agentd.session.entries import Entry, Partial
from agentd.session.log import SessionLog
from agentd.session.state import CallState, SessionState, TurnState
from agentd.turn.calls import Calls, lost, not_run
from agentd.turn.effects import (
    BeginCalls,
    CallModel,
    Cancel,
    Effect,
    JudgeCalls,
    PrepareCall,
    ProbeCall,
    Record,
    RestoreFiles,
    RunCalls,
    TurnEnded,
    Wait,
    records_first,
)
from agentd.turn.events import Event, Recovered, Restored, Revert, SessionMade, UserSaid, WaitOver
from agentd.turn.machine import react
from agentd.turn.model_call import ModelCall, died, no_reply
from agentd.turn.parts import Parts
from agentd.turn.preparing import Preparing
from agentd.turn.reply import Delta
from agentd.turn.restoring import restore
from agentd.turn.revise import may_revert
from agentd.turn.threshold import Threshold
from agentd.turn.titles import Titles

__all__ = ["Runner"]

_DISK_BEHIND_MS = 100
"""How soon an entry is tried again that found the journal's queue full."""
_STOP_MS = 4_000
"""How long a stop waits for what runs: a tool that does not let go must not hold the daemon."""


class Runner:
    """Owns a session's log while the session is loaded. `feed` is the only way in."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self.log = log
        self._parts = parts
        self._calls = Calls(parts, log)
        self._preparing = Preparing(parts, log)
        self._titles = Titles(parts, log, self.feed)
        self._lock = asyncio.Lock()
        self._model_call: ModelCall | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._closing = False
        self.intake = asyncio.Lock()
        """Held by a request from looking up its key until its entry is recorded: requests are taken one by one."""
        self.used_ms = parts.world.clock.monotonic_ms()

    @property
    def state(self) -> SessionState:
        return self.log.state

    @property
    def busy(self) -> bool:
        """A turn is open, or waits, or files are being brought back."""
        return not may_revert(self.state)

    @property
    def held(self) -> bool:
        """A request is being taken, or an entry recorded: the log must not be closed now."""
        return self._lock.locked() or self.intake.locked()

    @property
    def kept(self) -> str:
        """What the log has of a reply that was streaming when the daemon died."""
        turn = self.state.turn
        return "" if turn is None or turn.phase != "calling" else "\n\n".join(self.log.kept_text(turn.id).values())

    def recovered(self) -> Recovered:
        """What the machine has to hear when the log was opened with a turn in it, or had to be mended."""
        log, (torn, saved) = self.log, self.log.torn
        if log.head_differs:
            reason = "its log is not the one that was known: it ends otherwise"
        else:
            reason = "the daemon was not stopped cleanly" if self.busy else "the log was mended"
        return Recovered(
            product=self._parts.product,
            reason=reason,
            kept=self.kept,
            torn_bytes=torn,
            saved_as=saved,
            head_missing=log.head_missing,
        )

    @property
    def live(self) -> Delta | None:
        """The item that streams now, whole so far."""
        return self._model_call.live if self._model_call is not None else None

    async def feed(self, *events: Event, threshold: Threshold | None = None) -> list[Line[Entry]]:
        """Take events in order; the lines recorded for them, durable when this returns. `threshold`: where to wait
        between what is recorded of them and what is done about it, unless the session is at rest then.

        DiskError, ReadOnlyLogError or DamagedLogError when they could not be recorded: then nothing was done. A caller
        that is cancelled while it waits takes nothing back: half a record would break the log, half of what follows
        from it the turn. It is held until what it gave is taken whole: sent again, its key is known then.
        """
        taken: asyncio.Future[list[Line[Entry]]] = asyncio.get_running_loop().create_future()
        task = self._parts.tasks.start(f"{self.state.session} events", self._feed(events, taken, threshold))
        # One that is cancelled before it began answers nobody.
        task.add_done_callback(lambda _: taken.done() or taken.cancel())
        try:
            return await asyncio.shield(taken)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if taken.done() and not taken.cancelled():
                taken.exception()  # nobody is left to hear of it
            raise

    async def _feed(
        self, events: Sequence[Event], taken: asyncio.Future[list[Line[Entry]]], threshold: Threshold | None
    ) -> None:
        try:
            async with self._lock:
                self._check_open()
                self.log.check_writable()
                self._titles.never_mind()
                self.used_ms = self._parts.world.clock.monotonic_ms()
                if any(isinstance(event, UserSaid | Recovered | Revert) for event in events):
                    self._parts.store.mark_open(self._session_of(events))
                for data in (data for event in events if isinstance(event, UserSaid) for data in event.pictures):
                    self._parts.store.put_blob(self._session_of(events), data)
                lines = await self._take(list(events), threshold)
        except asyncio.CancelledError:
            taken.cancel()
            raise
        except BaseException as fault:  # whatever it is, it belongs to the caller
            if not taken.done():
                taken.set_exception(fault)
            elif not isinstance(fault, AgentdError):
                raise
        else:
            if not taken.done():
                taken.set_result(lines)

    def _check_open(self) -> None:
        if self._closing:
            raise BusyError(f"session {self.state.session} takes no entries now", why="the daemon is stopping")

    def _session_of(self, events: Sequence[Event]) -> str:
        made = next((event.entry.session for event in events if isinstance(event, SessionMade)), None)
        return made or self.state.session

    async def _take(self, events: list[Event], threshold: Threshold | None) -> list[Line[Entry]]:
        recorded: list[Line[Entry]] = []
        while events:
            at_ms = self._parts.world.clock.now_ms()
            limits = self._parts.settings().limits
            state = self.state
            effects: list[Effect] = []
            for event in events:
                state, more = react(state, event, limits, at_ms)
                effects += more
            events = []
            for effect in records_first(effects):
                if isinstance(effect, Record):
                    recorded += await self._record(effect.entries, at_ms)
                else:
                    if threshold is not None and self.busy and not isinstance(effect, JudgeCalls):
                        await threshold.step_over()
                        await self._parts.long_work.turn()
                        self._check_open()
                        threshold = None
                    events += await self._act(effect)
        return recorded

    async def _record(self, entries: Sequence[Entry], at_ms: int) -> list[Line[Entry]]:
        try:
            lines = await self._append(entries, at_ms)
        except DiskError as fault:
            self._cancel()
            self._parts.spending.let_go(self.state.session)
            self._parts.reporter.happened("session", "session.read_only", fault.what, self.state.session)
            self._parts.publisher.stopped(self.state.session, fault.what)
            raise
        self._parts.publisher.lines(self.state.session, lines)
        return lines

    async def _append(self, entries: Sequence[Entry], at_ms: int) -> list[Line[Entry]]:
        """Wait for a disk that is far behind: an outcome that is not recorded would leave its turn waiting for ever."""
        while True:
            try:
                return await self.log.append(entries, at_ms)
            except BusyError:
                if self._closing:
                    raise
                await self._parts.world.clock.sleep(_DISK_BEHIND_MS)

    # -- effects -----------------------------------------------------------------------------------------------

    async def _act(self, effect: Effect) -> list[Event]:
        """Perform one effect. Short ones answer at once, long ones by a task that feeds its event later."""
        turn = self.state.turn
        match effect:
            case PrepareCall(step):
                assert turn is not None
                self._stopped.clear()
                await self._parts.long_work.through(self._reading())
                await self._parts.models.ready(turn.model)
                return [await self._preparing.prepare(turn, step)]
            case CallModel(step):
                assert turn is not None
                self._start(f"model {step}", self._call_model(step), no_reply(turn.id, step), died(step))
            case Wait(step, ms):
                self._start(f"wait {step}", self._wait(step, ms), WaitOver(step), WaitOver(step))
            case JudgeCalls():
                assert turn is not None
                return [await self._calls.judging.judge(turn)]
            case BeginCalls(_, calls):
                assert turn is not None
                return [self._calls.intend(turn, calls)]
            case RunCalls(calls):
                assert turn is not None
                for call in turn.calls:
                    if call.call in calls:
                        work = self._run(turn, call)
                        self._start(f"tool {call.call}", work, not_run(turn.id, call), lost(turn.id, call))
            case ProbeCall(id):
                assert turn is not None
                return [await self._calls.probe(next(call for call in turn.calls if call.call == id))]
            case RestoreFiles():
                entry = self.state.reverting
                assert entry is not None
                bound = self._parts.settings().images_bytes
                world, store = self._parts.world, self._parts.store
                return [Restored(await restore(world, store, self.state.session, entry, bound))]
            case Cancel():
                self._cancel()
            case TurnEnded():
                self._parts.spending.let_go(self.state.session)
                await self._rest()
            case Record():
                raise AssertionError("records are performed by _take")
            case _:
                assert_never(effect)
        return []

    def _reading(self) -> Generator[None, None, None]:
        """Read what was said so far; a stop does not wait for the rest of it."""
        for _ in self._preparing.reading():
            self._check_open()
            yield

    def _start(self, name: str, work: Coroutine[object, object, None], otherwise: Event, died: Event) -> None:
        """Run `work` beside. `otherwise` is its answer when an interrupt ends it before it could begin (what is said
        twice the machine hears once), `died` when a bug ends it."""
        task = self._parts.tasks.start(f"{self.state.session} {name}", work)
        self._running.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, otherwise, died))

    def _ended(self, task: asyncio.Task[None], otherwise: Event, died: Event) -> None:
        self._running.discard(task)
        # A task that died of a bug was reported; like one that was stopped before it began, it still owes its answer.
        silent = self._stopped.is_set() if task.cancelled() else task.exception() is not None
        if silent and not self._closing:
            answer = self._feed_back(otherwise if task.cancelled() else died)
            self._parts.tasks.start(f"{self.state.session} answer", answer)

    def _cancel(self) -> None:
        """An interrupt: everything that runs is stopped, and answers that it was."""
        self._stopped.set()
        if self._model_call is not None:
            self._model_call.interrupted = True
        for task in tuple(self._running):
            task.cancel()

    async def _feed_back(self, event: Event) -> None:
        """What a task has to say. A session that takes no more entries has nothing to go on with."""
        try:
            await self.feed(event)
        except BusyError:
            return  # the daemon stops; a start goes on from the log
        except (DiskError, DamagedLogError) as fault:
            self._parts.reporter.happened("session", "session.stopped", fault.what, self.state.session)

    # -- the model ---------------------------------------------------------------------------------------------

    async def _call_model(self, step: str) -> None:
        turn = self.state.turn
        assert turn is not None
        call = ModelCall(self._parts, self._preparing.take(step), turn, self._keep)
        self._model_call = call
        try:
            event = await call.run()
        except DiskError:
            return  # partial text could not be kept: whoever tried has told it, and the session takes no more entries
        finally:
            self._model_call = None
        await self._feed_back(event)

    async def _keep(self, partial: Partial) -> None:
        """Record streamed text. A deadline may end the call at any time, and half a record would break the log: who is
        cancelled waits until it is written whole."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = self._parts.tasks.start(f"{self.state.session} partial", self._keep_whole(partial, kept))
        task.add_done_callback(lambda _: kept.done() or kept.cancel())
        try:
            await asyncio.shield(kept)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _keep_whole(self, partial: Partial, kept: asyncio.Future[None]) -> None:
        try:
            async with self._lock:
                turn = self.state.turn
                if turn is not None and turn.phase == "calling" and turn.id == partial.turn:
                    await self._record((partial,), self._parts.world.clock.now_ms())
        except Exception as fault:  # noqa: BLE001 - whatever it is, it belongs to the caller
            kept.set_exception(fault)
            kept.exception()  # one that was cancelled does not ask for it
        else:
            kept.set_result(None)

    async def _wait(self, step: str, ms: int) -> None:
        try:
            await self._parts.world.clock.sleep(ms)
        except asyncio.CancelledError:
            if not self._stopped.is_set():
                raise
        await self._feed_back(WaitOver(step))

    # -- tools -------------------------------------------------------------------------------------------------

    async def _run(self, turn: TurnState, call: CallState) -> None:
        event = await self._calls.run(turn, call, self._stopped)
        await self._feed_back(event)

    # -- rest --------------------------------------------------------------------------------------------------

    async def _rest(self) -> None:
        """The session is idle: the small files that make a restart quick, a checkpoint if one is due."""
        store, session = self._parts.store, self.state.session
        try:
            checkpoint = self.log.checkpoint_due()
            if checkpoint is not None:
                await self._record((checkpoint,), self._parts.world.clock.now_ms())
            store.mark_closed(session)
        except DiskError as fault:
            self._hint_lost(fault)
        self.keep_head()
        self._titles.soon()

    def keep_head(self) -> None:
        """Write down where the log ends now."""
        try:
            self._parts.store.keep_head(self.state.session, self.log.head())
        except DiskError as fault:
            self._hint_lost(fault)

    def _hint_lost(self, fault: DiskError) -> None:
        # Hints for a quicker start and a quicker list; without them the log itself is read.
        self._parts.reporter.happened("session", "session.hints_lost", fault.what, self.state.session)

    async def stop(self) -> None:
        """Stop what runs without recording anything: a start goes on from the log (drain, unloading)."""
        self._closing = True
        self._titles.never_mind()
        try:
            async with self._parts.world.clock.deadline(_STOP_MS):
                async with self._lock:  # who records now may still start something
                    pass
                while running := tuple(self._running):
                    for task in running:
                        task.cancel()
                    await asyncio.wait(running)
                async with self._lock:
                    pass
        except DeadlineError:
            left = ", ".join(sorted(task.get_name() for task in self._running))
            self._parts.reporter.happened(
                "session", "session.stuck", f"did not end in time: {left}", self.state.session
            )
        self.log.close()
