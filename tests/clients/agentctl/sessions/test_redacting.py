"""`sessions redact`: the new id on stdout; how many secrets of which kind, and that the old one is still there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentproto.keeping import RedactResult
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import lived


@pytest.mark.parametrize(
    ("replaced", "words"),
    [({"token": 2, "password": 1}, "replaced: 1 password, 2 token"), ({}, "no secrets were found")],
)
def test_it_says_what_was_replaced(home: Path, replaced: dict[str, int], words: str) -> None:
    made = RedactResult("s0000000000000002", replaced)
    with double(home, lived(session_redact=lambda call: made)):
        assert ctl(home, "sessions", "redact", SESSION) == Ran(
            0, f"{made.session}\n", f"- {words}; the old one is still there: agentctl sessions rm {SESSION}\n"
        )
        assert json.loads(ctl(home, "sessions", "redact", SESSION, "--json").out) == {
            "session": made.session,
            "replaced": replaced,
        }
