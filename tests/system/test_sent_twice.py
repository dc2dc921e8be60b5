"""A request that is sent again does nothing twice: on one connection, over a reconnect, over kill -9 and a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentclient.errors import RefusedError
from agentclient.keys import new_key
from agentproto.api import config, question, session, turn
from support.conversations import ended, events_of, start
from support.daemon import RealDaemon
from support.waiting import until


def turns(daemon: RealDaemon) -> dict[str, int]:
    """How many messages each session took."""
    with daemon.client() as client:
        rows = client.call("session.list", session.ListParams(), session.ListResult).sessions
    return {row.id: sum(name == "turn.queued" for name, _ in events_of(daemon, row.id)) for row in rows}


def test_a_turn_that_is_started_again_is_the_same_turn_also_after_kill_9(daemon: RealDaemon, workspace: Path) -> None:
    params = turn.StartParams(key=new_key(), prompt="run: echo one >> counted", cwd=str(workspace), allow=("shell",))
    with daemon.client() as client:
        first = client.call("turn.start", params, turn.StartResult)
        second = client.call("turn.start", params, turn.StartResult)
    ended(daemon, first.session)
    daemon.restart()
    with daemon.client() as client:
        third = client.call("turn.start", params, turn.StartResult)
    ended(daemon, first.session)

    assert (second, third) == (first, first)
    assert turns(daemon) == {first.session: 1}
    assert (workspace / "counted").read_text() == "one\n"


def test_a_request_whose_answer_was_lost_is_taken_once(daemon: RealDaemon, workspace: Path) -> None:
    """The client's own way: sent, the daemon killed at once, the answer waited for from the next one."""
    with daemon.client() as client:
        params = turn.StartParams(
            key=new_key(), prompt="run: echo one >> counted", cwd=str(workspace), allow=("shell",)
        )
        ticket = client.send("turn.start", params)
        daemon.restart()
        result = client.receive(ticket, turn.StartResult)
    end = ended(daemon, result.session)

    assert end.turn == result.turn
    assert turns(daemon) == {result.session: 1}
    assert (workspace / "counted").read_text().count("one") <= 1


def test_twins_sent_at_the_same_moment_by_two_clients_are_one(daemon: RealDaemon, workspace: Path) -> None:
    params = turn.StartParams(key=new_key(), prompt="what is in README.md?", cwd=str(workspace))
    with daemon.client() as one, daemon.client() as two:
        tickets = [(client, client.send("turn.start", params)) for client in (one, two, one, two)]
        results = [client.receive(ticket, turn.StartResult) for client, ticket in tickets]

    assert results == [results[0]] * 4
    assert turns(daemon) == {results[0].session: 1}


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
def test_a_key_with_another_body_is_refused_and_changes_nothing(
    daemon: RealDaemon, workspace: Path, restarted: bool
) -> None:
    key = new_key()
    with daemon.client() as client:
        made = client.call(
            "turn.start",
            turn.StartParams(key=key, prompt="what is in README.md?", cwd=str(workspace)),
            turn.StartResult,
        )
        ended(daemon, made.session)
    if restarted:
        daemon.restart()
    with daemon.client() as client:
        with pytest.raises(RefusedError) as in_new:
            client.call("turn.start", turn.StartParams(key=key, prompt="else", cwd=str(workspace)), turn.StartResult)
        with pytest.raises(RefusedError) as in_same:
            client.call("turn.start", turn.StartParams(key=key, prompt="else", session=made.session), turn.StartResult)

    assert [(fault.value.code, fault.value.error.field) for fault in (in_new, in_same)] == [("conflict", "key")] * 2
    assert turns(daemon) == {made.session: 1}


def test_an_answer_that_is_sent_again_is_the_same_answer(daemon: RealDaemon, workspace: Path) -> None:
    daemon.agentctl("ask", "--no-input", "run: echo one >> counted", cwd=workspace)
    with daemon.client() as client:
        (opened,) = client.call("question.list", question.ListParams(), question.ListResult).questions
        params = question.AnswerParams(key=new_key(), question=opened.id, decision="approve")
        first = client.call("question.answer", params, question.AnswerResult)
        done = lambda: any(line["type"] == "call.done" for line in daemon.lines(opened.session))  # noqa: E731
        until(done, "the command has run")
    daemon.restart()
    with daemon.client() as client:
        again = client.call("question.answer", params, question.AnswerResult)
    ended(daemon, opened.session)

    assert again == first
    assert (workspace / "counted").read_text() == "one\n"


def test_a_session_and_a_setting_are_made_once(daemon: RealDaemon, workspace: Path) -> None:
    make = session.CreateParams(key=new_key(), cwd=str(workspace), title="Once")
    set_ = config.SetParams(key=new_key(), name="turn.max_steps", value="9")
    with daemon.client() as client:
        made = client.call("session.create", make, session.CreateResult)
        was = client.call("config.set", set_, config.SetResult)
        client.call("config.set", config.SetParams(key=new_key(), name="turn.max_steps", value="10"), config.SetResult)
    daemon.restart()
    with daemon.client() as client:
        made_again = client.call("session.create", make, session.CreateResult)
        was_again = client.call("config.set", set_, config.SetResult)
        rows = client.call("config.show", config.ShowParams("turn.max_steps"), config.ShowResult).settings

    assert (made_again, was_again) == (made, was)
    assert (was.old, was.new) == ("50", "9")
    assert [row.value for row in rows] == ["10"]
    assert turns(daemon) == {made.session: 0}


def test_a_turn_that_had_to_wait_says_so_again(daemon: RealDaemon, workspace: Path) -> None:
    daemon.agentctl("ask", "--no-input", "run: touch made", cwd=workspace)
    with daemon.client() as client:
        (opened,) = client.call("question.list", question.ListParams(), question.ListResult).questions
        params = turn.StartParams(key=new_key(), prompt="what is in README.md?", session=opened.session)
        first = client.call("turn.start", params, turn.StartResult)
    daemon.restart()
    with daemon.client() as client:
        again = client.call("turn.start", params, turn.StartResult)
    daemon.agentctl("deny", opened.id)
    end = ended(daemon, opened.session)

    assert (first.queued, again) == (True, first)
    assert end.turn == first.turn


def test_the_first_answer_is_given_again_whatever_became_of_what_was_named(daemon: RealDaemon, workspace: Path) -> None:
    params = turn.StartParams(
        key=new_key(), prompt="what is in it?", cwd=str(workspace), files=(str(workspace / "README.md"),)
    )
    with daemon.client() as client:
        first = client.call("turn.start", params, turn.StartResult)
        (workspace / "README.md").unlink()
        again = client.call("turn.start", params, turn.StartResult)

    assert again == first
    assert turns(daemon) == {first.session: 1}


def test_a_turn_that_continued_the_latest_session_is_not_made_again_in_a_later_one(
    daemon: RealDaemon, workspace: Path
) -> None:
    params = turn.StartParams(key=new_key(), prompt="and now?", cwd=str(workspace), continue_latest=True)
    with daemon.client() as client:
        older = start(client, "what is in README.md?", workspace)
        ended(daemon, older.session)
        newer = start(client, "what is in README.md?", workspace)
        ended(daemon, newer.session)
        first = client.call("turn.start", params, turn.StartResult)
        ended(daemon, newer.session)
        start(client, "what is in README.md?", workspace, session=older.session)
        ended(daemon, older.session)
        again = client.call("turn.start", params, turn.StartResult)
    daemon.restart()
    with daemon.client() as client:
        later = client.call("turn.start", params, turn.StartResult)

    assert first.session == newer.session
    assert (again, later) == (first, first)
    assert turns(daemon) == {older.session: 2, newer.session: 2}
