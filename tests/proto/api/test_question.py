"""question.*: what is asked, what may be answered, and what an answer can never be."""

from __future__ import annotations

import pytest

from agentproto.api import question
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed

QUESTION = question.Question(
    id="q1",
    session="s1",
    turn="t1",
    kind="permission",
    tool="bash",
    summary="Run make",
    command="make",
    hash="ab",
    gates=("writes",),
    at_ms=1,
)


def test_requests_with_what_they_need() -> None:
    assert request({}, question.ListParams) == question.ListParams(session=None)
    assert request({"key": "k", "question": "q1", "decision": "approve"}, question.AnswerParams) == (
        question.AnswerParams(key="k", question="q1", decision="approve", scope="once", text="")
    )


def test_a_question_survives_the_way_and_leaves_out_what_is_default() -> None:
    plain = to_plain(question.ListResult((QUESTION,)))
    assert typed(plain, question.ListResult) == question.ListResult((QUESTION,))
    assert plain == {
        "questions": (
            {
                "id": "q1",
                "session": "s1",
                "turn": "t1",
                "kind": "permission",
                "tool": "bash",
                "summary": "Run make",
                "command": "make",
                "hash": "ab",
                "gates": ("writes",),
                "at_ms": 1,
            },
        )
    }


def test_that_a_question_was_closed_is_told_but_can_not_be_answered() -> None:
    body = {"stream": "s", "seq": 1, "at_ms": 2, "question": "q1", "turn": "t1", "decision": "closed", "actor": "d"}
    assert typed(body, question.AnsweredEvent).decision == "closed"
    with pytest.raises(RemoteProtocolError) as caught:
        request({"key": "k", "question": "q1", "decision": "closed"}, question.AnswerParams)
    assert caught.value.field == "decision"


def test_a_question_opens_with_all_that_a_person_has_to_see() -> None:
    event = question.OpenedEvent("s1", 3, 4, QUESTION)
    assert typed(to_plain(event), question.OpenedEvent) == event


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({"key": "k", "question": "q1", "decision": "yes"}, question.AnswerParams, ErrorCode.BAD_INPUT, "decision"),
        (
            {"key": "k", "question": "q1", "decision": "approve", "scope": "forever"},
            question.AnswerParams,
            ErrorCode.BAD_INPUT,
            "scope",
        ),
        ({"question": "q1", "decision": "approve"}, question.AnswerParams, ErrorCode.BAD_INPUT, None),
        (
            {"key": "k" * 129, "question": "q1", "decision": "approve"},
            question.AnswerParams,
            ErrorCode.BAD_INPUT,
            "key",
        ),
        ({"cursor": "c"}, question.ListParams, ErrorCode.UNKNOWN_FIELD, "cursor"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
