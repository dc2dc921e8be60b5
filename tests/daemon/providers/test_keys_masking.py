"""A key in other people's words, however they write it."""

from __future__ import annotations

import base64
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.keys_masking import forms_of, without, without_in_bytes

KEY = "sk-Ab3+/=?&%9zQ7m"
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=10, max_size=80)


def test_a_key_is_taken_out_of_a_servers_words() -> None:
    assert without("sesame", "Bad key sesame!") == "Bad key (key)!"
    assert without(None, "Bad key") == "Bad key"
    assert without("", "Bad key") == "Bad key"


@given(KEYS, st.text(max_size=7), st.text(max_size=7))
def test_it_is_found_in_every_form(key: str, before: str, after: str) -> None:
    coded = base64.b64encode(f"{before}{key}{after}".encode()).decode()
    for told in (key, quote(key, safe=""), quote(key, safe="").lower(), key.encode().hex(), coded):
        text = without(key, f"{before} {told} {after}")
        assert [form for form in forms_of(key) if form in text] == []


def test_what_a_cut_has_left_of_it_is_taken_out_too() -> None:
    assert without(KEY, f"Incorrect key: {KEY[:11]} ...") == "Incorrect key: (key) ..."
    assert without(KEY, f"no event: '{KEY[:9]}', and {KEY[:8]}") == "no event: '(key)', and (key)"
    assert without(KEY, f"it begins with {KEY[:7]}") == f"it begins with {KEY[:7]}"


def test_a_short_key_is_no_word_of_a_body() -> None:
    assert without_in_bytes("error", b'{"error": 1}') == b'{"error": 1}'
    assert without_in_bytes(KEY, f"{{'a': '{KEY}'}}".encode()) == b"{'a': '(key)'}"
    assert without_in_bytes(None, b"x") == b"x"
