"""Following a turn on a real terminal: questions are put right there and one key answers them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agentclient.testing import Answer, Call, Event
from agentproto.api import question, turn
from agentproto.errors import WireError
from clients.scene import SESSION, Ran, Session, a_question, answers, ctl, double
from clients.terminal import terminal


@pytest.mark.parametrize(
    ("keys", "decision", "scope", "text"),
    [
        ("y", "approve", "once", ""),
        ("s", "approve", "session", ""),
        ("xn", "deny", "once", ""),
        ("dtoo rash\r", "deny", "once", "too rash"),
    ],
)
def test_a_key_answers_and_the_turn_goes_on(home: Path, keys: str, decision: str, scope: str, text: str) -> None:
    scene = Session()
    asked = [*scene.begun("hi"), scene.asks(a_question())]
    rest: list[Event] = [scene.decided("q1"), scene.replied("It is done."), scene.finished("It is done.")]

    def answered(call: Call) -> Answer:
        return Answer(question.AnswerResult("q1", SESSION, "t1", 9), tuple(rest))

    handlers = {"turn.start": answers(asked), "question.answer": answered}
    with double(home, handlers) as served, terminal(home, "agentctl", "ask", "hi") as screen:
        screen.until("[q] leave it open ")
        screen.type(keys)
        screen.until("It is done.")
        assert screen.end() == 0
    params = served.calls[-1].params
    assert isinstance(params, question.AnswerParams)
    assert (params.decision, params.scope, params.text) == (decision, scope, text)


def test_what_was_typed_before_the_question_is_no_answer(home: Path) -> None:
    scene = Session()
    with (
        double(home, {"turn.start": answers(scene.begun("hi"))}) as served,
        terminal(home, "agentctl", "ask", "hi") as screen,
    ):
        screen.until("model offline")
        screen.type("y")
        served.push(scene.asks(a_question()))
        screen.until("[q] leave it open ")
        screen.type("q")
        screen.until("agentctl approve q1")
        served.push(scene.decided("q1", "deny"), scene.finished("", stop="denied"))
        assert screen.end() == 6
    assert "question.answer" not in served.methods()


def test_an_answer_from_elsewhere_ends_the_asking(home: Path) -> None:
    scene = Session()
    asked = [*scene.begun("hi"), scene.asks(a_question())]
    with double(home, {"turn.start": answers(asked)}) as served, terminal(home, "agentctl", "ask", "hi") as screen:
        screen.until("[q] leave it open ")
        served.push(scene.decided("q1"), scene.replied("done"), scene.finished("done"))
        screen.until("q1: approve by somebody")
        assert screen.end() == 0
    assert "question.answer" not in served.methods()


def test_a_second_answer_is_told_that_it_came_too_late(home: Path) -> None:
    scene = Session()
    asked = [*scene.begun("hi"), scene.asks(a_question())]
    late = WireError("conflict", "client", "q1 was denied by other", "first", "look")
    handlers = {"turn.start": answers(asked), "question.answer": lambda call: late}
    with double(home, handlers) as served, terminal(home, "agentctl", "ask", "hi") as screen:
        screen.until("[q] leave it open ")
        screen.type("y")
        screen.until("- q1 was denied by other")
        served.push(scene.decided("q1", "deny"), scene.finished("x"))
        assert screen.end() == 0


def test_words_of_a_newer_daemon_are_shown_as_they_came_and_do_not_end_the_client(home: Path) -> None:
    scene = Session()
    queued, begun = scene.begun("hi")
    strange = (begun[0], msgspec.structs.replace(begun[1], mode="dreaming"))
    told = [queued, strange, scene.delta("done", 0), scene.replied("done"), scene.finished("done", stop="evaporated")]
    with double(home, {"turn.start": answers(told)}):
        ran = ctl(home, "ask", "hi")
    assert (ran.code, ran.out) == (1, "done\n")
    assert "mode: Invalid enum value 'dreaming'; a newer client shows it" in ran.err
    assert "stop: Invalid enum value 'evaporated'; a newer client shows it" in ran.err


def test_a_message_that_somebody_takes_back_ends_the_asking(home: Path) -> None:
    scene = Session()
    withdrawn = scene.begun("hi")
    withdrawn.append(scene.event("turn.withdrawn", turn.WithdrawnEvent, turn="t1", actor="other"))
    with double(home, {"turn.start": answers(withdrawn)}):
        ran = ctl(home, "ask", "hi")
        data = json.loads(ctl(home, "ask", "--json", "hi").out)
    assert ran == Ran(
        130,
        "",
        "- other withdrew the message before the model spoke\n"
        "error: the turn ended: withdrawn\n"
        "  why: Somebody took the message back before the model spoke.\n"
        f"   do: agentctl ask -s {SESSION} ...\n",
    )
    assert (data["stop_reason"], data["text"], data["items"]) == ("withdrawn", "", [])
