"""The jobs of the worker: which files they see, how long they take, and that they are where the worker looks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentd.tools.search_jobs import glob, grep, ls_tree
from agentd.worker import JOBS, run_job
from support.tool_ground import plant

TREE: dict[str, str | bytes] = {
    "a.txt": "word\n",
    "b/c.txt": "word\n",
    "b/d/e.txt": "word\n",
    "out/f.txt": "word\n",
    ".gitignore": "out\n",
}
GREP = {
    "pattern": "word",
    "ignore_case": False,
    "glob": "",
    "mode": "files",
    "context": 0,
    "limit": 9,
    "skip_secrets": True,
}


def found(root: Path, top: Path | None = None, **changed: object) -> list[str]:
    answer = run_job("grep", {"root": str(root), "top": str(top or root), **GREP, "budget_ms": 10_000, **changed})
    assert isinstance(answer, dict)
    assert answer["stopped"] == ""
    return [file[0] for file in answer["files"]]


@pytest.fixture
def root(home: Path) -> Path:
    plant(home, TREE)
    return home


def test_the_worker_knows_them() -> None:
    assert {name: JOBS[name] for name in ("glob", "grep", "ls-tree")} == {
        "glob": "agentd.tools.search_jobs:glob",
        "grep": "agentd.tools.search_jobs:grep",
        "ls-tree": "agentd.tools.search_jobs:ls_tree",
    }


def test_the_answer_has_paths_counts_and_lines(root: Path) -> None:
    assert grep(str(root), str(root), "w.r", False, "a*", "content", 0, 9, True, 10_000) == {
        "files": [["a.txt", 1, [[1, "word", True]]]],
        "stopped": "",
    }


def test_links_and_pipes_are_passed_by(root: Path) -> None:
    (root / "link.txt").symlink_to("a.txt")
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "pipe.txt")
    assert found(root) == ["a.txt", "b/c.txt", "b/d/e.txt"]


def test_secrets_are_passed_by_unless_they_are_named(root: Path) -> None:
    plant(root, {".env.local": "word\n", "keys/id_rsa": "word\n", ".ssh/config": "word\n"})
    assert found(root, limit=99) == ["a.txt", "b/c.txt", "b/d/e.txt"]
    assert found(root / ".env.local", root) == [""]
    assert found(root, limit=99, skip_secrets=False)[:2] == [".env.local", ".ssh/config"]


def test_large_files_are_passed_by(root: Path) -> None:
    plant(
        root, {"large.txt": b"word\n" + b"x" * (4 * 1024 * 1024), "full.txt": b"word\n" + b"x" * (4 * 1024 * 1024 - 5)}
    )
    assert found(root) == ["a.txt", "b/c.txt", "b/d/e.txt", "full.txt"]


def test_a_search_ends_at_its_limit(root: Path) -> None:
    assert found(root, limit=1) == ["a.txt", "b/c.txt"]


def test_a_folder_that_cannot_be_read_ends_nothing(root: Path) -> None:
    plant(root, {"aa/x.txt": "word\n"})
    (root / "aa").chmod(0)
    try:
        want = ["aa/x.txt"] if os.geteuid() == 0 else []
        assert found(root) == ["a.txt", *want, "b/c.txt", "b/d/e.txt"]
    finally:
        (root / "aa").chmod(0o700)


def test_a_worktree_has_the_private_rules_of_its_repository(root: Path) -> None:
    plant(root, {"main/.git/info/exclude": "c.txt\n", "main/.git/worktrees/w/commondir": "../..\n"})
    plant(root, {"b/.git": f"gitdir: {root}/main/.git/worktrees/w\n"})
    assert found(root / "b") == ["d/e.txt"]


def test_a_repository_inside_has_its_own_rules_only(root: Path) -> None:
    plant(root, {".gitignore": "*.txt\n", "b/.git/HEAD": "", "b/.gitignore": "d\n"})
    assert found(root) == ["b/c.txt"]
    assert found(root / "b", root) == ["c.txt"]


def test_a_search_whose_time_is_over_says_so(root: Path) -> None:
    assert glob(str(root), str(root), "*.txt", 10, 0) == {
        "paths": [],
        "stopped": "stopped after 0 s; narrow pattern, glob or path",
    }


def test_a_tree_is_listed_down_to_a_depth(root: Path) -> None:
    assert ls_tree(str(root), str(root), 2, 10, 10_000) == {
        "paths": [".gitignore", "a.txt", "b/", "b/c.txt", "b/d/"],
        "stopped": "",
    }
    assert ls_tree(str(root), str(root), 1, 2, 10_000)["paths"] == [".gitignore", "a.txt", "b/"]


def test_a_rule_file_that_is_no_text_ends_nothing(root: Path) -> None:
    plant(root, {".gitignore": b"\xff\xfe[\n!\n\0\nout\n", "b/.gitignore": "[\nd\n"})
    assert found(root) == ["a.txt", "b/c.txt"]
