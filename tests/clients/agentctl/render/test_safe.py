"""Text for terminals: nothing in it can move the cursor or turn the writing round."""

from __future__ import annotations

import pytest

from agentctl.render.safe import one_line, safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\ttext\nnext", "plain\ttext\nnext"),
        ("\x1b[2J\x07\rover", "\\x1b[2J\\x07\\x0dover"),
        ("windows\r\nline", "windows\nline"),
        ("\x9b31m", "\\x9b31m"),
        ("rm \u202e gpj.x", "rm \\u202e gpj.x"),
        ("a\u2066b\u200fc", "a\\u2066b\\u200fc"),
        ("Grüße 日本 👍", "Grüße 日本 👍"),
    ],
)
def test_control_characters_are_shown_and_do_nothing(text: str, expected: str) -> None:
    assert safe(text) == expected


def test_one_line_is_one_line_of_at_most_the_width() -> None:
    assert one_line("a\n  b\t c") == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"
