"""What a question is about: words, stems, names, and what kind of place is wanted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.offline_words import MOST_TERMS, read_question, stem, table


@pytest.mark.parametrize(
    ("text", "terms", "paths"),
    [
        ("Which file defines the wire's size limits?", ["wire", "size", "limits"], []),
        ("where is the retry policy decided?", ["retry", "policy"], []),
        ("how does a client find the daemon?", ["client", "find", "daemon"], []),
        ("find where the parrot sleeps", ["parrot", "sleeps"], []),
        ('who says "not so fast"?', ["not so fast"], []),
        ("what of `a.b` and 'c d'?", ["a.b", "c d"], []),
        ("does don't count", ["count"], []),
        ("where is maxOutput or RealLLM or SOCKET_LIMIT?", ["maxOutput", "RealLLM", "SOCKET_LIMIT"], []),
        ("what calls run_all() in os.path?", ["run_all", "os.path", "calls"], []),
        ("what is in limits.py and src/app.ts, or README?", [], ["limits.py", "src/app.ts", "README"]),
        ("a server-sent read/write 429", ["server-sent", "read", "write", "429"], []),
        ("how do I install the parrot, and where is its weight computed?", ["install", "parrot", "weight"], []),
        ("what is this?", [], []),
        ("", [], []),
    ],
)
def test_words(text: str, terms: list[str], paths: list[str]) -> None:
    question = read_question(text)
    assert ([term.text for term in question.terms], list(question.paths)) == (terms, paths)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("which file defines limits?", "definition"),
        ("where are the limits?", "definition"),
        ("how does a client connect?", "definition"),
        ("what computes the limits?", "definition"),
        ("how do I connect a client?", "prose"),
        ("is the installation documented?", "prose"),
        ("which test covers limits?", "test"),
        ("what are limits?", "any"),
    ],
)
def test_what_is_wanted(text: str, want: str) -> None:
    assert read_question(text).want == want


def test_the_folder_itself() -> None:
    assert [read_question(text).overview for text in ("what is this project?", "what is this parrot project?")] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ("limit limits limited limiting", "limit"),
        ("retry retries retried", "retry"),
        ("decide decides decided deciding", "decid"),
        ("box boxes boxed boxing", "box"),
        ("run runs", "run"),
        ("stop stopped stopping", "stop"),
        ("process processes processing", "process"),
        ("exceed exceeds", "exceed"),
        ("string strings", "string"),
        ("status", "status"),
        ("429", "429"),
    ],
)
def test_stems(words: str, cut: str) -> None:
    assert {stem(word) for word in words.split()} == {cut}


@pytest.mark.parametrize(
    ("asked", "line", "found"),
    [
        ("retries", "def retry_wait(", True),
        ("log", "the log is", True),
        ("log", "read_log(", True),
        ("log", "the catalog", False),
        ("settings", "load_config()", True),
        ("fall-back", "fall_back: bool", True),
        ("naïve", "a naïve way", True),
    ],
)
def test_patterns(asked: str, line: str, found: bool) -> None:
    [term] = read_question(asked).terms
    assert bool(re.search(term.pattern, line, re.I)) == found


@given(st.text(max_size=200))
def test_any_text_gives_patterns_that_compile(text: str) -> None:
    question = read_question(text)
    assert len(question.terms) <= MOST_TERMS
    for term in question.terms:
        re.compile(term.pattern)
        assert not term.exact or re.search(term.pattern, term.text)
        re.compile(term.loose)


def test_the_table_has_every_text_that_is_used() -> None:
    assert min(len(text.strip()) for text in table().text.values()) > 5
    assert all(len(group) > 1 for group in table().words.same)
