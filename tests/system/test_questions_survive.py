"""A question is durable: open after kill -9, answerable by any client, decided once."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.conversations import ended, state_of
from support.daemon import Ran, RealDaemon
from support.waiting import until

PENDING_FIELDS = {"id", "session", "tool", "summary", "command", "gates", "at_ms"}


def asked(daemon: RealDaemon, workspace: Path, command: str = "touch made.txt") -> tuple[str, str, Ran]:
    """A turn that waits for a permission: session and question."""
    ran = daemon.agentctl("ask", "--no-input", f"run: {command}", cwd=workspace)
    (opened,) = daemon.agentctl("pending", "--json").rows
    return str(opened["session"]), str(opened["id"]), ran


def test_without_input_the_ask_ends_at_once_and_names_session_and_question(idle: RealDaemon, workspace: Path) -> None:
    id, question, ran = asked(idle, workspace)

    assert (ran.code, ran.out) == (4, "")
    assert f"question {question} is open in session {id}\n" in ran.err
    assert f"agentctl approve {question}" in ran.err
    (opened,) = idle.agentctl("pending", "--json").rows
    assert set(opened) >= PENDING_FIELDS
    assert (opened["tool"], opened["command"], opened["cwd"]) == ("shell", "touch made.txt", str(workspace))
    assert not (workspace / "made.txt").exists()


def test_a_question_is_open_after_kill_9_and_its_approval_goes_on_with_the_turn(
    idle: RealDaemon, workspace: Path
) -> None:
    id, question, _ = asked(idle, workspace)
    before = idle.agentctl("pending", "--json")
    killed = idle.pid
    idle.kill()

    assert idle.agentctl("pending", "--json") == before
    assert idle.pid not in (None, killed)
    approved = idle.agentctl("approve", question)

    assert approved.code == 0, approved.err
    until((workspace / "made.txt").exists, "the approved command runs")
    end = ended(idle, id)
    assert (end.stop, (workspace / "made.txt").read_bytes()) == ("end", b"")
    assert idle.agentctl("pending", "--json").rows == []


def test_the_second_answer_is_refused_and_told_who_decided(daemon: RealDaemon, workspace: Path) -> None:
    _, question, _ = asked(daemon, workspace)
    assert daemon.agentctl("approve", question).code == 0
    again = daemon.agentctl("deny", question)
    daemon.restart()
    later = daemon.agentctl("approve", question)

    for ran in (again, later):
        assert ran.code == 1
        assert ran.err.startswith(f"error: question {question} is already decided\n")
        assert "agentctl approve" in ran.err
        assert ": approve, at " in ran.err


def test_what_is_denied_is_not_run_and_the_turn_ends(daemon: RealDaemon, workspace: Path) -> None:
    id, question, _ = asked(daemon, workspace)
    denied = daemon.agentctl("deny", question, "--why", "not today")

    assert denied.code == 0, denied.err
    end = ended(daemon, id)
    assert not (workspace / "made.txt").exists()
    assert "not today" in end.text
    daemon.restart()
    assert state_of(daemon, id) == "idle"
    assert not (workspace / "made.txt").exists()


def test_the_asking_client_takes_part_when_somebody_else_answers(daemon: RealDaemon, workspace: Path) -> None:
    """Nobody can be asked here, but nothing said --no-input: the client waits, and shows how it went on."""
    with daemon.spawn("ask", "run: echo so it is", cwd=workspace) as asking:
        (opened,) = until(lambda: daemon.agentctl("pending", "--json").rows, "the question is open")
        assert daemon.agentctl("approve", str(opened["id"])).code == 0
        out, err = asking.communicate(timeout=30)

    assert (asking.returncode, "so it is" in out) == (0, True), err


@pytest.mark.parametrize("command", [("approve", "q1"), ("deny", "q1"), ("answer", "q1", "yes")], ids=" ".join)
def test_a_question_that_never_was_is_named(daemon: RealDaemon, command: tuple[str, ...]) -> None:
    ran = daemon.agentctl(*command)

    assert ran.code == 1
    assert "q1" in ran.err.splitlines()[0]
    assert "agentctl" in ran.err
