"""Tables in a pipe: aligned, whole, a line a row."""

from __future__ import annotations

import pytest

from agentctl.render.table import aligned, moment, size_text


def test_columns_are_aligned_and_nothing_is_cut() -> None:
    rows = [("s1", "a long title that goes on"), ("s22", "two\nlines")]
    assert aligned(("id", "title"), rows) == ("ID   TITLE\ns1   a long title that goes on\ns22  two lines\n")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0.0 B"),
        (999, "999 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3400, "3.3 KiB"),
        (1024 * 1024, "1.0 MiB"),
        (34 * 1024**2, "34 MiB"),
        (5 * 1024**5, "5120 TiB"),
    ],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size_text(count) == text.replace("0.0 B", "0 B")


def test_no_time_is_a_dash() -> None:
    assert moment(0) == "-"
    assert len(moment(1_700_000_000_000)) == len("2023-11-14 22:13")
