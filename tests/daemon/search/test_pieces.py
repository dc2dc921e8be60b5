"""Long texts become several pieces, and no word of them is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.search.pieces import parts


def test_a_short_text_is_one_part_and_white_space_is_none() -> None:
    assert parts(" one line\n") == ["one line"]
    assert parts(" \n\t") == []
    assert parts("") == []


def test_a_long_text_is_cut_where_it_hurts_least() -> None:
    assert parts("aaaa bbbb\n\ncccc dddd", 14) == ["aaaa bbbb", "cccc dddd"]
    assert parts("aaaa bbbb\ncccc. dddd", 14) == ["aaaa bbbb", "cccc. dddd"]
    assert parts("aaaa bbbb. cccc dddd", 14) == ["aaaa bbbb.", "cccc dddd"]
    assert parts("aaaa bbbb cccc dddd", 12) == ["aaaa bbbb", "cccc dddd"]
    assert parts("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


@given(st.text(st.sampled_from("ab .\n")), st.integers(4, 20))
def test_the_parts_are_bounded_and_together_they_are_the_text(text: str, most: int) -> None:
    made = parts(text, most)
    assert all(0 < len(part) <= most for part in made)
    assert "".join("".join(made).split()) == "".join(text.split())
