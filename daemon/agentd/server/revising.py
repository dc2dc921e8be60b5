"""session.*: taking back and trying again. Rows of the resource `session`, a file of their own for their size."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentd.errors import BadInputError, DamagedLogError, DeadlineError
from agentd.server.handling import Call, Handler, actor_of, body_hash
from agentd.turn.taking_back import Asking, TakenBack
from agentproto import revisions as api
from agentproto.limits import LIMITS

__all__ = ["ROWS"]

_JOB_MS = 120_000
"""How long a log may take to be read whole: some gigabytes."""


async def _rewind(call: Call, params: api.RewindParams) -> api.RevertResult:
    return _result(await call.services.taking_back.rewind(params.session, params.to_turn, _asking(call, params)))


async def _undo(call: Call, params: api.UndoParams) -> api.RevertResult:
    if params.redo and params.call is not None:
        raise BadInputError("give either call or redo, not both", field="redo")
    taken = await call.services.taking_back.undo(params.session, params.call, params.redo, _asking(call, params))
    return _result(taken)


async def _fork(call: Call, params: api.ForkParams) -> api.ForkResult:
    made = await call.services.forking.fork(
        params.session, params.after_turn, params.title, params.key, body_hash(params), actor_of(call.caller)
    )
    return api.ForkResult(made.session, made.parent, made.turns)


async def _workflow(call: Call, params: api.WorkflowParams) -> api.WorkflowResult:
    if not 1 <= params.limit <= LIMITS.page:
        raise BadInputError(f"limit is {params.limit}; it has to be 1 to {LIMITS.page}", field="limit")
    folder = await _folder(call, params.session)
    arguments = {"folder": folder, "after": params.cursor or "", "limit": params.limit + 1}
    steps = msgspec.convert(await _job(call, "session-workflow", arguments), list[api.WorkflowStep])
    more = len(steps) > params.limit
    page = tuple(steps[: params.limit])
    return api.WorkflowResult(page, page[-1].id if more else None)


class _Replayed(msgspec.Struct, frozen=True):
    entries: int
    recorded_by: int
    machine: int
    hash: str
    damaged_at: int | None
    differences: list[tuple[int, str, str]]


async def _replay(call: Call, params: api.ReplayParams) -> api.ReplayResult:
    found = msgspec.convert(
        await _job(call, "session-replay", {"folder": await _folder(call, params.session)}), _Replayed
    )
    if found.damaged_at is not None:
        raise DamagedLogError(
            f"session {params.session} is damaged at byte {found.damaged_at}, so it can't be replayed whole",
            why=f"{found.entries} entries before it were replayed, {len(found.differences)} of them otherwise",
        )
    return api.ReplayResult(
        identical=not found.differences,
        entries=found.entries,
        recorded_by=found.recorded_by,
        machine=found.machine,
        differences=tuple(api.ReplayDifference(*one) for one in found.differences),
        events_hash=found.hash,
    )


class _Verified(msgspec.Struct, frozen=True):
    entries: int
    end: int
    bytes: int
    blobs: int
    state_hash: str
    findings: list[str]


async def _verify(call: Call, params: api.VerifyParams) -> api.VerifyResult:
    folder = await _folder(call, params.session)
    head = call.services.store.head(params.session)  # before the log is read: it may grow meanwhile
    found = msgspec.convert(await _job(call, "session-verify", {"folder": folder}), _Verified)
    findings = list(found.findings)
    if head is not None and head.seq > found.entries and not findings:
        missing = head.seq - found.entries
        findings.append(f"the log ends with entry {found.entries}, but {missing} more had been written")
    return api.VerifyResult(
        session=params.session,
        ok=not findings,
        entries=found.entries,
        bytes=found.bytes,
        blobs=found.blobs,
        state_hash=found.state_hash,
        findings=tuple(findings),
    )


async def _folder(call: Call, session: str) -> str:
    """The session's folder; NotFoundError when there is no such session."""
    store = call.services.store
    if not store.exists(session):
        await call.services.sessions.get(session)
    return store.folder(session)


async def _job(call: Call, name: str, arguments: Mapping[str, object]) -> object:
    try:
        return await call.services.world.processes.job(name, arguments, _JOB_MS)
    except DeadlineError:
        raise DeadlineError(
            f"reading the session took longer than {_JOB_MS // 1000} s",
            remedy="`agentd check` reads every log without a time limit.",
        ) from None


def _asking(call: Call, params: api.RewindParams | api.UndoParams) -> Asking:
    return Asking(
        key=params.key,
        hash=body_hash(params),
        actor=actor_of(call.caller),
        keep_files=params.files == "keep",
        skip_changed=params.skip_changed,
        dry_run=params.dry_run,
    )


def _result(taken: TakenBack) -> api.RevertResult:
    files = tuple(api.FileRevision(one.path, one.action, one.reason, one.before, one.after) for one in taken.files)
    return api.RevertResult(taken.seq, taken.turns, files, taken.prompt)


ROWS: dict[str, Handler] = {
    "session.fork": _fork,
    "session.replay": _replay,
    "session.rewind": _rewind,
    "session.undo": _undo,
    "session.verify": _verify,
    "session.workflow": _workflow,
}
