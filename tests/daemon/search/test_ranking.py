"""Scores as numbers: a piece's own plus 0.6 x its document's, BM25 of documents, what decides between equals."""

from __future__ import annotations

import math

import pytest

from agentd.search.ranking import DOCUMENT_WEIGHT, Candidate, document_scores, ranked

NAMES = {1: "a", 2: "b"}


def piece(
    number: int, own: float, document: int, position: int = 1, at_ms: int = 0, digest: int | None = None
) -> Candidate:
    return Candidate(number, own, document, position, at_ms, "answer", number if digest is None else digest)


def test_a_piece_counts_for_itself_and_six_tenths_of_its_document() -> None:
    found = ranked([piece(1, 2.0, 1), piece(2, 1.5, 2)], {1: 0.0, 2: 1.0}, NAMES, 9)
    assert [(row.candidate.piece, row.score) for row in found] == [(2, 1.5 + 0.6), (1, 2.0)]
    assert DOCUMENT_WEIGHT == 0.6


def test_of_one_position_the_best_piece_stands_for_all() -> None:
    pieces = [piece(1, 1.0, 1, 7), piece(2, 3.0, 1, 7), piece(3, 2.0, 1, 7), piece(4, 2.5, 1, 8)]
    assert [row.candidate.piece for row in ranked(pieces, {}, NAMES, 9)] == [2, 4]


def test_between_equals_the_newer_is_first_and_then_the_name_decides() -> None:
    pieces = [piece(1, 1.0, 2), piece(2, 1.0, 1), piece(3, 1.0, 2, 5, at_ms=9), piece(4, 1.0 + 1e-13, 1, 3)]
    assert [row.candidate.piece for row in ranked(pieces, {}, NAMES, 9)] == [3, 4, 2, 1]
    assert [row.candidate.piece for row in ranked(reversed(pieces), {}, NAMES, 2)] == [3, 4]


def test_what_one_document_took_over_from_another_is_shown_once_at_its_best() -> None:
    copies = [piece(1, 1.0, 1, digest=5), piece(2, 1.0, 2, position=9, digest=5)]
    assert [row.candidate.piece for row in ranked(copies, {2: 1.0}, NAMES, 9)] == [2]
    said_twice = [piece(1, 1.0, 1, digest=5), piece(2, 1.0, 1, position=9, digest=5)]
    assert [row.candidate.piece for row in ranked(said_twice, {}, NAMES, 9)] == [2, 1]
    at_another_time = [piece(1, 1.0, 1, digest=5), piece(2, 1.0, 2, at_ms=1, digest=5)]
    assert [row.candidate.piece for row in ranked(at_another_time, {}, NAMES, 9)] == [2, 1]
    assert [row.candidate.piece for row in ranked([*copies, piece(3, 0.5, 1, 4)], {}, NAMES, 2)] == [1, 3]


def test_a_document_s_score_is_bm25_with_pieces_for_words() -> None:
    # 4 documents with 40 pieces: the mean is 10, so a document of 10 pieces has no advantage of its length.
    scores = document_scores([{1: 3}], {1: 10, 2: 10, 3: 10, 4: 10}, 4, 40)
    assert scores == {1: pytest.approx(math.log(1 + 3.5 / 1.5) * 3 * 2.2 / (3 + 1.2))}
    both = document_scores([{1: 3}, {1: 3, 2: 1}], {1: 10, 2: 20}, 4, 40)
    second = math.log(1 + 2.5 / 2.5)
    assert both == {
        1: pytest.approx(scores[1] + second * 3 * 2.2 / (3 + 1.2)),
        2: pytest.approx(second * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2))),
    }


def test_a_rarer_term_counts_more_and_a_common_one_still_something() -> None:
    sizes = dict.fromkeys(range(100), 10)
    rare = document_scores([{0: 1}], sizes, 100, 1000)[0]
    common = document_scores([dict.fromkeys(range(100), 1)], sizes, 100, 1000)[0]
    assert rare > 100 * common > 0


def test_nothing_found_and_nothing_there_are_no_fault() -> None:
    assert document_scores([], {}, 0, 0) == {}
    assert document_scores([{}], {1: 0}, 1, 0) == {}
    assert document_scores([{1: 1}], {}, 1, 0) == {1: pytest.approx(math.log(4 / 3) * 2.2 / (1 + 1.2 * 0.25))}
    assert ranked([], {}, {}, 5) == []
