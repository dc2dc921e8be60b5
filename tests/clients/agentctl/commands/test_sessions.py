"""`agentctl sessions`: lists by pages, one session's state, and exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentclient.testing import Call
from agentctl.render.table import moment
from agentproto.api import session
from agentproto.errors import WireError
from agentproto.shape import to_plain
from clients.scene import SESSION, WORKSPACE, Ran, Session, a_question, ctl, double

AT = 1_700_000_000_000


def summary(number: int) -> session.SessionSummary:
    return session.SessionSummary(f"s{number}", f"title {number}", WORKSPACE, "idle", AT, AT, number, 9, 9000)


def paged(call: Call) -> session.ListResult:
    """450 sessions, in pages as the daemon gives them."""
    params = call.params
    assert isinstance(params, session.ListParams)
    begin = int(params.cursor or 0)
    end = min(450, begin + params.limit)
    return session.ListResult(tuple(map(summary, range(begin, end))), str(end) if end < 450 else None)


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


def found(**more: object) -> session.ReadResult:
    return session.ReadResult(
        summary(3), "ask", (a_question(),), 2, session.Usage(calls=4, input=100, output=20), {"step": 2}, "/log.jsonl"
    )


def test_one_session_is_shown_with_its_questions(home: Path) -> None:
    with double(home, {"session.read": lambda call: found()}):
        assert ctl(home, "sessions", "show", "s3", "--state") == Ran(
            0,
            "session s3\n"
            "  title       title 3\n"
            f"  workspace   {WORKSPACE}\n"
            "  state       idle, 2 queued\n"
            "  mode        ask\n"
            "  turns       3\n"
            f"  begun       {moment(AT)}\n"
            f"  last        {moment(AT)}\n"
            "  used        4 calls, 100 tokens in, 20 out\n"
            "  log         /log.jsonl (9 entries, 8.8 KiB)\n"
            "  question    q1: run a command\n"
            "    step      2\n",
            "",
        )


def test_an_unknown_session_is_three_lines(home: Path) -> None:
    error = WireError("not_found", "client", "there is no session x", "it is in no log", "agentctl sessions list")
    with double(home, {"session.read": lambda call: error}):
        assert ctl(home, "sessions", "show", "x") == Ran(
            1, "", "error: there is no session x\n  why: it is in no log\n   do: agentctl sessions list\n"
        )


@pytest.mark.parametrize("form", ["md", "json"])
def test_an_export_has_all_pages_and_never_overwrites(home: Path, form: str) -> None:
    scene = Session()
    scene.answer("It is 42.", "what is it?")
    events = [session.StreamedEvent(name, to_plain(body)) for name, body in scene.logged]

    def items(call: Call) -> session.ItemsResult:
        assert isinstance(call.params, session.ItemsParams)
        rest = [one for one in events if one.body["seq"] > call.params.after_seq]  # type: ignore[operator]
        more = len(rest) > 2
        return session.ItemsResult(tuple(rest[:2]), int(str(rest[1].body["seq"])) if more else None)

    with double(home, {"session.read": lambda call: found(), "session.items": items}):
        printed = ctl(home, "sessions", "export", SESSION, "--format", form)
        written = ctl(home, "sessions", "export", SESSION, "--format", form, "-o", "out")
        again = ctl(home, "sessions", "export", SESSION, "-o", "out")
    assert (printed.code, written, (home / "out").read_text()) == (0, Ran(0, "", ""), printed.out)
    assert (again.code, again.err.splitlines()[0]) == (1, "error: out exists already")
    if form == "json":
        assert [one["event"] for one in json.loads(printed.out)["events"]] == [name for name, _ in scene.logged]
    else:
        assert "what is it?" in printed.out
        assert printed.out.endswith("It is 42.\n")
