"""Streaming Markdown: every block once, whole, and never a fence cut in two."""

from __future__ import annotations

import io
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agentctl.render.markdown import Blocks, MarkdownWriter, drawn

TEXT = "# Title\n\nA paragraph\nof two lines.\n\n```python\nx = 1\n\ny = 2\n```\n- one\n- two\n\nlast"
WHOLE = ["# Title", "A paragraph\nof two lines.", "```python\nx = 1\n\ny = 2\n```", "- one\n- two", "last"]


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_blocks_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    edges = sorted({0, len(TEXT), *cuts})
    blocks = Blocks()
    found = [block for a, b in pairwise(edges) for block in blocks.feed(TEXT[a:b])]
    assert found + blocks.end() == WHOLE


def test_the_tail_is_the_line_that_is_being_written() -> None:
    blocks = Blocks()
    blocks.feed("done\n\nin prog")
    assert blocks.tail == "in prog"
    assert blocks.end() == ["in prog"]
    assert blocks.tail == ""


def test_a_longer_fence_is_closed_only_by_its_like() -> None:
    blocks = Blocks()
    assert blocks.feed("````\n```\n\n````\n") == ["````\n```\n\n````"]


def test_code_has_no_box_and_text_no_escapes() -> None:
    assert drawn("```python\nx = 1\n```", 40, colour=False) == "  x = 1\n"
    assert drawn("**bold** and `code` \x1b[2J", 40, colour=False) == "bold and code \\x1b[2J\n"
    assert "\x1b[1m" in drawn("**bold**", 40, colour=True)


def test_a_writer_puts_blank_lines_between_blocks_and_nothing_before_them_is_rewritten() -> None:
    below = io.StringIO()
    writer = MarkdownWriter(below, 40, colour=False)
    writer.write("one\n\ntwo\n")
    assert below.getvalue() == "one\n"
    writer.end()
    assert below.getvalue() == "one\n\ntwo\n"


def test_plain_words_stay_as_they_are() -> None:
    below = io.StringIO()
    writer = MarkdownWriter(below, 40, colour=False, plain=True)
    writer.write("**one** ")
    writer.write("two")
    writer.end()
    assert below.getvalue() == "**one** two\n"
