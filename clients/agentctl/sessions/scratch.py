"""A scratch worktree: a second checkout of a repository's HEAD, in which another model may work without harm.

It is made by git beside nothing of the user's: a temporary folder, a detached HEAD, no hooks. What was changed in it is
compared with what a session had made of the same files. It never writes into the workspace itself (git notes the
worktree in its own folder, and forgets it when it is removed). Callers: `replaying`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence

from agentclient.errors import ClientError

__all__ = ["MOST_BYTES", "MOST_FILES", "Scratch", "content", "is_file", "is_folder", "size"]

MOST_FILES = 2000
"""Files that are compared at most; a build that fills a folder must not fill the disk again."""
MOST_BYTES = 64 * 1024 * 1024
"""Of one file; what is larger is no source that anybody reads line by line."""
_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false", "-c", "advice.detachedHead=false")
_WIDTH = 100


class Scratch:
    """Make one with `of`; `remove` it, or leave it to the person. `path` is its root."""

    def __init__(self, workspace: str, folder: str) -> None:
        self.workspace = workspace
        self.path = os.path.join(folder, "work")
        self._folder = folder

    @classmethod
    def of(cls, workspace: str) -> Scratch:
        """A fresh worktree of the repository whose root `workspace` is. ClientError when it is none, or has no commit."""
        root = _git(workspace, "rev-parse", "--show-toplevel") if os.path.isdir(workspace) else None
        if root is None or os.path.realpath(root.rstrip("\n")) != os.path.realpath(workspace):
            raise ClientError(
                f"{workspace} is no git repository" if os.path.isdir(workspace) else f"{workspace} is not there",
                why="Another model works in a scratch worktree, so that your files stay as they are. Only git can make "
                "one; a copy of a whole folder is not made.",
                remedy="git init, commit what is there, and try again; without --model nothing is touched at all.",
            )
        if _git(workspace, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None:
            raise ClientError(
                f"{workspace} has no commit yet",
                why="The scratch worktree begins at HEAD, and there is none.",
                remedy="git commit what is there, and try again.",
            )
        made = cls(workspace, os.path.realpath(tempfile.mkdtemp(prefix="agentd-replay-")))
        try:
            _must(workspace, "worktree", "add", "--quiet", "--detach", made.path, "HEAD")
        except BaseException:
            made.remove()
            raise
        return made

    def remove(self) -> None:
        """Remove the worktree and everything in it; git forgets it."""
        _git(self.workspace, "worktree", "remove", "--force", self.path)
        shutil.rmtree(self._folder, ignore_errors=True)
        _git(self.workspace, "worktree", "prune")

    def inside(self, path: str) -> str | None:
        """The same place in the worktree, for an absolute path in the workspace; None for any other."""
        name = self.name_of(path)
        return None if name is None else os.path.join(self.path, name) if name else self.path

    def name_of(self, path: str) -> str | None:
        """A path's name below the workspace; None when it lies elsewhere."""
        name = os.path.relpath(os.path.normpath(path), self.workspace)
        return None if name.startswith("..") else "" if name == "." else name

    def changed(self) -> list[str]:
        """Names that are not as they are at HEAD: changed, added, removed. What git ignores is not among them."""
        told = _must(self.path, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return sorted(line[3:] for line in told.split("\0") if line)

    def difference(self, recorded: Mapping[str, bytes | None], skip: Collection[str] = ()) -> str:
        """`git diff --stat` from what the session had made (`recorded`: name -> content, None for no file) to what is
        here. A name that only one of them changed is compared with what it is at HEAD; those of `skip` are left out. What
        is past a limit is counted in a last line."""
        every = sorted({*recorded, *self.changed()} - set(skip))
        names = [name for name in every if size(os.path.join(self.path, name)) <= MOST_BYTES][:MOST_FILES]
        place = tempfile.mkdtemp(prefix="compared-", dir=self._folder)
        for name in names:
            was = recorded[name] if name in recorded else self.at_head(name)
            for side, data in (("recorded", was), ("replayed", content(os.path.join(self.path, name)))):
                _put(os.path.join(place, side, name), data)
        for side in ("recorded", "replayed"):
            os.makedirs(os.path.join(place, side), exist_ok=True)
        try:
            told = _run(
                place, "diff", "--no-index", "--no-ext-diff", "--no-color", f"--stat={_WIDTH}", "recorded", "replayed"
            ).stdout.decode("utf-8", "replace")
        finally:
            shutil.rmtree(place, ignore_errors=True)
        left = len(every) - len(names)
        return told + (f" {left} more changed, past what is compared\n" if left else "")

    def at_head(self, name: str) -> bytes | None:
        """What a file holds at HEAD; None when it is not there."""
        done = _run(self.path, "cat-file", "blob", f"HEAD:{name}")
        return done.stdout if done.returncode == 0 else None


def content(path: str) -> bytes | None:
    """What is at a path: a file's bytes, a link's target; None for nothing, or for what has no content."""
    try:
        if os.path.islink(path):
            return os.fsencode(os.readlink(path))
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def size(path: str) -> int:
    """Bytes of a regular file; 0 for anything else."""
    try:
        return os.lstat(path).st_size if os.path.isfile(path) else 0
    except OSError:
        return 0


def is_file(path: str) -> bool:
    return os.path.isfile(path)


def is_folder(path: str) -> bool:
    return os.path.isdir(path)


def _put(path: str, data: bytes | None) -> None:
    if data is not None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)


def _run(folder: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Git in a folder, as the person's own git would do it, but not told by variables to look elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    command: Sequence[str] = ("git", *_QUIET, *arguments)
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError as fault:
        if fault.filename != "git":
            raise
        raise ClientError(
            "there is no git here", why="A scratch worktree is made by git.", remedy="Install git, or put it on PATH."
        ) from None


def _git(folder: str, *arguments: str) -> str | None:
    """What git printed; None when it failed."""
    done = _run(folder, *arguments)
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None


def _must(folder: str, *arguments: str) -> str:
    done = _run(folder, *arguments)
    if done.returncode:
        raise ClientError(
            f"git {arguments[0]} failed",
            why=done.stderr.decode("utf-8", "replace").strip() or f"It ended with code {done.returncode}.",
            remedy=f"Try it by hand: git -C {folder} {' '.join(arguments)}",
        )
    return done.stdout.decode("utf-8", "surrogateescape")
