"""Takes a session in from one file, and believes nothing of it: sizes, digests, the chain, the state, what it may do.

It decides what is refused. Whoever sends a session must not thereby be able to run, approve, write or undo anything here:
a log that is at work, that brings approvals, an environment or digests of files is refused whole, and nothing of it stays.
Caller: `session.handover_jobs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentd.errors import BadInputError, ConflictError
from agentd.session.entries import FORMAT as LOG_FORMAT
from agentd.session.entries import Entry, Opened
from agentd.session.fold import MACHINE, fold
from agentd.session.folders import SESSION_ID, session_folder
from agentd.session.handover import foreign_digest, foreign_power
from agentd.session.handover_bundle import LIMITS, LOG_MEMBER, Bundle, Manifest
from agentd.session.handover_copy import lines_of, look_at
from agentd.session.handover_stage import cleared, settle
from agentd.session.handover_survey import unrest
from agentd.session.log import LOG_FILE
from agentd.session.state import SessionState
from agentd.session.state_hash import state_hash
from agentd.world.doors import Files

__all__ = ["take_in"]

_TURN = re.compile(rf"{SESSION_ID.pattern}\.t\d{{1,9}}")


def take_in(files: Files, data: str, path: str, expected: str, only_look: bool) -> dict[str, object]:
    """`{session, entries, state_hash}`; see `session.handover_jobs.import_session`. BadInputError for what is no session
    or no harmless one, ConflictError when it is here already, TooLargeError at a limit."""
    handle = files.open_read(path)
    try:
        bundle = Bundle(handle)
        session = bundle.manifest.session
        if expected not in ("", session):
            raise ConflictError(f"{path} is another file now", why=f"it held session {expected} when it was looked at")
        place = session_folder(data, session)
        if expected and files.info(f"{place}/{LOG_FILE}") is not None:
            cleared(files, data)
            return _present(files, place, session)
        if files.info(place) is not None:
            raise ConflictError(
                f"session {session} is here already",
                why="a session is taken in under its own id",
                remedy="Remove it first.",
            )
        if only_look:
            return {"session": session, "entries": bundle.manifest.entries, "state_hash": bundle.manifest.state_hash}
        made = f"{cleared(files, data)}/{session}"
        try:
            _unpack(files, bundle, made)
            state = _verified(files, made, bundle.manifest)
            settle(files, data, made, place)
        finally:
            cleared(files, data)
    finally:
        handle.close()
    return {"session": session, "entries": state.seq, "state_hash": state_hash(state)}


def _unpack(files: Files, bundle: Bundle, target: str) -> None:
    files.make_folder(f"{target}/blobs")
    most = sum(member.bytes for member in bundle.manifest.members)
    if files.free_bytes(target) < 2 * most:
        raise ConflictError("there is not enough room on the disk", why=f"{most} bytes are to be taken in")
    for member, pieces in bundle.members():
        if member.name == LOG_MEMBER:
            _write_log(files, f"{target}/{LOG_FILE}", pieces)
        else:
            files.create_exclusive(f"{target}/{member.name}", b"".join(pieces))
    files.sync_folder(f"{target}/blobs")
    files.sync_folder(target)


def _write_log(files: Files, path: str, pieces: Iterator[bytes]) -> None:
    files.create_exclusive(path)
    log = files.open_append(path)
    try:
        length = 0  # of the line that is not at its end yet
        for piece in pieces:
            length = len(piece) - piece.rfind(b"\n") - 1 if b"\n" in piece else length + len(piece)
            if length > LIMITS["line"][0]:
                raise _refused("a line of its log is longer than any entry")
            log.append(piece)
        log.sync()
    finally:
        log.close()


def _verified(files: Files, folder: str, manifest: Manifest) -> SessionState:
    """The state of the unpacked log; BadInputError when anything in it is not as the manifest says, or not harmless."""
    log = files.open_read(f"{folder}/{LOG_FILE}")
    state, end = SessionState(), 0
    try:
        for line in lines_of(log):
            _check_entry(line.seq, line.entry, manifest.session)
            state = fold(state, line.seq, line.at_ms, line.entry)
            end = line.offset + line.length
        whole = end == log.size()
    except RecursionError:
        raise _refused("an entry in it is nested too deep") from None
    finally:
        log.close()
    if not whole:
        raise _refused("its last line is unfinished")
    if (state.seq, state_hash(state)) != (manifest.entries, manifest.state_hash):
        raise _refused("its log does not come to the state that its manifest names")
    reason = unrest(state) or foreign_power(state)
    if reason:
        raise _refused(reason)
    if state.prefix is not None and files.info(f"{folder}/blobs/{state.prefix.blob}") is None:
        raise _refused("what was sent to the model first is missing")
    return state


def _check_entry(seq: int, entry: Entry, session: str) -> None:
    if isinstance(entry, Opened) != (seq == 1):
        raise _refused("its log does not begin with one first line")
    if isinstance(entry, Opened):
        if entry.session != session:
            raise _refused("its log is another session's")
        if entry.format != LOG_FORMAT or entry.machine > MACHINE:
            raise _refused("it was made by a newer version")
        if not entry.workspace.startswith("/") or not entry.cwd.startswith("/"):
            raise _refused("its folder is no absolute path")
    turn = getattr(entry, "turn", None)
    # A fork keeps its parent's turns under their own ids.
    if turn and not _TURN.fullmatch(turn):
        raise _refused(f"entry {seq} is of the turn {turn[:60]!r}, which is no turn's id")
    path = foreign_digest(entry)
    if path:
        raise _refused(f"entry {seq} tells what {path[:200]} is to hold; only its own home may know that")


def _refused(why: str) -> BadInputError:
    return BadInputError("this session can't be taken in", why=why, field="path")


def _present(files: Files, place: str, session: str) -> dict[str, object]:
    log = files.open_read(f"{place}/{LOG_FILE}")
    try:
        survey, _ = look_at(log, None)
    finally:
        log.close()
    return {"session": session, "entries": survey.state.seq, "state_hash": state_hash(survey.state)}
