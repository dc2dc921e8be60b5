"""Which of setting, server and table says how large a window is."""

from __future__ import annotations

import msgspec
import pytest

from agentd.providers.catalog import UNKNOWN_WINDOW, facts_of, limits_of, read_catalog, shipped
from agentd.providers.connection import Connection

TABLE = read_catalog('[[model]]\nmatch = "big"\nwindow = 100000\noutput = 30000\nas_of = 2026-01-02\n')


def connection(window: int | None = None, model: str = "big") -> Connection:
    return Connection("c", "openai-chat", "http://x/v1", model, window=window)


@pytest.mark.parametrize(
    ("asked", "reported", "model", "window", "output"),
    [
        (8_000, 4_096, "big", 4_096, 1_024),
        (4_000, 8_192, "big", 4_000, 1_000),
        (None, 16_384, "big", 16_384, 4_096),
        (200_000, None, "big", 200_000, 30_000),
        (None, None, "big", 100_000, 25_000),
        (None, None, "nobody-knows", UNKNOWN_WINDOW, 2_048),
        (None, 1_000_000, "nobody-knows", 1_000_000, 8_192),
    ],
)
def test_the_smaller_of_setting_and_report_wins_over_the_table(
    asked: int | None, reported: int | None, model: str, window: int, output: int
) -> None:
    found = limits_of(connection(asked, model), reported, TABLE)
    assert (found.window, found.output) == (window, output)
    assert found.reason != ""


def test_a_difference_and_a_guess_are_told() -> None:
    assert "8000" in limits_of(connection(8_000), 4_096, TABLE).notice
    assert limits_of(connection(4_096), 4_096, TABLE).notice == ""
    assert "models.c.window" in limits_of(connection(None, "x"), None, TABLE).notice


def test_names_are_never_guessed() -> None:
    names = ["big", "BIG", "maker/big", "big-20260102", "big-2026-01-02", "big-latest", "bigger", "big-mini", ""]
    assert [name for name in names if facts_of(name, TABLE)] == names[:6]


def test_the_shipped_table_is_sound() -> None:
    rows = shipped()
    assert len({row.match for row in rows}) == len(rows)
    assert [row.match for row in rows if not 0 < row.output < row.window] == []
    assert [row.match for row in rows if (row.price_in is None) != (row.price_out is None)] == []
    assert [
        row.match for row in rows if row.price_cached is not None and not row.price_cached < (row.price_in or 0)
    ] == []


def test_a_misspelt_fact_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        read_catalog('[[model]]\nmatch = "x"\nwindow = 1\noutput = 1\nas_of = 2026-01-02\npricein = 1\n')
