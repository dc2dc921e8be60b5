"""`sessions show`: the facts of one session, and each view of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentctl.render.machine import plain
from agentctl.render.table import moment
from agentproto.api import session
from agentproto.errors import WireError
from agentproto.revisions import WorkflowParams, WorkflowResult
from clients.scene import SESSION, WORKSPACE, Ran, Session, ctl, double
from clients.stage import AT, FIRST, SECOND, STEPS, listing, lived, read, summary


def test_one_session_is_shown_with_its_questions(home: Path) -> None:
    one = summary(parent="s9", archived=True, model="big", damage="byte 7 is wrong")
    with double(home, lived(session_read=lambda call: read(one, asks=True))):
        assert ctl(home, "sessions", "show", SESSION, "--state") == Ran(
            0,
            f"session {SESSION}\n"
            "  title       a title\n"
            f"  workspace   {WORKSPACE}\n"
            "  state       idle, archived\n"
            "  mode        ask\n"
            "  model       big\n"
            "  fork of     s9\n"
            "  turns       2\n"
            f"  begun       {moment(AT)}\n"
            f"  last        {moment(AT)}\n"
            "  used        4 calls, 100 tokens in, 20 out\n"
            "  log         /log.jsonl (9 entries, 8.8 KiB)\n"
            "  DAMAGED     byte 7 is wrong\n"
            "  question    q1: run a command\n"
            "    step      2\n",
            "",
        )


@pytest.mark.parametrize("view", [(), ("--tree",)])
def test_an_unknown_session_is_three_lines(home: Path, view: tuple[str, ...]) -> None:
    error = WireError("not_found", "client", "there is no session x", "it is in no log", "agentctl sessions list")
    with double(home, lived(session_read=lambda call: error)):
        assert ctl(home, "sessions", "show", "x", *view) == Ran(
            1, "", "error: there is no session x\n  why: it is in no log\n   do: agentctl sessions list\n"
        )


def test_turns_are_numbered_as_rewind_takes_them(home: Path) -> None:
    with double(home, lived()):
        shown = ctl(home, "sessions", "show", SESSION, "--turns")
        data = json.loads(ctl(home, "sessions", "show", SESSION, "--turns", "--json").out)
    assert shown == Ran(
        0,
        "N  TURN  ASKED             ENDED  MESSAGE\n"
        f"1  t1    {moment(AT)}  end    what is it?\n"
        f"2  t2    {moment(AT)}  end    and why?\n",
        "",
    )
    assert [(one["number"], one["id"], one["tools"]) for one in data] == [(1, FIRST, ["grep"]), (2, SECOND, [])]
    assert sorted(data[0]) == [
        "actor", "at_ms", "error", "files", "id", "model", "number", "prompt", "steps", "stop", "text", "tools", "usage",
    ]  # fmt: skip


def test_forks_are_a_tree(home: Path) -> None:
    fork = summary("s0000000000000002", parent=SESSION, title="try redis", created_at_ms=AT + 1)
    with double(home, lived(session_list=listing(fork, summary()))):
        shown = ctl(home, "sessions", "show", fork.id, "--tree")
        data = json.loads(ctl(home, "sessions", "show", fork.id, "--tree", "--json").out)
    assert shown == Ran(0, f"  {SESSION}  {moment(AT)}  a title\n*   {fork.id}  {moment(AT)}  try redis\n", "")
    assert data == [
        {
            "id": SESSION, "parent": None, "depth": 0, "this": False, "removed": False, "title": "a title",
            "state": "idle", "updated_at_ms": AT,
        },
        {
            "id": fork.id, "parent": SESSION, "depth": 1, "this": True, "removed": False, "title": "try redis",
            "state": "idle", "updated_at_ms": AT,
        },
    ]  # fmt: skip


def test_the_workflow_is_a_table_of_mutating_calls(home: Path) -> None:
    one = read(summary(workspace="/w"))
    handlers = lived(session_read=lambda call: one, session_workflow=lambda call: WorkflowResult(tuple(STEPS)))
    with double(home, handlers) as served:
        shown = ctl(home, "sessions", "show", SESSION, "--workflow")
        data = json.loads(ctl(home, "sessions", "show", SESSION, "--workflow", "--json").out)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[:2] == [
        f"CALL    STATE                      TOOL   TARGET{' ' * 56}TRIES  EXIT  FILES",
        f"t1.1.1  done                       edit   a.py{' ' * 58}1            a.py 1a2b3c4d -> 5e6f7a8b",
    ]
    assert data == plain(STEPS)
    assert WorkflowParams(session=SESSION, limit=200) in [call.params for call in served.calls]


def test_a_session_that_changed_nothing_says_so(home: Path) -> None:
    with double(home, lived(session_workflow=lambda call: WorkflowResult(()))):
        assert ctl(home, "sessions", "show", SESSION, "--workflow") == Ran(0, "", "It has changed nothing outside.\n")


def test_the_trace_is_the_latest_turns(home: Path) -> None:
    with double(home, lived()):
        shown = ctl(home, "sessions", "show", SESSION, "--trace")
        data = json.loads(ctl(home, "sessions", "show", SESSION, "--trace", "--json").out)
    assert shown == Ran(
        0,
        f"turn {SECOND}, {moment(AT)}: 0 ms, end\n"
        "FROM_MS  MS  PHASE  WHAT                        WHEN\n"
        "0        0   queue                              |=\n"
        "0        0   model  t2.1: 10 tokens in, 20 out  |=\n",
        "",
    )
    assert (data["turn"], data["stop"], [one["phase"] for one in data["phases"]]) == (SECOND, "end", ["queue", "model"])


def test_a_long_turn_is_looked_for_further_back(home: Path) -> None:
    scene = Session()
    scene.begun("go")
    for number in range(900):
        scene.replied("x", f"t1.{number}")
    one = read(summary(seq=scene.seq))
    asked: list[int] = []
    handlers = lived(scene, session_read=lambda call: one)
    with double(home, handlers) as served:
        data = json.loads(ctl(home, "sessions", "show", SESSION, "--trace", "--json").out)
        asked += [call.params.after_seq for call in served.calls if isinstance(call.params, session.ItemsParams)]
    assert (data["turn"], data["stop"], len(data["phases"])) == ("t1", None, 901)
    assert (asked[0], 0 in asked) == (402, True)


def test_a_session_without_a_turn_has_no_trace(home: Path) -> None:
    with double(home, lived(Session(), session_read=lambda call: read(summary(seq=1)))):
        assert ctl(home, "sessions", "show", SESSION, "--trace") == Ran(0, "", "It has no turn that began.\n")
        assert ctl(home, "sessions", "show", SESSION, "--trace", "--json") == Ran(0, "null\n", "")
