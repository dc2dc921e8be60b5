"""session.*: making, listing, looking, changing."""

from __future__ import annotations

from agentd.errors import BadInputError
from agentd.server import handover, keeping, revising, searching
from agentd.server.handling import Call, Handler, actor_of, body_hash
from agentd.server.places import place, workspace_of
from agentd.services import Services
from agentd.session.entries import PHASES, Decided, Started
from agentd.session.listing import Listed
from agentd.session.projection import project, question_of
from agentd.turn.intake import NewSession
from agentd.turn.runner import Runner
from agentproto.api import session as api
from agentproto.api.turn import Mode
from agentproto.limits import LIMITS
from agentproto.shape import to_plain

__all__ = ["HANDLERS", "RECORDED", "check_mode", "new_session"]

RECORDED = ("PATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ", "HOME", "USER", "SHELL")
"""Variables that are recorded with a session; all others that a client gives live in memory only."""


_PAGE_BYTES = LIMITS.body_bytes // 2
_LOOKED_AT = 500
"""Entries at the log's end in which the latest turn's phases are looked for."""


def check_mode(mode: Mode | None) -> None:
    """Refuse the modes that are not there yet, naming what is missing."""
    if mode in ("auto", "accept-edits"):
        raise BadInputError(
            f"the mode {mode} is not available yet",
            why="it needs the shell gates and a proven sandbox, which this version does not have",
            remedy="Use ask or plan.",
            field="mode",
        )


def new_session(call: Call, cwd: str, mode: Mode, model: str | None, title: str | None) -> NewSession:
    """What a session in `cwd` is made with, everything checked."""
    check_mode(mode)
    files = call.services.world.files
    real = place(files, cwd)
    env = {name: value for name, value in call.caller.variables.items() if name in RECORDED}
    return NewSession(workspace_of(files, real), real, mode, model, title, env)


async def _create(call: Call, params: api.CreateParams) -> api.CreateResult:
    sessions, hash = call.services.sessions, body_hash(params)
    # Looked for before anything is checked: the folder may be gone by now, and the answer stays what it was.
    known = call.services.requests.find(params.key, hash)
    if known is not None and call.services.store.exists(known.made):
        made = (await sessions.get(known.made)).state
        if made.seq:
            return api.CreateResult(session=made.session, workspace=made.workspace)
    if params.model is not None:
        call.services.models.check(params.model)
    new = new_session(call, params.cwd, params.mode, params.model, params.title)
    taken = await sessions.create(params.key, hash, new, actor_of(call.caller))
    call.services.remember_variables(taken.session, call.caller.variables)
    return api.CreateResult(session=taken.session, workspace=new.workspace)


def _state_of(runner: Runner) -> api.SessionState:
    if runner.log.problem is not None:
        return "read_only"
    turn = runner.state.turn
    if turn is None:
        return "idle"
    asking = any(call.status == "asking" for call in turn.calls)
    return "waiting" if asking and not any(call.status == "begun" for call in turn.calls) else "running"


def _summary(services: Services, row: Listed, runner: Runner | None) -> api.SessionSummary:
    if runner is None:
        return api.SessionSummary(
            id=row.id,
            title=row.title,
            workspace=row.workspace,
            state="read_only" if row.problem else "idle",
            created_at_ms=row.created_at_ms,
            updated_at_ms=row.updated_at_ms,
            turns=row.turns,
            seq=row.seq,
            bytes=row.bytes,
            parent=row.parent,
            kind=row.kind,
            model=row.model,
            damage=row.problem,
            archived=row.archived,
        )
    row = services.sessions.row(runner)
    return api.SessionSummary(
        id=row.id,
        title=row.title,
        workspace=row.workspace,
        state=_state_of(runner),
        created_at_ms=row.created_at_ms,
        updated_at_ms=row.updated_at_ms,
        turns=runner.state.turns,
        seq=runner.state.seq,
        bytes=row.bytes,
        parent=row.parent,
        kind=row.kind,
        model=row.model,
        damage=row.problem,
        archived=services.store.archived(row.id),
    )


async def _list(call: Call, params: api.ListParams) -> api.ListResult:
    services = call.services
    if not 1 <= params.limit <= LIMITS.page:
        raise BadInputError(f"limit is {params.limit}; it has to be 1 to {LIMITS.page}", field="limit")
    await services.store.look_through()
    runners = services.sessions.loaded()
    # Of one that is just being made the file may have bytes already; it is there when its first line is durable.
    unborn = {id for id, runner in runners.items() if not runner.state.seq and runner.log.problem is None}
    loaded = {id: runner for id, runner in runners.items() if runner.state.seq}
    rows = {row.id: row for row in services.store.listed() if row.id not in unborn}
    rows |= {id: services.sessions.row(runner) for id, runner in loaded.items()}
    ordered = sorted(rows.values(), key=lambda row: (row.updated_at_ms, row.id), reverse=True)
    if params.workspace is not None:
        wanted = workspace_of(services.world.files, place(services.world.files, params.workspace))
        ordered = [row for row in ordered if row.workspace == wanted]
    if params.cursor is not None:
        ids = [row.id for row in ordered]
        if params.cursor not in ids:
            raise BadInputError("the cursor is not one of this list", remedy="Begin anew.", field="cursor")
        ordered = ordered[ids.index(params.cursor) + 1 :]
    page = ordered[: params.limit]
    more = page[-1].id if len(ordered) > len(page) else None
    return api.ListResult(tuple(_summary(services, row, loaded.get(row.id)) for row in page), more)


async def _read(call: Call, params: api.ReadParams) -> api.ReadResult:
    runner = await call.services.sessions.get(params.session)
    state = runner.state
    turn = state.turn
    fields: dict[str, object] = {
        "messages": len(runner.log.refs),
        "turn_count": state.turns,
        "model_calls": state.model_calls,
        "turn": turn.id if turn else None,
        "phase": turn.phase if turn else None,
        "step": turn.step if turn else 0,
        "attempts": turn.attempts if turn else 0,
        "faults_running": turn.faults if turn else 0,
        "interrupted": turn.interrupted if turn else None,
        "calls": {c.call: c.status for c in turn.calls} if turn else {},
        "last_stop": state.last_stop,
        "prefix": state.prefix.blob if state.prefix else None,
        "grants": [{"tool": g.tool, "exact": g.exact} for g in state.grants],
        "counters": dict(state.counters),
        "compactions": state.counters.get("compactions", 0),
        "compacted_in_step": turn.compacted if turn else 0,
        "overflowed": turn.overflowed if turn else False,
        "withdrawn": turn.withdrawn if turn else False,
        "finished_turns": len(state.finished),
        "can_redo": len(state.undone),
        "phases": _phases(runner),
    }
    usage = state.usage
    return api.ReadResult(
        summary=_summary(call.services, call.services.sessions.row(runner), runner),
        mode=state.mode,
        questions=tuple(question_of(asked, params.session, at_ms) for asked, at_ms in state.questions),
        queued=len(state.queue),
        usage=api.Usage(
            calls=state.model_calls,
            input=usage.input,
            output=usage.output,
            cached=usage.cached,
            cache_written=usage.cache_written,
            reasoning=usage.reasoning,
            usd_micros=usage.usd_micros,
        ),
        state_fields=fields,
        log_file=f"{runner.log.folder}/log.jsonl",
    )


def _phases(runner: Runner) -> list[str]:
    """The loop's phases of the latest turn, in the order in which its log shows them."""
    found: list[str] = []
    for line in runner.log.lines_after(max(0, runner.state.seq - _LOOKED_AT), _LOOKED_AT):
        if isinstance(line.entry, Started):
            found = []
        phase = PHASES.get(type(line.entry))
        if isinstance(line.entry, Decided) and line.entry.next == "step":
            found += ["decide", "loop"]
        elif phase is not None and found[-1:] != [phase]:
            found.append(phase)
    return found


async def _items(call: Call, params: api.ItemsParams) -> api.ItemsResult:
    if not 1 <= params.limit <= LIMITS.page:
        raise BadInputError(f"limit is {params.limit}; it has to be 1 to {LIMITS.page}", field="limit")
    runner = await call.services.sessions.get(params.session)
    events: list[api.StreamedEvent] = []
    size, last = 0, params.after_seq
    lines = runner.log.lines_after(params.after_seq, params.limit)
    for line in lines:
        event = project(params.session, line)
        if event is not None:
            # An event is about as long as its line; a page of long ones ends early, so that a message can hold it.
            size += line.length
            if events and size > _PAGE_BYTES:
                return api.ItemsResult(await _shown(call, params, runner, events), last)
            events.append(api.StreamedEvent(event[0], to_plain(event[1])))
        last = line.seq
    more = last if len(lines) == params.limit else None
    return api.ItemsResult(await _shown(call, params, runner, events), more)


async def _shown(
    call: Call, params: api.ItemsParams, runner: Runner, events: list[api.StreamedEvent]
) -> tuple[api.StreamedEvent, ...]:
    if not params.redacted:
        return tuple(events)
    world, known = call.services.world, handover.known_secrets(call)
    return await handover.redact_events(world, events, runner.log.folder, known)


async def _set(call: Call, params: api.SetParams) -> api.SetResult:
    check_mode(params.mode)
    if params.mode is None and params.model is None and params.title is None:
        raise BadInputError("nothing to change: give mode, model or title")
    known = (await call.services.sessions.get(params.session)).state.keys
    if params.model is not None and params.key not in known:
        call.services.models.check(params.model)
    seq = await call.services.sessions.change(
        params.session, params.key, body_hash(params), actor_of(call.caller), params.mode, params.model, params.title
    )
    return api.SetResult(seq)


HANDLERS: dict[str, Handler] = {
    "session.create": _create,
    "session.list": _list,
    "session.read": _read,
    "session.items": _items,
    "session.set": _set,
    **handover.ROWS,
    **keeping.ROWS,
    **searching.ROWS,
    **revising.ROWS,
}
