"""What is loaded late is loaded only then: each command costs what it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agentctl.lazy import load

LOADED = "import sys; {}; print(*sorted({{'zmq', 'msgspec', 'asyncio', 'rich', 'prompt_toolkit', 'platformdirs', 'subprocess', 'httpx', 'agentd', 'agentproto.table', 'logging'}} & set(sys.modules)))"


@pytest.mark.parametrize(
    ("work", "loaded"),
    [
        ("import agentctl.cli", ""),
        ("import agentctl.cli; agentctl.cli.run(['--help'])", ""),
        ("import agentctl.commands.ask", "msgspec zmq"),
        ("import agentctl.commands.pending", "msgspec zmq"),
        ("import agentctl.commands.version", "msgspec zmq"),
        ("import agentctl.cli; agentctl.cli.run(['sessions', '--help'])", ""),
        ("import agentctl.sessions.listing", "msgspec zmq"),
        ("import agentctl.sessions.showing", "msgspec zmq"),
        ("import agentctl.sessions.undoing", "msgspec zmq"),
    ],
)
def test_only_what_is_used_is_imported(work: str, loaded: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(work)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == loaded


def test_a_name_is_loaded() -> None:
    assert load("agentctl.exits", "DONE") == 0
