"""What a git repository's own files say: where it begins, which commit HEAD is, what a commit holds.

It decides nothing about commands. It must never write, nor run anything that the repository configures: files are read
through the door, and where an object is packed, git's plumbing is asked with hooks, monitors and pagers off. Whatever
is not understood is a ToolError, never a guess. Called by `git_commits`.

The formats: https://git-scm.com/docs/gitrepository-layout
"""

from __future__ import annotations

import posixpath
import re
import zlib
from dataclasses import dataclass

from agentd.errors import AgentdError, DiskError, MissingFileError, ToolError
from agentd.tools.base import ToolContext
from agentd.tools.programs import USUAL_PATH, find_program
from agentd.world.doors import Files, Spawn

__all__ = ["Commit", "Repository", "head_of", "lock_in", "read_commit", "repository_of"]

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[^\s\0~^:?*\[\\]+")
_MOST_LINKS = 5  # as many symbolic references as git itself follows
_SHORT_BYTES = 4_096
_PACKED_REFS_BYTES = 16 * 1024 * 1024
_COMMIT_BYTES = 1024 * 1024
_GIT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Repository:
    """`root`: the worktree's folder; `own`: where this worktree's HEAD and index are; `shared`: refs and objects."""

    root: str
    own: str
    shared: str


@dataclass(frozen=True, slots=True)
class Commit:
    """`parents` in order; `message` as recorded, bytes that are no UTF-8 replaced."""

    parents: tuple[str, ...]
    message: str

    @property
    def subject(self) -> str:
        """The first line with something on it."""
        return next((line.strip() for line in self.message.splitlines() if line.strip()), "")


def repository_of(files: Files, folder: str) -> Repository | None:
    """The repository that a command run in `folder` (real, absolute) is about; None when there is none."""
    while True:
        found = _begins_at(files, folder)
        if found is not None:
            return found
        if folder == "/":
            return None
        folder = posixpath.dirname(folder)


def head_of(files: Files, repository: Repository) -> str | None:
    """The hash of the commit that HEAD is; None before the first commit. ToolError when it cannot be told."""
    if files.info(f"{repository.shared}/reftable") is not None:
        raise ToolError(f"the references of {repository.root} are kept in a form that is not read here")
    text = _line(files, f"{repository.own}/HEAD")
    for _ in range(_MOST_LINKS):
        if text is None or _SHA.fullmatch(text):
            return text
        name = text.removeprefix("ref: ").strip()
        if not text.startswith("ref: ") or not _REF.fullmatch(name) or ".." in name:
            break
        text = _line(files, f"{repository.shared}/{name}") or _packed_ref(files, repository, name)
    raise ToolError(f"HEAD of {repository.root} cannot be read")


def lock_in(files: Files, repository: Repository) -> str | None:
    """The path of a lock file that a git process at work, or a killed one, has left; None when there is none."""
    paths = (f"{repository.own}/index.lock", f"{repository.own}/HEAD.lock")
    return next((path for path in paths if files.info(path) is not None), None)


async def read_commit(repository: Repository, sha: str, context: ToolContext) -> Commit:
    """ToolError when the object is missing, no commit, or cannot be read."""
    try:
        packed = context.world.files.read(f"{repository.shared}/objects/{sha[:2]}/{sha[2:]}", _COMMIT_BYTES)
    except DiskError:
        return _parsed(await _ask_git(repository, sha, context), sha)
    try:
        kind, _, body = zlib.decompressobj().decompress(packed, _COMMIT_BYTES).partition(b"\0")
    except zlib.error as error:
        raise ToolError(f"the object {sha[:12]} cannot be read: {error}") from None
    if not kind.startswith(b"commit "):
        raise ToolError(f"the object {sha[:12]} is no commit")
    return _parsed(body, sha)


def _begins_at(files: Files, folder: str) -> Repository | None:
    git = posixpath.join(folder, ".git")
    info = files.info(git, follow=True)
    own = shared = git
    if info is not None and info.kind == "file":
        pointer = _line(files, git) or ""
        if not pointer.startswith("gitdir: "):
            return None
        own = shared = posixpath.join(folder, pointer.removeprefix("gitdir: "))
        common = _line(files, f"{own}/commondir")
        shared = posixpath.join(own, common) if common else own
    if info is None or files.info(f"{own}/HEAD") is None:
        return None
    return Repository(folder, files.real(own), files.real(shared))


def _line(files: Files, path: str) -> str | None:
    """The first line of a short file; None when there is none."""
    try:
        return files.read(path, _SHORT_BYTES).decode("utf-8", "replace").split("\n")[0].strip()
    except MissingFileError:
        return None
    except AgentdError as error:
        raise ToolError(f"{path} cannot be read", why=error.what) from None


def _packed_ref(files: Files, repository: Repository, name: str) -> str | None:
    try:
        data = files.read(f"{repository.shared}/packed-refs", _PACKED_REFS_BYTES)
    except MissingFileError:
        return None
    except AgentdError as error:
        raise ToolError("the packed references cannot be read", why=error.what) from None
    found = re.search(rb"^([0-9a-f]{40,64}) " + re.escape(name.encode()) + rb"\r?$", data, re.MULTILINE)
    return found[1].decode() if found else None


async def _ask_git(repository: Repository, sha: str, context: ToolContext) -> bytes:
    path = context.env.get("PATH") or USUAL_PATH
    program = find_program("git", context, path)
    if program is None:
        raise ToolError(f"the commit {sha[:12]} is packed, and there is no git here to read it")
    off = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
    done = await context.world.processes.run(
        Spawn(
            argv=(program, "--no-pager", *off, "-C", repository.root, "cat-file", "commit", sha),
            cwd="/",
            env={
                "PATH": path,
                "HOME": context.env.get("HOME", "/"),
                # No object is fetched: a repository can name a program of its own for that.
                "GIT_ALLOW_PROTOCOL": "none",
                "GIT_OPTIONAL_LOCKS": "0",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_TERMINAL_PROMPT": "0",
            },
            box=context.box,
            timeout_ms=_GIT_MS,
            output_limit=_COMMIT_BYTES,
            merge_stderr=False,
            label=context.call,
        )
    )
    if done.code != 0 or done.ended_by != "itself":
        words = done.errors.decode("utf-8", "replace").strip() or f"it ended with {done.code}"
        raise ToolError(f"git could not read the commit {sha[:12]}", why=words)
    return done.output


def _parsed(body: bytes, sha: str) -> Commit:
    head, found, message = body.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    parents = tuple(line.removeprefix("parent ") for line in lines if line.startswith("parent "))
    if not lines[0].startswith("tree ") or not all(_SHA.fullmatch(parent) for parent in parents):
        raise ToolError(f"the object {sha[:12]} is no commit that can be read")
    return Commit(parents, message.decode("utf-8", "replace") if found else "")
