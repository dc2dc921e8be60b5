"""The full-text index: one sqlite file that can be thrown away. The only importer of sqlite3.

It decides how documents and pieces lie in the file, which schema it has, and what becomes of a file that is damaged or
somebody else's: it is deleted and begun anew, never an error. A change of a document is one transaction, so a process
that is killed leaves a good index. It must never be the only place where something is kept. Runs in the worker process
(one at a time), which has no world. Callers: the jobs of whoever owns documents, by `using`.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from agentd.errors import AgentdError, BusyError, DiskError, DiskFullError, MissingProgramError
from agentd.search.pieces import Document, Hit, Piece, parts
from agentd.search.query import Query
from agentd.search.ranking import Candidate, Ranked, document_scores, ranked
from agentd.search.snippets import END, MARK, marked, shown
from agentd.search.words import broken, clean, whole

__all__ = ["INDEX_FILES", "SCHEMA", "Index", "using"]

T = TypeVar("T")

SCHEMA = 1
"""Raised whenever tables, tokenizer, `words` or `parts` change: an index of another number is built anew."""

INDEX_FILES = ("", "-wal", "-shm", "-journal")
"""Endings of the files that an index is; who removes it removes them all."""

_OURS = 0x41475349
"""sqlite's application_id: tells our file from another program's."""

_WORDS = "fts5(body, names, tokenize = 'porter unicode61 remove_diacritics 2')"

_TABLES = f"""
CREATE TABLE documents(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, grouped TEXT NOT NULL, title TEXT NOT NULL,
  mark BLOB NOT NULL, pieces INTEGER NOT NULL);
CREATE TABLE pieces(
  id INTEGER PRIMARY KEY, position INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, digest INTEGER NOT NULL);
CREATE VIRTUAL TABLE words USING {_WORDS};
"""
_CHECKED = ("documents", "words_config", "words_idx")
"""Looked over at each opening: they are small, and a fault in them would not be an error but words that are not found."""

_SHIFT = 24
"""A piece's number is its document's, shifted, and its own: 16 million pieces a document, found without a look-up."""

_BUSY_MS = 2_000
"""A worker that is being ended may hold the file for a moment longer."""

_CANDIDATES = 5_000
"""Best pieces (by themselves) that are ranked with their documents: bounds time and memory of a common word."""

_CACHE_KIB = 8 * 1024
_SNIPPET_WORDS = 24
_FULL, _BUSY = {sqlite3.SQLITE_FULL}, {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_OUTSIDE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
# Not SQLITE_READONLY: the file was just opened for writing, so it is its own header that forbids it.
_FAULTS = (sqlite3.Error, UnicodeDecodeError)  # the latter from names in a damaged schema


class _Damaged(DiskError):
    """The file is no index of ours, or no longer: its owner loses nothing when it is built anew."""


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    document: Document


def using(path: str, work: Callable[[Index], T]) -> T:
    """`work` with the index at `path`, made when there is none. What turns out to be damaged is deleted, and `work`
    begins again with an empty one. DiskError (or a leaf), BusyError when the file can't be used at all."""
    try:
        with _opened(path) as index:
            return work(index)
    except _Damaged:
        _delete(path)
    try:
        with _opened(path) as index:
            return work(index)
    except _Damaged as fault:
        raise DiskError(f"the search index {path} can't be kept", why=str(fault)) from fault


class Index:
    """An open index."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def documents(self) -> dict[str, Document]:
        """All that is indexed, by name."""
        return {name: row.document for name, row in self._rows().items()}

    def extend(self, name: str, group: str, title: str, mark: bytes, pieces: Sequence[Piece]) -> None:
        """Append `pieces` to a document (made when it is new) and keep its facts: all of it or, after a kill, none."""
        with self._transaction():
            found = self._ask("SELECT id, pieces FROM documents WHERE name = ?", name)
            if found:
                id, count = _whole(found[0][0]), _whole(found[0][1])
            else:
                self._do("INSERT INTO documents(name, grouped, title, mark, pieces) VALUES(?, '', '', x'', 0)", name)
                id, count = _whole(self._ask("SELECT last_insert_rowid()")[0][0]), 0
            for piece in pieces:
                for text in parts(clean(piece.text)):
                    number = id << _SHIFT | count
                    body = broken(text)
                    self._do("INSERT INTO words(rowid, body, names) VALUES(?, ?, ?)", number, body, whole(body))
                    facts = (piece.position, piece.at_ms, piece.kind, zlib.crc32(text.encode()))
                    self._do("INSERT INTO pieces VALUES(?, ?, ?, ?, ?)", number, *facts)
                    count += 1
            self._do(
                "UPDATE documents SET grouped = ?, title = ?, mark = ?, pieces = ? WHERE id = ?",
                *(clean(group), clean(title), mark, count, id),
            )

    def drop(self, name: str) -> None:
        """Forget a document, its text included; no error when it is not there."""
        with self._transaction():
            for (id,) in self._ask("SELECT id FROM documents WHERE name = ?", name):
                span = _span(_whole(id))
                self._do("DELETE FROM words WHERE rowid BETWEEN ? AND ?", *span)
                self._do("DELETE FROM pieces WHERE id BETWEEN ? AND ?", *span)
                self._do("DELETE FROM documents WHERE id = ?", id)

    def search(self, query: Query, limit: int, among: Collection[str] | None = None) -> list[Hit]:
        """The best `limit` pieces of the documents named in `among` (None: of all), best first: those with every term;
        when there are none, those with any. Scores do not depend on `among`."""
        rows = {row.id: row.document for row in self._rows().values()}
        wanted = {id for id, document in rows.items() if among is None or document.name in among}
        if not query.terms or not wanted:
            return []
        candidates = self._candidates(query.all, wanted, rows) or self._candidates(query.any, wanted, rows)
        if not candidates:
            return []
        found = [self._counts(term.match) for term in query.terms]
        sizes = {id: document.pieces for id, document in rows.items()}
        scores = document_scores(found, sizes, len(rows), sum(sizes.values()))
        names = {id: document.name for id, document in rows.items()}
        best = ranked(candidates, scores, names, limit)
        snippets = self._snippets(query, [row.candidate.piece for row in best])
        return [_hit(rows[row.candidate.document], row, snippet) for row, snippet in zip(best, snippets, strict=True)]

    # -- looking -----------------------------------------------------------------------------------------------

    def _candidates(self, match: str, wanted: Collection[int], known: Collection[int]) -> list[Candidate]:
        low, high = _span(next(iter(wanted))) if len(wanted) == 1 else (0, _span(1 << 38)[1])
        sql = (
            "SELECT words.rowid, words.rank, position, at_ms, kind, digest FROM words LEFT JOIN pieces ON id = words.rowid "
            "WHERE words MATCH ? AND words.rowid BETWEEN ? AND ? ORDER BY words.rank"
        )
        out: list[Candidate] = []
        with self._translated(), closing(self._connection.execute(sql, (match, low, high))) as cursor:
            for piece, rank, position, at_ms, kind, digest in cursor:
                document = _whole(piece) >> _SHIFT
                if document not in known:
                    raise _Damaged("a piece of it has no document")
                if document in wanted:
                    own, numbers = -_number(rank), (_whole(position), _whole(at_ms))
                    out.append(Candidate(piece, own, document, *numbers, str(kind), _whole(digest)))
                    if len(out) == _CANDIDATES:
                        break
        return out

    def _counts(self, match: str) -> dict[int, int]:
        """document -> how many of its pieces have it."""
        sql = f"SELECT rowid >> {_SHIFT}, count(*) FROM words WHERE words MATCH ? GROUP BY 1"
        return {_whole(id): _whole(count) for id, count in self._ask(sql, match)}

    def _snippets(self, query: Query, pieces: Sequence[int]) -> list[str]:
        """A line of each piece. Marked in a small table of these alone: in the large one every single snippet would look
        up the query's words among all pieces again, which takes long for a prefix."""
        with self._transaction():
            self._do(f"CREATE VIRTUAL TABLE temp.shown USING {_WORDS}")
            for number, piece in enumerate(pieces):
                sql = "INSERT INTO temp.shown(rowid, body, names) SELECT ?, body, names FROM words WHERE rowid = ?"
                self._do(sql, number, piece)
            sql = f"SELECT rowid, snippet(shown, 0, ?, ?, '…', {_SNIPPET_WORDS}) FROM temp.shown WHERE shown MATCH ?"
            lines = {_whole(number): str(text) for number, text in self._ask(sql, MARK, END, query.any)}
            bodies = {_whole(number): str(text) for number, text in self._ask("SELECT rowid, body FROM temp.shown")}
            self._do("DROP TABLE temp.shown")
        forms = [form for term in query.terms for form in term.texts]
        # A line without a mark: only a whole identifier fits, which the body holds in parts.
        return [
            shown(line if MARK in (line := lines.get(number, "")) else marked(bodies.get(number, ""), forms))
            for number in range(len(pieces))
        ]

    def _rows(self) -> dict[str, _Row]:
        rows = self._ask("SELECT id, name, grouped, title, mark, pieces FROM documents")
        return {
            str(name): _Row(
                _whole(id), Document(str(name), str(group), str(title), _bytes(mark), max(0, _whole(pieces)))
            )
            for id, name, group, title, mark, pieces in rows
        }

    # -- the connection ----------------------------------------------------------------------------------------

    def _ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self._translated():
            return self._connection.execute(sql, values).fetchall()

    def _do(self, sql: str, *values: object) -> None:
        self._connection.execute(sql, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            self._do("BEGIN IMMEDIATE")
            try:
                yield
                self._do("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._do("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _FAULTS as fault:
            raise _told(fault) from fault


@contextmanager
def _opened(path: str) -> Iterator[Index]:
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        # sqlite would make it readable for others; its side files take the rights of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError as fault:
        raise DiskError(f"the search index {path} can't be opened", why=str(fault)) from fault
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None, cached_statements=32)
    except _FAULTS as fault:
        raise _told(fault) from fault
    with closing(connection):
        # A damaged page may hold bytes that are no text; what they say is then wrong, but nothing fails.
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        try:
            _prepare(connection)
        except _FAULTS as fault:
            raise _told(fault) from fault
        yield Index(connection)


def _prepare(connection: sqlite3.Connection) -> None:
    """Settings of this connection, and the tables when the file is new."""
    # No shared memory beside the file: nobody else has it open. Without a sync at each commit a power cut may lose the
    # last of them, never half of one; what is lost is indexed again. Removed text is overwritten, not only unlinked.
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    (ours,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    if (ours, schema) == (_OURS, SCHEMA):
        for table in _CHECKED:
            if connection.execute(f"PRAGMA quick_check({table})").fetchone() != ("ok",):
                raise _Damaged(f"its table {table} is broken")
        return
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables:
        raise _Damaged("it has another schema")
    numbers = f"PRAGMA application_id = {_OURS}; PRAGMA user_version = {SCHEMA};"
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {numbers} COMMIT;")


def _delete(path: str) -> None:
    try:
        for ending in INDEX_FILES:
            if os.path.lexists(path + ending):
                os.remove(path + ending)
    except OSError as fault:
        raise DiskError(f"the damaged search index {path} can't be deleted", why=str(fault)) from fault


def _told(fault: Exception) -> AgentdError:
    """What a fault of sqlite means here: something outside, or that the file is no good."""
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    if "no such module: fts5" in str(fault):
        return MissingProgramError(
            "this Python's SQLite has no full-text search", why=str(fault), remedy="Use a Python whose SQLite has FTS5."
        )
    if code in _BUSY:
        return BusyError("another process has the search index open", remedy="Search again in a moment.")
    if code in _FULL:
        return DiskFullError("there is no room for the search index", why=str(fault))
    if code in _OUTSIDE:
        return DiskError("the search index can't be used", why=str(fault))
    return _Damaged(str(fault))


def _hit(document: Document, row: Ranked, snippet: str) -> Hit:
    one = row.candidate
    return Hit(
        document=document.name,
        group=document.group,
        title=document.title,
        position=one.position,
        at_ms=one.at_ms,
        kind=one.kind,
        snippet=snippet,
        score=row.score,
    )


def _span(document: int) -> tuple[int, int]:
    """The first and the last number that a document's pieces can have."""
    return document << _SHIFT, (document + 1 << _SHIFT) - 1


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise _Damaged("a number of it is none")
    return value


def _number(value: object) -> float:
    if not isinstance(value, float | int):
        raise _Damaged("a score of it is no number")
    return float(value)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
