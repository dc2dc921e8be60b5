"""`sessions fork`: the new id alone on stdout, the turn by its number."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from agentproto.revisions import ForkParams, ForkResult
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import FIRST, lived

MADE = ForkResult("s0000000000000002", SESSION, 1)


def test_a_fork_begins_after_the_turn_that_is_named(home: Path) -> None:
    with double(home, lived(session_fork=lambda call: MADE)) as served:
        ran = ctl(home, "sessions", "fork", SESSION, "--after", "1", "--title", "try redis")
        data = json.loads(ctl(home, "sessions", "fork", SESSION, "--json").out)
    assert ran == Ran(
        0,
        f"{MADE.session}\n",
        f"- forked from {SESSION} with 1 turn; go on: agentctl attach {MADE.session}\n",
    )
    assert data == {"session": MADE.session, "parent": SESSION, "turns": 1}
    asked = [call.params for call in served.calls if isinstance(call.params, ForkParams)]
    assert [msgspec.structs.replace(one, key="k") for one in asked] == [
        ForkParams(key="k", session=SESSION, after_turn=FIRST, title="try redis"),
        ForkParams(key="k", session=SESSION),
    ]


def test_a_turn_that_is_none_forks_nothing(home: Path) -> None:
    with double(home, lived()) as served:
        assert ctl(home, "sessions", "fork", SESSION, "--after", "7") == Ran(
            1,
            "",
            f"error: session {SESSION} has no turn 7\n"
            "  why: It has 2 turns now.\n"
            f"   do: agentctl sessions show {SESSION} --turns\n",
        )
    assert "session.fork" not in served.methods()
