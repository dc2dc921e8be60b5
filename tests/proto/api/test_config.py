"""config.*: a setting is asked for by its name, set by TOML text, and reloaded whole."""

from __future__ import annotations

import pytest

from agentproto.api import config
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed


def test_requests_with_what_they_need() -> None:
    assert request({}, config.ShowParams) == config.ShowParams(prefix="")
    assert request({"key": "k", "name": "ui.colour", "value": "true"}, config.SetParams) == config.SetParams(
        key="k", name="ui.colour", value="true"
    )
    assert request({"key": "k"}, config.ReloadParams) == config.ReloadParams(key="k")


def test_a_setting_leaves_out_that_it_is_not_locked() -> None:
    setting = config.SettingInfo("ui.colour", "true", "default", "People like it.")
    assert to_plain(config.ShowResult((setting,))) == {
        "settings": ({"key": "ui.colour", "value": "true", "where": "default", "why": "People like it."},)
    }


def test_a_refused_reload_says_why() -> None:
    result = config.ReloadResult("refused", (), "line 3: no such key")
    assert typed(to_plain(result), config.ReloadResult) == result


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({"key": "", "name": "a", "value": "b"}, config.SetParams, ErrorCode.BAD_INPUT, "key"),
        ({"key": "k", "name": "a", "value": True}, config.SetParams, ErrorCode.BAD_INPUT, "value"),
        ({"key": "k", "name": "a"}, config.SetParams, ErrorCode.BAD_INPUT, None),
        ({"name": "a"}, config.ShowParams, ErrorCode.UNKNOWN_FIELD, "name"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
