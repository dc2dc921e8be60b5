"""Taking back with a real daemon, real files and a real repository: undo, refusal, redo, forks, replay, verification."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon

ASK = ("ask", "change it", "--model", "writer", "--json", "--no-input")
COMMAND = "printf 'two\\n' > notes.txt; rm old.txt; printf 'new\\n' > made.txt"


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """The model `writer` reads, edits, and runs a command that changes files beside."""
    with real_daemon(home, started=False) as daemon:
        steps = (
            {"tools": [{"name": "read", "arguments": {"path": "README.md"}}]},
            {"tools": [{"name": "write", "arguments": {"path": "README.md", "content": "rewritten\n"}}]},
            {"tools": [{"name": "shell", "arguments": {"command": COMMAND}}]},
            {"text": "Done."},
        )
        daemon.settings(daemon.model("writer", *steps, by="step"))
        daemon.start()
        yield daemon


@pytest.fixture
def before(workspace: Path) -> dict[str, bytes]:
    """The files of the workspace, some of which no commit has."""
    (workspace / "notes.txt").write_bytes(b"one\n")
    (workspace / "old.txt").write_bytes(b"\x00\xff keep me\n")
    (workspace / "old.txt").chmod(0o640)
    return tree(workspace)


def tree(workspace: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(workspace)): path.read_bytes()
        for path in sorted(workspace.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def a_changed_session(daemon: RealDaemon, workspace: Path) -> str:
    """A session whose one turn, all of it approved, has changed files by a tool and by a command."""
    allow = ("--allow", "write", "--allow", "shell(printf:*)", "--allow", "shell")
    ran = daemon.agentctl(*ASK, *allow, cwd=workspace)
    session = str(ran.fields["session"])
    while ran.code == 4:
        for row in daemon.agentctl("pending", "--json").rows:
            daemon.agentctl("approve", str(row["id"]))
        ran = daemon.agentctl("attach", session, "--json", "--no-input", cwd=workspace)
    return session


def finished(daemon: RealDaemon, session: str) -> bool:
    return any(line["type"] == "turn.finished" for line in daemon.lines(session))


def test_an_undo_brings_back_what_tools_and_commands_changed_byte_for_byte_and_a_redo_does_it_again(
    daemon: RealDaemon, workspace: Path, before: dict[str, bytes]
) -> None:
    session = a_changed_session(daemon, workspace)
    after = tree(workspace)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {
        "README.md",
        "notes.txt",
        "old.txt",
        "made.txt",
    }
    undone = daemon.agentctl("sessions", "undo", session)
    assert (undone.code, tree(workspace)) == (0, before), undone
    assert (workspace / "old.txt").stat().st_mode & 0o777 == 0o640
    redone = daemon.agentctl("sessions", "undo", session, "--redo")
    assert (redone.code, tree(workspace)) == (0, after), redone
    status = subprocess.run(["git", "status", "--porcelain"], cwd=workspace, capture_output=True, text=True, check=True)
    assert "README.md" in status.stdout


def test_an_undo_is_refused_where_a_person_wrote_since_and_goes_on_over_a_killed_daemon(
    daemon: RealDaemon, workspace: Path, before: dict[str, bytes]
) -> None:
    session = a_changed_session(daemon, workspace)
    (workspace / "notes.txt").write_bytes(b"a person's\n")
    daemon.kill()
    daemon.start()
    refused = daemon.agentctl("sessions", "undo", session)
    assert refused.code == 1
    assert f"{workspace}/notes.txt (somebody else changed it since)" in refused.err
    assert tree(workspace)["README.md"] == b"rewritten\n"
    rest = daemon.agentctl("sessions", "undo", session, "--skip-changed")
    assert rest.code == 0
    assert tree(workspace) == before | {"notes.txt": b"a person's\n"}


def test_a_session_is_replayed_verified_forked_and_shown_as_a_workflow(
    daemon: RealDaemon, workspace: Path, before: dict[str, bytes]
) -> None:
    session = a_changed_session(daemon, workspace)
    replayed = daemon.agentctl("sessions", "replay", session)
    assert (replayed.code, replayed.out) == (0, "identical\n"), replayed
    fork = str(daemon.agentctl("sessions", "fork", session, "--json").fields["session"])
    undone = daemon.agentctl("sessions", "undo", fork)
    assert (undone.code, tree(workspace)) == (0, before), undone
    verified = daemon.agentctl("sessions", "verify", "--all")
    assert verified.code == 0, verified
    steps = daemon.agentctl("sessions", "show", session, "--workflow", "--json").rows
    assert [(step["tool"], step["state"]) for step in steps] == [("write", "done"), ("shell", "done")]
    assert sorted(touched["path"] for touched in steps[1]["touched"]) == [  # type: ignore[attr-defined, index]
        f"{workspace}/made.txt",
        f"{workspace}/notes.txt",
        f"{workspace}/old.txt",
    ]
    assert daemon.agentctl("sessions", "replay", fork).out == "identical\n"
