"""tool.*: what there is, and whole outputs."""

from __future__ import annotations

from msgspec import structs

from agentd.errors import BadInputError, NotFoundError
from agentd.server.handling import Call, Handler
from agentd.session.entries import Done
from agentd.tools.registry import info
from agentproto.api import tool as api

__all__ = ["HANDLERS"]

_PIECE = 2 * 1024 * 1024


async def _list(call: Call, params: api.ListParams) -> api.ListResult:
    tools = [info(tool) for _, tool in sorted(call.services.tools.items())]
    if params.session is None:
        return api.ListResult(tuple(tools))
    mode = (await call.services.sessions.get(params.session)).state.mode
    out = "plan mode offers reading tools only"
    return api.ListResult(
        tuple(structs.replace(tool, out=out) if mode == "plan" and not tool.read_only else tool for tool in tools)
    )


async def _show(call: Call, params: api.ShowParams) -> api.ToolInfo:
    tool = call.services.tools.get(params.name)
    if tool is None:
        known = ", ".join(sorted(call.services.tools))
        raise NotFoundError(f"there is no tool {params.name[:80]!r}", why=f"there are: {known}", field="name")
    return info(tool)


async def _output(call: Call, params: api.OutputParams) -> api.OutputResult:
    if params.offset < 0 or not 1 <= params.limit <= _PIECE:
        raise BadInputError(f"offset has to be 0 or more, limit 1 to {_PIECE}", field="limit")
    session = params.call.partition(".")[0]
    runner = await call.services.sessions.get(session)
    done: Done | None = None
    for ref in reversed(runner.log.all_refs()):
        entry = runner.log.entry_at(ref)
        if isinstance(entry, Done) and entry.call == params.call:
            done = entry
            break
    if done is None:
        raise NotFoundError(f"there is no finished call {params.call[:80]!r}", field="call")
    data = done.text.encode() if done.blob is None else call.services.store.get_blob(session, done.blob)
    return api.OutputResult(data[params.offset : params.offset + params.limit], len(data))


HANDLERS: dict[str, Handler] = {"tool.list": _list, "tool.show": _show, "tool.output": _output}
