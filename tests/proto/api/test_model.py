"""model.*: connections by name; prices that can enter a budget."""

from __future__ import annotations

import pytest

from agentproto.api import model
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed

NEEDED: dict[str, object] = {"key": "k", "name": "local", "kind": "ollama", "url": "http://127.0.0.1:11434"}


def test_requests_with_what_they_need() -> None:
    assert request({}, model.ListParams) == model.ListParams()
    assert request(NEEDED, model.AddParams) == model.AddParams(
        key="k", name="local", kind="ollama", url="http://127.0.0.1:11434"
    )
    assert request({"key": "k", "name": "local"}, model.UseParams) == model.UseParams(key="k", name="local")
    assert request({"name": "local"}, model.TestParams) == model.TestParams("local")


def test_a_whole_price_is_a_price() -> None:
    added = request({**NEEDED, "price_in": 3, "price_out": 0.15}, model.AddParams)
    assert (added.price_in, added.price_out) == (3.0, 0.15)


def test_a_test_with_its_checks_survives_the_way() -> None:
    result = model.TestResult("local", True, (model.TestCheck("reachable", True, "200"),), 12, 33.5)
    assert typed(to_plain(result), model.TestResult) == result


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({**NEEDED, "kind": "magic"}, model.AddParams, ErrorCode.BAD_INPUT, "kind"),
        ({**NEEDED, "price_in": float("nan")}, model.AddParams, ErrorCode.BAD_INPUT, "price_in"),
        ({**NEEDED, "price_in": float("inf")}, model.AddParams, ErrorCode.BAD_INPUT, "price_in"),
        ({**NEEDED, "price_out": -0.1}, model.AddParams, ErrorCode.BAD_INPUT, "price_out"),
        ({**NEEDED, "window": 0}, model.AddParams, ErrorCode.BAD_INPUT, "window"),
        ({**NEEDED, "api_key": "secret"}, model.AddParams, ErrorCode.UNKNOWN_FIELD, "api_key"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
