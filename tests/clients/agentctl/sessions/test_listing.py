"""`sessions list`: pages, the rest hinted at, and this folder's workspace alone."""

from __future__ import annotations

import json
from pathlib import Path

from agentclient.testing import Call
from agentctl.render.table import moment
from agentproto.api import session
from clients.scene import WORKSPACE, Ran, ctl, double
from clients.stage import AT, listing, summary


def paged(call: Call) -> session.ListResult:
    """450 sessions, in pages as the daemon gives them."""
    params = call.params
    assert isinstance(params, session.ListParams)
    begin = int(params.cursor or 0)
    end = min(450, begin + params.limit)
    rows = (summary(f"s{number}", title=f"title {number}", turns=number) for number in range(begin, end))
    return session.ListResult(tuple(rows), str(end) if end < 450 else None)


def test_the_newest_are_listed_and_the_rest_is_hinted_at(home: Path) -> None:
    with double(home, {"session.list": paged}):
        assert ctl(home, "sessions", "list", "-n", "2") == Ran(
            0,
            "SESSION  STATE  TURNS  LAST              TITLE    WORKSPACE\n"
            f"s0       idle   0      {moment(AT)}  title 0  {WORKSPACE}\n"
            f"s1       idle   1      {moment(AT)}  title 1  {WORKSPACE}\n",
            "there are more: --all\n",
        )


def test_all_of_them_come_page_by_page(home: Path) -> None:
    with double(home, {"session.list": paged}) as served:
        ran = ctl(home, "sessions", "list", "--all", "--json")
    assert (ran.code, ran.err, [one["id"] for one in json.loads(ran.out)]) == (0, "", [f"s{n}" for n in range(450)])
    assert [call.params for call in served.calls] == [
        session.ListParams(cursor=cursor, limit=200) for cursor in (None, "200", "400")
    ]


def test_here_means_this_folder(home: Path) -> None:
    with double(home, {"session.list": lambda call: session.ListResult(())}) as served:
        assert ctl(home, "sessions", "list", "--here") == Ran(0, "", "There are no sessions yet.\n")
    assert [call.params for call in served.calls] == [session.ListParams(limit=50, workspace=str(home))]


def test_turns_that_nobody_has_counted_are_not_said_to_be_none(home: Path) -> None:
    with double(home, {"session.list": listing(summary("s1", turns=0, seq=0), summary("s2", turns=0, seq=1))}):
        ran = ctl(home, "sessions", "list")
    assert [line.split()[2] for line in ran.out.splitlines()[1:]] == ["-", "0"]


def test_an_archived_one_says_so(home: Path) -> None:
    with double(home, {"session.list": listing(summary("s1", archived=True), summary("s2", state="running"))}):
        ran = ctl(home, "sessions", "list")
    assert [line.split()[1] for line in ran.out.splitlines()[1:]] == ["archived", "running"]
