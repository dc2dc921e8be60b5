"""What a client is asked for is what some connection needs."""

from __future__ import annotations

from collections.abc import Mapping

from agentd.config.model import ConnectionSettings
from agentd.connections.variables import TOOLS, ClientVariables, wanted


def test_a_key_s_variable_is_asked_for_and_a_program_s_only_when_there_is_one() -> None:
    plain = set(wanted([ConnectionSettings("anthropic", key="env:MINE"), ConnectionSettings("ollama", key="file:/k")]))
    assert {"MINE", "OPENAI_API_KEY", *TOOLS} <= plain
    assert "GPG_TTY" not in plain
    assert set(wanted([ConnectionSettings("anthropic", key="cmd:pass x")])) - set(wanted([])) >= {"GPG_TTY", "DISPLAY"}


def test_what_only_tools_use_is_not_kept_for_connections() -> None:
    learned: list[Mapping[str, str]] = []
    variables = ClientVariables({"HOME": "/h", "PATH": "/usr/bin"}, learned.append)
    sent = {"TZ": "UTC", "VIRTUAL_ENV": "/v", "PATH": "/bin", "MINE": "x", "SSH_AUTH_SOCK": "/s"}
    variables.give(sent)
    assert variables.now() == {"HOME": "/h", "PATH": "/bin", "MINE": "x", "SSH_AUTH_SOCK": "/s"}
    assert learned == [sent]


def test_of_a_session_s_client_only_what_no_log_may_hold_is_remembered() -> None:
    variables = ClientVariables({}, lambda given: None)
    variables.remember("s1", {"SSH_AUTH_SOCK": "/s", "PATH": "/bin"})
    variables.remember("s1", {})
    assert (variables.of_session("s1"), variables.of_session("s2")) == ({"SSH_AUTH_SOCK": "/s"}, {})
