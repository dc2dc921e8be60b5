"""Tool calls, performed: looked at before, run, cut to size, probed after a crash.

Turns what a tool did into one `Done`. Decides nothing by itself: whether a call may run is `turn.judging`'s, order is the
machine's. Callers: `turn.runner`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping

from agentd.context.budget import output_limit, usable_tokens
from agentd.context.tokens import estimate
from agentd.errors import AgentdError, DeadlineError, ToolError
from agentd.session.breaker import seen
from agentd.session.entries import Done
from agentd.session.log import SessionLog
from agentd.session.state import CallState, TurnState
from agentd.tools.arguments import repairs, validate
from agentd.tools.base import Progress, Tool, ToolResult
from agentd.tools.output import cut, share, words
from agentd.turn.events import CallEnded, Event, Intended, Probed
from agentd.turn.images import Images
from agentd.turn.judging import Judging, digest_of
from agentd.turn.parts import Parts
from agentd.turn.reply import whole_text
from agentd.turn.restoring import digest_now
from agentd.turn.reverting import CANT_READ
from agentd.turn.snapshots import Changes, Snapshots
from agentproto.api.turn import DeltaEvent
from agentproto.content import ResultStatus

__all__ = ["Calls", "lost", "not_run"]

_DIFF_CHARS = 200_000
_NO_TOOL_CHARS = 1_000
"""Room for saying that a call's tool is not there."""
_STEP_SHARE = 0.4
"""Of the usable window that the results of one step may take: the rest is for the instructions and for what was said."""
_LEAST_CHARS = 400
"""Of a result that is kept in any case: what it was and how to read it. A small window has little more for each of some."""


class Calls:
    """The calls of one session's running turn."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self._parts = parts
        self._log = log
        self._images = Images(parts, log)
        self._snapshots = Snapshots(parts, log)
        self.judging = Judging(parts, log)

    # -- running -----------------------------------------------------------------------------------------------

    def intend(self, turn: TurnState, ids: tuple[str, ...]) -> Intended:
        """Hashes of what the calls are about to write, recorded before they run."""
        before: dict[str, Mapping[str, str | None]] = {}
        effects: set[str] = set()
        for call in turn.calls:
            if call.call not in ids:
                continue
            tool = self._parts.tools.get(call.tool)
            before[call.call] = {}
            if tool is not None and not tool.spec.read_only:
                effects.add(call.call)
                try:
                    before[call.call] = tool.intent(validate(tool.spec, call.arguments), self.judging.context(call))
                    self._images.keep(before[call.call])
                except Exception as fault:  # noqa: BLE001
                    if not isinstance(fault, AgentdError):
                        self.judging.bug(call, fault)
                    # The call itself will meet the same fault and say it; an intent without hashes is the careful one.
                    before[call.call] = {}
        return Intended(turn.step_id, before, frozenset(effects))

    async def run(self, turn: TurnState, call: CallState, stopped: asyncio.Event) -> Event:
        """Run one call to its end. Cancellation with `stopped` set is an interrupt and answered; else it goes through."""
        clock = self._parts.world.clock
        began = clock.monotonic_ms()
        tool = self._parts.tools.get(call.tool)
        if tool is None:
            gone = f"Not run: the tool {call.tool} is not there any more."
            return CallEnded(self._done(turn, call, _failed(gone, gone), 0))
        noted: str | None = None
        try:
            noted = await self._snapshots.take(call.call) if tool.spec.changes_unseen else None
            result = self._images.keep_shown(await self._perform(tool, turn, call))
        except asyncio.CancelledError:
            if not stopped.is_set():
                raise
            result = _failed("The call was interrupted while it ran.", "interrupted", "interrupted")
        except DeadlineError as fault:
            result = _failed(f"{fault.what}\nThe call was ended after {tool.spec.timeout_ms // 1000} s.", fault.what)
        except ToolError as fault:
            result = _failed(words(fault), fault.what)
        except AgentdError as fault:
            result = _failed("\n".join(filter(None, (fault.what, fault.why, fault.remedy))), fault.what)
        except Exception as fault:  # noqa: BLE001 - a bug in a tool ends the call, not the turn; it is logged with its trace
            result = _failed(self.judging.bug(call, fault), "the tool has a bug")
        wrote = [path for path, (was, is_now) in result.touched.items() if was != is_now]
        self._parts.own_writes.note(self._log.session, wrote, clock.monotonic_ms())
        took_ms = clock.monotonic_ms() - began
        changes = await self._undisturbed(self._snapshots.compare(noted, began), stopped)
        if result.status != "ok" and noted is None:
            changes = Changes(self._changed_since(call.call), {})
        return CallEnded(self._done(turn, call, result, took_ms, changes))

    async def _undisturbed(self, look: Coroutine[object, object, Changes], stopped: asyncio.Event) -> Changes:
        """An interrupt ends what runs, not the look at what has run: its outcome would be lost."""
        task = self._parts.tasks.start(f"{self._log.session} changes", look)
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.done() or not stopped.is_set():
                    raise

    def _changed_since(self, call: str) -> dict[str, tuple[str | None, str | None]]:
        """What lies otherwise than before the call, of what it meant to write: a write that failed may have happened."""
        turn = self._log.state.turn
        state = next((one for one in turn.calls if one.call == call), None) if turn is not None else None
        before = {} if state is None else {path: was for path, was in state.before.items() if path.startswith("/")}
        now = {path: digest_now(self._parts.world, path) for path in before}
        return {path: (was, now[path]) for path, was in before.items() if now[path] not in (was, CANT_READ)}

    async def _perform(self, tool: Tool, turn: TurnState, call: CallState) -> ToolResult:
        arguments = validate(tool.spec, call.arguments)
        context = self.judging.context(call)
        if call.touches and digest_of(tool.access(arguments, context)) != call.touches:
            raise ToolError(
                f"not run: what {tool.spec.name} would touch is no longer what was decided upon",
                why="a link or a folder on the way was exchanged meanwhile",
                remedy="Look at the place again, then call the tool anew.",
            )
        shown = 0
        # The tool's own limit comes first where it has one (a shell's timeout argument); this one is the last resort.
        async with self._parts.world.clock.deadline(tool.spec.timeout_ms):
            async for piece in tool.call(arguments, context):
                if isinstance(piece, Progress):
                    self._show(turn, call, shown, piece.text)
                    shown += len(piece.text.encode(errors="replace"))
                else:
                    return piece
        raise ToolError(f"the tool {tool.spec.name} ended without a result")

    def _show(self, turn: TurnState, call: CallState, offset: int, text: str) -> None:
        self._parts.publisher.delta(
            DeltaEvent(
                stream=self._log.state.session,
                seq=0,
                turn=turn.id,
                item=f"{call.call}.out",
                kind="output",
                offset=offset,
                text=text,
            )
        )

    def _done(
        self, turn: TurnState, call: CallState, result: ToolResult, duration_ms: int, changes: Changes | None = None
    ) -> Done:
        text = whole_text(result.text)
        notes = self._notes(call)
        piece = cut(text, min(self._room_for(turn, call), self._room_in_window(turn, text)), call.call)
        blob = None
        if piece.whole is not None:
            try:
                blob = self._parts.store.put_blob(self._log.state.session, piece.whole)
            except AgentdError as fault:
                self._parts.reporter.happened(
                    "tool", "tool.output_lost", f"the whole output of {call.call} could not be kept: {fault.what}"
                )
        asked = seen(call.tool, call.arguments, result.status, piece.text, changed=False)
        return Done(
            turn=turn.id,
            call=call.call,
            tool=call.tool,
            status=result.status,
            text=f"{piece.text}\n\n{notes}" if notes else piece.text,
            summary=whole_text(result.summary)[:400],
            bytes=len(result.text.encode(errors="replace")),
            blob=blob,
            diff=whole_text(result.diff)[:_DIFF_CHARS] if result.diff is not None else None,
            exit_code=result.exit_code,
            touched=dict(result.touched),
            changed={} if changes is None else changes.files,
            modes={} if changes is None else changes.modes,
            images=result.images,
            duration_ms=duration_ms,
            seen=(asked.call, asked.outcome),
        )

    def _notes(self, call: CallState) -> str:
        """What of the arguments was taken otherwise than it was written: the model should know, and do better."""
        tool = self._parts.tools.get(call.tool)
        read = repairs(tool.spec, call.arguments) if tool is not None else ()
        notes = (*call.mended, *read)
        return f"(Your arguments were mended: {'; '.join(notes)}.)" if notes else ""

    def _room_for(self, turn: TurnState, call: CallState) -> int:
        """Characters that this call's result may have: its tool's limit, and its share of what the step may have."""
        limits = [
            self._parts.tools[c.tool].spec.max_result_chars if c.tool in self._parts.tools else _NO_TOOL_CHARS
            for c in turn.calls
        ]
        shares = share(limits, self._parts.settings().step_chars)
        return next(room for room, c in zip(shares, turn.calls, strict=True) if c.call == call.call)

    def _room_in_window(self, turn: TurnState, text: str) -> int:
        """Characters of `text` that the model's window has room for, beside the other results of the step. The next
        request has to hold all of them, whatever else can be left out."""
        try:
            limits = self._parts.models.get(turn.model).limits
        except AgentdError:
            return len(text)
        fair = _STEP_SHARE * usable_tokens(limits, output_limit(limits)) / max(1, len(turn.calls))
        tokens = estimate(text.encode(errors="replace"))
        return len(text) if tokens <= fair else max(_LEAST_CHARS, int(len(text) * fair / tokens))

    # -- after a crash -----------------------------------------------------------------------------------------

    async def probe(self, call: CallState) -> Probed:
        """Whether a begun call happened, as far as the world shows it."""
        tool = self._parts.tools.get(call.tool)
        if tool is None:
            return Probed(call.call, "unknown", f"The tool {call.tool} is not there any more; the outcome is unknown.")
        try:
            found = await tool.probe(validate(tool.spec, call.arguments), call.before, self.judging.context(call))
        except Exception as fault:  # noqa: BLE001 - whatever keeps it from being found out, it stays unknown
            why = fault.what if isinstance(fault, AgentdError) else self.judging.bug(call, fault)
            return Probed(call.call, "unknown", f"The outcome is unknown, and could not be found out: {why}")
        changed = self._changed_since(call.call) if found.outcome != "not_done" else {}
        if tool.spec.changes_unseen:
            left = await self._snapshots.compare(self._snapshots.left_by(call.call), 0)
            return Probed(call.call, found.outcome, found.text, changed | left.files, left.modes)
        return Probed(call.call, found.outcome, found.text, changed)


def _failed(text: str, summary: str, status: ResultStatus = "error") -> ToolResult:
    return ToolResult(text=text, summary=summary, status=status)


def not_run(turn: str, call: CallState) -> CallEnded:
    """The answer of a call that an interrupt ended before it could begin."""
    text = "Not run: the turn was interrupted."
    return CallEnded(Done(turn=turn, call=call.call, tool=call.tool, status="interrupted", text=text, summary=text))


def lost(turn: str, call: CallState) -> CallEnded:
    """The answer of a call that was begun and whose outcome a bug kept from being recorded."""
    text = (
        "The outcome of this call is unknown: it was begun, and a bug in the daemon ended it. "
        "It was not run again. Look at the present state before you go on."
    )
    summary = "outcome unknown: a bug ended the call"
    return CallEnded(Done(turn=turn, call=call.call, tool=call.tool, status="unknown", text=text, summary=summary))
