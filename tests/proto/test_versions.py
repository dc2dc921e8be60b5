"""Negotiation by range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentproto.versions import CAPABILITIES, WIRE_MAX, WIRE_MIN, VersionRange, negotiate

RANGES = st.builds(VersionRange, st.integers(0, 9), st.integers(0, 9))


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        ((1, 1), (1, 1), 1),
        ((1, 3), (2, 5), 3),
        ((2, 5), (1, 3), 3),
        ((1, 9), (4, 4), 4),
        ((1, 2), (3, 4), None),
        ((3, 4), (1, 2), None),
        ((1, 3), (3, 1), None),
    ],
)
def test_the_highest_common_version_is_used(ours: tuple[int, int], theirs: tuple[int, int], agreed: int | None) -> None:
    assert negotiate(VersionRange(*ours), VersionRange(*theirs)) == agreed


@given(RANGES, RANGES)
def test_both_sides_come_to_the_same_version_and_it_is_in_both_ranges(ours: VersionRange, theirs: VersionRange) -> None:
    common = set(range(ours.lowest, ours.highest + 1)) & set(range(theirs.lowest, theirs.highest + 1))
    assert negotiate(ours, theirs) == negotiate(theirs, ours) == max(common, default=None)


def test_the_range_is_no_empty_one_and_capabilities_are_named_once() -> None:
    assert WIRE_MIN <= WIRE_MAX < 256
    assert sorted(set(CAPABILITIES)) == list(CAPABILITIES)
