"""A person's words as expressions: what they mean, and that no text at all can do harm."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agentd.search.query import MOST_TERMS, parse


def matches(text: str) -> list[str]:
    return [term.match for term in parse(text).terms]


def test_words_are_looked_for_together_or_any_of_them() -> None:
    query = parse("flaky login test")
    assert query.all == '"flaky" AND "login" AND "test"'
    assert query.any == '"flaky" OR "login" OR "test"'


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ('"flaky login" test', ['"flaky login"', '"test"']),
        ('say "not closed', ['"say"', '"not"', '"closed"']),
        ('"flaky "" login"', ['"flaky "', '" login"']),
        ("turn/machine.py", ['"turn/machine.py"']),
        ("snake_case", ['"snake_case"']),
        ("parseHeader", ['("parse Header" OR "parseHeader")']),
        ("AND OR NEAR( col:umn ^x -y {z}", ['"NEAR("', '"col:umn"', '"^x"', '"-y"', '"{z}"']),
        ("twice Twice twice", ['"twice"']),
        ("a\0b", ['"b"']),
        ('* ** \'\' () " ""', []),
        ("", []),
    ],
)
def test_nothing_in_a_text_is_an_operator(text: str, terms: list[str]) -> None:
    assert matches(text) == terms


def test_stop_words_count_only_when_there_is_nothing_else_or_in_quotes() -> None:
    assert matches("how did we fix the login?") == ['"fix"', '"login?"']
    assert matches("to be, or not to be") == ['"not"']
    assert matches("what is this") == ['"what"', '"is"', '"this"']
    assert matches('"the who" live') == ['"the who"', '"live"']
    assert matches("the* login") == [parse("the*").terms[0].match, '"login"']


def test_a_star_behind_a_word_asks_for_its_beginning() -> None:
    assert matches("log*")[0].startswith('("log"* OR "loge" OR ')
    assert matches('"flaky log"*')[0].startswith('("flaky log"* OR ')
    assert matches("src/* *log") == ['"src/"', '"log"']


def test_a_page_as_a_query_is_cut() -> None:
    assert len(parse(" ".join(f"word{n}" for n in range(500))).terms) == MOST_TERMS
    assert len(parse("x" * 1_000_000).all) < 1_000


@pytest.fixture(scope="module")
def table() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(body, names, tokenize = 'porter unicode61')")
        connection.execute("INSERT INTO words VALUES('one flaky login test', '')")
        yield connection


OPERATORS = ["AND", "OR", "NOT", "NEAR(", ")", '"', "''", "*", "^", ":", "body:", "{body names}:", "+", "-", "\0", ","]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.text(st.characters(codec=None)), st.sampled_from([*OPERATORS, "login"]))).map(" ".join)
    | st.text(st.sampled_from("ab\"*':()^+-.,{} \0\\éß登"))
)
@example('body : "x" AND NOT *')
@example("\ud800")
@example("a" * 50_000)
@example('"' * 999)
def test_any_text_is_safe(table: sqlite3.Connection, text: str) -> None:
    query = parse(text)
    for expression in (query.all, query.any, *(term.match for term in query.terms)):
        if query.terms:
            table.execute("SELECT count(*) FROM words WHERE words MATCH ?", (expression,)).fetchall()


@given(st.lists(st.sampled_from(["flaky", "login", "test", "Testing", '"login test"', "fla*"]), min_size=1))
def test_what_is_there_is_found(words: list[str]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(body, tokenize = 'porter unicode61')")
        connection.execute("INSERT INTO words VALUES('one flaky login test')")
        query = parse(" ".join(words))
        for expression in (query.all, query.any):
            assert connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (expression,)).fetchone() == (
                1,
            )
