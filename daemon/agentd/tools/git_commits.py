"""A command that is certainly one `git commit`: what HEAD was before it, and whether the commit is there after a crash.

It decides which commands are so plain that this can be told: one `git [-C FOLDER] commit` with known options, words
that are plain or quoted, nothing that a shell would expand or put in a row. Everything else is unknown, and said so. It
must never run the command. Called by `shell`.

Done is: HEAD has moved, the first parent of what it is now is what it was, and the message's first line is the one that
was given. Who made the commit cannot be seen; one that somebody else made with the same parent and message is the same.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentd.errors import AgentdError
from agentd.tools.base import Probe, ToolContext
from agentd.tools.git_reading import head_of, lock_in, read_commit, repository_of

__all__ = ["CommitCommand", "commit_command", "commit_intent", "commit_probe"]

_KEY = "git:HEAD "

# A word of plain characters and quoted parts; in double quotes nothing that the shell would look at.
_PLAIN_PART = r"[A-Za-z0-9_@%+=:,./-]"
_WORD = rf"""(?:{_PLAIN_PART}+|'[^']*'|"[^"$`\\]*")+"""
_COMMAND = re.compile(rf"{_WORD}(?:[ \t]+{_WORD})*")

_FLAGS = frozenset("aqvsnio")
_LONG_FLAGS = frozenset(
    {
        *("--all", "--quiet", "--verbose", "--signoff", "--no-signoff", "--no-verify", "--verify", "--no-edit"),
        *("--allow-empty", "--allow-empty-message", "--include", "--only", "--gpg-sign", "--no-gpg-sign"),
    }
)
_LONG_VALUES = frozenset({"--message", "--file", "--author", "--date", "--cleanup", "--trailer"})

# With one of these git works on another repository than the folder shows, or another program is called git.
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_INDEX_FILE")
_FUNCTION = "BASH_FUNC_git"

_UNKNOWN = (
    "The outcome of this call is unknown: it was begun, and the daemon ended before it was over. "
    "It was not run again. Look at the present state before you go on."
)


@dataclass(frozen=True, slots=True)
class CommitCommand:
    """`folder`: relative to where the command runs. `message`: as given by -m; None when it comes from elsewhere."""

    folder: str
    message: str | None


def commit_command(command: str) -> CommitCommand | None:
    """None for everything that is not certainly one commit that makes a new child of HEAD (so not for --amend)."""
    text = command.strip(" \t\n")
    if not _COMMAND.fullmatch(text):
        return None
    words = [_unquoted(word) for word in re.findall(_WORD, text)]
    if words[0] != "git" or text[:3] != "git":
        return None
    folder = ""
    at = 1
    while words[at : at + 1] == ["-C"] and len(words) > at + 2:
        folder = posixpath.join(folder, words[at + 1])
        at += 2
    if words[at : at + 1] != ["commit"]:
        return None
    messages = _messages(words[at + 1 :])
    return None if messages is None else CommitCommand(folder, "\n\n".join(messages) if messages else None)


def commit_intent(command: str, context: ToolContext) -> Mapping[str, str | None]:
    """`{"git:HEAD <root>": hash or None}`, None before the first commit; empty when the command is no plain commit, or
    HEAD cannot be told."""
    wanted = commit_command(command)
    if wanted is None or any(name in context.env for name in _ELSEWHERE):
        return {}
    if any(name.startswith(_FUNCTION) for name in context.env):
        return {}
    files = context.world.files
    try:
        repository = repository_of(files, files.real(posixpath.join(context.cwd, wanted.folder)))
        return {} if repository is None else {_KEY + repository.root: head_of(files, repository)}
    except AgentdError:
        return {}


async def commit_probe(command: str, before: Mapping[str, str | None], context: ToolContext) -> Probe:
    """Whether the commit that was begun is there; `before` is what `commit_intent` answered then."""
    wanted = commit_command(command)
    key = next((key for key in before if key.startswith(_KEY)), None)
    if wanted is None or key is None:
        return Probe("unknown", _UNKNOWN)
    root, then = key.removeprefix(_KEY), before[key]
    files = context.world.files
    try:
        repository = repository_of(files, root)
        if repository is None or repository.root != root:
            return Probe("unknown", f"{_UNKNOWN}\nThere is no repository in {root} any more.")
        now = head_of(files, repository)
        if now == then:
            lock = lock_in(files, repository)
            if lock is None:
                return Probe("not_done", f"the commit was not made: HEAD of {root} is as it was before")
            return Probe("unknown", f"{_UNKNOWN}\nHEAD of {root} is as before, but a git process has left {lock}.")
        if now is None:
            return Probe("unknown", f"{_UNKNOWN}\n{root} has no commit any more.")
        commit = await read_commit(repository, now, context)
    except AgentdError as error:
        return Probe("unknown", f"{_UNKNOWN}\n{error.what}{f' ({error.why})' if error.why else ''}.")
    if commit.parents[:1] != (() if then is None else (then,)):
        return Probe(
            "unknown",
            f"{_UNKNOWN}\nHEAD of {root} is now {now[:7]}, which does not follow on what HEAD was ({_short(then)}).",
        )
    if wanted.message is not None and commit.subject != _subject(wanted.message):
        return Probe(
            "unknown",
            f"{_UNKNOWN}\nHEAD of {root} is now {now[:7]} with another message: {commit.subject[:200]!r}.",
        )
    return Probe("done", f"the commit {now[:7]} is there: {commit.subject[:200]}")


def _messages(words: Sequence[str]) -> list[str] | None:
    """What -m gave; None when an option is not known to leave it a plain commit."""
    messages: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            if name in _LONG_VALUES:
                if not equals and not left:
                    return None
                value = value if equals else left.pop(0)
                if name == "--message":
                    messages.append(value)
            elif word not in _LONG_FLAGS and not word.startswith("--gpg-sign="):
                return None
        elif word.startswith("-") and not _short_options(word[1:], left, messages):
            return None
    return messages


def _short_options(letters: str, left: list[str], messages: list[str]) -> bool:
    """Read a cluster like `am`; takes its value from `left`. False when a letter is not known."""
    for at, letter in enumerate(letters, 1):
        if letter in ("m", "F"):
            if not letters[at:] and not left:
                return False
            value = letters[at:] or left.pop(0)
            if letter == "m":
                messages.append(value)
            return True
        if letter == "S":
            return True
        if letter not in _FLAGS:
            return False
    return bool(letters)


def _unquoted(word: str) -> str:
    return re.sub(r"""'([^']*)'|"([^"]*)\"""", lambda found: found[1] or found[2] or "", word)


def _subject(message: str) -> str:
    return next((line.strip() for line in message.splitlines() if line.strip()), "")


def _short(sha: str | None) -> str:
    return "nothing" if sha is None else sha[:7]
