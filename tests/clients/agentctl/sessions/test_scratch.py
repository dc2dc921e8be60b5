"""A scratch worktree: HEAD and nothing else, no hooks, nothing left behind, and a difference that git itself counts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentclient.errors import ClientError
from agentctl.sessions.scratch import MOST_BYTES, MOST_FILES, Scratch, content


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(home: Path) -> Path:
    place = home / "work"
    (place / "src").mkdir(parents=True)
    (place / "src" / "a.py").write_text("one\ntwo\n")
    (place / "b.txt").write_text("b\n")
    git(place, "init", "-q")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "first")
    return place


def test_it_holds_head_alone_and_leaves_nothing_behind(repository: Path) -> None:
    (repository / "src" / "a.py").write_text("not committed\n")
    (repository / "new").write_text("x")
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    scratch = Scratch.of(str(repository))
    place = Path(scratch.path)
    assert sorted(os.listdir(place)) == [".git", "b.txt", "src"]
    assert (place / "src" / "a.py").read_text() == "one\ntwo\n"
    assert scratch.changed() == []
    assert git(place, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD\n", "it is on no branch"
    scratch.remove()
    assert not place.parent.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert (repository / "src" / "a.py").read_text() == "not committed\n"


def test_paths_of_the_workspace_have_their_place_in_it(repository: Path) -> None:
    scratch = Scratch(str(repository), "/tmp/x")
    assert [
        scratch.inside(path) for path in (f"{repository}/src/a.py", str(repository), "/else", f"{repository}2")
    ] == [
        "/tmp/x/work/src/a.py",
        "/tmp/x/work",
        None,
        None,
    ]


def test_the_difference_is_between_what_both_made(repository: Path) -> None:
    scratch = Scratch.of(str(repository))
    place = Path(scratch.path)
    try:
        (place / "src" / "a.py").write_text("one\nTWO\nthree\n")
        (place / "new é").write_text("x\n")
        (place / "b.txt").unlink()
        assert scratch.changed() == ["b.txt", "new é", "src/a.py"]
        same = {"src/a.py": b"one\nTWO\nthree\n", "new é": b"x\n", "b.txt": None}
        assert scratch.difference(same) == ""
        assert scratch.difference({}, {"src/a.py", "new é", "b.txt"}) == ""
        told = scratch.difference({"src/a.py": b"one\ntwo\nthree\n", "only-then": b"y\n"})
        assert sorted(line.split("|")[0].strip() for line in told.splitlines()[:-1]) == [
            "/dev/null => replayed/new é",
            "recorded/b.txt => /dev/null",
            "recorded/only-then => /dev/null",
            "{recorded => replayed}/src/a.py",
        ]
        assert told.splitlines()[-1] == " 4 files changed, 2 insertions(+), 3 deletions(-)"
        assert sorted(os.listdir(place.parent)) == ["work"]
    finally:
        scratch.remove()


def test_what_is_past_a_limit_is_counted(repository: Path) -> None:
    scratch = Scratch.of(str(repository))
    place = Path(scratch.path)
    try:
        with open(place / "huge", "wb") as file:
            file.truncate(MOST_BYTES + 1)
        assert scratch.difference({}) == " 1 more changed, past what is compared\n"
        (place / "many").mkdir()
        for number in range(MOST_FILES + 1):
            (place / "many" / f"{number:05}").touch()
        assert scratch.difference({}).splitlines()[-1] == " 2 more changed, past what is compared"
    finally:
        scratch.remove()


def test_where_there_is_no_repository_it_says_why(home: Path, repository: Path) -> None:
    with pytest.raises(ClientError) as caught:
        Scratch.of(str(home))
    assert caught.value.what == f"{home} is no git repository"
    assert "copy of a whole folder is not made" in caught.value.why
    with pytest.raises(ClientError, match="src is no git repository"):
        Scratch.of(str(repository / "src"))
    with pytest.raises(ClientError, match="gone is not there"):
        Scratch.of(str(home / "gone"))
    (home / "empty").mkdir()
    git(home / "empty", "init", "-q")
    with pytest.raises(ClientError, match="has no commit yet"):
        Scratch.of(str(home / "empty"))


def test_content_is_a_files_bytes_or_a_links_target(home: Path) -> None:
    (home / "file").write_bytes(b"\xff")
    (home / "link").symlink_to("file")
    assert [content(str(home / name)) for name in ("file", "link", "nothing", ".")] == [b"\xff", b"file", None, None]
