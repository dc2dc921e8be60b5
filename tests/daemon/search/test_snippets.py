"""One line of a piece: the found words in brackets, bounded, never cut so that they are out of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.search.snippets import END, MARK, SNIPPET_CHARS, marked, shown


def test_a_snippet_is_one_line_with_brackets() -> None:
    text = f"the  {MARK}flaky{END}\n\tlogin {MARK}parse\x1fHttp{END}\x1fHeader"
    assert shown(text) == "the [flaky] login [parseHttp]Header"


def test_a_long_one_is_cut_around_the_first_found_word() -> None:
    line = shown("x" * 5_000 + f" {MARK}flaky{END} " + "y" * 5_000)
    assert line == "…" + "x" * 59 + " [flaky] " + "y" * (SNIPPET_CHARS - 60 - 8) + "…"
    assert shown("x" * 5_000) == "x" * SNIPPET_CHARS + "…"


def test_a_found_word_that_is_too_long_itself_is_closed() -> None:
    assert shown(f"{MARK}{'x' * 5_000}{END}") == "[" + "x" * (SNIPPET_CHARS - 1) + "]…"


def test_what_the_index_did_not_mark_is_looked_for_in_whatever_letters() -> None:
    assert marked("a Java\x1fScript b", ["nothing", "javascript"]) == f"a {MARK}JavaScript{END} b"
    assert marked("nothing of it", ["x" * 30]) == "nothing of it"
    assert marked("İ javascript", ["javascript"]) == "İ javascript"  # its small letter is longer: places would be wrong


@given(st.lists(st.sampled_from(["w", "word", "x" * 100, "\n", f"{MARK}found{END}", "é"])).map(" ".join))
def test_a_snippet_is_bounded_and_its_brackets_are_closed(text: str) -> None:
    line = shown(text)
    assert len(line) <= SNIPPET_CHARS + 3
    assert line.count("[") == line.count("]")
    assert ("[found" in line) == (MARK in text)
