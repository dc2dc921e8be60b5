"""What model calls are made for: every purpose has its row, and only what a turn needs may hold it up."""

from __future__ import annotations

from typing import get_args

from agentd.context.purposes import BACKGROUND, PURPOSES, Cap, cap_of
from agentd.providers.prepared import Purpose


def test_every_purpose_has_a_row_and_a_trigger() -> None:
    assert set(PURPOSES) == set(get_args(Purpose))
    assert [name for name, facts in PURPOSES.items() if not facts.trigger] == []


def test_of_what_goes_on_beside_turns_only_compaction_blocks_one() -> None:
    beside = {"compaction", "extraction", "dream", "side_query"}
    assert {name for name in beside if PURPOSES[name].blocks} == {"compaction"}  # type: ignore[index]
    assert {"extraction", "dream", "side_query"} == BACKGROUND
    assert not PURPOSES["side_query"].tools


def test_the_cap_of_each_kind() -> None:
    none = Cap(None, frozenset(), "")
    assert cap_of("turn", 1_000, 0.05, 500) == none
    assert cap_of("schedule", 1_000, 0.05, 0) == none
    assert cap_of("schedule", 0, 0.05, 500) == Cap(500, frozenset({"schedule"}), "budget.schedule_usd")
    assert cap_of("dream", 1_000, 0.05, 0) == Cap(50, BACKGROUND, "budget.background_share of budget.day_usd")
    assert cap_of("dream", 0, 0.05, 0).usd_micros == 0
