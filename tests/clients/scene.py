"""A home, a double daemon with a scripted session, and command lines run against it as real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agentclient.discover import folders_of
from agentclient.testing import Answer, Call, DoubleDaemon, Event, Handler, a_status
from agentproto.api import daemon, log, question, turn
from agentproto.content import TextBlock
from agentproto.homes import Folders

SESSION = "s0000000000000001"
WORKSPACE = "/work/space"
USAGE = turn.TurnUsage(input=10, output=20)


def folders(home: Path) -> Folders:
    return folders_of({"AGENTD_HOME": str(home)})


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a command line runs with: this home, and a clean, narrow rest."""
    return {"AGENTD_HOME": str(home), "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **more}


def ctl(home: Path, *arguments: str, stdin: str | bytes = b"", cwd: Path | None = None, **more: str) -> Ran:
    """Run `agentctl` with pipes for streams."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-m", "agentctl", *arguments],
        input=data,
        capture_output=True,
        env=environment(home, **more),
        cwd=cwd or home,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def a_question(id: str = "q1", *, turn_id: str = "t1", **more: object) -> question.Question:
    plain = {
        "id": id, "session": SESSION, "turn": turn_id, "kind": "permission", "tool": "bash", "summary": "run a command",
        "command": "rm -rf build", "hash": "0" * 64, "gates": ["writes"], "at_ms": 1_700_000_000_000, "cwd": WORKSPACE,
    }  # fmt: skip
    return msgspec.convert(plain | more, question.Question)


@dataclass(slots=True)
class Session:
    """Events of one session, numbered as a log would."""

    seq: int = 0
    logged: list[Event] = field(default_factory=list)

    def event(self, name: str, kind: Callable[..., msgspec.Struct], **fields: object) -> Event:
        self.seq += 1
        one = (name, kind(stream=SESSION, seq=self.seq, at_ms=1_700_000_000_000, **fields))
        self.logged.append(one)
        return one

    def begun(self, prompt: str, turn_id: str = "t1") -> list[Event]:
        return [
            self.event("turn.queued", turn.QueuedEvent, turn=turn_id, actor="somebody", prompt=prompt),
            self.event("turn.started", turn.StartedEvent, turn=turn_id, model="offline", mode="ask"),
        ]

    def delta(self, text: str, offset: int, item: str = "t1.1.0", kind: str = "text", turn_id: str = "t1") -> Event:
        body = turn.DeltaEvent(
            stream=SESSION,
            seq=self.seq,
            turn=turn_id,
            item=item,
            kind=kind,  # type: ignore[arg-type]
            offset=offset,
            text=text,
        )
        return "turn.delta", body

    def replied(self, text: str, step: str = "t1.1", turn_id: str = "t1") -> Event:
        return self.event(
            "step.replied",
            turn.RepliedEvent,
            turn=turn_id,
            step=step,
            items=(TextBlock(text),),
            stop="end",
            usage=USAGE,
        )

    def finished(self, text: str, turn_id: str = "t1", stop: str = "end", **more: object) -> Event:
        return self.event(
            "turn.finished", turn.FinishedEvent, turn=turn_id, stop=stop, text=text, steps=1, usage=USAGE, **more
        )

    def tool(self, call: str = "t1.1.1", status: str = "ok", **more: object) -> list[Event]:
        return [
            self.event(
                "tool.started",
                turn.ToolStartedEvent,
                turn="t1",
                call=call,
                tool="grep",
                target='"limits"',
                verdict="allow",
                reason="reads",
            ),
            self.event(
                "tool.finished",
                turn.ToolFinishedEvent,
                turn="t1",
                call=call,
                tool="grep",
                status=status,
                summary="12 matches",
                text="limits.py:1: x",
                bytes=3400,
                duration_ms=12,
                **more,
            ),
        ]

    def answer(self, text: str, prompt: str = "hi") -> list[Event]:
        """A whole turn that streams `text` in two halves."""
        half = len(text) // 2
        return [
            *self.begun(prompt),
            *self.tool(),
            self.delta(text[:half], 0, "t1.2.0"),
            self.delta(text[half:], len(text[:half].encode()), "t1.2.0"),
            self.replied(text, "t1.2"),
            self.finished(text),
        ]

    def asks(self, opened: question.Question) -> Event:
        return self.event("question.opened", question.OpenedEvent, question=opened)

    def decided(self, id: str, decision: str = "approve", text: str = "") -> Event:
        return self.event(
            "question.answered",
            question.AnsweredEvent,
            question=id,
            turn="t1",
            decision=decision,
            actor="somebody",
            text=text,
        )


def started(turn_id: str = "t1") -> turn.StartResult:
    return turn.StartResult(SESSION, turn_id, 1, WORKSPACE)


def subscribed(call: Call) -> log.SubscribeResult:
    assert isinstance(call.params, log.SubscribeParams)
    return log.SubscribeResult(call.params.stream, 0)


def double(home: Path, handlers: Mapping[str, Handler] | None = None, **more: object) -> DoubleDaemon:
    """A double of this home that can say how it is, takes variables and subscriptions, and whatever is scripted."""
    where = folders(home)
    ready: dict[str, Handler] = {
        "daemon.status": lambda call: a_status(where),
        "daemon.environment": lambda call: daemon.EnvironmentResult(()),
        "log.subscribe": subscribed,
    }
    return DoubleDaemon(where, ready | dict(handlers or {}), **more)  # type: ignore[arg-type]


def answers(events: list[Event]) -> Handler:
    """A `turn.start` that is followed by these events."""
    return lambda call: Answer(started(), tuple(events))
