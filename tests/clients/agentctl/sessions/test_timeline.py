"""Where a turn's time went: every millisecond from the message to the end is in a phase, and parallel calls overlap."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agentctl.sessions.timeline import Phase, Timeline, latest_turn, rows_of, timeline
from agentproto.api import question, session, turn
from agentproto.shape import to_plain
from clients.scene import SESSION, a_question

TURN = f"{SESSION}.t3"


class Clocked:
    """Events of one turn at chosen milliseconds."""

    def __init__(self) -> None:
        self.events: list[session.StreamedEvent] = []

    def at(self, ms: int, name: str, kind: Callable[..., msgspec.Struct], **fields: object) -> None:
        body = kind(stream=SESSION, seq=len(self.events) + 1, at_ms=5_000 + ms, **fields)
        self.events.append(session.StreamedEvent(name, to_plain(body)))

    def begun(self, id: str = TURN, ms: int = 0) -> None:
        self.at(ms, "turn.queued", turn.QueuedEvent, turn=id, actor="ann", prompt="go")
        self.at(ms + 4, "turn.started", turn.StartedEvent, turn=id, model="offline", mode="ask")

    def replied(self, ms: int, step: str, **usage: int) -> None:
        self.at(
            ms,
            "step.replied",
            turn.RepliedEvent,
            turn=TURN,
            step=f"{TURN}.{step}",
            items=(),
            stop="end",
            usage=turn.TurnUsage(**usage),
        )

    def started(self, ms: int, call: str, tool: str) -> None:
        self.at(
            ms,
            "tool.started",
            turn.ToolStartedEvent,
            turn=TURN,
            call=call,
            tool=tool,
            target="x.py",
            verdict="allow",
            reason="reads",
        )

    def finished(self, ms: int, call: str, tool: str, status: str = "ok") -> None:
        self.at(
            ms,
            "tool.finished",
            turn.ToolFinishedEvent,
            turn=TURN,
            call=call,
            tool=tool,
            status=status,
            summary="",
            text="",
            bytes=0,
        )

    def ended(self, ms: int) -> None:
        self.at(
            ms,
            "turn.finished",
            turn.FinishedEvent,
            turn=TURN,
            stop="end",
            text="x",
            steps=2,
            usage=turn.TurnUsage(),
        )


def a_turn() -> Clocked:
    clock = Clocked()
    clock.begun()
    clock.at(104, "step.retried", turn.RetryEvent, turn=TURN, step=f"{TURN}.1", reason="network", text="broken")
    clock.replied(504, "1", input=100, output=20, cached=90)
    clock.started(510, "c1", "read")
    clock.started(511, "c2", "grep")
    clock.finished(530, "c1", "read")
    clock.finished(540, "c2", "grep", "error")
    opened = a_question(turn_id=TURN)
    clock.at(545, "question.opened", question.OpenedEvent, question=opened)
    clock.at(2545, "question.answered", question.AnsweredEvent, question="q1", turn=TURN, decision="deny", actor="ann")
    clock.replied(2995, "2", input=50, output=5)
    clock.ended(3000)
    return clock


def test_each_phase_has_its_begin_and_its_length() -> None:
    found = timeline(TURN, a_turn().events)
    assert found == Timeline(
        TURN,
        "end",
        5_000,
        3_000,
        (
            Phase("queue", 0, 4),
            Phase("model", 4, 100, "t3.1: network", "retried"),
            Phase("model", 104, 400, "t3.1: 100 tokens in (90 cached), 20 out"),
            Phase("daemon", 504, 6),
            Phase("tool", 510, 20, "read x.py", "ok"),
            Phase("tool", 511, 29, "grep x.py", "error"),
            Phase("daemon", 540, 5),
            Phase("question", 545, 2000, "run a command", "deny"),
            Phase("model", 2545, 450, "t3.2: 50 tokens in, 5 out"),
            Phase("daemon", 2995, 5),
        ),
    )
    assert list(rows_of(found))[2:6] == [
        ("104", "400", "model", "t3.1: 100 tokens in (90 cached), 20 out", "|==="),
        ("504", "6", "daemon", "", "|    ="),
        ("510", "20", "tool", "read x.py", "|    ="),
        ("511", "29", "tool", "grep x.py [error]", "|    ="),
    ]


def test_of_a_turn_that_runs_what_is_open_counts_up_to_the_last_event() -> None:
    found = timeline(TURN, a_turn().events[:6])
    assert found is not None
    assert (found.stop, found.ms, found.phases[-2:]) == (
        None,
        511,
        (Phase("tool", 510, 1, "read x.py", "running"), Phase("tool", 511, 0, "grep x.py", "running")),
    )


def test_a_question_that_nobody_has_answered_is_open() -> None:
    found = timeline(TURN, a_turn().events[:9])
    assert found is not None
    assert found.phases[-1] == Phase("question", 545, 0, "run a command", "open")


def test_other_turns_are_left_out_and_the_last_that_began_is_found() -> None:
    clock = Clocked()
    clock.begun("t1")
    clock.begun(TURN, 10)
    clock.at(20, "turn.queued", turn.QueuedEvent, turn="t9", actor="ann", prompt="later")
    assert latest_turn(clock.events) == TURN
    assert latest_turn(clock.events[-1:]) is None
    found = timeline(TURN, clock.events)
    assert found == Timeline(TURN, None, 5_010, 4, (Phase("queue", 0, 4),))
    assert timeline("nobody", clock.events) is None
