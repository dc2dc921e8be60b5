"""turn.*: start, steer, interrupt, withdraw."""

from __future__ import annotations

from typing import Literal

from agentd.errors import BadInputError, NotFoundError, TooLargeError
from agentd.policy.rules import parse
from agentd.server.handlers.session import check_mode, new_session
from agentd.server.handling import Call, Handler, actor_of, body_hash
from agentd.server.places import given_files, place, workspace_of
from agentd.turn.intake import NewTurn, Taken
from agentproto.api import turn as api
from agentproto.limits import LIMITS

__all__ = ["HANDLERS"]


def _check_text(text: str, field: str) -> None:
    size = len(text.encode(errors="replace"))
    if size > LIMITS.prompt_bytes:
        raise TooLargeError(
            f"the {field} has {size} bytes; {LIMITS.prompt_bytes} are taken",
            remedy="Put the text into a file and name the file.",
            field=field,
        )
    if not text.strip():
        raise BadInputError(f"the {field} is empty", remedy="Say something.", field=field)


def _check_rules(verdict: Literal["allow", "deny"], rules: tuple[str, ...]) -> None:
    for index, text in enumerate(rules):
        try:
            parse(verdict, text, "command line")
        except BadInputError as fault:
            fault.field = f"{verdict}[{index}]"
            raise


async def _start(call: Call, params: api.StartParams) -> api.StartResult:
    services = call.services
    # Looked for before anything is checked: what was named may be gone by now, and the answer stays what it was.
    taken = await services.sessions.repeated(params.key, body_hash(params), params.session)
    if taken is None:
        taken = await _begin(call, params)
    services.remember_variables(taken.session, call.caller.variables)
    if params.subscribe and not call.conversation.closed and not call.streams.follows(call.conversation, taken.session):
        call.streams.subscribe(call.conversation, taken.session, taken.seq - 1)
    if params.on_disconnect == "stop":
        call.conversation.stop_with.add(taken.made)
    runner = await services.sessions.get(taken.session)
    return api.StartResult(taken.session, taken.made, taken.seq, runner.state.workspace, taken.queued)


async def _begin(call: Call, params: api.StartParams) -> Taken:
    """Check everything that the request names, then take it."""
    services = call.services
    _check_text(params.prompt, "prompt")
    check_mode(params.mode)
    if params.max_steps is not None and not 1 <= params.max_steps <= 10_000:
        raise BadInputError(f"max_steps is {params.max_steps}; it has to be 1 to 10000", field="max_steps")
    _check_rules("allow", params.allow)
    _check_rules("deny", params.deny)
    if params.model is not None:
        services.models.check(params.model)
    given = given_files(services.world.files, params.files)
    turn = NewTurn(
        prompt=params.prompt,
        files=given.texts,
        pictures=given.pictures,
        mode=params.mode,
        model=params.model,
        max_steps=params.max_steps or 0,
        allow=params.allow,
        deny=params.deny,
        max_usd_micros=params.max_usd_micros or 0,
    )
    key, hash, actor = params.key, body_hash(params), actor_of(call.caller)
    session = params.session
    if session is None and params.continue_latest:
        if params.cwd is None:
            raise BadInputError("continue_latest needs cwd", field="cwd")
        workspace = workspace_of(services.world.files, place(services.world.files, params.cwd))
        session = services.sessions.latest_in(workspace)
        if session is None:
            raise NotFoundError(
                f"there is no session of {workspace} to continue", remedy="Start one: leave --continue out."
            )
        return await services.sessions.start_in_latest(session, key, hash, turn, actor)
    if session is not None:
        return await services.sessions.start(session, key, hash, turn, actor)
    if params.cwd is None:
        raise BadInputError("a new session needs cwd", field="cwd")
    new = new_session(call, params.cwd, params.mode or "ask", params.model, None)
    return await services.sessions.start_in_new(key, hash, new, turn, actor)


async def _steer(call: Call, params: api.SteerParams) -> api.SteerResult:
    _check_text(params.text, "text")
    taken = await call.services.sessions.steer(
        params.session, params.key, body_hash(params), params.text, actor_of(call.caller)
    )
    return api.SteerResult(taken.seq)


async def _interrupt(call: Call, params: api.InterruptParams) -> api.InterruptResult:
    done = await call.services.sessions.interrupt(
        params.session, params.key, body_hash(params), "a person stopped it", actor_of(call.caller), params.turn
    )
    return api.InterruptResult(done)


async def _withdraw(call: Call, params: api.WithdrawParams) -> api.WithdrawResult:
    turn, seq, prompt = await call.services.taking_back.withdraw(
        params.session, params.turn, params.key, body_hash(params), actor_of(call.caller)
    )
    return api.WithdrawResult(turn, seq, prompt)


HANDLERS: dict[str, Handler] = {
    "turn.start": _start,
    "turn.steer": _steer,
    "turn.interrupt": _interrupt,
    "turn.withdraw": _withdraw,
}
