"""log.*: subscribe from a number, be told of a gap, resume after it."""

from __future__ import annotations

import pytest

from agentproto.api import log
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed


def test_a_subscription_begins_at_the_streams_first_event_unless_told_otherwise() -> None:
    assert request({"stream": "s1"}, log.SubscribeParams) == log.SubscribeParams(stream="s1", after_seq=0)
    assert request({"stream": "daemon", "after_seq": -1}, log.SubscribeParams) == log.SubscribeParams(
        stream=log.DAEMON_STREAM, after_seq=-1
    )
    assert request({"stream": "s1"}, log.UnsubscribeParams) == log.UnsubscribeParams("s1")


def test_a_gap_names_the_number_that_a_new_subscription_begins_after() -> None:
    gap = typed({"stream": "s1", "resume_after": 41}, log.GapEvent)
    assert to_plain(log.SubscribeParams(stream=gap.stream, after_seq=gap.resume_after)) == {
        "stream": "s1",
        "after_seq": 41,
    }


def test_the_answer_to_a_subscription() -> None:
    assert to_plain(log.SubscribeResult("s1", 41)) == {"stream": "s1", "head_seq": 41}


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({"stream": "s1", "after_seq": -2}, log.SubscribeParams, ErrorCode.BAD_INPUT, "after_seq"),
        ({"stream": "s1", "after_seq": "0"}, log.SubscribeParams, ErrorCode.BAD_INPUT, "after_seq"),
        ({"after_seq": 0}, log.SubscribeParams, ErrorCode.BAD_INPUT, None),
        ({"stream": "s1", "from": 1}, log.SubscribeParams, ErrorCode.UNKNOWN_FIELD, "from"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
