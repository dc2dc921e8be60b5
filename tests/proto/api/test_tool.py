"""tool.*: what a model can do, and a call's whole output in pieces of raw bytes."""

from __future__ import annotations

import pytest

from agentproto.api import tool
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.limits import LIMITS
from agentproto.shape import request, to_plain, typed

INFO = tool.ToolInfo(
    name="read",
    summary="s",
    description="d",
    read_only=True,
    concurrency_safe=True,
    access="reads files",
    recovery="rerun",
    compactable=True,
    timeout_ms=1,
    max_result_chars=2,
    input_schema={"type": "object"},
    output_schema={},
)


def test_requests_with_what_they_need() -> None:
    assert request({}, tool.ListParams) == tool.ListParams(session=None)
    assert request({"name": "read"}, tool.ShowParams) == tool.ShowParams("read")
    assert request({"call": "t1.1.1"}, tool.OutputParams) == tool.OutputParams("t1.1.1", 0, 1024 * 1024)


def test_a_tool_survives_the_way() -> None:
    assert typed(to_plain(tool.ListResult((INFO,))), tool.ListResult) == tool.ListResult((INFO,))
    assert "out" not in to_plain(INFO)


def test_output_is_bytes_not_text() -> None:
    result = tool.OutputResult(b"\x00\xff", 2)
    assert to_plain(result) == {"data": b"\x00\xff", "total_bytes": 2}
    assert typed(to_plain(result), tool.OutputResult) == result


def test_a_piece_of_the_default_size_fits_into_a_body() -> None:
    assert tool.OutputParams("c").limit < LIMITS.binary_bytes


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({"call": "c", "offset": -1}, tool.OutputParams, ErrorCode.BAD_INPUT, "offset"),
        ({"call": "c", "limit": 0}, tool.OutputParams, ErrorCode.BAD_INPUT, "limit"),
        ({"call": 1}, tool.OutputParams, ErrorCode.BAD_INPUT, "call"),
        ({"name": "read", "session": "s"}, tool.ShowParams, ErrorCode.UNKNOWN_FIELD, "session"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
