"""session.*: made, listed by pages, read, changed; each stream begins with its own opening."""

from __future__ import annotations

import pytest

from agentproto.api import session
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed

SUMMARY = session.SessionSummary("s1", "t", "/w", "idle", 1, 2, 3, 4, 5)


def test_requests_with_what_they_need() -> None:
    assert request({"key": "k", "cwd": "/w"}, session.CreateParams) == session.CreateParams(
        key="k", cwd="/w", mode="ask", model=None, title=None
    )
    assert request({}, session.ListParams) == session.ListParams(cursor=None, limit=50, workspace=None)
    assert request({"session": "s1"}, session.ReadParams) == session.ReadParams("s1")
    assert request({"session": "s1"}, session.ItemsParams) == session.ItemsParams(session="s1", after_seq=0, limit=100)
    assert request({"key": "k", "session": "s1"}, session.SetParams) == session.SetParams(key="k", session="s1")


def test_the_last_page_has_no_cursor() -> None:
    assert "cursor" not in to_plain(session.ListResult((SUMMARY,)))
    assert to_plain(session.ListResult((), "after-s1"))["cursor"] == "after-s1"
    assert "next_seq" not in to_plain(session.ItemsResult(()))


def test_a_present_state_survives_the_way() -> None:
    result = session.ReadResult(SUMMARY, "plan", (), 1, session.Usage(calls=1, usd_micros=7), {"step": 2}, "/l")
    assert typed(to_plain(result), session.ReadResult) == result


def test_an_item_is_the_event_as_it_was_streamed() -> None:
    page = session.ItemsResult((session.StreamedEvent("turn.delta", {"text": "x", "data": b"y"}),), 9)
    assert typed(to_plain(page), session.ItemsResult) == page


def test_an_opening_says_of_what_kind_the_session_is() -> None:
    opened = session.OpenedEvent("s1", 1, 2, "/w", "/w", "ask")
    assert (opened.kind, "kind" in to_plain(opened)) == ("chat", False)
    dream = session.OpenedEvent("s1", 1, 2, "/w", "/w", "ask", "s0", "dream")
    assert typed(to_plain(dream), session.OpenedEvent) == dream


def test_what_is_not_given_is_not_changed() -> None:
    assert to_plain(session.SetParams(key="k", session="s1", title="")) == {"key": "k", "session": "s1", "title": ""}


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({"key": "k"}, session.CreateParams, ErrorCode.BAD_INPUT, None),
        ({"key": "k", "cwd": "/w", "mode": "yolo"}, session.CreateParams, ErrorCode.BAD_INPUT, "mode"),
        ({"limit": 0}, session.ListParams, ErrorCode.BAD_INPUT, "limit"),
        ({"limit": -1}, session.ListParams, ErrorCode.BAD_INPUT, "limit"),
        ({"limit": 1.5}, session.ListParams, ErrorCode.BAD_INPUT, "limit"),
        ({"session": "s", "after_seq": -1}, session.ItemsParams, ErrorCode.BAD_INPUT, "after_seq"),
        ({"key": "k", "session": "s", "titel": "x"}, session.SetParams, ErrorCode.UNKNOWN_FIELD, "titel"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
