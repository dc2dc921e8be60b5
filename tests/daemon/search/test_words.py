"""Words beyond the tokenizer's: humps of identifiers, signs without spaces, control characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.search.words import BREAK, broken, clean, has_word, whole


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("parseHttpHeader", "parse|Http|Header"),
        ("HTTPServer", "HTTP|Server"),
        ("utf8Decode", "utf8|Decode"),
        ("JavaScript and iPhone", "Java|Script and i|Phone"),
        ("flaky_login_test", "flaky_login_test"),
        ("FLAKY_TEST Flaky sha256 9AB", "FLAKY_TEST Flaky sha256 9AB"),
        ("登录测试 fails", "登|录|测|试 fails"),
        ("ログイン", "ロ|グ|イ|ン"),
        ("über Straße", "über Straße"),
        ("", ""),
    ],
)
def test_identifiers_are_broken_at_humps_and_signs_from_each_other(text: str, parts: str) -> None:
    assert broken(text).replace(BREAK, "|") == parts


def test_the_whole_identifiers_are_kept_beside_once_each() -> None:
    assert whole(broken("SessionStore(SessionStore.open) to the eventLog 登录 plain")) == "SessionStore eventLog"
    assert whole(broken("nothing broken here")) == ""
    assert whole(broken("aB" * 40)) == ""  # no name is that long


@given(st.text())
def test_breaking_adds_breaks_and_nothing_else(text: str) -> None:
    text = clean(text)
    assert broken(text).replace(BREAK, "") == text


@given(st.text(st.characters(codec=None)))
def test_a_clean_text_can_be_kept_and_has_no_sign_of_ours(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert len(cleaned) == len(text)
    assert not set(cleaned) & {"\0", "\x02", "\x03", BREAK}


def test_line_ends_and_tabs_are_kept() -> None:
    assert clean("a\tb\nc\r\0d\ud800e") == "a\tb\nc\r d e"


def test_words_have_letters_or_digits_of_any_script() -> None:
    assert [has_word(text) for text in ("", " -*'\"().", "x", "7", "é", "登", "…a")] == [False] * 2 + [True] * 5
