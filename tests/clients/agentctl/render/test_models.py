"""A connection in a table: who says a window and a price, and the rest in one line."""

from __future__ import annotations

from agentctl.render.models import notes, row
from agentproto.api.model import ModelInfo

PLAIN = ModelInfo("m", "anthropic", "claude", False, "configured", "/s.toml:3", "https://api.anthropic.com", 200_000)


def with_(**more: object) -> ModelInfo:
    fields = {name: getattr(PLAIN, name) for name in PLAIN.__struct_fields__}
    return ModelInfo(**(fields | more))


def test_cells_say_who_says_so() -> None:
    assert row(PLAIN) == ("", "m", "configured", "claude", "200,000", "not known")
    dated = with_(price_in=3.0, price_out=15.0, price_from="table", price_as_of="2025-12-01", window_from="table")
    assert row(dated)[4:] == ("200,000 table", "3 / 15 2025-12-01")
    given = with_(price_in=0.25, price_from="settings", window_from="settings", roles=("main", "side"), state="in_use")
    assert row(given) == ("main, side", "m", "in use", "claude", "200,000 set", "0.25 / ? set")
    assert row(with_(price_in=0.0, price_out=0.0, price_from="local", window_from="guess", window=8_192))[4:] == (
        *("8,192 guessed", "free"),
    )


def test_the_rest_is_one_line() -> None:
    assert notes(PLAIN) == "configured; anthropic at api.anthropic.com; s.toml:3"
    more = with_(fallback=("a", "b"), effort="low", key="env:K", slots=2, answers=False)
    assert notes(more) == (
        "configured; anthropic at api.anthropic.com; its server did not answer in time; falls back to a, b; effort low; "
        "key env:K; 2 at a time; s.toml:3"
    )


def test_what_can_not_be_used_says_why_and_what_to_do_first() -> None:
    broken = with_(state="unusable", why_not="nobody is there", remedy="start it.")
    assert notes(broken) == "nobody is there. Start it; anthropic at api.anthropic.com; s.toml:3"
