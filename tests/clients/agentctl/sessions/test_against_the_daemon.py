"""The verbs against a real daemon: what a person types in a row, and what is on the disk after each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon, repository

ALLOW = ("--allow", "edit(**)", "--allow", "write(**)", "--no-input")


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """The model `edits` changes one file and makes another; `other` makes that other one differently."""
    look = {"match": "please", "tools": [{"name": "read", "arguments": {"path": "README.md"}}]}
    change = {"path": "README.md", "old_string": "small", "new_string": "great"}
    make = {"path": "new.txt", "content": "fresh\n"}
    edits = {
        "match": "please",
        "tools": [{"name": "edit", "arguments": change}, {"name": "write", "arguments": make}],
    }
    other = {"match": "please", "tools": [{"name": "write", "arguments": make | {"content": "another\n"}}]}
    done = {"match": "please", "text": "It is done."}
    talk = {"match": "zebra", "text": "The zebra is striped."}
    with real_daemon(home, started=False) as daemon:
        daemon.settings(
            daemon.model("edits", look, edits, done, talk, by="step")
            + daemon.model("other", other, done, talk, by="step")
        )
        daemon.start()
        yield daemon


@pytest.fixture
def workspace(home: Path) -> Path:
    return repository(home / "work", {"README.md": "A small thing.\n"})


def asked(daemon: RealDaemon, workspace: Path) -> str:
    """A session with two turns: one that changes files, one that only talks."""
    first = daemon.agentctl("ask", "please change it", "--model", "edits", *ALLOW, "--json", cwd=workspace)
    assert first.code == 0, first
    id = str(first.fields["session"])
    second = daemon.agentctl("ask", "what of the zebra?", "-s", id, "--model", "edits", *ALLOW, cwd=workspace)
    assert (second.code, second.out) == (0, "The zebra is striped.\n")
    return id


def files(workspace: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in workspace.iterdir() if path.is_file()}


BEFORE = {"README.md": "A small thing.\n"}
AFTER = {"README.md": "A great thing.\n", "new.txt": "fresh\n"}


def test_turns_and_their_files_are_taken_back_and_brought_back(daemon: RealDaemon, workspace: Path) -> None:
    id = asked(daemon, workspace)
    assert files(workspace) == AFTER

    def ran(*arguments: str) -> tuple[int, str]:
        done = daemon.agentctl("sessions", *arguments, cwd=workspace)
        return done.code, done.out

    assert ran("undo", "latest") == (0, "took back turn t2\n  no files\n")
    would = "would take back turn t1\n  would be restored  README.md\n  would be removed   new.txt\n"
    assert (ran("rewind", id, "--to", "start", "--dry-run"), files(workspace)) == ((0, would), AFTER)
    did = "took back turn t1\n  restored  README.md\n  removed   new.txt\n"
    assert (ran("undo", id[-6:]), files(workspace)) == ((0, did), BEFORE)
    assert ran("show", id, "--turns") == (0, "")
    again = "brought back turn t1\n  restored  README.md\n  restored  new.txt\n"
    assert (ran("undo", id, "--redo"), files(workspace)) == ((0, again), AFTER)
    (workspace / "README.md").write_text("Mine.\n")
    refused = daemon.agentctl("sessions", "undo", id, cwd=workspace)
    assert (refused.code, refused.out, files(workspace)) == (1, "", AFTER | {"README.md": "Mine.\n"})
    assert ["README.md" in refused.err, "--skip-changed" in refused.err] == [True, True]
    code, out = ran("undo", id, "--skip-changed")
    assert (code, files(workspace)) == (0, {"README.md": "Mine.\n"})
    assert out.startswith("took back turn t1\n  kept      README.md: ")
    assert ran("replay", id) == (0, "identical\n")


def test_a_fork_goes_its_own_way(daemon: RealDaemon, workspace: Path) -> None:
    id = asked(daemon, workspace)
    made = daemon.agentctl("sessions", "fork", id, "--after", "1", "--title", "another way", cwd=workspace)
    fork = made.out.strip()
    assert made.err == f"- forked from {id} with 1 turn; go on: agentctl attach {fork}\n"
    tree = daemon.agentctl("sessions", "show", fork, "--tree").out.splitlines()
    assert [line[: len(line.split("  20")[0])].rstrip() for line in tree] == [f"  {id}", f"*   {fork}"]
    assert daemon.agentctl("sessions", "rename", fork, "a better name").code == 0
    titles = [str(row["title"]) for row in daemon.agentctl("sessions", "list", "--json").rows]
    assert "a better name" in titles
    verified = daemon.agentctl("sessions", "verify", "--all", "--json")
    assert (verified.code, sorted((str(row["session"]), row["ok"]) for row in verified.rows)) == (
        0,
        sorted([(id, True), (fork, True)]),
    )


def test_what_was_said_is_found_handed_over_and_taken_in_again(daemon: RealDaemon, workspace: Path) -> None:
    id = asked(daemon, workspace)
    found = daemon.agentctl("sessions", "search", "zebra", "--json").fields
    hits = found["hits"]
    assert isinstance(hits, list)
    assert {hit["session"] for hit in hits} == {id}
    for form in ("md", "html", "json"):
        assert "zebra" in daemon.agentctl("sessions", "export", id, "--format", form).out
    bundle = str(workspace / "session.bundle")
    assert daemon.agentctl("sessions", "export", id, "--format", "bundle", "-o", bundle).code == 0
    assert daemon.agentctl("sessions", "rm", id, "--yes").code == 0
    assert daemon.agentctl("sessions", "show", id).code == 1
    assert daemon.agentctl("sessions", "import", bundle).out == f"{id}\n"
    assert daemon.agentctl("sessions", "archive", id).code == 0
    assert "zebra" in daemon.agentctl("sessions", "export", id).out
    assert daemon.agentctl("sessions", "archive", "--restore", id).code == 0


def test_another_model_is_asked_the_same_in_a_worktree(daemon: RealDaemon, workspace: Path) -> None:
    id = asked(daemon, workspace)
    done = daemon.agentctl(
        "sessions", "replay", id, "--model", "other", "--allow", "write(**)", "--json", cwd=workspace
    )
    said = done.fields
    assert done.code == 0, done
    turns = said["turns"]
    assert isinstance(turns, list)
    assert [(pair["recorded"]["tools"], pair["replayed"]["tools"], pair["same_answer"]) for pair in turns] == [
        (["read", "edit", "write"], ["write"], True),
        ([], [], True),
    ]
    assert [line.split("|")[0].strip() for line in str(said["files"]).splitlines()[:2]] == [
        "{recorded => replayed}/README.md",
        "{recorded => replayed}/new.txt",
    ]
    assert (said["kept"], said["not_compared"], files(workspace)) == (None, {}, AFTER)
    assert list((workspace / ".git").glob("worktrees/*")) == []
