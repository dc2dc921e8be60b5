"""A PreparedCall can't be made by hand and does not change."""

from __future__ import annotations

import pytest

from agentd.providers.prepared import mint


def test_it_does_not_change() -> None:
    call = mint(
        provider="p", body=b"{}", purpose="test", session="s", call="c", input_tokens=1, output_tokens=2, usd_micros=3
    )
    with pytest.raises(AttributeError):
        call.body = b"other"
    with pytest.raises(TypeError):
        type(call)(
            None,
            provider="p",
            body=b"",
            purpose="test",
            session="s",
            call="c",
            input_tokens=0,
            output_tokens=0,
            usd_micros=0,
        )
    assert (call.provider, call.body, call.purpose, call.session, call.call) == ("p", b"{}", "test", "s", "c")
    assert (call.input_tokens, call.output_tokens, call.usd_micros) == (1, 2, 3)
