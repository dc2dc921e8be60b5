"""What the model gets of a long result: head, tail, size, and how to read the rest; nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import ToolError
from agentd.tools.output import STEP_CHARS, Cut, cut, share, words

TEXTS = st.text(st.characters(exclude_categories=[]), max_size=3_000)


def test_a_short_result_stays_whole() -> None:
    assert cut("a\nb\n", 4, "1.1.1") == Cut("a\nb\n", None)


def test_a_long_result_keeps_head_and_tail_at_line_ends() -> None:
    text = "".join(f"line {number}\n" for number in range(1_000))
    made = cut(text, 700, "2.1.3")
    assert made.whole == text.encode()
    head, tail = made.text.split("\n[... ")[0], made.text.split(" ...]\n")[1]
    assert head.startswith("line 0\nline 1\n")
    assert text.startswith(head + "\n")
    assert tail.endswith("line 999\n")
    assert text.endswith("\n" + tail)
    left_out = len(text) - len(head) - len(tail)
    assert f"{left_out:,} of {len(text):,} characters" in made.text
    assert "`offset`" in made.text
    assert "agentctl tools output 2.1.3" in made.text


def test_five_megabytes_shrink_to_the_limit_and_none_is_lost() -> None:
    text = "0123456789" * 500_000
    made = cut(text, 30_000, "1.1.1")
    assert (len(made.text) <= 30_000, made.whole) == (True, text.encode())


@given(TEXTS, st.integers(0, 1_200))
def test_a_cut_is_within_its_limit_whole_in_its_characters_and_the_same_each_time(text: str, limit: int) -> None:
    made = cut(text, limit, "1.1.1")
    assert len(made.text) <= limit
    assert made == cut(text, limit, "1.1.1")
    assert (made.whole is None) == (made.text == text)
    if made.whole is not None:
        assert made.whole == text.encode("utf-8", "replace")


def test_the_budget_is_shared_and_small_results_stay_whole() -> None:
    assert share([10, 1_000, 1_000], 500) == (10, 245, 245)
    assert share([], 500) == ()
    assert share([5, 5], 0) == (0, 0)


@given(st.lists(st.integers(0, 10_000), max_size=30), st.integers(0, 50_000))
def test_shares_stay_within_the_budget_and_leave_nothing_that_is_wanted(sizes: list[int], budget: int) -> None:
    given_ = share(sizes, budget)
    assert sum(given_) <= budget
    assert all(part <= size for part, size in zip(given_, sizes, strict=True))
    if sum(sizes) <= budget:
        assert list(given_) == sizes


def test_twenty_big_results_stay_below_the_steps_budget() -> None:
    rooms = share([30_000] * 20, STEP_CHARS)
    cuts = [cut("x" * 50_000, room, f"1.1.{n}") for n, room in enumerate(rooms)]
    assert sum(len(one.text) for one in cuts) <= STEP_CHARS
    assert all(one.whole == b"x" * 50_000 for one in cuts)


def test_an_error_is_told_with_what_why_and_what_to_do() -> None:
    assert (
        words(ToolError("it broke", why="it was old", remedy="Take a new one."))
        == "it broke\nit was old\nTake a new one."
    )
    assert words(ToolError("it broke")) == "it broke"
