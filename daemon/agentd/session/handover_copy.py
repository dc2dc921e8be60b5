"""Makes a whole copy of a session's folder, with its secrets cut out or not: log, blobs, what is known of both.

It decides which blobs go along and under which name. It reads the log three times at most and holds one line and one blob
at a time; the log may grow meanwhile: what came later is not in the copy. Everything it writes is synced. Caller:
`session.handover_jobs` (in the worker process, where disk and time may be used up).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from agentd.chain.file import is_torn_tail, scan_lines
from agentd.chain.frame import FIRST_LINK, Damage, Line, encode_line
from agentd.errors import AgentdError, ConflictError, DamagedLogError, MissingFileError, NotFoundError
from agentd.session.entries import Entry, Opened
from agentd.session.fold import fold
from agentd.session.handover import Rewriting, Wish, note
from agentd.session.handover_survey import ModelUse, Survey, unrest
from agentd.session.log import LOG_FILE
from agentd.session.state import SessionState
from agentd.telemetry.detect_marks import Marks
from agentd.world.doors import Files, Handle

__all__ = ["BLOB_BYTES", "Copy", "lines_of", "look_at", "make_copy"]

BLOB_BYTES = 64 * 1024 * 1024
"""Bytes of one blob: what `SessionStore.get_blob` reads."""
_WRITE = 1024 * 1024
_BLOB_NAME = re.compile(r"[0-9a-f]{64}")
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


@dataclass(frozen=True, slots=True)
class Copy:
    """What was made. `left_out`: what of the session is not in it, with how many."""

    session: str
    entries: int
    state: SessionState
    replaced: Mapping[str, int]
    left_out: Mapping[str, int]
    models: Mapping[str, ModelUse]
    limits: Mapping[str, int]
    rules: Sequence[tuple[str, str]]


def lines_of(handle: Handle, end: int | None = None) -> Iterator[Line[Entry]]:
    """The lines of a log, verified; DamagedLogError at damage. An unfinished last line is none. `end`: no line beyond."""
    for line in scan_lines(handle, 0, FIRST_LINK, 1, _decoder):
        if isinstance(line, Damage):
            if end is None and not is_torn_tail(handle, line.offset, handle.size()):
                raise DamagedLogError(f"the log is damaged at byte {line.offset}", why=line.reason)
            return
        if end is not None and line.offset >= end:
            return
        yield line


def look_at(handle: Handle, marks: Marks | None) -> tuple[Survey, int]:
    """(what the log has, where its last whole line ends)."""
    survey, end = Survey(marks), 0
    for line in lines_of(handle):
        survey.see(line)
        end = line.offset + line.length
    return survey, end


def make_copy(files: Files, source: str, target: str, wish: Wish, known: Sequence[str]) -> Copy:
    """Copy the session in the folder `source` into the new folder `target`.

    NotFoundError without a log, ConflictError when a turn is open in it, DamagedLogError when it is damaged.
    """
    try:
        handle = files.open_read(f"{source}/{LOG_FILE}")
    except MissingFileError:
        raise NotFoundError(f"there is no session {source.rpartition('/')[2]}", field="session") from None
    try:
        marks = Marks(known)
        survey, end = look_at(handle, marks if wish.redacted else None)
        reason = unrest(survey.state)
        if reason or not survey.state.seq:
            raise ConflictError(
                f"session {source.rpartition('/')[2]} can't be handed over now",
                why=reason or "there is nothing in it",
                remedy="Let the turn end, or interrupt it.",
            )
        files.make_folder(target)
        blobs, left_out = _Blobs(files, source, target, wish, marks, survey).copy()
        survey.settle()
        rewriting = Rewriting(wish, marks, frozenset(survey.flagged), frozenset(survey.secret_paths), blobs)
        out = _Out(files, f"{target}/{LOG_FILE}")
        try:
            for line in lines_of(handle, end):
                entry = rewriting.entry(line.seq, out.seq + 1, line.entry)
                if isinstance(entry, Opened):
                    entry = rewriting.origin(entry, survey.state.seq)
                if entry is not None:
                    out.write(line.at_ms, entry)
            out.write(survey.state.updated_at_ms, note(wish, marks.counts, left_out))
            out.finish()
        finally:
            out.close()
    finally:
        handle.close()
    files.sync_folder(target)
    rules = tuple(sorted((verdict, marks.cut(rule) if wish.redacted else rule) for verdict, rule in survey.rules))
    return Copy(out.state.session, out.seq, out.state, marks.counts, left_out, survey.models, survey.limits, rules)


class _Out:
    """A new log, folded as it is written."""

    def __init__(self, files: Files, path: str) -> None:
        files.create_exclusive(path)
        self._handle = files.open_append(path)
        self._link = FIRST_LINK
        self._waiting = bytearray()
        self.seq = 0
        self.state = SessionState()

    def write(self, at_ms: int, entry: Entry) -> None:
        self.seq += 1
        raw, self._link = encode_line(self.seq, at_ms, entry, self._link)
        self.state = fold(self.state, self.seq, at_ms, entry)
        self._waiting += raw
        if len(self._waiting) >= _WRITE:
            self._flush()

    def _flush(self) -> None:
        self._handle.append(bytes(self._waiting))
        self._waiting.clear()

    def finish(self) -> None:
        self._flush()
        self._handle.sync()

    def close(self) -> None:
        self._handle.close()


class _Blobs:
    """The blobs of one session on their way into another folder."""

    def __init__(self, files: Files, source: str, target: str, wish: Wish, marks: Marks, survey: Survey) -> None:
        self._files = files
        self._source = f"{source}/blobs"
        self._target = f"{target}/blobs"
        self._wish = wish
        self._marks = marks
        self._survey = survey
        self._left_out: dict[str, int] = {}

    def copy(self) -> tuple[dict[str, str], dict[str, int]]:
        """(old name -> new name, what was left out and how many). What is left out has no new name."""
        names = [name for name in self._names() if self._may_go(name)]
        if self._wish.redacted:
            names = [name for name in names if self._look(name)]
        made: dict[str, str] = {}
        for name in names:
            data = self._read(name)
            if data is not None:
                made[name] = self._keep(self._changed(name, data))
        return made, dict(sorted(self._left_out.items()))

    def _names(self) -> list[str]:
        try:
            rows = self._files.list(self._source)
        except MissingFileError:
            return []
        return [name for name, info in rows if info.kind == "file" and _BLOB_NAME.fullmatch(name)]

    def _is_earlier(self, name: str) -> bool:
        """Whether it is what a file held before a write, not something that the log itself names."""
        return name not in self._survey.prefixes and name not in self._survey.outputs

    def _may_go(self, name: str) -> bool:
        if self._wish.leaves and self._is_earlier(name):
            self._miss("earlier contents of files")
            return False
        return True

    def _look(self, name: str) -> bool:
        """Look for secrets; whether the blob can go along at all."""
        data = self._read(name)
        if data is None:
            return False
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            # What can't be read as text can't be looked through: an archive or a picture may hold anything.
            self._miss("outputs and files that are no text")
            self._survey.blobs_with_secrets([name])
            return False
        plain = _prefix(data) if name in self._survey.prefixes else None
        found = self._marks.look(text) if plain is None else self._marks.look_into(plain)
        if found:
            self._survey.output_with_secrets(name)
        if found and self._is_earlier(name):
            self._survey.blobs_with_secrets([name])
            self._miss("earlier contents of files, with secrets in them")
            return False
        return True

    def _read(self, name: str) -> bytes | None:
        try:
            data = self._files.read(f"{self._source}/{name}", BLOB_BYTES)
        except AgentdError:
            data = b""
        if hashlib.sha256(data).hexdigest() == name:
            return data
        self._miss("outputs that are damaged or too long")
        return None

    def _changed(self, name: str, data: bytes) -> bytes:
        if not self._wish.redacted or self._is_earlier(name):
            return data
        plain = _prefix(data) if name in self._survey.prefixes else None
        if plain is None:
            text = data.decode()
            cut = self._marks.cut(text)
            return data if cut == text else cut.encode()
        changed = self._marks.cut_into(plain)
        return data if changed == plain else msgspec.json.encode(changed)

    def _keep(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        path = f"{self._target}/{name}"
        if self._files.info(path) is None:
            self._files.make_folder(self._target)
            self._files.create_exclusive(path, data)
        return name

    def _miss(self, what: str) -> None:
        self._left_out[what] = self._left_out.get(what, 0) + 1


def _prefix(data: bytes) -> object:
    """A recorded prefix as plain values: its texts are cut one by one, so that it stays one. None when it is none."""
    try:
        plain: object = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    return plain
