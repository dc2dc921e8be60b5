"""Tool calls, performed: judged, looked at before, run, cut to size, probed after a crash.

Turns what a model asked for into verdicts with reasons, and what a tool did into one `Done`. Decides nothing by itself:
validation is the tool's, permission is `policy.decide`'s, order is the machine's. Callers: `turn.runner`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping, Sequence

import msgspec

from agentd.context.budget import output_limit, usable_tokens
from agentd.context.tokens import estimate
from agentd.errors import AgentdError, BadArgumentsError, DeadlineError, ToolError
from agentd.policy.access import Access, Run
from agentd.policy.decide import Decision, Surroundings, ToolFacts, decide
from agentd.policy.grants import Grant, grants_for
from agentd.policy.rules import Rule, parse
from agentd.session.entries import Asked, Done, Judged
from agentd.session.log import SessionLog
from agentd.session.state import CallState, TurnState
from agentd.tools.arguments import validate
from agentd.tools.base import Progress, Tool, ToolContext, ToolResult
from agentd.tools.output import cut, share, words
from agentd.turn.events import CallEnded, CallsJudged, Event, Intended, Probed
from agentd.turn.images import Images
from agentd.turn.parts import Parts
from agentd.turn.reply import UNREADABLE, whole_text
from agentd.turn.restoring import digest_now
from agentd.turn.reverting import CANT_READ
from agentd.turn.snapshots import Changes, Snapshots
from agentproto.api.turn import DeltaEvent
from agentproto.content import ResultStatus

__all__ = ["Calls", "lost", "not_run"]

_DIFF_CHARS = 200_000
_NO_TOOL_CHARS = 1_000  # room for saying that a call's tool is not there
_PREVIEW_MS = 10_000
"""How long a question may take to be written."""
_STEP_SHARE = 0.4
"""Of the usable window that the results of one step may take: the rest is for the instructions and for what was said."""
_LEAST_CHARS = 1_000
"""Of a result that is kept in any case; a window that has no room for that has none for a tool."""
_SHOWN_CHARS = 64 * 1024
"""Of what a question shows. A command is approved whole or not at all; of a diff the rest may be cut."""


class Calls:
    """The calls of one session's running turn."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self._parts = parts
        self._log = log
        self._images = Images(parts, log)
        self._snapshots = Snapshots(parts, log)

    # -- before ------------------------------------------------------------------------------------------------

    async def judge(self, turn: TurnState) -> CallsJudged:
        """A verdict for each call of the step, in order."""
        verdicts: list[tuple[Judged, Asked | None]] = []
        for call in turn.calls:
            verdicts.append(await self._judge(turn, call))
        return CallsJudged(turn.step_id, tuple(verdicts))

    async def _judge(self, turn: TurnState, call: CallState) -> tuple[Judged, Asked | None]:
        tool = self._parts.tools.get(call.tool)
        if tool is None or not self._offered(tool, turn):
            return self._fault(turn, call, self._no_such_tool(call.tool, turn)), None
        if UNREADABLE in call.arguments:
            raw = str(call.arguments[UNREADABLE])[:200]
            return self._fault(turn, call, f"The arguments are not a JSON object: {raw}"), None
        context = self.context(call)
        try:
            arguments = validate(tool.spec, call.arguments)
            accesses = tool.access(arguments, context)
            target = tool.target(arguments)
            decision = self._decide(turn, tool, accesses)
            asked = None
            if decision.verdict == "ask":
                asked = await self._question(turn, call, tool, arguments, accesses, decision, context)
        except BadArgumentsError as fault:
            return self._fault(turn, call, words(fault)), None
        except AgentdError as fault:
            lines = filter(None, (fault.what, fault.why, fault.remedy))
            return self._fault(turn, call, "\n".join(lines)), None
        except Exception as fault:  # noqa: BLE001 - a bug in a tool ends the call, not the turn; it is logged with its trace
            return self._fault(turn, call, self._bug(call, fault)), None
        judged = Judged(
            turn=turn.id,
            call=call.call,
            tool=call.tool,
            verdict=decision.verdict,
            reason=decision.reason,
            target=target,
            rule=decision.rule or "",
            gates=decision.gates,
            concurrency_safe=tool.spec.concurrency_safe,
            recovery=tool.spec.recovery,
            touches=_digest(accesses),
        )
        self._parts.reporter.happened(
            "permission",
            "permission.decided",
            f"{call.tool} {target}: {decision.verdict}, {decision.reason}",
            self._log.state.session,
            {"call": call.call, "gates": list(decision.gates), "rule": decision.rule, "mode": turn.mode},
        )
        return judged, asked

    def _decide(self, turn: TurnState, tool: Tool, accesses: tuple[Access, ...]) -> Decision:
        state = self._log.state
        own = tuple(self._parts.own_folders)
        return decide(
            ToolFacts(tool.spec.name, tool.spec.read_only),
            accesses,
            turn.mode,
            self._parts.settings().rules + self._turn_rules(turn),
            tuple(Grant(g.tool, g.exact, "session", g.at_ms, g.actor, g.cwd) for g in state.grants),
            Surroundings(workspace=state.workspace, home=self._parts.home, own=own),
        )

    def _turn_rules(self, turn: TurnState) -> tuple[Rule, ...]:
        allow = (parse("allow", text, "command line") for text in turn.request.allow)
        deny = (parse("deny", text, "command line") for text in turn.request.deny)
        return (*allow, *deny)

    def _offered(self, tool: Tool, turn: TurnState) -> bool:
        return tool.spec.read_only or turn.mode != "plan"

    def _no_such_tool(self, name: str, turn: TurnState) -> str:
        offered = ", ".join(sorted(n for n, tool in self._parts.tools.items() if self._offered(tool, turn)))
        if name in self._parts.tools:
            return f"The tool {name} is not available in {turn.mode} mode. Available: {offered}."
        return f"There is no tool {name[:80]}. Available: {offered}."

    def _bug(self, call: CallState, fault: Exception) -> str:
        """Log an exception that no tool should raise; the words for the model."""
        reference = self._parts.reporter.bug(f"tool {call.tool}", fault)
        return f"The tool {call.tool} has a bug and could not answer (reference {reference})."

    def _fault(self, turn: TurnState, call: CallState, text: str) -> Judged:
        return Judged(
            turn=turn.id, call=call.call, tool=call.tool, verdict="fault", reason="the call is malformed", fault=text
        )

    async def _question(
        self,
        turn: TurnState,
        call: CallState,
        tool: Tool,
        arguments: msgspec.Struct,
        accesses: tuple[Access, ...],
        decision: Decision,
        context: ToolContext,
    ) -> Asked:
        # The session's lock is held: a folder that does not answer must not keep its other events waiting.
        async with self._parts.world.clock.deadline(_PREVIEW_MS):
            command = await tool.preview(arguments, context)
        if len(command) > _SHOWN_CHARS:
            if any(isinstance(access, Run) for access in accesses):
                raise BadArgumentsError(
                    f"{call.tool}: the command has {len(command)} characters; a person is asked about {_SHOWN_CHARS} at most",
                    remedy="Put it into a script file with the write tool, and run that.",
                )
            command = command[:_SHOWN_CHARS] + f"\n[... {len(command) - _SHOWN_CHARS} more characters]"
        grants = grants_for(call.tool, accesses, "session", 0, "")
        return Asked(
            question="",
            turn=turn.id,
            call=call.call,
            kind="permission",
            tool=call.tool,
            summary=f"{call.tool} {tool.target(arguments)}: {decision.reason}"[:400],
            command=command,
            hash=hashlib.sha256(command.encode()).hexdigest(),
            gates=decision.gates,
            cwd=context.cwd,
            sandbox=self._parts.box.level,
            origin=(self._log.state.session,),
            choices=("once", "session") if grants else ("once",),
            grants=tuple((grant.tool, grant.pattern, grant.cwd) for grant in grants),
        )

    def context(self, call: CallState) -> ToolContext:
        """What the call may use."""
        state = self._log.state
        return ToolContext(
            world=self._parts.world,
            session=state.session,
            call=call.call,
            workspace=state.workspace,
            cwd=state.cwd,
            env={**state.env, **self._parts.secrets(state.session)},
            box=self._parts.box,
            read_hashes=state.read_hashes,
        )

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
                    before[call.call] = tool.intent(validate(tool.spec, call.arguments), self.context(call))
                    self._images.keep(before[call.call])
                except Exception as fault:  # noqa: BLE001
                    if not isinstance(fault, AgentdError):
                        self._bug(call, fault)
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
            result = _failed(self._bug(call, fault), "the tool has a bug")
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
        context = self.context(call)
        if call.touches and _digest(tool.access(arguments, context)) != call.touches:
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
        piece = cut(text, min(self._room_for(turn, call), self._room_in_window(turn, text)), call.call)
        blob = None
        if piece.whole is not None:
            try:
                blob = self._parts.store.put_blob(self._log.state.session, piece.whole)
            except AgentdError as fault:
                self._parts.reporter.happened(
                    "tool", "tool.output_lost", f"the whole output of {call.call} could not be kept: {fault.what}"
                )
        return Done(
            turn=turn.id,
            call=call.call,
            tool=call.tool,
            status=result.status,
            text=piece.text,
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
        )

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
            found = await tool.probe(validate(tool.spec, call.arguments), call.before, self.context(call))
        except Exception as fault:  # noqa: BLE001 - whatever keeps it from being found out, it stays unknown
            why = fault.what if isinstance(fault, AgentdError) else self._bug(call, fault)
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


def _digest(accesses: Sequence[Access]) -> str:
    return hashlib.sha256(repr(tuple(accesses)).encode(errors="replace")).hexdigest()[:32]
