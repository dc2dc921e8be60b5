"""What a log says when it is handed over: each entry as it goes out, or nothing of it.

It decides what never goes along (checkpoints; with secrets cut out also streamed pieces, opaque parts of a maker, keys of
requests, images), what is put in the place of what is cut, and what does not leave its home: environment, approvals for a
session, what files held. Who takes in a log from somewhere must not thereby be able to run, write or undo anything.
A log is never edited: this makes the entries of a new one. Pure. Caller: `session.handover_copy`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from agentd.session.asking import Answered, Asked
from agentd.session.entries import (
    Begun,
    Checkpoint,
    Done,
    Entry,
    Judged,
    Notice,
    Opened,
    Partial,
    PrefixRecorded,
    Replied,
    Requested,
)
from agentd.session.handover_survey import DIGESTS, UNKNOWN, is_structure
from agentd.session.revisions import Reverted, Reverting
from agentd.session.state import SessionState
from agentd.telemetry.detect_marks import Marks
from agentproto.content import ToolUseBlock

__all__ = ["NOTE", "Rewriting", "Wish", "counts_of", "foreign_digest", "foreign_power", "is_stand_in", "note"]

NOTE = "redacted"
"""Code of the notice at the end of a log from which secrets were cut."""

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_STAND_IN = re.compile(r"0{48}[0-9a-f]{16}")
_COUNT = re.compile(r"([a-z0-9-]+) (\d+)")
_KIND_MARK = "secrets replaced: "


@dataclass(frozen=True, slots=True)
class Wish:
    """`new_session`: the copy's own id, or None to keep the old one. `leaves`: it goes to another home."""

    redacted: bool
    leaves: bool
    new_session: str | None = None


class Rewriting:
    """`flagged`: numbers of the entries in which something was found; `secret_paths`: files of which no digest is told;
    `blobs`: old name -> new name, for those that go along."""

    def __init__(
        self,
        wish: Wish,
        marks: Marks,
        flagged: frozenset[int],
        secret_paths: frozenset[str],
        blobs: Mapping[str, str],
    ) -> None:
        self._wish = wish
        self._marks = marks
        self._flagged = flagged
        self._secret_paths = secret_paths
        self._blobs = blobs
        self._stand_ins: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._secret_calls: set[str] = set()
        self._numbers: dict[int, int] = {}
        self._session = ""

    def entry(self, seq: int, new_seq: int, entry: Entry) -> Entry | None:
        """What becomes of entry `seq`, which would be `new_seq`; None when nothing of it goes along."""
        if isinstance(entry, Checkpoint) or (isinstance(entry, Partial) and self._wish.redacted):
            return None
        if isinstance(entry, PrefixRecorded) and entry.blob not in self._blobs:
            return None  # it is recorded anew before the next request
        if isinstance(entry, Opened):
            self._session = entry.session
        if isinstance(entry, Reverted):
            self._numbers[seq] = new_seq
        plain = msgspec.to_builtins(entry)
        self._of_files(entry, plain)
        self._of_names(entry, plain)
        if isinstance(entry, Replied) and seq in self._flagged:
            self._secret_calls |= {block.call for block in entry.blocks if isinstance(block, ToolUseBlock)}
        if isinstance(entry, Done) and entry.seen and (seq in self._flagged or entry.call in self._secret_calls):
            # Who knows all of a call but a secret could try until the digest fits.
            plain["seen"] = [self._seen.setdefault(digest, str(len(self._seen) + 1)) for digest in entry.seen]
        if self._wish.redacted:
            plain = self._cut(seq, entry, plain)
        raw = msgspec.json.encode(plain)
        if self._wish.new_session is not None and not isinstance(entry, Opened):
            raw = raw.replace(self._session.encode(), self._wish.new_session.encode())
        made = _decoder.decode(raw)
        return _with_hash(made, entry) if isinstance(made, Asked) and isinstance(entry, Asked) else made

    def origin(self, entry: Opened, last_seq: int) -> Opened:
        """The first entry of a copy: its own id, and whose copy it is."""
        if self._wish.new_session is None:
            return entry
        return msgspec.structs.replace(entry, session=self._wish.new_session, parent=(entry.session, last_seq))

    # -- what never goes along -----------------------------------------------------------------------------------

    def _of_files(self, entry: Entry, plain: dict[str, object]) -> None:
        """Digests of files, of which nothing may be told, become numbers that fit no file."""
        match entry:
            case Begun():
                plain["before"] = {path: self._digest(path, digest) for path, digest in entry.before.items()}
            case Done():
                plain["touched"] = self._pairs(entry.touched)
                plain["changed"] = self._pairs(entry.changed)
            case Requested():
                plain["files"] = [[path, self._digest(path, digest) or "", text] for path, digest, text in entry.files]
            case Reverting():
                plain["files"] = [
                    {
                        **_plain(step),
                        "now": self._digest(step.path, step.now),
                        "then": self._digest(step.path, step.then),
                    }
                    for step in entry.files
                ]
                plain["kept"] = self._outcomes(entry.kept)
                plain["undoes"] = self._numbers.get(entry.undoes, entry.undoes)
            case Reverted():
                plain["files"] = self._outcomes(entry.files)
                plain["undoes"] = self._numbers.get(entry.undoes, entry.undoes)
            case Judged():
                plain["touches"] = ""
            case _:
                return

    def _pairs(self, digests: Mapping[str, tuple[str | None, str | None]]) -> dict[str, list[str | None]]:
        return {path: [self._digest(path, digest) for digest in both] for path, both in digests.items()}

    def _outcomes(self, outcomes: Iterable[msgspec.Struct]) -> list[dict[str, object]]:
        rows = [_plain(outcome) for outcome in outcomes]
        for row in rows:
            for side in ("before", "after"):
                digest = row.get(side)
                row[side] = self._digest(str(row["path"]), digest if isinstance(digest, str) else None)
        return rows

    def _digest(self, path: str, digest: str | None) -> str | None:
        if digest in (None, UNKNOWN) or not (self._wish.leaves or path in self._secret_paths):
            return digest
        if is_stand_in(digest):
            return digest  # it came from elsewhere already; told apart from ours by nothing, and by nobody needed
        return self._stand_ins.setdefault(digest, f"{len(self._stand_ins) + 1:064x}")

    def _of_names(self, entry: Entry, plain: dict[str, object]) -> None:
        """Blobs by their new names; what gives power over a home stays in it."""
        if isinstance(entry, Opened) and self._wish.leaves:
            plain["env"] = {}
        if isinstance(entry, Answered) and self._wish.leaves:
            plain["scope"] = "once"
        if isinstance(entry, PrefixRecorded):
            plain["blob"] = self._blobs[entry.blob]
        elif "blob" in plain:
            plain["blob"] = self._blobs.get(str(plain["blob"]))
        if "prefix" in plain:
            plain["prefix"] = self._blobs.get(str(plain["prefix"]), "")
        if isinstance(entry, Done):
            plain["images"] = [_plain(image) for image in entry.images if image.blob in self._blobs]
        if isinstance(entry, Requested):
            kept = (both for both in entry.pictures if both[1].blob in self._blobs)
            plain["pictures"] = [[path, _plain(image)] for path, image in kept]
        if isinstance(entry, Replied):
            plain["blocks"] = [self._block(msgspec.to_builtins(block)) for block in entry.blocks]
        if self._wish.redacted and "key" in plain and "hash" in plain:
            plain["key"] = plain["hash"] = ""

    def _block(self, block: dict[str, object]) -> dict[str, object]:
        if self._wish.redacted:
            block.pop("provider", None)
        if block["type"] == "image" and block["blob"] not in self._blobs:
            return {"type": "text", "text": "[an image was left out]"}
        if block["type"] == "tool_result":
            images = block.get("images")
            kept = [one for one in images if one["blob"] in self._blobs] if isinstance(images, list) else []
            block |= {"blob": self._blobs.get(str(block.get("blob"))), "images": kept}
        return block

    # -- secrets -------------------------------------------------------------------------------------------------

    def _cut(self, seq: int, entry: Entry, plain: dict[str, object]) -> dict[str, object]:
        deep = seq in self._flagged
        marks, out = self._marks, dict[str, object]()
        for field, value in plain.items():
            if field in DIGESTS and isinstance(value, dict):
                out[field] = {marks.cut(path, deep=deep): digests for path, digests in value.items()}
            elif is_structure(field, value):
                out[field] = value
            else:
                out[field] = marks.cut_into(value, deep=deep)
        if isinstance(entry, Requested):
            # Of a text that was cut the digest is that of what is left of it.
            before = {text: digest for _, digest, text in entry.files}
            out["files"] = [
                [path, digest if text in before or is_stand_in(digest) else _sha256(text), text]
                for path, digest, text in msgspec.convert(out["files"], list[tuple[str, str, str]])
            ]
        return out


def _with_hash(made: Asked, entry: Asked) -> Asked:
    """The digest of a command is that of what stands there now."""
    same = made.command == entry.command or _sha256(entry.command) != entry.hash
    return made if same else msgspec.structs.replace(made, hash=_sha256(made.command))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _plain(value: msgspec.Struct) -> dict[str, object]:
    plain = msgspec.to_builtins(value)
    assert isinstance(plain, dict)
    return plain


def is_stand_in(digest: str) -> bool:
    """Whether a digest is one of the numbers that stand in for digests: no file has it."""
    return _STAND_IN.fullmatch(digest) is not None


# -- the note at the end ---------------------------------------------------------------------------------------------


def note(wish: Wish, replaced: Mapping[str, int], left_out: Mapping[str, int]) -> Notice:
    """The last entry of what is handed over: what was cut and left out. `counts_of` reads the counts back."""
    words = [f"{_KIND_MARK}{', '.join(f'{kind} {count}' for kind, count in replaced.items()) or 'none'}"]
    words += [f"{what} left out: {count}" for what, count in left_out.items() if count]
    if wish.redacted:
        words.append("streamed pieces, signed parts of model replies and keys of requests left out")
    if wish.leaves:
        words.append("environment, approvals for the session and digests of files left out")
    return Notice(code=NOTE if wish.redacted else "handed_over", text="; ".join(words if wish.redacted else words[1:]))


def counts_of(notice: Notice) -> dict[str, int]:
    """How many secrets of which kind the note says were replaced."""
    first = notice.text.partition(";")[0]
    if notice.code != NOTE or not first.startswith(_KIND_MARK):
        return {}
    return {kind: int(count) for kind, count in _COUNT.findall(first.removeprefix(_KIND_MARK))}


# -- taking in -------------------------------------------------------------------------------------------------------


def foreign_power(state: SessionState) -> str:
    """What a log from elsewhere would be able to do here, when it is taken in as it is; empty when nothing."""
    if state.grants:
        return "it brings approvals for commands that nobody here has approved"
    if state.env:
        return "it brings an environment for commands"
    return (
        "" if state.mode in ("ask", "plan") else f"its mode is {state.mode}, in which commands run without a question"
    )


def foreign_digest(entry: Entry) -> str:
    """The path of a file of which an entry from elsewhere tells a digest; empty when of none. Whoever takes a turn back
    trusts these digests, and writes files by them."""
    told: list[tuple[str, str | None]] = []
    match entry:
        case Begun():
            told += entry.before.items()
        case Done():
            pairs = (*entry.touched.items(), *entry.changed.items())
            told += [(path, digest) for path, both in pairs for digest in both]
        case Reverting():
            told += [(step.path, digest) for step in entry.files for digest in (step.now, step.then)]
            told += [(kept.path, digest) for kept in entry.kept for digest in (kept.before, kept.after)]
        case Reverted():
            told += [(kept.path, digest) for kept in entry.files for digest in (kept.before, kept.after)]
        case _:
            return ""
    known = (path for path, digest in told if digest not in (None, UNKNOWN) and not is_stand_in(str(digest)))
    return next(known, "")
