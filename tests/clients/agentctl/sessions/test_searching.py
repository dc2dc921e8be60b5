"""`sessions search`: what is asked of the daemon, and what a person sees of the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentctl.render.machine import plain
from agentctl.render.table import moment
from agentproto.keeping import SearchHit, SearchParams, SearchResult
from clients.scene import SESSION, WORKSPACE, Ran, ctl, double
from clients.stage import AT, lived
from clients.terminal import terminal

HIT = SearchHit(SESSION, 42, AT, "answer", "the [flaky] login", 3.5, "fix it", WORKSPACE)


@pytest.mark.parametrize(
    ("options", "params"),
    [
        ((), SearchParams(query="flaky login")),
        (("-n", "3", "-s", "s00000"), SearchParams(query="flaky login", limit=3, session=SESSION)),
    ],
)
def test_words_are_one_query(home: Path, options: tuple[str, ...], params: SearchParams) -> None:
    found = SearchResult((HIT,), 9, 2)
    with double(home, lived(session_search=lambda call: found)) as served:
        ran = ctl(home, "sessions", "search", "flaky", "login", *options)
    assert ran == Ran(
        0,
        f"{SESSION} #42  fix it  (answer, {moment(AT)}, {WORKSPACE})\n  the [flaky] login\n",
        "- 2 sessions wait for indexing; ask again in a moment\n",
    )
    assert served.calls[-1].params == params


def test_here_is_this_folders_workspace_and_json_is_the_wires(home: Path) -> None:
    found = SearchResult((HIT,), 9)
    with double(home, lived(session_search=lambda call: found)) as served:
        ran = ctl(home, "sessions", "search", "flaky", "--here", "--json")
    assert (ran.code, ran.err, json.loads(ran.out)) == (0, "", plain(found))
    assert served.calls[-1].params == SearchParams(query="flaky", workspace=str(home))


def test_nothing_found_is_said_on_stderr(home: Path) -> None:
    with double(home, lived(session_search=lambda call: SearchResult((), 9))):
        assert ctl(home, "sessions", "search", "unheard") == Ran(0, "", "Nothing fits in 9 sessions.\n")


def test_on_a_terminal_found_words_are_in_colour(home: Path) -> None:
    found = SearchResult((HIT,), 9)
    handlers = lived(session_search=lambda call: found)
    with double(home, handlers), terminal(home, "agentctl", "sessions", "search", "flaky") as screen:
        screen.until("the \x1b[1;33mflaky\x1b[0m login")
        assert screen.end() == 0


def test_without_words_it_is_wrong_usage(home: Path) -> None:
    assert ctl(home, "sessions", "search").code == 2
