"""Lists by pages: everything comes, once, in order, and no page is asked for twice."""

from __future__ import annotations

from pathlib import Path

from agentclient.blocking import connect
from agentclient.testing import Call
from agentctl.sessions.paging import events_of, sessions_of, steps_of
from agentproto.api import session
from agentproto.revisions import WorkflowParams, WorkflowResult, WorkflowStep
from clients.scene import SESSION, double, environment
from clients.stage import items, streamed, summary, two_turns

STEPS = [WorkflowStep(f"{SESSION}.t1.1.{n}", "t1", "edit", "a.py", "done", 1) for n in range(5)]


def test_every_page_is_asked_for_once(home: Path) -> None:
    def listed(call: Call) -> session.ListResult:
        assert isinstance(call.params, session.ListParams)
        begin = int(call.params.cursor or 0)
        return session.ListResult((summary(f"s{begin}"),), str(begin + 1) if begin < 2 else None)

    def stepped(call: Call) -> WorkflowResult:
        assert isinstance(call.params, WorkflowParams)
        begin = int(call.params.cursor or 0)
        return WorkflowResult(tuple(STEPS[begin : begin + 2]), str(begin + 2) if begin < 4 else None)

    events = streamed(two_turns().logged)
    handlers = {"session.list": listed, "session.items": items(events), "session.workflow": stepped}
    with double(home, handlers) as served, connect("test", environment=environment(home)) as client:
        assert [one.id for one in sessions_of(client, "/w")] == ["s0", "s1", "s2"]
        found = list(events_of(client, SESSION, after_seq=4, redacted=True))
        assert [(one.name, one.body["seq"]) for one in found] == [(one.name, one.body["seq"]) for one in events[4:]]
        assert list(steps_of(client, SESSION)) == STEPS
    assert [call.params for call in served.calls] == [
        *(session.ListParams(cursor=cursor, limit=200, workspace="/w") for cursor in (None, "1", "2")),
        *(session.ItemsParams(session=SESSION, after_seq=after, limit=200, redacted=True) for after in (4, 7)),
        *(WorkflowParams(session=SESSION, cursor=cursor, limit=200) for cursor in (None, "2", "4")),
    ]
