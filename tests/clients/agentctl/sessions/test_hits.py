"""Hits of a search: two lines each; on a terminal the found words are in colour and code keeps its brackets."""

from __future__ import annotations

from agentctl.render.table import moment
from agentctl.sessions.hits import listed, waiting_line
from agentproto.keeping import SearchHit, SearchResult
from clients.scene import SESSION, WORKSPACE
from clients.stage import AT

HIT = SearchHit(SESSION, 42, AT, "answer", "the [flaky] login in rows[0]\nof it", 3.5, "fix it", WORKSPACE)


def test_a_hit_says_where_to_jump_to() -> None:
    assert listed([HIT, SearchHit("s2", 1, AT, "title", "x", 1.0)], "flaky") == (
        f"{SESSION} #42  fix it  (answer, {moment(AT)}, {WORKSPACE})\n"
        "  the [flaky] login in rows[0] of it\n"
        f"s2 #1  (no title)  (title, {moment(AT)})\n"
        "  x\n"
    )


def test_on_a_terminal_words_that_were_asked_for_are_marked_and_nothing_else() -> None:
    shown = listed([HIT], "Flakiness")
    coloured = listed([HIT], "Flakiness", colour=True)
    assert coloured.splitlines()[1] == "  the \x1b[1;33mflaky\x1b[0m login in rows[0] of it"
    assert shown.splitlines()[1] == "  the [flaky] login in rows[0] of it"


def test_accents_do_not_count() -> None:
    hit = SearchHit(SESSION, 42, AT, "answer", "a [résumé] of it", 3.5)
    assert listed([hit], "resume", colour=True).splitlines()[1] == "  a \x1b[1;33mrésumé\x1b[0m of it"


def test_what_waits_is_counted() -> None:
    assert [waiting_line(SearchResult((), 5, waiting)) for waiting in (0, 1, 2)] == [
        "",
        "1 session waits for indexing; ask again in a moment",
        "2 sessions wait for indexing; ask again in a moment",
    ]
