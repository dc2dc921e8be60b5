"""The index of git: its paths as git itself names them, and nothing at all from bytes that are no index."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.tools.git_index import tracked_paths
from support.tool_ground import plant

NAMES = ["a", "a.txt", "abcdefg", "abcdefgh", "d/a", "d/e/a", "d/é", "d/" + "x" * 130, "link", "new"]


def git(folder: Path, *words: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, check=True, timeout=60)
    return os.fsdecode(done.stdout)


def repository(folder: Path, *words: str) -> Path:
    """With files, a link, and a path that is to be added (for which version 3 is needed)."""
    git(folder, "init", "-q", "--template=", *words)
    plant(folder, {name: name for name in NAMES if name != "link"})
    (folder / "link").symlink_to("a")
    with open(os.fsencode(folder) + b"/\xff", "wb"):
        pass
    git(folder, "add", "--", *(name for name in os.listdir(folder) if name not in {".git", "new"}))
    git(folder, "add", "-N", "new")
    return folder / ".git" / "index"


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("names", ["sha1", "sha256"])
def test_paths_are_those_that_git_names(home: Path, version: str, names: str) -> None:
    index = repository(home, f"--object-format={names}")
    git(home, "update-index", "--index-version", version)
    want = git(home, "ls-files", "-z").split("\0")[:-1]
    assert sorted([*NAMES, "\udcff"]) == sorted(want)
    assert tracked_paths(index.read_bytes()) == want


def test_submodules_are_no_files(home: Path) -> None:
    index = repository(home)
    git(home, "init", "-q", "--template=", "sub")
    identity = ("-c", "user.name=A", "-c", "user.email=a@b")
    git(home / "sub", *identity, "commit", "-q", "--allow-empty", "-m", "x")
    git(home, "-c", "advice.addEmbeddedRepo=false", "add", "sub")
    assert "sub" in git(home, "ls-files", "-z").split("\0")
    assert "sub" not in tracked_paths(index.read_bytes())


def test_an_empty_index_names_nothing(home: Path) -> None:
    git(home, "init", "-q", "--template=")
    git(home, "read-tree", "--empty")
    assert tracked_paths((home / ".git" / "index").read_bytes()) == []


def test_a_cut_or_changed_index_never_fails(home: Path) -> None:
    data = repository(home).read_bytes()
    for at in range(0, len(data), 7):
        assert tracked_paths(data[:at]) in ([], tracked_paths(data))
        tracked_paths(data[:at] + b"\xff" + data[at + 1 :])


def test_names_that_grow_without_end_are_not_read() -> None:
    """In version 4 an entry of a few bytes can name a path as long as all before it."""
    entry = b"\0" * 24 + (0o100644).to_bytes(4, "big") + b"\0" * 34
    long = entry + b"\0" + b"x" * 5_000 + b"\0"
    assert tracked_paths(b"DIRC\0\0\0\4\0\0\0\2" + long + entry + b"\0y\0") == []
    assert tracked_paths(b"DIRC\0\0\0\4\0\0\0\2" + entry + b"\0x\0" + entry + b"\0y\0") == ["x", "xy"]


@given(st.binary(max_size=300), st.sampled_from([2, 3, 4]), st.integers(0, 2**32 - 1))
def test_bytes_that_are_no_index_never_fail(data: bytes, version: int, count: int) -> None:
    assert tracked_paths(data) == []
    tracked_paths(b"DIRC" + version.to_bytes(4, "big") + count.to_bytes(4, "big") + data)
