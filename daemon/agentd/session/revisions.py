"""Entry types of what is taken back: a message withdrawn, turns and files brought back to an earlier state.

Members of `session.entries.Entry`; a file of their own because they speak of files on disk, not of the talk. A revert is
two entries: the intent with everything that will be done, and the outcome for each file. Between them a crash may come:
each step names the hash that it expects, so it can be gone through again.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from agentd.session.actors import Actor

__all__ = ["FileOutcome", "FileStep", "Reverted", "Reverting", "Withdrawn"]


class _Revision(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Every entry is a tagged map."""


class FileStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file to bring back: `now` is the sha256 of what has to be there (None: nothing), `then` of what is wanted.
    `path` is real and absolute. `mode`: permission bits for a file that has to be made again."""

    path: str
    now: str | None
    then: str | None
    mode: int | None = None


class FileOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one file. `kept`: left as it is, with the reason. `mode`: what the file had that was replaced."""

    path: str
    action: Literal["restored", "removed", "kept"]
    reason: str = ""
    before: str | None = None
    after: str | None = None
    mode: int | None = None


class Withdrawn(_Revision, frozen=True, tag="turn.withdrawn"):
    """A message was taken back before the model's first token; nothing of its turn is given to a model again."""

    turn: str
    actor: Actor
    key: str = ""
    hash: str = ""


class Reverting(_Revision, frozen=True, tag="revert.begun"):
    """Intent to take back `turns` (with kind redo: to bring them back) and the files of `calls`.

    `kept` are files that are left as they are, with the reason: known before anything was done. `undoes` is the number
    of the `Reverted` entry that a redo takes back.
    """

    kind: Literal["undo", "rewind", "redo", "call"]
    actor: Actor
    turns: tuple[str, ...]
    calls: tuple[str, ...] = ()
    files: tuple[FileStep, ...] = ()
    kept: tuple[FileOutcome, ...] = ()
    undoes: int = 0
    key: str = ""
    hash: str = ""


class Reverted(_Revision, frozen=True, tag="session.reverted"):
    """Outcome of the revert before it; `turns` and `calls` once more, so that this line says it all."""

    kind: Literal["undo", "rewind", "redo", "call"]
    actor: Actor
    turns: tuple[str, ...]
    calls: tuple[str, ...] = ()
    files: tuple[FileOutcome, ...] = ()
    undoes: int = 0
