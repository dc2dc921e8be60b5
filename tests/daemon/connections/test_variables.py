"""What a client is asked for is what some connection needs."""

from __future__ import annotations

from agentd.config.model import ConnectionSettings
from agentd.connections.variables import TOOLS, kept, wanted


def test_a_key_s_variable_is_asked_for_and_a_program_s_only_when_there_is_one() -> None:
    plain = set(wanted([ConnectionSettings("anthropic", key="env:MINE"), ConnectionSettings("ollama", key="file:/k")]))
    assert {"MINE", "OPENAI_API_KEY", *TOOLS} <= plain
    assert "GPG_TTY" not in plain
    assert set(wanted([ConnectionSettings("anthropic", key="cmd:pass x")])) - set(wanted([])) >= {"GPG_TTY", "DISPLAY"}


def test_what_only_tools_use_is_not_kept_for_connections() -> None:
    sent = {"TZ": "UTC", "VIRTUAL_ENV": "/v", "PATH": "/bin", "MINE": "x", "SSH_AUTH_SOCK": "/s"}
    assert kept(sent) == {"PATH": "/bin", "MINE": "x", "SSH_AUTH_SOCK": "/s"}
