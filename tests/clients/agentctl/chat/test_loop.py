"""The chat on a real terminal: lines, keys, commands; what goes to the daemon, and what is seen."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agentclient.testing import Answer, Call
from agentproto.api import log, model, question, session, turn
from agentproto.errors import WireError
from clients.scene import SESSION, Session, a_question, answers, double, started
from clients.terminal import Terminal, terminal

READY = "/help"
KEYS_COUNT = "[q] leave it open"


def prompts(calls: list[Call]) -> list[turn.StartParams]:
    return [call.params for call in calls if isinstance(call.params, turn.StartParams)]


def leave(screen: Terminal) -> None:
    screen.type("/quit\r")
    assert screen.end() == 0


def test_a_line_is_asked_and_the_answer_is_drawn(home: Path) -> None:
    (home / "notes.txt").write_text("x")
    whole = Session().answer("It is **42**.\n\n- one\n- two", "see @notes.txt")
    with (
        double(home, {"turn.start": answers(whole)}) as served,
        terminal(home, "agentctl", "chat", NO_COLOR="1") as screen,
    ):
        screen.until(READY)
        screen.type("see @notes.txt\r")
        screen.until("It is 42.")
        screen.until("two")
        leave(screen)
        assert f"agentctl attach {SESSION}" in screen.shown
        assert "somebody says" not in screen.shown, "what was typed here stands there already"
    params = prompts(served.calls)[0]
    assert (params.prompt, params.files, params.cwd, params.subscribe) == (
        "see @notes.txt",
        (str(home / "notes.txt"),),
        str(home),
        True,
    )
    history = home / "state" / "chat-history"
    assert stat.S_IMODE(os.stat(history).st_mode) == 0o600
    assert "+see @notes.txt" in history.read_text()


def test_while_it_works_a_line_steers_and_escape_stops(home: Path) -> None:
    scene = Session()

    def stop(call: Call) -> Answer:
        return Answer(turn.InterruptResult(True), (scene.finished("", stop="interrupted"),))

    handlers = {
        "turn.start": answers(scene.begun("go")),
        "turn.steer": lambda call: turn.SteerResult(9),
        "turn.interrupt": stop,
    }
    with double(home, handlers) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("go\r")
        screen.until("Esc stops")
        screen.type("faster\r")
        served.wait_for(lambda: "turn.steer" in served.methods())
        screen.type("\x1b")
        screen.until("the turn ended: interrupted")
        leave(screen)
    steered = next(call.params for call in served.calls if call.method == "turn.steer")
    assert isinstance(steered, turn.SteerParams)
    assert (steered.session, steered.text) == (SESSION, "faster")


def test_lines_that_are_pasted_stay_lines_and_alt_enter_makes_one(home: Path) -> None:
    with double(home, {"turn.start": lambda call: started()}) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("\x1b[200~one\ntwo\x1b[201~\x1b\rthree\r")
        served.wait_for(lambda: bool(prompts(served.calls)))
        screen.type("\x04")
        assert screen.end() == 0
    assert prompts(served.calls)[0].prompt == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("keys", "decision", "text"), [("y", "approve", ""), ("n", "deny", ""), ("dno way\r", "deny", "no way")]
)
def test_a_question_is_answered_with_a_key(home: Path, keys: str, decision: str, text: str) -> None:
    scene = Session()
    asked = [*scene.begun("hi"), scene.asks(a_question())]
    result = question.AnswerResult("q1", SESSION, "t1", 9)

    def answered(call: Call) -> Answer:
        return Answer(result, (scene.decided("q1"), scene.finished("x")))

    handlers = {"turn.start": answers(asked), "question.answer": answered}
    with double(home, handlers) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("hi\r")
        screen.until("rm -rf build")
        screen.until(KEYS_COUNT)
        screen.type(keys)
        served.wait_for(lambda: "question.answer" in served.methods())
        leave(screen)
    params = next(call.params for call in served.calls if call.method == "question.answer")
    assert isinstance(params, question.AnswerParams)
    assert (params.decision, params.text) == (decision, text)


def test_a_key_that_was_on_its_way_when_the_question_came_is_no_answer(home: Path) -> None:
    scene = Session()
    asked = [*scene.begun("hi"), scene.asks(a_question())]
    with double(home, {"turn.start": answers(asked)}) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("hi\r")
        screen.until("rm -rf build")
        screen.type("yes")
        screen.until("yes")
        screen.type("\x15\x04")
        assert screen.end() == 0
    assert "question.answer" not in served.methods()


def test_commands_do_what_help_says(home: Path) -> None:
    models = model.ListResult((model.ModelInfo("offline", "offline", "o", True, "built in", "built in"),))
    listed = session.ListResult((session.SessionSummary(SESSION, "a title", "/w", "idle", 0, 0, 1, 1, 1),))
    handlers = {
        "model.list": lambda call: models,
        "session.list": lambda call: listed,
        "session.set": lambda call: session.SetResult(3),
        "turn.start": answers(Session().answer("x")),
    }
    with double(home, handlers) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        for line, seen in (
            ("/help", "search the history"),
            ("/model", "built in"),
            ("/sessions", "a title"),
            ("/status", "sandbox  none"),
            ("/interrupt", "no turn is running"),
            ("/vim", "vi keys on"),
            ("/mode plan", "mode plan"),
            ("/mode auto", "are not in this version"),
            ("/modle", "Did you mean /mode or /model?"),
        ):
            screen.type(f"{line}\r")
            screen.until(seen)
        screen.type("hi\r")
        screen.until("12 matches")
        screen.type("/model offline\r")
        screen.until("from the next turn on")
        leave(screen)
    assert prompts(served.calls)[0].mode == "plan"
    changed = next(call.params for call in served.calls if call.method == "session.set")
    assert isinstance(changed, session.SetParams)
    assert (changed.session, changed.model) == (SESSION, "offline")


def test_a_refusal_is_three_lines_and_the_chat_goes_on(home: Path) -> None:
    with double(home) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("hi\r")
        screen.until("the double has no handler for turn.start")
        screen.until("do: agentctl doctor")
        leave(screen)
    assert served.methods() == ["turn.start"]


def test_attaching_shows_what_was_and_goes_on_in_that_session(home: Path) -> None:
    scene = Session()
    told = tuple(scene.answer("It is 42.", "what is it?"))
    handlers = {
        "log.subscribe": lambda call: Answer(_subscribed(call), told),
        "turn.start": lambda call: started("t2"),
    }
    with double(home, handlers) as served, terminal(home, "agentctl", "attach", SESSION) as screen:  # type: ignore[arg-type]
        screen.until("somebody says: what is it?")
        screen.until("It is 42.")
        screen.until(READY)
        screen.type("and now?\r")
        served.wait_for(lambda: bool(prompts(served.calls)))
        screen.type("\x04")
        assert screen.end() == 0
    assert (prompts(served.calls)[0].session, prompts(served.calls)[0].cwd) == (SESSION, None)


def test_a_session_that_is_none_ends_it_with_three_lines(home: Path) -> None:
    error = WireError("not_found", "client", "there is no stream x", "no log has it", "agentctl sessions list")
    with double(home, {"log.subscribe": lambda call: error}), terminal(home, "agentctl", "attach", "x") as screen:
        screen.until("error: there is no stream x")
        assert screen.end() == 1


def test_continuing_joins_the_latest_session_of_this_workspace(home: Path) -> None:
    listed = session.ListResult((session.SessionSummary(SESSION, "a title", "/w", "idle", 0, 0, 1, 1, 1),))
    handlers = {"session.list": lambda call: listed, "log.subscribe": _subscribed}
    with double(home, handlers) as served, terminal(home, "agentctl", "chat", "-c") as screen:
        served.wait_for(lambda: "log.subscribe" in served.methods())
        screen.until(SESSION)
        screen.type("\x04")
        assert screen.end() == 0
    assert [call.params for call in served.calls] == [
        session.ListParams(limit=1, workspace=str(home)),
        log.SubscribeParams(stream=SESSION),
    ]


def _subscribed(call: Call) -> log.SubscribeResult:
    return log.SubscribeResult(SESSION, 0)
