"""The same messages to another model: each in turn, questions denied, the worktree gone at the end however it ended."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from agentclient.blocking import connect
from agentclient.errors import ClientError, RefusedError
from agentclient.testing import Answer, Call, Handler
from agentctl.follow import Interrupts
from agentctl.sessions.rerun import Rerun, Wish, run
from agentproto.api import log, question, session, turn
from agentproto.errors import WireError
from agentproto.revisions import Touched, WorkflowStep
from clients.othermodel import REPLAY, Other, a_repository
from clients.scene import SESSION, double, environment
from clients.stage import FIRST


@pytest.fixture
def repository(home: Path) -> Path:
    return a_repository(home)


def rerun(home: Path, handlers: dict[str, Handler], wish: Wish) -> tuple[Rerun, list[Call], list[str]]:
    told: list[str] = []
    with double(home, handlers) as served, connect("test", environment=environment(home)) as client:
        return run(client, wish, Interrupts(), told.append), served.calls, told


def test_every_message_is_asked_again_and_questions_are_denied(home: Path, repository: Path) -> None:
    other = Other("end", "end")
    (repository / "c.py").write_text("c\n")
    touched = (
        Touched(f"{repository}/a.py", None, hashlib.sha256(b"one\n").hexdigest()),
        Touched(f"{repository}/b.py", None, "0" * 64),
        Touched(f"{repository}/c.py", None, hashlib.sha256(b"c\n").hexdigest()),
        Touched("/else/d.py", None, "1" * 64),
    )
    step = WorkflowStep(f"{FIRST}.1.1", FIRST, "edit", "a.py", "done", 1, touched=touched)
    done, calls, told = rerun(home, other.handlers(repository, step), Wish(SESSION, "small", ("shell(make)",)))
    assert told == ["turn 1 of 2: what is it?", "turn 2 of 2: and why?"]
    assert [(pair.number, pair.replayed and pair.replayed.model, pair.same_answer) for pair in done.turns] == [
        (1, "small", False),
        (2, "small", True),
    ]
    assert [line.split("|")[0].strip() for line in done.files.splitlines()] == [
        "{recorded => replayed}/a.py",
        "recorded/c.py => /dev/null",
        "2 files changed, 1 insertion(+), 2 deletions(-)",
    ]
    assert done.not_compared == {
        f"{repository}/b.py": "it was changed since",
        "/else/d.py": "it lies outside the workspace",
    }
    assert (done.session, done.replay, done.model, done.kept) == (SESSION, REPLAY, "small", None)
    starts = [call.params for call in calls if isinstance(call.params, turn.StartParams)]
    assert [(one.prompt, one.session, one.allow) for one in starts] == [
        ("what is it?", REPLAY, ("shell(make)",)),
        ("and why?", REPLAY, ("shell(make)",)),
    ]
    created = next(call.params for call in calls if isinstance(call.params, session.CreateParams))
    assert (created.model, created.title) == ("small", f"replay of {SESSION} with small")
    denied = next(call.params for call in calls if isinstance(call.params, question.AnswerParams))
    assert (denied.question, denied.decision) == ("q1", "deny")
    assert log.SubscribeParams(stream=REPLAY) in [call.params for call in calls]
    assert not Path(other.cwd).exists()
    assert (repository / "a.py").read_text() == "one\n", "the workspace is not touched"


def test_an_error_is_the_end_and_what_is_to_be_kept_is_kept(home: Path, repository: Path) -> None:
    other = Other("error")
    done, _, told = rerun(home, other.handlers(repository), Wish(SESSION, "small", keep=True))
    assert told == ["turn 1 of 2: what is it?"]
    assert [pair.replayed and pair.replayed.stop for pair in done.turns] == ["error", None]
    assert done.kept == other.cwd
    assert (Path(other.cwd) / "a.py").read_text() == "ONE\n"
    shutil.rmtree(Path(other.cwd).parent)


def test_ctrl_c_stops_the_turn_and_the_worktree_goes(home: Path, repository: Path) -> None:
    other = Other()
    interrupts = Interrupts()

    def pressed(call: Call) -> Answer:
        interrupts.count = 1
        return Answer(question.AnswerResult("q1", REPLAY, "r1", 1))

    handlers = other.handlers(repository) | {"question.answer": pressed}
    with double(home, handlers) as served, connect("test", environment=environment(home)) as client:
        done = run(client, Wish(SESSION, "small"), interrupts, lambda line: None)
    assert "turn.interrupt" in served.methods()
    assert [pair.replayed and pair.replayed.stop for pair in done.turns] == ["interrupted", None]
    assert not Path(other.cwd).exists()


def test_a_model_that_is_none_leaves_nothing_behind(home: Path, repository: Path) -> None:
    error = WireError("not_found", "client", "there is no model small", "x", "agentctl models list")
    handlers = Other().handlers(repository) | {"session.create": lambda call: error}
    with pytest.raises(RefusedError, match="there is no model small"):
        rerun(home, handlers, Wish(SESSION, "small"))
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, check=True, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 1


def test_a_session_without_turns_is_refused(home: Path, repository: Path) -> None:
    handlers = Other().handlers(repository) | {"session.items": lambda call: session.ItemsResult(())}
    with pytest.raises(ClientError, match="has no turns"):
        rerun(home, handlers, Wish(SESSION, "small"))
