"""session.redact, session.bundle, session.import: a session without its secrets, as one file, and from one.

The work itself is the worker's; here are the order of things and what is recorded, so that a request that is sent again
is done once: first what it is going to make, then, with it, the answer. It decides where a file may be written. It must
never look into a text itself. Callers: `server.handlers.session`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from agentd import errors
from agentd.errors import AgentdError, BadInputError, NotFoundError, NotRegularFileError, WorkerError
from agentd.server.handling import Call, Handler, body_hash
from agentd.session.requests import Accepted
from agentd.telemetry.redact import is_secret_name
from agentd.world.doors import World
from agentproto import keeping as api
from agentproto.__about__ import __version__
from agentproto.api.session import StreamedEvent
from agentproto.endpoints import CONNECTION_FILE, read_connection
from agentproto.errors import RemoteProtocolError

__all__ = ["ROWS", "known_secrets", "redact_events"]

R = TypeVar("R", bound=msgspec.Struct)

_WORK_MS = 30 * 60 * 1000
"""A log of 100 MB is looked through in half a minute; its blobs may have ten times as many bytes."""
_PAGE_MS = 5 * 60 * 1000
"""The first page of a log's redacted events costs a look at all of it."""


async def redact_events(
    world: World, events: Sequence[StreamedEvent], folder: str = "", known: Sequence[str] = ()
) -> tuple[StreamedEvent, ...]:
    """`events` without secrets; streamed pieces (`turn.delta`) are left out. `folder` is the session's: with it secrets
    that show themselves elsewhere in its log are found here too, and marks are the same from page to page."""
    arguments = {"folder": folder, "known": list(known), "values": [msgspec.to_builtins(event) for event in events]}
    found = await _job(world, "redact-events", arguments, _PAGE_MS)
    return msgspec.convert(found, tuple[StreamedEvent, ...])


def known_secrets(call: Call) -> tuple[str, ...]:
    """Values that are secrets because of where they stand: variables that the caller gave, the daemon's own keys."""
    values = {value.strip() for name, value in call.caller.variables.items() if is_secret_name(name)}
    values.update(call.services.secrets())
    try:
        data = call.services.world.files.read(f"{call.services.folders.run}/{CONNECTION_FILE}")
        values.add(read_connection(data).client_secret)
    except (AgentdError, RemoteProtocolError):
        pass  # there is none to give away
    return tuple(sorted(value for value in values if value))


async def _job(world: World, name: str, arguments: Mapping[str, object], timeout_ms: int) -> object:
    """The job's result; a fault that it names is raised as what it was there."""
    result = await world.processes.job(name, arguments, timeout_ms)
    if isinstance(result, dict) and "fault" in result:
        kind, what, why, remedy = msgspec.convert(result["fault"], tuple[str, str, str, str])
        error = getattr(errors, kind, None) if kind in errors.__all__ else None
        if isinstance(error, type) and issubclass(error, AgentdError):
            raise error(what, why=why, remedy=remedy)
        raise WorkerError(what, why=why)
    return result


# -- once ------------------------------------------------------------------------------------------------------------


def _answered(known: Accepted | None, kind: type[R]) -> R | None:
    """The answer that was recorded; None when the request only got as far as saying what it would make."""
    return msgspec.json.decode(known.made, type=kind) if known is not None and known.made.startswith("{") else None


async def _record(call: Call, key: str, hash: str, method: str, made: msgspec.Struct | str) -> None:
    text = made if isinstance(made, str) else msgspec.json.encode(made).decode()
    await call.services.requests.record(Accepted(key=key, hash=hash, method=method, made=text))


async def _at_hand(call: Call, session: str) -> None:
    """An archived log is unpacked, and one that broke off is mended, by opening it. NotFoundError when there is none."""
    if not call.services.store.exists(session):
        raise NotFoundError(
            f"there is no session {session}", remedy="`agentctl sessions list` shows them.", field="session"
        )
    await call.services.sessions.get(session)


# -- rows ------------------------------------------------------------------------------------------------------------


async def _redact(call: Call, params: api.RedactParams) -> api.RedactResult:
    services, hash = call.services, body_hash(params)
    known = services.requests.find(params.key, hash)
    answer = _answered(known, api.RedactResult)
    if answer is not None:
        return answer
    await _at_hand(call, params.session)
    known = services.requests.find(params.key, hash)
    new = known.made if known is not None else services.world.ids.session(services.world.clock.now_ms())
    if known is None:
        await _record(call, params.key, hash, "session.redact", new)
    arguments = {
        "data": services.folders.data,
        "session": params.session,
        "new": new,
        "known": list(known_secrets(call)),
    }
    result = msgspec.convert(await _job(services.world, "redact-session", arguments, _WORK_MS), api.RedactResult)
    services.store.found(new)
    await _record(call, params.key, hash, "session.redact", result)
    return result


async def _bundle(call: Call, params: api.BundleParams) -> api.BundleResult:
    services, hash = call.services, body_hash(params)
    known = services.requests.find(params.key, hash)
    answer = _answered(known, api.BundleResult)
    if answer is not None:
        return answer
    path = _new_file(call, params.path)
    await _at_hand(call, params.session)
    if known is None:
        if services.world.files.info(path) is not None:
            raise errors.FileExistsError_(
                f"{path} is there already", remedy="Name a file that is not there.", field="path"
            )
        await _record(call, params.key, hash, "session.bundle", path)
    arguments = {
        "data": services.folders.data,
        "session": params.session,
        "path": path,
        "redacted": params.redacted,
        "known": list(known_secrets(call)),
        "product": __version__,
        "again": known is not None,
    }
    result = msgspec.convert(await _job(services.world, "bundle-session", arguments, _WORK_MS), api.BundleResult)
    await _record(call, params.key, hash, "session.bundle", result)
    return result


async def _import(call: Call, params: api.ImportParams) -> api.ImportResult:
    services, hash = call.services, body_hash(params)
    known = services.requests.find(params.key, hash)
    answer = _answered(known, api.ImportResult)
    if answer is not None:
        return answer
    if not params.path.startswith("/") or "\0" in params.path:
        raise BadInputError(f"the file {params.path[:200]!r} is not an absolute path", field="path")
    arguments = {"data": services.folders.data, "path": params.path, "expected": "", "only_look": True}
    session = known.made if known is not None else ""
    if known is None:
        looked = msgspec.convert(await _job(services.world, "import-session", arguments, _WORK_MS), api.ImportResult)
        session = looked.session
        await _record(call, params.key, hash, "session.import", session)
        # What was noted of a session of this id, which is not here any more, is wrong for this one.
        services.world.files.remove(f"{services.folders.state}/heads/{session}")
    arguments |= {"only_look": False, "expected": session}
    result = msgspec.convert(await _job(services.world, "import-session", arguments, _WORK_MS), api.ImportResult)
    services.store.found(result.session)
    await _record(call, params.key, hash, "session.import", result)
    return result


def _new_file(call: Call, path: str) -> str:
    """The real path of a file to be made: in a folder that is there, and in none of the daemon's own."""
    files, folders = call.services.world.files, call.services.folders
    if not path.startswith("/") or "\0" in path or path.endswith(("/", "/.", "/..")):
        raise BadInputError(f"the file {path[:200]!r} is not an absolute path", field="path")
    folder = files.real(path.rpartition("/")[0] or "/")
    info = files.info(folder, follow=True)
    if info is None or info.kind != "dir":
        raise NotRegularFileError(f"{folder} is no folder", remedy="Make it first.", field="path")
    for own in (folders.config, folders.data, folders.state, folders.cache, folders.run):
        real = files.real(own)
        if folder == real or folder.startswith(f"{real}/"):
            raise BadInputError(
                f"{folder} is one of the daemon's own folders", remedy="Write it elsewhere.", field="path"
            )
    return f"{folder.rstrip('/')}/{path.rpartition('/')[2]}"


ROWS: dict[str, Handler] = {
    "session.redact": _redact,
    "session.bundle": _bundle,
    "session.import": _import,
}
