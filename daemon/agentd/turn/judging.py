"""Tool calls, judged: is there such a tool, are its arguments right, may it run, and what is a person asked about it.

Turns what a model asked for into verdicts with reasons. Decides nothing by itself: validation is the tool's, permission
is `policy.decide`'s. It runs nothing. Callers: `turn.runner`, through `turn.calls`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from agentd.errors import AgentdError, BadArgumentsError
from agentd.policy.access import Access, Run
from agentd.policy.decide import Decision, Surroundings, ToolFacts, decide
from agentd.policy.grants import Grant, grants_for
from agentd.policy.rules import Rule, parse
from agentd.providers.argument_repair import Unmended, mend
from agentd.session.asking import Asked
from agentd.session.entries import Judged
from agentd.session.log import SessionLog
from agentd.session.state import CallState, TurnState
from agentd.tools.arguments import validate
from agentd.tools.base import Tool, ToolContext
from agentd.tools.output import words
from agentd.tools.schema import input_schema
from agentd.tools.unknown_tool import unknown_tool
from agentd.turn.events import CallsJudged
from agentd.turn.parts import Parts
from agentd.turn.reply import UNREADABLE

__all__ = ["Judging", "digest_of"]

_PREVIEW_MS = 10_000
"""How long a question may take to be written."""
_SHOWN_CHARS = 64 * 1024
"""Of what a question shows. A command is approved whole or not at all; of a diff the rest may be cut."""


class Judging:
    """Of one session's running turn."""

    def __init__(self, parts: Parts, log: SessionLog) -> None:
        self._parts = parts
        self._log = log

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
            return self._fault(turn, call, _unreadable(tool, str(call.arguments[UNREADABLE]), turn)), None
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
            return self._fault(turn, call, self.bug(call, fault)), None
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
            touches=digest_of(accesses),
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
        offered = {n: tool for n, tool in self._parts.tools.items() if self._offered(tool, turn)}
        if name in self._parts.tools:
            return f"The tool {name} is not available in {turn.mode} mode. Available: {', '.join(sorted(offered))}."
        return unknown_tool(name, {n: input_schema(tool.spec) for n, tool in offered.items()})

    def bug(self, call: CallState, fault: Exception) -> str:
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


def _unreadable(tool: Tool, raw: str, turn: TurnState) -> str:
    """The exact fault of arguments that are no JSON object, and what they have to be."""
    found = mend(tool.spec.name, raw, input_schema(tool.spec), lambda _: False, cut=turn.stop == "length")
    return found.text if isinstance(found, Unmended) else f"The arguments are not a JSON object: {raw[:200]}"


def digest_of(accesses: Sequence[Access]) -> str:
    """What a call would touch, so that it can be compared again before it runs."""
    return hashlib.sha256(repr(tuple(accesses)).encode(errors="replace")).hexdigest()[:32]
