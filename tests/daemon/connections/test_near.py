"""Whose server it is decides whether calls are looked for in its text."""

from __future__ import annotations

import pytest

from agentd.connections.near import finds_calls_in_text, is_near
from agentd.providers.connection import Connection


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.1.20", True),
        ("10.1.2.3", True),
        ("localhost", True),
        ("workstation", True),
        ("gpu.local", True),
        ("8.8.8.8", False),
        ("api.openai.com", False),
        ("openrouter.ai", False),
    ],
)
def test_a_host_is_near_by_its_address_or_name(host: str, near: bool) -> None:
    assert is_near(host) is near


def test_calls_are_looked_for_behind_ones_own_servers_unless_the_setting_says_otherwise() -> None:
    own = Connection("a", "openai-chat", "http://127.0.0.1:8080/v1")
    maker = Connection("b", "openai-chat", "https://api.openai.com/v1")
    assert finds_calls_in_text(own)
    assert not finds_calls_in_text(maker)
    assert not finds_calls_in_text(Connection("c", "anthropic", "http://127.0.0.1:8080"))
    assert not finds_calls_in_text(Connection("a", "openai-chat", "http://127.0.0.1:8080/v1", calls_in_text=False))
    assert finds_calls_in_text(Connection("b", "openai-chat", "https://api.openai.com/v1", calls_in_text=True))
