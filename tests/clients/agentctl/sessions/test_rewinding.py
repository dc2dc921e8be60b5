"""`sessions rewind`: to a turn by number, id or `start`; the same words as undo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentctl.render.machine import plain
from agentproto.revisions import FileRevision, RevertResult, RewindParams
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import FIRST, SECOND, lived

TAKEN = RevertResult(11, (FIRST, SECOND), (FileRevision("/w/new", "removed", before="1" * 64),), "what is it?")


@pytest.mark.parametrize(("to", "turn"), [("start", None), ("1", FIRST), ("t2", SECOND), (FIRST, FIRST)])
def test_the_turn_that_stays_is_named_in_any_way(home: Path, to: str, turn: str | None) -> None:
    with double(home, lived(session_rewind=lambda call: TAKEN)) as served:
        assert ctl(home, "sessions", "rewind", SESSION, "--to", to) == Ran(
            0,
            "took back turns t1, t2\n  removed   /w/new\n",
            f"- to bring them back: agentctl sessions undo {SESSION} --redo\n",
        )
    asked = served.calls[-1].params
    assert isinstance(asked, RewindParams)
    assert asked == RewindParams(key=asked.key, session=SESSION, to_turn=turn)


def test_options_reach_the_daemon_and_a_dry_run_says_what_would_be(home: Path) -> None:
    options = ("--to", "start", "--keep-files", "--skip-changed", "--dry-run")
    with double(home, lived(session_rewind=lambda call: TAKEN)) as served:
        assert ctl(home, "sessions", "rewind", SESSION, *options) == Ran(
            0, "would take back turns t1, t2\n  would be removed   /w/new\n", ""
        )
        data = json.loads(ctl(home, "sessions", "rewind", SESSION, "--json", *options).out)
    assert data == plain(TAKEN)
    asked = served.calls[-1].params
    assert isinstance(asked, RewindParams)
    assert asked == RewindParams(key=asked.key, session=SESSION, files="keep", skip_changed=True, dry_run=True)


def test_a_number_counts_the_turns_that_are_left(home: Path) -> None:
    with double(home, lived()) as served:
        ran = ctl(home, "sessions", "rewind", SESSION, "--to", "3")
    assert (ran.code, ran.err.splitlines()[0]) == (1, f"error: session {SESSION} has no turn 3")
    assert "session.rewind" not in served.methods()


def test_without_a_turn_it_is_wrong_usage(home: Path) -> None:
    assert ctl(home, "sessions", "rewind", SESSION).code == 2
