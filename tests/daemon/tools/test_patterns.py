"""The language of `grep`: what each engine is told, and what is refused."""

from __future__ import annotations

import re
import unicodedata

import pytest

from agentd.errors import BadArgumentsError
from agentd.tools.patterns import ignores_case, translate


@pytest.mark.parametrize(
    ("pattern", "rust"),
    [
        ("plain words", "plain words"),
        (r"print\(", r"print\("),
        ("a{2}b{2,}c{,3}", "a{2}b{2,}c{0,3}"),
        ("{", r"\{"),
        ("x{y}", r"x\{y\}"),
        ("(a|b)", "(?:a|b)"),
        ("(?P<name>a)(?:b)", "(?:a)(?:b)"),
        (r"\w\D", r"\w\D"),
        ("[]a]", r"[\]a]"),
        ("[a-z&&b]", r"[a-z\&\&b]"),
        ("[[:digit:]x]", "[0-9x]"),
        ("^a$", "(?:^\ufeff?)a(?:\\r?$)"),
        (r"\Aa\z", "(?:^\ufeff?)a(?:\\r?$)"),
        (r"\x41\u00e4", "Aä"),
        (r"\/\"\@", r"/" + '"@'),
        ("(?i)a", "a"),
        ("a-b", r"a\-b"),
        ("a*?b+?", "a*?b+?"),
    ],
)
def test_what_ripgrep_is_told(pattern: str, rust: str) -> None:
    assert translate(pattern, "rust") == rust


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", "(?!a)", "(?<=a)b", r"(a)\1", r"\B", r"\<a", r"a\nb", "a**", "a++", "*a", "+", "(", ")", "[a", "[z-a]", "a\\",
     "a{2000}", "a{3,2}", "^*", r"\b+", r"\k", "[[:nope:]]", "(?x)a", "(?P<a", r"\x4", r"\ud800", r"[a-\w]", "x" * 1_001, "(" * 60 + ")" * 60],
)  # fmt: skip
@pytest.mark.parametrize("engine", ["rust", "wide", "narrow"])
def test_what_cannot_be_said_to_every_engine_is_refused(pattern: str, engine: str) -> None:
    with pytest.raises(BadArgumentsError):
        translate(pattern, engine)  # type: ignore[arg-type]


def test_the_place_of_a_fault_is_told() -> None:
    with pytest.raises(BadArgumentsError) as caught:
        translate("ab[c", "rust")
    assert (
        caught.value.what == "the pattern cannot be searched for: a `[` without its `]`; write `\\[` for the character"
    )
    assert caught.value.why == "At ab[c⟨here⟩"


def test_case_is_ignored_when_it_is_asked_for_or_said() -> None:
    assert [ignores_case("a", False), ignores_case("a", True), ignores_case("(?i)a", False)] == [False, True, True]


def test_words_digits_and_spaces_are_those_of_unicode() -> None:
    word, digit, space = (re.compile(translate(pattern, "wide")) for pattern in (r"\w", r"\d", r"\s"))
    characters = [chr(code) for code in range(0x3000) if not 0xD800 <= code <= 0xDFFF]
    assert all(word.fullmatch(one) for one in characters if unicodedata.category(one)[0] in "LM" or one == "_")
    assert [one for one in "²½ -" if word.fullmatch(one)] == []
    assert all(bool(digit.fullmatch(one)) == (unicodedata.category(one) == "Nd") for one in characters)
    assert "".join(one for one in characters if space.fullmatch(one)) == (
        "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f"
    )


def test_broken_bytes_are_in_no_class() -> None:
    for pattern in (".", "[^a]", r"\W", r"\S", r"\D", r"[\W]"):
        assert re.search(translate(pattern, "wide"), "\udce9") is None, pattern
