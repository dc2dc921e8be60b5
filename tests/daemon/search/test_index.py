"""The index on the disk: what it finds and how it is scored, that it is built in steps as at once, and that a file that
is damaged or foreign is begun anew."""

from __future__ import annotations

import math
import os
import sqlite3
import stat
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.errors import BusyError, DiskError
from agentd.search.index import INDEX_FILES, Index, using
from agentd.search.pieces import Document, Hit, Piece
from agentd.search.query import parse
from agentd.search.ranking import DOCUMENT_WEIGHT, document_scores


def when(name: str, position: int) -> int:
    """The time of a piece: no two documents' pieces have the same."""
    return position * 1_000_000 + int.from_bytes(name.encode(), "big") % 1_000_000


def fill(path: Path, documents: Mapping[str, Collection[str]]) -> None:
    """A document a name, in group "g", its pieces at 1, 2, 3 ..."""

    def work(index: Index) -> None:
        for name, texts in documents.items():
            pieces = [Piece(at, when(name, at), "line", text) for at, text in enumerate(texts, 1)]
            index.extend(name, "g", f"about {name}", b"mark", pieces)

    using(str(path), work)


def search(path: Path, text: str, among: Collection[str] | None = None, limit: int = 50) -> list[Hit]:
    return using(str(path), lambda index: index.search(parse(text), limit, among))


def places(hits: list[Hit]) -> list[tuple[str, int]]:
    return [(hit.document, hit.position) for hit in hits]


@pytest.fixture
def path(home: Path) -> Path:
    return home / "cache" / "x.sqlite"


def test_a_hit_says_all_about_its_piece(path: Path) -> None:
    fill(path, {"one": ["nothing", "a flaky login test"], "two": ["more"]})
    (hit,) = search(path, "login")
    assert (hit.document, hit.group, hit.title, hit.position, hit.at_ms, hit.kind, hit.snippet) == (
        "one",
        "g",
        "about one",
        2,
        when("one", 2),
        "line",
        "a flaky [login] test",
    )


def test_the_score_is_the_piece_s_bm25_and_six_tenths_of_its_document_s(path: Path) -> None:
    texts = {"a": ["flaky login", "login again", "x", "y", "z"], "b": ["flaky login", "p", "q", "r", "s"], "c": ["t"]}
    fill(path, texts)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT rowid >> 24, rowid & 15, -rank FROM words WHERE words MATCH 'login'")
        own = {("abc"[document - 1], number + 1): score for document, number, score in rows}
    documents = document_scores([{1: 2, 2: 1}], {1: 5, 2: 5, 3: 1}, 3, 11)
    expected = {place: score + DOCUMENT_WEIGHT * documents[1 if place[0] == "a" else 2] for place, score in own.items()}
    found = {(hit.document, hit.position): hit.score for hit in search(path, "login")}
    assert found == {place: pytest.approx(score) for place, score in expected.items()}
    # Equal pieces: the one in the session that has more about it is first, by what its document's score says.
    assert own["a", 1] == own["b", 1]
    assert places(search(path, "login")) == [("a", 2), ("a", 1), ("b", 1)]
    assert found["a", 1] - found["b", 1] == pytest.approx(0.6 * (documents[1] - documents[2]))


def test_the_piece_s_own_score_is_bm25_as_it_is_known(path: Path) -> None:
    fill(path, {"a": ["login now please", *("other words here" for _ in range(9))]})
    (hit,) = search(path, "login")
    own = math.log((10 - 1 + 0.5) / (1 + 0.5)) * 2.2 / (1 + 1.2)
    assert hit.score == pytest.approx(own + 0.6 * document_scores([{1: 1}], {1: 10}, 1, 10)[1])


def test_every_word_is_wanted_and_any_of_them_taken_when_nothing_has_all(path: Path) -> None:
    fill(path, {"a": ["flaky login", "login only"], "b": ["flaky only"]})
    assert places(search(path, "flaky login")) == [("a", 1)]
    assert set(places(search(path, "flaky login elsewhere"))) == {("a", 1), ("a", 2), ("b", 1)}
    assert places(search(path, "flaky login elsewhere"))[0] == ("a", 1)
    assert search(path, "nowhere at all") == []
    assert search(path, "***") == []


@pytest.mark.parametrize(
    ("text", "query", "snippet"),
    [
        ("the tests fail", "testing", "the [tests] fail"),
        ("we were testing it", "test", "we were [testing] it"),
        ("a crème brûlée", "creme brulee", "a [crème] [brûlée]"),
        ("un resume", "résumé", "un [resume]"),
        ("Straße nach Köln", "koln", "Straße nach [Köln]"),
        ("登录测试失败", "测试", "登录[测试]失败"),
        ("def flaky_login_test():", "login", "def flaky_[login]_test():"),
        ("def flaky_login_test():", "flaky_login_test", "def [flaky_login_test]():"),
        ("def flaky_login_test():", "flakyLoginTest", "def [flaky_login_test]():"),
        ("class HttpHeaderParser:", "header", "class Http[Header]Parser:"),
        ("class HttpHeaderParser:", "HttpHeaderParser", "class [HttpHeaderParser]:"),
        ("class HttpHeaderParser:", "http_header_parser", "class [HttpHeaderParser]:"),
        ("class HttpHeaderParser:", "httpheaderparser", "class [HttpHeaderParser]:"),
        ("some JavaScript here", "javascript", "some [JavaScript] here"),
        ("some javascript here", "JavaScript", "some [javascript] here"),
        ("in daemon/agentd/turn/machine.py:12", "turn/machine.py", "in daemon/agentd/[turn/machine.py]:12"),
        ("in daemon/agentd/turn/machine.py:12", "machine", "in daemon/agentd/turn/[machine].py:12"),
        ("open failed: ENOENT", "enoent", "open failed: [ENOENT]"),
        ("the configuration", "configurat*", "the [configuration]"),
        ("the login works", "log*", "the [login] works"),
        ('say "so"; DROP TABLE words; --', '"drop table"', 'say "so"; [DROP TABLE] words; --'),
        ("zero\0byte and \x02marks\x03", "byte marks", "zero [byte] and [marks]"),
    ],
)
def test_words_are_found_in_all_their_forms(path: Path, text: str, query: str, snippet: str) -> None:
    fill(path, {"a": ["something else", text]})
    assert [(hit.position, hit.snippet) for hit in search(path, query)] == [(2, snippet)]


def test_a_quoted_phrase_stands_as_it_is(path: Path) -> None:
    fill(path, {"a": ["login is flaky", "flaky login", "flaky and login"]})
    assert places(search(path, '"flaky login"')) == [("a", 2)]


def test_a_search_can_be_kept_to_some_documents_with_the_same_scores(path: Path) -> None:
    fill(path, {name: [f"login {name}", "x"] for name in "abcd"})
    everywhere = {hit.document: hit.score for hit in search(path, "login")}
    assert {hit.document: hit.score for hit in search(path, "login", {"b"})} == {"b": everywhere["b"]}
    assert {hit.document: hit.score for hit in search(path, "login", ["b", "d", "gone"])} == {
        name: everywhere[name] for name in "bd"
    }
    assert search(path, "login", []) == []
    assert len(search(path, "login", limit=3)) == 3


def test_a_long_text_is_found_from_its_beginning_to_its_end_and_is_one_hit(path: Path) -> None:
    long = f"alpha {'filler words and more of them. ' * 2_000} omega"
    fill(path, {"a": [long]})
    assert (
        places(search(path, "alpha")) == places(search(path, "omega")) == places(search(path, "filler")) == [("a", 1)]
    )
    assert using(str(path), lambda index: index.documents()["a"].pieces) > 10


def test_what_is_dropped_is_gone_text_and_all(path: Path) -> None:
    fill(path, {"a": ["the secret word xyzzy"], "b": ["another"]})
    assert b"the secret word" in path.read_bytes()
    using(str(path), lambda index: index.drop("a"))
    using(str(path), lambda index: index.drop("never there"))
    assert search(path, "xyzzy") == []
    assert b"the secret word" not in path.read_bytes()
    assert using(str(path), lambda index: list(index.documents())) == ["b"]
    assert [ending for ending in INDEX_FILES if Path(f"{path}{ending}").exists()] == [""]


def test_facts_are_kept_and_replaced(path: Path) -> None:
    fill(path, {"a": ["one"]})
    using(str(path), lambda index: index.extend("a", "h", "new", b"\0mark", []))
    assert using(str(path), lambda index: index.documents()) == {"a": Document("a", "h", "new", b"\0mark", 1)}


TEXT = st.lists(st.sampled_from(["flaky", "login", "tests", "JavaScript", "x"]), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), TEXT), min_size=1, max_size=12), st.data())
def test_built_in_steps_or_at_once_it_finds_the_same(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    pieces = {name: [text for owner, text in said if owner == name] for name in dict.fromkeys(name for name, _ in said)}
    fill(folder / "once.sqlite", pieces)
    order = data.draw(st.permutations(list(pieces)))
    for name in order:
        texts = pieces[name]
        cut = data.draw(st.integers(0, len(texts)))
        for start, stop in ((0, cut), (cut, len(texts))):
            chunk = [Piece(at + 1, when(name, at + 1), "line", texts[at]) for at in range(start, stop)]
            using(
                str(folder / "steps.sqlite"),
                lambda index, name=name, chunk=chunk: index.extend(name, "g", f"about {name}", b"mark", chunk),
            )
    for query in ("flaky login", "test", "javascript", "x nowhere"):
        once, steps = search(folder / "once.sqlite", query), search(folder / "steps.sqlite", query)
        assert [hit.score for hit in steps] == [pytest.approx(hit.score) for hit in once]
        assert [(h.document, h.position, h.snippet) for h in steps] == [
            (h.document, h.position, h.snippet) for h in once
        ]


# -- the file --------------------------------------------------------------------------------------------------


def test_nobody_else_may_read_it(path: Path) -> None:
    def look(index: Index) -> set[int]:
        index.extend("a", "", "", b"", [Piece(1, 1, "line", "text")])
        return {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert using(str(path), look) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_foreign_file_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("this is no database, it is a letter. " * 100)
    assert search(path, "letter") == []
    fill(path, {"a": ["a letter"]})
    assert places(search(path, "letter")) == [("a", 1)]


def test_another_program_s_database_is_replaced_and_so_is_an_older_schema(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE words(body)")
        connection.commit()
    assert search(path, "x") == []
    fill(path, {"a": ["x"]})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
    assert search(path, "x") == []
    assert using(str(path), lambda index: index.documents()) == {}


@pytest.mark.parametrize("table", ["documents", "pieces", "words", "words_data", "words_content", "words_idx"])
def test_a_missing_table_is_damage(path: Path, table: str) -> None:
    fill(path, {"a": ["x y"]})
    with closing(sqlite3.connect(path)) as connection:
        if "_" in table:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("DELETE FROM sqlite_master WHERE name = ?", (table,))
            connection.commit()
        else:
            connection.execute(f"DROP TABLE {table}")
    assert search(path, "x") == []
    fill(path, {"a": ["x y"]})
    assert places(search(path, "x")) == [("a", 1)]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "x.sqlite"
    fill(path, {f"n{n}": [f"flaky login {n} {'words ' * 50}" for _ in range(20)] for n in range(5)})
    return path.read_bytes()


@settings(max_examples=120)
@given(data=st.data())
def test_a_damaged_file_is_never_an_error(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("bad") / "x.sqlite"
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(bad) - 1) | st.integers(0, 200))
        bad[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bad[: data.draw(st.integers(0, len(bad))) if data.draw(st.booleans()) else len(bad)])
    search(path, "flaky log* 3")
    using(str(path), lambda index: index.drop("n3"))
    fill(path, {"new": ["a new text"]})
    search(path, '"a new text"')


def test_a_file_that_cannot_be_made_is_told(home: Path) -> None:
    (home / "cache").write_text("a file where the folder should be")
    with pytest.raises(DiskError, match="can't be opened"):
        search(home / "cache" / "x.sqlite", "x")


def test_a_link_is_not_followed(path: Path, home: Path) -> None:
    path.parent.mkdir()
    (home / "precious").write_text("kept")
    path.symlink_to(home / "precious")
    with pytest.raises(DiskError):
        search(path, "x")
    assert (home / "precious").read_text() == "kept"


def test_another_process_at_work_is_waited_for_and_then_told(path: Path) -> None:
    fill(path, {"a": ["x"]})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyError, match="another process"):
            search(path, "x")
        other.execute("ROLLBACK")
    assert places(search(path, "x")) == [("a", 1)]


def test_a_work_that_fails_leaves_what_was_there(path: Path) -> None:
    fill(path, {"a": ["x"]})

    def fail(index: Index) -> None:
        index.extend("a", "g", "t", b"", [Piece(2, 2, "line", "y"), Piece(1 << 80, 2, "line", "y")])

    with pytest.raises(OverflowError):
        using(str(path), fail)
    assert using(str(path), lambda index: index.documents()["a"].pieces) == 1
    assert search(path, "y") == []
    assert os.path.exists(path)
