"""Plays the turn machine without a world: every effect is answered from a script, as the runner would answer it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agentd.session.actors import Actor
from agentd.session.asking import Asked
from agentd.session.entries import Done, Entry, Judged, Opened, Replied, Requested
from agentd.session.fold import fold
from agentd.session.state import SessionState
from agentd.turn.effects import (
    BeginCalls,
    CallModel,
    Cancel,
    Effect,
    JudgeCalls,
    PrepareCall,
    ProbeCall,
    Record,
    RunCalls,
    TurnEnded,
    Wait,
)
from agentd.turn.events import (
    CallEnded,
    CallsJudged,
    Event,
    Intended,
    ModelReplied,
    Prepared,
    Probed,
    SessionMade,
    UserSaid,
    WaitOver,
)
from agentd.turn.machine import react
from agentd.turn.pen import Limits
from agentproto.api.turn import TurnUsage
from agentproto.content import Block, TextBlock, ToolUseBlock

PERSON = Actor(kind="client", id="c1", role="owner", name="test")
SESSION = "s0000000000000001"


def opened() -> Opened:
    return Opened(
        format=1,
        machine=1,
        session=SESSION,
        kind="chat",
        product="0",
        workspace="/w",
        cwd="/w",
        mode="ask",
        actor=PERSON,
    )


def said(number: int = 1, prompt: str = "do it", **changes: object) -> UserSaid:
    values: dict[str, object] = {
        "turn": f"{SESSION}.t{number}",
        "actor": PERSON,
        "key": f"k{number}",
        "hash": "h",
        "prompt": prompt,
    }
    return UserSaid(Requested(**(values | changes)))  # type: ignore[arg-type]


def text(words: str) -> tuple[Block, ...]:
    return (TextBlock(words),)


def uses(step: str, *tools: str) -> tuple[Block, ...]:
    return tuple(ToolUseBlock(f"{step}.{n}", tool, {"path": "a"}) for n, tool in enumerate(tools, 1))


@dataclass
class Play:
    """`replies`: tools to call in each step, or a text. `hold`: effects that are left unanswered, by type."""

    replies: Sequence[tuple[str, ...] | str]
    safe: frozenset[str] = frozenset({"read"})
    ask: frozenset[str] = frozenset({"shell"})
    deny: frozenset[str] = frozenset()
    recovery: dict[str, str] = field(default_factory=dict)
    hold: tuple[type, ...] = ()
    limits: Limits = field(default_factory=Limits)
    state: SessionState = field(default_factory=SessionState)
    entries: list[Entry] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    held: list[Effect] = field(default_factory=list)
    at_ms: int = 0
    outcome: Callable[[str], str] = lambda call: "ok"

    def begin(self) -> Play:
        self.feed(SessionMade(opened()))
        return self

    def feed(self, *events: Event) -> None:
        queue: deque[Event] = deque(events)
        while queue:
            self.at_ms += 1
            before = self.state
            self.state, effects = react(self.state, queue.popleft(), self.limits, self.at_ms)
            check = before
            for effect in effects:
                self.effects.append(effect)
                if isinstance(effect, Record):
                    for entry in effect.entries:
                        check = fold(check, check.seq + 1, self.at_ms, entry)
                    self.entries += effect.entries
                elif isinstance(effect, self.hold):
                    self.held.append(effect)
                else:
                    queue.extend(self.answer(effect))
            assert check == self.state, "the state is not the fold of what was recorded"

    def answer(self, effect: Effect) -> list[Event]:
        turn = self.state.turn
        match effect:
            case PrepareCall(step):
                return [Prepared(step, "m", "turn", "b", 1, 1000, 10, 10, 0, "fits")]
            case CallModel(step):
                assert turn is not None
                reply = self.replies[min(turn.step, len(self.replies)) - 1]
                blocks = text(reply) if isinstance(reply, str) else uses(step, *reply)
                stop = "end" if isinstance(reply, str) else "tool_use"
                usage = TurnUsage(input=10, output=1)
                return [ModelReplied(Replied(turn=turn.id, step=step, blocks=blocks, stop=stop, usage=usage))]
            case Wait(step, _):
                return [WaitOver(step)]
            case JudgeCalls(step):
                assert turn is not None
                return [CallsJudged(step, tuple(self.judge(turn.id, c.call, c.tool) for c in turn.calls))]
            case BeginCalls(step, calls):
                return [Intended(step, {call: {} for call in calls}, frozenset(calls))]
            case RunCalls(calls):
                assert turn is not None
                by_id = {c.call: c for c in turn.calls}
                return [CallEnded(self.done(turn.id, call, by_id[call].tool)) for call in calls]
            case ProbeCall(call):
                return [Probed(call, "done", "it happened")]
            case _:
                return []

    def judge(self, turn: str, call: str, tool: str) -> tuple[Judged, Asked | None]:
        verdict = "deny" if tool in self.deny else "ask" if tool in self.ask else "allow"
        judged = Judged(
            turn=turn,
            call=call,
            tool=tool,
            verdict=verdict,
            reason="the script says so",
            concurrency_safe=tool in self.safe,
            recovery=self.recovery.get(tool, "rerun" if tool in self.safe else "report"),
        )
        asked = Asked(
            question="",
            turn=turn,
            call=call,
            kind="permission",
            tool=tool,
            summary="may it?",
            command="touch x",
            hash="h",
            gates=("asks",),
            cwd="/w",
            sandbox="none",
        )
        return judged, asked if verdict == "ask" else None

    def done(self, turn: str, call: str, tool: str) -> Done:
        return Done(turn=turn, call=call, tool=tool, status=self.outcome(call), text="fine", summary="fine")  # type: ignore[arg-type]

    def kinds(self) -> list[str]:
        return [type(entry).__name__ for entry in self.entries]

    def rested(self) -> bool:
        return bool(self.effects) and isinstance(self.effects[-1], TurnEnded)


def cancelled(effects: Sequence[Effect]) -> bool:
    return any(isinstance(effect, Cancel) for effect in effects)
