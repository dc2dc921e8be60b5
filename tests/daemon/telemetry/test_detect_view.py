"""Escapes are looked through, and each letter's place is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.telemetry.detect_view import unescaped


def test_letters_behind_escapes_and_where_they_stand() -> None:
    assert unescaped("a\\u0041b") == ("aAb", [0, 1, 7, 8])
    assert unescaped("\\x41\\/%42") == ("A/B", [0, 4, 6, 9])
    assert unescaped("no escape, \\n is none") is None


@given(st.text(alphabet="a\\u0041x%/4n\r\n=", max_size=60))
def test_every_place_leads_back(text: str) -> None:
    view = unescaped(text)
    if view is not None:
        plain, places = view
        assert len(places) == len(plain) + 1
        assert list(places) == sorted(places)
        assert (places[0] <= len(text), places[-1]) == (True, len(text))
