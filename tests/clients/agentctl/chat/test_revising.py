"""The chat takes back: Esc before the first word, /undo and /rewind with the message back in the line; and finds and
hands over."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentclient.testing import Answer, Call, Event, Handler
from agentproto.api import log, session, turn
from agentproto.errors import WireError
from agentproto.keeping import SearchHit, SearchParams, SearchResult
from agentproto.revisions import (
    FileRevision,
    ForkResult,
    RevertResult,
    RewindParams,
    UndoParams,
    WorkflowResult,
)
from clients.scene import SESSION, Session, answers, double, started
from clients.stage import AT, FIRST, SECOND, STEPS, listing, lived, reverted, two_turns
from clients.terminal import Terminal, terminal

READY = "/help"
FORK = "s0000000000000002"


def leave(screen: Terminal) -> None:
    screen.type("\x15/quit\r")
    assert screen.end() == 0


def prompts(calls: list[Call]) -> list[str]:
    return [call.params.prompt for call in calls if isinstance(call.params, turn.StartParams)]


def withdrawn(scene: Session, text: str) -> Handler:
    def answer(call: Call) -> Answer:
        assert isinstance(call.params, turn.WithdrawParams)
        event = scene.event("turn.withdrawn", turn.WithdrawnEvent, turn="t1", actor="agentctl chat")
        return Answer(turn.WithdrawResult("t1", scene.seq, text), (event, scene.finished("", stop="withdrawn")))

    return answer


@pytest.mark.parametrize("key", ["\x1b", "\x03"])
def test_before_the_first_word_a_message_comes_back_into_the_line(home: Path, key: str) -> None:
    scene = Session()
    handlers = {"turn.start": answers(scene.begun("fix it")), "turn.withdraw": withdrawn(scene, "fix it")}
    with double(home, handlers) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("fix it\r")
        screen.until("Esc stops")
        screen.type(key)
        screen.until("withdrawn; the message is back in the line")
        screen.type(" now\r")
        served.wait_for(lambda: len(prompts(served.calls)) == 2)
        leave(screen)
        assert "agentctl chat withdrew" not in screen.shown, "who took it back himself need not be told"
        assert "the turn ended" not in screen.shown
    assert prompts(served.calls) == ["fix it", "fix it now"]
    assert "turn.interrupt" not in served.methods()
    asked = next(call.params for call in served.calls if isinstance(call.params, turn.WithdrawParams))
    assert (asked.session, asked.turn) == (SESSION, "t1")


def test_after_the_first_word_escape_stops_the_turn(home: Path) -> None:
    scene = Session()
    told = [*scene.begun("go"), scene.delta("It is a long story.\n\n", 0)]

    def stop(call: Call) -> Answer:
        return Answer(turn.InterruptResult(True), (scene.finished("", stop="interrupted"),))

    handlers = {"turn.start": answers(told), "turn.interrupt": stop}
    with double(home, handlers) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("go\r")
        screen.until("a long story")
        screen.type("\x1b")
        screen.until("the turn ended: interrupted")
        leave(screen)
    assert "turn.withdraw" not in served.methods()


def test_where_it_is_too_late_to_take_back_the_turn_is_stopped(home: Path) -> None:
    scene = Session()
    late = WireError("conflict", "client", "the model has spoken", "x", "turn.interrupt")

    def stop(call: Call) -> Answer:
        return Answer(turn.InterruptResult(True), (scene.finished("", stop="interrupted"),))

    handlers: dict[str, Handler] = {
        "turn.start": answers(scene.begun("go")),
        "turn.withdraw": lambda call: late,
        "turn.interrupt": stop,
    }
    with double(home, handlers) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        screen.type("go\r")
        screen.until("Esc stops")
        screen.type("\x1b")
        screen.until("the turn ended: interrupted")
        leave(screen)
    assert served.methods()[-2:] == ["turn.withdraw", "turn.interrupt"]


def test_a_message_of_somebody_else_is_stopped_not_taken_back(home: Path) -> None:
    scene = Session()
    told = tuple(scene.begun("go"))
    handlers: dict[str, Handler] = {
        "log.subscribe": lambda call: Answer(log.SubscribeResult(SESSION, 0), told),
        "turn.interrupt": lambda call: turn.InterruptResult(True),
    }
    with double(home, handlers) as served, terminal(home, "agentctl", "attach", SESSION) as screen:
        screen.until("Esc stops")
        screen.type("\x1b")
        served.wait_for(lambda: "turn.interrupt" in served.methods())
        screen.type("\x04")
        assert screen.end() == 0
    assert "turn.withdraw" not in served.methods()


class Joined:
    """A session with two turns that a chat has joined."""

    def __init__(self, **handlers: Handler) -> None:
        self.scene = two_turns()
        told = tuple(self.scene.logged)
        self.handlers = lived(self.scene, **handlers) | {
            "log.subscribe": lambda call: Answer(log.SubscribeResult(SESSION, 0), told),
            "log.unsubscribe": lambda call: log.UnsubscribeResult(True),
        }

    def event(self, kind: str, *turns: str) -> Event:
        return reverted(self.scene, kind, *turns, files=(FileRevision("/w/a.py", "restored"),))


def test_undo_shows_what_became_of_files_and_puts_the_message_back(home: Path) -> None:
    joined = Joined(
        session_undo=lambda call: Answer(RevertResult(11, (SECOND,), (), "and why?"), (joined.event("undo", SECOND),)),
        turn_start=lambda call: started("t3"),
    )
    with double(home, joined.handlers) as served, terminal(home, "agentctl", "attach", SESSION) as screen:
        screen.until("Because.")
        screen.type("/undo\r")
        screen.until("somebody took back turn t2: 1 file restored")
        screen.until("restored  /w/a.py")
        screen.until("and why?")
        screen.type(" really\r")
        served.wait_for(lambda: bool(prompts(served.calls)))
        leave(screen)
    assert prompts(served.calls) == ["and why? really"]
    asked = next(call.params for call in served.calls if isinstance(call.params, UndoParams))
    assert asked == UndoParams(key=asked.key, session=SESSION)


def test_a_refused_undo_is_three_lines_and_the_chat_goes_on(home: Path) -> None:
    error = WireError("conflict", "client", "/w/a.py was changed since", "by somebody", "agentctl sessions undo")
    joined = Joined(session_undo=lambda call: error)
    with double(home, joined.handlers), terminal(home, "agentctl", "attach", SESSION) as screen:
        screen.until("Because.")
        screen.type("/undo\r")
        screen.until("error: /w/a.py was changed since")
        screen.until("do: agentctl sessions undo")
        leave(screen)


def test_redo_rewind_and_rename_ask_what_they_say(home: Path) -> None:
    joined = Joined(
        session_undo=lambda call: Answer(RevertResult(11, (SECOND,), ()), (joined.event("redo", SECOND),)),
        session_rewind=lambda call: Answer(
            RevertResult(12, (SECOND,), (), "and why?"), (joined.event("rewind", SECOND),)
        ),
        session_set=lambda call: session.SetResult(13),
    )
    with double(home, joined.handlers) as served, terminal(home, "agentctl", "attach", SESSION) as screen:
        screen.until("Because.")
        screen.type("/redo\r")
        screen.until("brought back turn t2")
        screen.type("/rewind\r")
        screen.until("what is it?")
        screen.until("/rewind N takes back the turns after turn N; 0: all of them")
        screen.type("/rewind 7\r")
        screen.until("has no turn 7")
        screen.type("/rewind 1\r")
        screen.until("took back turn t2")
        screen.until("and why?")
        screen.type("\x15/rewind 0\r")
        screen.until("took back turn t2")
        screen.type("\x15/rename  a  better name\r")
        screen.until("its title is now: a better name")
        screen.type("/rename\r")
        screen.until("say the title")
        leave(screen)
    rewinds = [call.params.to_turn for call in served.calls if isinstance(call.params, RewindParams)]
    assert rewinds == [FIRST, None]
    assert [call.params.redo for call in served.calls if isinstance(call.params, UndoParams)] == [True]
    assert [call.params.title for call in served.calls if isinstance(call.params, session.SetParams)] == [
        "a better name"
    ]


def test_a_fork_is_gone_on_with(home: Path) -> None:
    joined = Joined(
        session_fork=lambda call: ForkResult(FORK, SESSION, 2),
        turn_start=lambda call: turn.StartResult(FORK, "t3", 1, "/w"),
    )
    with double(home, joined.handlers) as served, terminal(home, "agentctl", "attach", SESSION) as screen:
        screen.until("Because.")
        screen.type("/fork\r")
        screen.until(f"this is now session {FORK}, a fork of {SESSION} with 2 turns")
        screen.type("another way\r")
        served.wait_for(lambda: bool(prompts(served.calls)))
        screen.type("\x04")
        assert screen.end() == 0
        assert f"agentctl attach {FORK}" in screen.shown
    asked = next(call.params for call in served.calls if isinstance(call.params, turn.StartParams))
    assert (asked.session, asked.prompt) == (FORK, "another way")
    assert log.SubscribeParams(stream=FORK, after_seq=-1) in [call.params for call in served.calls]
    assert log.UnsubscribeParams(SESSION) in [call.params for call in served.calls]


def test_workflow_search_and_export_are_there_too(home: Path) -> None:
    hit = SearchHit(SESSION, 42, AT, "answer", "the [flaky] login", 3.5, "fix it")
    joined = Joined(
        session_workflow=lambda call: WorkflowResult(tuple(STEPS[:1])),
        session_search=lambda call: SearchResult((hit,), 3, 1),
    )
    with (
        double(home, joined.handlers) as served,
        terminal(home, "agentctl", "attach", SESSION, columns=120, NO_COLOR="1") as screen,
    ):
        screen.until("Because.")
        screen.type("/workflow\r")
        screen.until("1a2b3c4d -> 5e6f7a8b")
        screen.type("/search flaky login\r")
        screen.until(f"{SESSION} #42  fix it")
        screen.until("1 session waits for indexing")
        screen.type("/export out.md\r")
        screen.until(f"written: {home}/out.md")
        screen.type("/export out.md\r")
        screen.until("exists already")
        leave(screen)
    assert "It is 42." in (home / "out.md").read_text()
    asked = next(call.params for call in served.calls if isinstance(call.params, SearchParams))
    assert asked == SearchParams(query="flaky login", limit=10)


def test_before_anything_was_said_there_is_nothing_to_take_back(home: Path) -> None:
    with double(home, {"session.list": listing()}) as served, terminal(home, "agentctl", "chat") as screen:
        screen.until(READY)
        for name in ("undo", "redo", "rewind 1", "fork", "rename x", "workflow", "export"):
            screen.type(f"/{name}\r")
            screen.until("nothing has been said here yet")
        screen.type("/search\r")
        screen.until("say what to look for")
        leave(screen)
    assert served.methods() == []
