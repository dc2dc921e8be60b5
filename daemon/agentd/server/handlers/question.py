"""question.*: what is open, and the answers."""

from __future__ import annotations

from agentd.errors import BadInputError
from agentd.server.handling import Call, Handler, actor_of, body_hash
from agentproto.api import question as api

__all__ = ["HANDLERS"]


async def _list(call: Call, params: api.ListParams) -> api.ListResult:
    questions = call.services.sessions.questions()
    if params.session is not None:
        questions = tuple(question for question in questions if question.session == params.session)
    return api.ListResult(questions)


async def _answer(call: Call, params: api.AnswerParams) -> api.AnswerResult:
    if params.decision == "answer" and not params.text.strip():
        raise BadInputError("an answer needs a text", field="text")
    taken = await call.services.sessions.answer(
        params.question,
        params.key,
        body_hash(params),
        params.decision,
        params.scope,
        params.text,
        actor_of(call.caller),
    )
    return api.AnswerResult(params.question, taken.session, taken.made, taken.seq)


HANDLERS: dict[str, Handler] = {"question.list": _list, "question.answer": _answer}
