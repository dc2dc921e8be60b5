"""session.*: taking back and trying again. Rows of the resource `session`, a file of their own for their size."""

from __future__ import annotations

from agentd.errors import BadInputError
from agentd.server.handling import Call, Handler, actor_of, body_hash
from agentd.turn.taking_back import Asking, TakenBack
from agentproto import revisions as api

__all__ = ["ROWS"]


async def _rewind(call: Call, params: api.RewindParams) -> api.RevertResult:
    return _result(await call.services.taking_back.rewind(params.session, params.to_turn, _asking(call, params)))


async def _undo(call: Call, params: api.UndoParams) -> api.RevertResult:
    if params.redo and params.call is not None:
        raise BadInputError("give either call or redo, not both", field="redo")
    taken = await call.services.taking_back.undo(params.session, params.call, params.redo, _asking(call, params))
    return _result(taken)


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


ROWS: dict[str, Handler] = {"session.rewind": _rewind, "session.undo": _undo}
