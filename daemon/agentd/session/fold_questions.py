"""The fold's steps for questions and their answers. Pure; part of `session.fold`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agentd.session.asking import Answered, Asked
from agentd.session.folding import set_call
from agentd.session.remembering import keyed, latest
from agentd.session.state import Answer, CallState, CallStatus, Grant, SessionState

__all__ = ["QUESTIONS"]


def _asked(state: SessionState, e: Asked, seq: int, at_ms: int) -> SessionState:
    state = set_call(state, e.turn, e.call, lambda call: replace(call, status="asking", question=e.question))
    return replace(state, questions=(*state.questions, (e, at_ms)), question_count=state.question_count + 1)


def _answered(state: SessionState, e: Answered, seq: int, at_ms: int) -> SessionState:
    state = keyed(state, e.key, e.hash, seq, e.turn)
    asked = next((q for q, _ in state.questions if q.question == e.question), None)
    who = e.actor.name or e.actor.kind
    state = replace(
        state,
        questions=tuple(pair for pair in state.questions if pair[0].question != e.question),
        answers=latest(state.answers, e.question, Answer(e.decision, who, at_ms)),
    )
    if asked is None or e.decision == "closed":
        return state
    if e.decision == "approve":
        if e.scope == "session":
            given = tuple(Grant(*grant, e.question, who, at_ms) for grant in asked.grants)
            state = replace(state, grants=state.grants + given)
        return set_call(state, e.turn, asked.call, lambda call: _decided_upon(call, e, "approved", call.words))
    words = e.text if e.decision == "answer" else (e.text or "the person said no")
    return set_call(state, e.turn, asked.call, lambda call: _decided_upon(call, e, "denied", words))


def _decided_upon(call: CallState, e: Answered, status: CallStatus, words: str) -> CallState:
    """Only the question that the call waits for decides it: what has begun or ended is never allowed anew."""
    waits = call.status == "asking" and call.question == e.question
    return replace(call, status=status, words=words) if waits else call


QUESTIONS: dict[type, Callable[..., SessionState]] = {Asked: _asked, Answered: _answered}
"""Entry type -> its step."""
