"""The worker's jobs that hand sessions over: a copy without its secrets, one file of it, taking one in, redacted events.

It decides the order of steps: everything is made in a folder of its own (`data/handover`), synced and checked, and only
then gets its name, by one rename; what a crash leaves there is cleared by the next job. It must never write into a session
that is there. Named in `agentd.worker.JOBS`; a fault comes back as a value (`{"fault": [class, what, why, remedy]}`), so
that the daemon can raise it again. Only here, in the worker process, are secrets looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agentd.errors import AgentdError, BadInputError, FileExistsError_
from agentd.session.entries import Notice
from agentd.session.folders import session_folder
from agentd.session.handover import Wish, counts_of
from agentd.session.handover_bundle import FORMAT, Bundle, Manifest, pack
from agentd.session.handover_copy import Copy, lines_of, make_copy
from agentd.session.handover_events import redacted
from agentd.session.handover_intake import take_in
from agentd.session.handover_stage import cleared, settle
from agentd.session.log import LOG_FILE
from agentd.session.state_hash import state_hash
from agentd.world.doors import Files
from agentd.world.files import RealFiles

__all__ = ["DOING", "bundle_session", "import_session", "perform", "redact_events", "redact_session"]


def redact_session(**arguments: object) -> object:
    """`{session, replaced}` of a new session `new` in `data` that is `session` without its secrets; `known` are values
    that are secrets. Done before, it answers from what is there."""
    return perform(RealFiles(), "redact-session", arguments)


def bundle_session(**arguments: object) -> object:
    """`{path, bytes, entries, state_hash, replaced}` of a new file `path` that holds `session` of `data`; with `again`
    a file that is there already is answered for when it is the one that was asked for."""
    return perform(RealFiles(), "bundle-session", arguments)


def import_session(**arguments: object) -> object:
    """`{session, entries, state_hash}` of the session in the file `path`, made in `data`. With `only_look` nothing is
    made. `expected`: the session that the file has to hold; when that one is there it is answered for (empty: any, and
    it must not be there)."""
    return perform(RealFiles(), "import-session", arguments)


def redact_events(**arguments: object) -> object:
    """`values` (plain) without the secrets that are in them or in the log in `folder` (empty: there is none)."""
    return perform(RealFiles(), "redact-events", arguments)


def perform(files: Files, name: str, arguments: Mapping[str, object]) -> object:
    """Do the job `name` on this disk; a fault as a value."""
    try:
        return DOING[name](files, **arguments)
    except AgentdError as fault:
        return {"fault": [type(fault).__name__, fault.what, fault.why, fault.remedy]}


# -- making ----------------------------------------------------------------------------------------------------------


def _redact(files: Files, data: str, session: str, new: str, known: Sequence[str]) -> dict[str, object]:
    place = session_folder(data, new)
    stage = cleared(files, data)
    if files.info(f"{place}/{LOG_FILE}") is not None:
        return {"session": new, "replaced": _noted(files, place)}
    wish = Wish(redacted=True, leaves=False, new_session=new)
    made = make_copy(files, session_folder(data, session), f"{stage}/{new}", wish, known)
    settle(files, data, f"{stage}/{new}", place)
    return {"session": new, "replaced": dict(made.replaced)}


def _bundle(
    files: Files, data: str, session: str, path: str, redacted: bool, known: Sequence[str], product: str, again: bool
) -> dict[str, object]:
    stage = cleared(files, data)
    if again and files.info(path) is not None:
        return _answer(files, path, session, redacted)
    _check_free(files, path)
    part = f"{path}.{session}.part"
    made = make_copy(files, session_folder(data, session), f"{stage}/{session}", Wish(redacted, leaves=True), known)
    files.remove(part)
    try:
        size = pack(files, f"{stage}/{session}", part, _manifest(made, product, redacted))
        _check_free(files, path)
        files.rename(part, path)
        files.sync_folder(path.rpartition("/")[0] or "/")
    except AgentdError:
        files.remove(part)
        raise
    finally:
        cleared(files, data)
    return {
        "path": path,
        "bytes": size,
        "entries": made.entries,
        "state_hash": state_hash(made.state),
        "replaced": dict(made.replaced),
    }


def _manifest(made: Copy, product: str, redacted: bool) -> Manifest:
    return Manifest(
        kind="",
        format=FORMAT,
        product=product,
        machine=made.state.machine,
        session=made.session,
        entries=made.entries,
        state_hash=state_hash(made.state),
        redacted=redacted,
        members=(),
        replaced=dict(made.replaced),
        left_out=dict(made.left_out),
        models=dict(made.models),
        settings={"mode": made.state.mode, "model": made.state.model or "", **made.limits},
        rules=tuple(made.rules),
    )


def _answer(files: Files, path: str, session: str, redacted: bool) -> dict[str, object]:
    """For a file that this very request made before the daemon died; any other file is not ours to speak for."""
    handle = files.open_read(path)
    try:
        manifest = Bundle(handle).manifest
        size = handle.size()
    except BadInputError:
        manifest, size = None, 0
    finally:
        handle.close()
    if manifest is None or (manifest.session, manifest.redacted) != (session, redacted):
        raise _taken(path)
    return {
        "path": path,
        "bytes": size,
        "entries": manifest.entries,
        "state_hash": manifest.state_hash,
        "replaced": manifest.replaced,
    }


def _check_free(files: Files, path: str) -> None:
    if files.info(path) is not None:
        raise _taken(path)


def _taken(path: str) -> FileExistsError_:
    return FileExistsError_(f"{path} is there already", remedy="Name a file that is not there.", field="path")


def _noted(files: Files, place: str) -> dict[str, int]:
    """The counts of a copy, as the note at its end has them."""
    log = files.open_read(f"{place}/{LOG_FILE}")
    counts: dict[str, int] = {}
    try:
        for line in lines_of(log):
            if isinstance(line.entry, Notice):
                counts = counts_of(line.entry) or counts
    finally:
        log.close()
    return counts


DOING: Mapping[str, Callable[..., object]] = {
    "bundle-session": _bundle,
    "import-session": take_in,
    "redact-events": redacted,
    "redact-session": _redact,
}
"""name -> what does it, on a given disk."""
