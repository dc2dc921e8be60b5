"""A log of every version stays readable and means the same."""

from __future__ import annotations

import pathlib

import pytest

from support.golden_story import golden_log, golden_state

LOGS = sorted((pathlib.Path(__file__).parent / "logs").glob("v*.jsonl"))


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_an_old_log_folds_to_the_state_that_was_recorded(path: pathlib.Path) -> None:
    recorded = path.with_name(f"{path.stem}.state.json").read_bytes()
    assert golden_state(path.read_bytes()).decode() == recorded.decode()


def kinds(data: bytes) -> list[str]:
    return [line.split('"type":"', 1)[1].split('"', 1)[0] for line in data.decode().splitlines()]


def test_the_same_story_makes_the_same_bytes_and_the_same_entries_as_the_recorded_one() -> None:
    """Prompts may change, and with them digests and counts; what was decided may not."""
    data = golden_log()
    assert data == golden_log()
    assert kinds(data) == kinds(LOGS[-1].read_bytes())


def test_the_golden_log_holds_every_kind_of_entry_that_a_turn_makes() -> None:
    assert set(kinds(LOGS[-1].read_bytes())) == {
        "session.opened",
        "session.changed",
        "session.resumed",
        "turn.requested",
        "turn.started",
        "turn.steered",
        "turn.interrupted",
        "turn.finished",
        "prefix.recorded",
        "context.assembled",
        "model.called",
        "model.replied",
        "partial",
        "step.decided",
        "call.judged",
        "call.begun",
        "call.done",
        "question.opened",
        "question.answered",
    }
