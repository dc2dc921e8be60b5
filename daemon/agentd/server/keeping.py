"""session.archive, session.remove, session.retain: what is kept of sessions, and in which form.

A removal is recorded before it begins, with its answer, and again when it has ended: sent again it is ended where a
crash had come between, and else only answered. Callers: `server.handlers.session`.
"""

from __future__ import annotations

import msgspec

from agentd.errors import AgentdError, NotFoundError
from agentd.server.handling import Call, Handler, body_hash
from agentd.server.once import once
from agentd.session.requests import Accepted
from agentd.session.retention import Policy
from agentd.turn.housekeeping import Housekeeping
from agentproto import keeping as api

__all__ = ["ROWS"]


class _Removal(msgspec.Struct, frozen=True):
    """What is recorded of a removal."""

    session: str
    bytes: int
    done: bool = False


def _keeping(call: Call) -> Housekeeping:
    services = call.services
    return Housekeeping(services.world, services.store, services.sessions)


async def _archive(call: Call, params: api.ArchiveParams) -> api.ArchiveResult:
    async def do() -> api.ArchiveResult:
        work = _keeping(call)
        before, after = await (work.restore if params.restore else work.archive)(params.session)
        return api.ArchiveResult(params.session, before, after)

    return await once(call, params.key, params, "session.archive", api.ArchiveResult, do)


async def _remove(call: Call, params: api.RemoveParams) -> api.RemoveResult:
    services, hash, session = call.services, body_hash(params), params.session
    known = services.requests.find(params.key, hash)
    if known is None:
        removal = _Removal(session, services.store.size_of(session))
        await _record(call, params.key, hash, removal)
    else:
        removal = msgspec.json.decode(known.made, type=_Removal)
    if not removal.done:
        try:
            await _keeping(call).remove(session)
        except NotFoundError:
            if known is None:
                raise
        await _record(call, params.key, hash, msgspec.structs.replace(removal, done=True))
    return api.RemoveResult(session, removal.bytes)


async def _record(call: Call, key: str, hash: str, removal: _Removal) -> None:
    made = msgspec.json.encode(removal).decode()
    await call.services.requests.record(Accepted(key=key, hash=hash, method="session.remove", made=made))


async def _retain(call: Call, params: api.RetainParams) -> api.RetainResult:
    work, wanted = _keeping(call), call.streams.wanted()

    async def do() -> api.RetainResult:
        done: list[api.Retained] = []
        for action in await work.plan(_policy(call, params), wanted):
            if not params.dry_run:
                try:
                    await work.perform(action)
                except AgentdError:
                    continue  # in use since, or its disk says no: it is not among what was done
            done.append(api.Retained(action.session, action.action, action.reason, action.bytes, action.title))
        return api.RetainResult(tuple(done), params.dry_run)

    return await (do() if params.dry_run else once(call, params.key, params, "session.retain", api.RetainResult, do))


def _policy(call: Call, params: api.RetainParams) -> Policy:
    """What is given, else what the settings say."""
    shown = {row.key: row.value for row in call.services.settings.show("sessions.")}

    def value(name: str, given: int | None) -> int:
        return int(shown[f"sessions.{name}"]) if given is None else given

    return Policy(
        archive_after_days=value("archive_after_days", params.archive_after_days),
        remove_after_days=value("remove_after_days", params.remove_after_days),
        max_bytes=value("max_bytes", params.max_bytes),
    )


ROWS: dict[str, Handler] = {
    "session.archive": _archive,
    "session.remove": _remove,
    "session.retain": _retain,
}
