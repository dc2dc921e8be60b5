"""Which calls run together: neighbours that are safe, up to the cap, in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.tools.partition import CAP, partition


def test_twelve_reads_run_ten_at_once() -> None:
    assert partition([True] * 12) == (tuple(range(10)), (10, 11))


def test_a_write_between_reads_keeps_its_place() -> None:
    assert partition([False, True, False]) == ((0,), (1,), (2,))
    assert partition([True, True, False, True, True]) == ((0, 1), (2,), (3, 4))


def test_a_tool_without_flags_runs_alone() -> None:
    assert partition([False, False]) == ((0,), (1,))


def test_no_call_makes_no_batch() -> None:
    assert partition([]) == ()


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        partition([True], cap=0)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 12))
def test_every_call_runs_once_in_order_and_only_safe_ones_together(safe: list[bool], cap: int) -> None:
    batches = partition(safe, cap)
    assert [index for batch in batches for index in batch] == list(range(len(safe)))
    assert all(len(batch) == 1 or (len(batch) <= cap and all(safe[index] for index in batch)) for batch in batches)


def test_the_cap_is_ten() -> None:
    assert CAP == 10
