"""daemon.*: condition, end and environment of the process, and the lines of its own stream."""

from __future__ import annotations

import pytest

from agentproto.api import daemon
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed

STATUS = daemon.StatusResult(
    pid=1,
    version="0.1.0",
    daemon="d",
    home="/h",
    endpoint="ipc:///s",
    sandbox="none",
    model="offline",
    sessions=2,
    turns_running=1,
    questions_open=0,
    clients=3,
    started_at_ms=4,
    now_ms=5,
    durability="always",
    log_file="/l",
    resident_bytes=6,
)


def test_requests_with_what_they_need() -> None:
    assert request({}, daemon.StatusParams) == daemon.StatusParams()
    assert request({"key": "k"}, daemon.StopParams) == daemon.StopParams(key="k", drain=True)
    assert request({"variables": {"PATH": "/bin"}}, daemon.EnvironmentParams) == daemon.EnvironmentParams(
        {"PATH": "/bin"}
    )


def test_a_status_survives_the_way() -> None:
    assert typed(to_plain(STATUS), daemon.StatusResult) == STATUS
    assert "notices" not in to_plain(STATUS)


@pytest.mark.parametrize(
    "category",
    [
        *("daemon", "context", "registry", "routing", "permission", "model", "tool", "settings", "session", "wire"),
        *("memory", "dream", "schedule", "watch"),
    ],
)
def test_the_categories_of_the_manual_are_known(category: str) -> None:
    body = {"stream": "daemon", "seq": 1, "at_ms": 2, "category": category, "name": "n", "text": "t"}
    assert to_plain(typed(body, daemon.HappenedEvent)) == body


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({"key": "k", "drain": 1}, daemon.StopParams, ErrorCode.BAD_INPUT, "drain"),
        ({"variables": {"PATH": 1}}, daemon.EnvironmentParams, ErrorCode.BAD_INPUT, "variables[...]"),
        ({"variables": []}, daemon.EnvironmentParams, ErrorCode.BAD_INPUT, "variables"),
        ({"key": "k"}, daemon.StatusParams, ErrorCode.UNKNOWN_FIELD, "key"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
