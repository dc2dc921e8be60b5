"""The bounds of one turn: its steps, its mode, its rules; with the exit codes that say which of them held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentproto.api import tool
from support.conversations import events_of
from support.daemon import RealDaemon, real_daemon
from support.waiting import until

RUN = "run: touch made.txt"


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """The model `busy` calls a reading tool for ever; `writer` wants to write, then to run."""
    with real_daemon(home, started=False) as daemon:
        busy = {"text": "Again.", "tools": [{"name": "read", "arguments": {"path": "README.md"}}]}
        writer = (
            {"tools": [{"name": "write", "arguments": {"path": "new.txt", "content": "x"}}]},
            {"tools": [{"name": "shell", "arguments": {"command": "touch made.txt"}}]},
            {"text": "I could not."},
        )
        daemon.settings(daemon.model("busy", busy, loop=True) + daemon.model("writer", *writer, by="step"))
        daemon.start()
        yield daemon


def test_a_turn_stops_after_its_steps(daemon: RealDaemon, workspace: Path) -> None:
    ran = daemon.agentctl("ask", "go", "--model", "busy", "--max-steps", "3", "--json", cwd=workspace)
    said = ran.fields

    assert (ran.code, said["stop_reason"]) == (1, "max_steps")
    names = [name for name, _ in events_of(daemon, str(said["session"]))]
    assert (names.count("step.replied"), names.count("tool.finished")) == (3, 3)
    assert "--max-steps" in ran.err


def test_plan_mode_offers_and_runs_nothing_that_changes_anything(daemon: RealDaemon, workspace: Path) -> None:
    ran = daemon.agentctl("ask", "go", "--mode", "plan", "--model", "writer", "--json", cwd=workspace)
    said = ran.fields
    with daemon.client() as client:
        session = str(said["session"])
        offered = client.call("tool.list", tool.ListParams(session=session), tool.ListResult).tools
    results = [body for name, body in events_of(daemon, session) if name == "tool.finished"]
    (prefix,) = (line for line in daemon.lines(session) if line["type"] == "prefix.recorded")

    assert (ran.code, said["text"], said["stop_reason"]) == (0, "I could not.", "end")
    assert [body["status"] for body in results] == ["error", "error"]
    assert all("plan mode" in str(body["text"]) for body in results)
    assert sorted(path.name for path in workspace.iterdir()) == [".git", "README.md", "src"]
    usable = {one.name for one in offered if not one.out}
    assert usable == {one.name for one in offered if one.read_only} == set(prefix["tools"])  # type: ignore[call-overload]
    assert {"write", "edit", "shell"} & usable == set()


def test_what_a_rule_denies_ends_with_6_and_is_not_run(daemon: RealDaemon, workspace: Path) -> None:
    ran = daemon.agentctl("ask", RUN, "--deny", "shell(touch:*)", "--json", cwd=workspace)

    assert (ran.code, ran.fields["stop_reason"]) == (6, "denied")
    assert not (workspace / "made.txt").exists()
    assert daemon.agentctl("pending", "--json").rows == []


def test_what_a_rule_allows_runs_without_a_question(daemon: RealDaemon, workspace: Path) -> None:
    ran = daemon.agentctl("ask", RUN, "--allow", "shell(touch:*)", "--no-input", "--json", cwd=workspace)
    names = [name for name, _ in events_of(daemon, str(ran.fields["session"]))]

    assert (ran.code, ran.fields["stop_reason"]) == (0, "end")
    assert (workspace / "made.txt").exists()
    assert names.count("question.opened") == 0


def test_a_rule_of_one_turn_does_not_hold_in_the_next(daemon: RealDaemon, workspace: Path) -> None:
    first = daemon.agentctl("ask", RUN, "--allow", "shell(touch:*)", "--no-input", "--json", cwd=workspace)
    second = daemon.agentctl("ask", "run: touch other.txt", "--continue", "--no-input", cwd=workspace)

    assert (first.code, second.code) == (0, 4)
    assert not (workspace / "other.txt").exists()


def test_deny_beats_allow(daemon: RealDaemon, workspace: Path) -> None:
    ran = daemon.agentctl("ask", RUN, "--allow", "shell", "--deny", "shell(touch:*)", "--no-input", cwd=workspace)

    assert ran.code == 6
    assert not (workspace / "made.txt").exists()


def test_the_daemons_own_folders_are_closed_whatever_a_rule_says(daemon: RealDaemon, workspace: Path) -> None:
    secret = Path(daemon.folders.run, "connection.json")
    ran = daemon.agentctl("ask", f"read {secret}", "--allow", "read", "--json", "--no-input", cwd=workspace)

    assert ran.code in (0, 6)
    assert daemon.connection.client_secret not in ran.out + ran.err


def state_is_idle(daemon: RealDaemon, session: str) -> bool:
    rows = daemon.agentctl("sessions", "list", "--json").rows
    return any((row["id"], row["state"]) == (session, "idle") for row in rows)


def test_a_turn_that_waits_behind_an_open_question_ends_with_4_when_nobody_can_be_asked(
    daemon: RealDaemon, workspace: Path
) -> None:
    daemon.agentctl("ask", "--no-input", RUN, cwd=workspace)
    (opened,) = daemon.agentctl("pending", "--json").rows
    queued = daemon.agentctl("ask", "and then?", "-s", str(opened["session"]), "--no-input", cwd=workspace)
    assert (queued.code, str(opened["id"]) in queued.err) == (4, True)


def test_an_approval_for_the_session_is_not_asked_for_again_in_it_alone(daemon: RealDaemon, workspace: Path) -> None:
    daemon.agentctl("ask", "--no-input", RUN, cwd=workspace)
    (opened,) = daemon.agentctl("pending", "--json").rows
    approved = daemon.agentctl("approve", str(opened["id"]), "--for", "session")
    until(lambda: state_is_idle(daemon, str(opened["session"])), "the command has run")
    daemon.restart()
    again = daemon.agentctl("ask", RUN, "-s", str(opened["session"]), "--no-input", cwd=workspace)
    elsewhere = daemon.agentctl("ask", RUN, "--no-input", cwd=workspace)

    assert (approved.code, again.code, elsewhere.code) == (0, 0, 4)
