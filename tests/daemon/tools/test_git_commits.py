"""`git commit` as a plain command: which ones are recognised, and whether a commit is found again after a crash."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agentd.tools.base import Probe
from agentd.tools.git_commits import CommitCommand, commit_command, commit_intent, commit_probe
from support.tool_ground import Ground, ground, plant

UNKNOWN = (
    "The outcome of this call is unknown: it was begun, and the daemon ended before it was over. "
    "It was not run again. Look at the present state before you go on."
)
COMMAND = "git commit -am 'change a'"


@pytest.mark.parametrize(
    ("command", "folder", "message"),
    [
        ("git commit -m x", "", "x"),
        (" git  commit\t-m 'a b; $(c) `d` \\ | & > # * ~'\n", "", "a b; $(c) `d` \\ | & > # * ~"),
        ('git commit -m "it\'s (done); #1 | * ~ {a,b}"', "", "it's (done); #1 | * ~ {a,b}"),
        ("git commit -m 'subject\n\nbody' -m more", "", "subject\n\nbody\n\nmore"),
        ("git commit -am x -- a.txt 'b c.txt'", "", "x"),
        ("git commit -qamx", "", "x"),
        ("git commit --message=x --no-verify --author='A <a@b>' -s", "", "x"),
        ("git commit --message x a.txt", "", "x"),
        ("git commit -F message.txt", "", None),
        ("git commit --allow-empty -S -m ''", "", ""),
        ("git commit --no-edit", "", None),
        ("git -C sub commit -m x", "sub", "x"),
        ("git -C a -C '../b c' commit -m x", "a/../b c", "x"),
    ],
)
def test_a_plain_commit_is_recognised(command: str, folder: str, message: str | None) -> None:
    assert commit_command(command) == CommitCommand(folder, message)


@pytest.mark.parametrize(
    "command",
    [
        "git add a && git commit -m x",
        "git commit -m x; true",
        "git commit -m x & ",
        "git commit -m x\ngit push",
        "git commit -m x > out",
        "git commit -m x | cat",
        "(git commit -m x)",
        "git commit -m $x",
        'git commit -m "$x"',
        'git commit -m "`x`"',
        'git commit -m "a\\"b"',
        "git commit -m a\\ b",
        "git commit -m {a,b}",
        "git commit -m x *.txt",
        "git commit -m x ~/a",
        "git commit -m x # why",
        "git commit -m 'x",
        "A=b git commit -m x",
        "env git commit -m x",
        "/usr/bin/git commit -m x",
        "'git' commit -m x",
        "git -c user.name=x commit -m x",
        "git --git-dir=x commit -m x",
        "git -C commit",
        "git commit --amend -m x",
        "git commit --dry-run -m x",
        "git commit --porcelain",
        "git commit -e -m x",
        "git commit -p -m x",
        "git commit --fixup HEAD",
        "git commit -m",
        "git commit --message",
        "git commit - -m x",
        "git commit -h",
        "git commit-tree x",
        "git status",
        "git",
        "",
    ],
)
def test_everything_else_is_not(command: str) -> None:
    assert commit_command(command) is None


# --- with a real repository ---


@pytest.fixture
def made(home: Path) -> Ground:
    made = ground(home)
    plant(home, {".gitconfig": "[user]\nname = A\nemail = a@b\n[init]\ndefaultBranch = main\n"})
    git(made, "init", "-q")
    return made


def git(made: Ground, *words: str, cwd: Path | None = None) -> str:
    env = {"PATH": made.path, "HOME": str(made.workspace.parent)}
    done = subprocess.run(
        ["git", *words], cwd=cwd or made.workspace, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(made: Ground, message: str = "first", cwd: Path | None = None) -> str:
    folder = cwd or made.workspace
    with open(folder / "a.txt", "a") as file:
        file.write(f"{message}\n")
    git(made, "add", "a.txt", cwd=cwd)
    git(made, "commit", "-q", "-m", message, cwd=cwd)
    return git(made, "rev-parse", "HEAD", cwd=cwd)


def intent(made: Ground, command: str = COMMAND) -> dict[str, str | None]:
    async def story() -> dict[str, str | None]:
        return dict(commit_intent(command, made.context()))

    return made.run(story)


def probe(made: Ground, before: dict[str, str | None], command: str = COMMAND) -> Probe:
    async def story() -> Probe:
        return await commit_probe(command, before, made.context())

    return made.run(story)


def key(folder: Path) -> str:
    return f"git:HEAD {folder}"


def test_the_intent_is_what_head_is(made: Ground) -> None:
    assert intent(made) == {key(made.workspace): None}
    first = commit(made)
    assert intent(made) == {key(made.workspace): first}
    git(made, "pack-refs", "--all")
    assert intent(made) == {key(made.workspace): first}
    git(made, "checkout", "-q", "--detach")
    assert intent(made) == {key(made.workspace): first}


def test_a_command_that_is_no_plain_commit_has_no_intent(made: Ground) -> None:
    commit(made)
    assert intent(made, "make") == {}
    made.env = {"GIT_DIR": "/x"}
    assert intent(made) == {}
    made.env = {"BASH_FUNC_git%%": "() { true; }"}
    assert intent(made) == {}


def test_a_folder_without_a_repository_has_no_intent(made: Ground) -> None:
    made.cwd = made.workspace.parent
    assert intent(made) == {}
    # Folders of that name which git itself would pass by.
    (made.workspace / "sub" / ".git").mkdir(parents=True)
    made.cwd = made.workspace / "sub"
    assert intent(made) == {key(made.workspace): None}


@pytest.mark.parametrize("head", ["", "ref: refs/../../x\n", "ref: elsewhere\n", "0123\n", "ref: refs/a b\n"])
def test_a_head_that_cannot_be_read_has_no_intent(made: Ground, head: str) -> None:
    (made.workspace / ".git" / "HEAD").write_text(head)
    assert intent(made) == {}


def test_references_in_a_form_that_is_not_read_have_no_intent(made: Ground) -> None:
    (made.workspace / ".git" / "reftable").mkdir()
    assert intent(made) == {}


def test_references_that_go_round_in_circles_have_no_intent(made: Ground) -> None:
    (made.workspace / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n")
    assert intent(made) == {}


def test_the_folder_is_the_one_of_the_command(made: Ground, home: Path) -> None:
    other = home / "other"
    git(made, "init", "-q", str(other))
    (other / "deep").mkdir()
    sha = commit(made, cwd=other)
    assert intent(made, "git -C ../other/deep commit -m x") == {key(other): sha}


def test_a_commit_that_was_made_is_found(made: Ground) -> None:
    commit(made)
    before = intent(made)
    sha = commit(made, "change a")
    assert probe(made, before) == Probe("done", f"the commit {sha[:7]} is there: change a")


def test_the_first_commit_is_found(made: Ground) -> None:
    before = intent(made)
    sha = commit(made, "change a")
    assert probe(made, before) == Probe("done", f"the commit {sha[:7]} is there: change a")


def test_a_commit_whose_message_comes_from_a_file_is_found(made: Ground) -> None:
    commit(made)
    before = intent(made, "git commit -F m.txt")
    sha = commit(made, "words of a file")
    assert probe(made, before, "git commit -F m.txt") == Probe(
        "done", f"the commit {sha[:7]} is there: words of a file"
    )


def test_what_a_hook_adds_to_the_message_is_no_matter(made: Ground) -> None:
    commit(made)
    hook = made.workspace / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\nprintf "\\nChange-Id: I1\\n" >> "$1"\n')
    hook.chmod(0o755)
    before = intent(made)
    commit(made, "change a")
    assert "Change-Id" in git(made, "log", "-1", "--format=%B")
    assert probe(made, before).outcome == "done"


def test_a_commit_that_was_packed_since_is_found(made: Ground) -> None:
    commit(made)
    before = intent(made)
    sha = commit(made, "change a")
    git(made, "gc", "-q")
    assert not (made.workspace / ".git" / "objects" / sha[:2] / sha[2:]).exists()
    assert probe(made, before) == Probe("done", f"the commit {sha[:7]} is there: change a")


def test_reading_a_packed_commit_runs_nothing_of_the_repository(made: Ground, home: Path) -> None:
    commit(made)
    before = intent(made)
    commit(made, "change a")
    git(made, "gc", "-q")
    trap = home / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {home}/sprung\nexit 1\n")
    trap.chmod(0o755)
    for name in ("core.pager", "pager.cat-file", "core.fsmonitor", "gpg.program", "core.sshCommand", "core.editor"):
        git(made, "config", name, str(trap))
    assert probe(made, before).outcome == "done"
    assert not (home / "sprung").exists()


def test_a_packed_commit_without_git_stays_unknown(made: Ground) -> None:
    commit(made)
    before = intent(made)
    sha = commit(made, "change a")
    git(made, "gc", "-q")
    made.path = "/nowhere"
    assert probe(made, before) == Probe(
        "unknown", f"{UNKNOWN}\nthe commit {sha[:12]} is packed, and there is no git here to read it."
    )


def test_a_commit_in_a_worktree_is_found(made: Ground, home: Path) -> None:
    commit(made)
    git(made, "worktree", "add", "-q", str(home / "tree"))
    made.cwd = home / "tree"
    before = intent(made)
    assert before == {key(home / "tree"): git(made, "rev-parse", "HEAD")}
    sha = commit(made, "change a", cwd=home / "tree")
    assert probe(made, before) == Probe("done", f"the commit {sha[:7]} is there: change a")


def test_a_commit_with_long_names_is_found(home: Path) -> None:
    made = ground(home)
    plant(home, {".gitconfig": "[user]\nname = A\nemail = a@b\n"})
    git(made, "init", "-q", "--object-format=sha256")
    first = commit(made)
    assert len(first) == 64
    before = intent(made)
    assert before == {key(made.workspace): first}
    commit(made, "change a")
    assert probe(made, before).outcome == "done"


def test_a_merge_is_found_by_its_first_parent(made: Ground) -> None:
    commit(made)
    git(made, "checkout", "-q", "-b", "side")
    plant(made.workspace, {"b.txt": "b\n"})
    git(made, "add", "b.txt")
    git(made, "commit", "-q", "-m", "side")
    git(made, "checkout", "-q", "main")
    commit(made, "main goes on")
    git(made, "merge", "-q", "--no-commit", "side")
    before = intent(made)
    git(made, "commit", "-q", "-m", "change a")
    assert probe(made, before).outcome == "done"


def test_a_commit_that_was_not_made_is_told(made: Ground) -> None:
    commit(made)
    assert probe(made, intent(made)) == Probe(
        "not_done", f"the commit was not made: HEAD of {made.workspace} is as it was before"
    )


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock"])
def test_a_lock_that_was_left_makes_it_unknown(made: Ground, name: str) -> None:
    commit(made)
    before = intent(made)
    lock = made.workspace / ".git" / name
    lock.touch()
    assert probe(made, before) == Probe(
        "unknown", f"{UNKNOWN}\nHEAD of {made.workspace} is as before, but a git process has left {lock}."
    )


def amended(made: Ground) -> None:
    git(made, "commit", "-q", "--amend", "-m", "change a")


def twice(made: Ground) -> None:
    commit(made, "between")
    commit(made, "change a")


def gone_back(made: Ground) -> None:
    git(made, "reset", "-q", "--hard", "HEAD~1")


@pytest.mark.parametrize("act", [amended, twice, gone_back], ids=lambda act: act.__name__)
def test_a_head_that_moved_otherwise_is_unknown(made: Ground, act: Callable[[Ground], None]) -> None:
    commit(made, "zero")
    then = commit(made)
    before = intent(made)
    act(made)
    now = git(made, "rev-parse", "HEAD")
    assert probe(made, before) == Probe(
        "unknown",
        f"{UNKNOWN}\nHEAD of {made.workspace} is now {now[:7]}, which does not follow on what HEAD was ({then[:7]}).",
    )


def test_another_message_is_unknown(made: Ground) -> None:
    commit(made)
    before = intent(made)
    now = commit(made, "somebody else's")
    assert probe(made, before) == Probe(
        "unknown",
        f'{UNKNOWN}\nHEAD of {made.workspace} is now {now[:7]} with another message: "somebody else\'s".',
    )


def test_a_repository_that_is_gone_is_unknown(made: Ground) -> None:
    commit(made)
    before = intent(made)
    os.rename(made.workspace / ".git", made.workspace / "gone")
    assert probe(made, before) == Probe("unknown", f"{UNKNOWN}\nThere is no repository in {made.workspace} any more.")


def test_an_object_that_is_damaged_is_unknown(made: Ground) -> None:
    commit(made)
    before = intent(made)
    sha = commit(made, "change a")
    path = made.workspace / ".git" / "objects" / sha[:2] / sha[2:]
    path.chmod(0o600)
    path.write_bytes(b"no zlib")
    found = probe(made, before)
    assert (found.outcome, f"the object {sha[:12]} cannot be read" in found.text) == ("unknown", True)


def test_what_had_no_intent_is_unknown(made: Ground) -> None:
    commit(made)
    assert probe(made, {}) == Probe("unknown", UNKNOWN)
    assert probe(made, intent(made), "make") == Probe("unknown", UNKNOWN)
