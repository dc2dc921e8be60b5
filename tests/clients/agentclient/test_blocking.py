"""The blocking pump against a real socket: calls, events, credit, and daemons that die, vanish or come back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentclient.blocking import BlockingClient, connect
from agentclient.errors import NoDaemonError, RefusedError
from agentclient.testing import DoubleDaemon
from agentproto.api import daemon, log, session, turn
from agentproto.errors import WireError
from agentproto.limits import LIMITS
from clients.scene import SESSION, Session, answers, double, environment, started
from support.waiting import until


@pytest.fixture
def served(home: Path) -> Iterator[DoubleDaemon]:
    with double(home) as found:
        yield found


def dial(home: Path, **more: object) -> BlockingClient:
    return connect("test", environment=environment(home), start=False, **more)  # type: ignore[arg-type]


def events(client: BlockingClient, count: int) -> list[str]:
    found: list[str] = []
    for _ in range(1000):
        event = client.next_event(100)
        if event is not None:
            found.append(event.name)
            if len(found) == count:
                return found
    raise AssertionError(found)


def test_a_call_is_answered_with_its_result(home: Path, served: DoubleDaemon) -> None:
    with dial(home) as client:
        result = client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)
        assert (result.pid, client.welcome.daemon) == (os.getpid(), "d-double")
    assert [hello.name for hello in served.hellos] == ["test"]


def test_an_error_of_the_daemon_is_raised_with_its_words(home: Path) -> None:
    error = WireError("not_found", "client", "there is no session x", "it was never made", "agentctl sessions list")
    with (
        double(home, {"session.read": lambda call: error}),
        dial(home) as client,
        pytest.raises(RefusedError) as caught,
    ):
        client.call("session.read", session.ReadParams("x"), session.ReadResult)
    assert caught.value.error == error


def test_an_answer_that_does_not_fit_is_an_error_that_names_the_field(home: Path) -> None:
    with (
        double(home, {"session.read": lambda call: log.UnsubscribeResult(True)}),
        dial(home) as client,
        pytest.raises(RefusedError, match="summary"),
    ):
        client.call("session.read", session.ReadParams("x"), session.ReadResult)


def test_requests_may_be_pipelined_and_answered_out_of_order(home: Path, served: DoubleDaemon) -> None:
    with dial(home) as client:
        first = client.send("daemon.status", daemon.StatusParams())
        second = client.send("log.subscribe", log.SubscribeParams(stream="daemon"))
        assert client.receive(second, log.SubscribeResult) == log.SubscribeResult("daemon", 0)
        assert client.answered(first)
        assert client.receive(first, daemon.StatusResult).pid == os.getpid()


def test_events_come_in_order_and_once(home: Path) -> None:
    scene = Session()
    whole = scene.answer("Hello there")
    with double(home, {"turn.start": answers(whole)}), dial(home) as client:
        start = turn.StartParams(key="k" * 16, prompt="hi", subscribe=True)
        assert client.call("turn.start", start, turn.StartResult) == started()
        assert events(client, len(whole)) == [name for name, _ in whole]


def test_a_reader_that_takes_its_time_gets_all_of_many_events(home: Path) -> None:
    scene = Session()
    many = [scene.delta("x", number) for number in range(3 * LIMITS.window_events)]
    with double(home, {"turn.start": answers(many)}), dial(home) as client:
        client.call("turn.start", turn.StartParams(key="k" * 16, prompt="hi"), turn.StartResult)
        assert len(events(client, len(many))) == len(many)


def test_variables_are_given_before_anything_else(home: Path) -> None:
    with double(home, variables=("PATH", "TZ")) as served, dial(home, give_variables=True) as client:
        client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)
    assert [(call.method, call.params) for call in served.calls] == [
        ("daemon.environment", daemon.EnvironmentParams({"PATH": os.environ["PATH"]})),
        ("daemon.status", daemon.StatusParams()),
    ]


def test_a_request_without_an_answer_is_sent_again_to_the_next_daemon(home: Path) -> None:
    silent = double(home, {"turn.start": lambda call: None})
    silent.start()
    with dial(home) as client:
        ticket = client.send("turn.start", turn.StartParams(key="k" * 16, prompt="hi"))
        silent.wait_for(lambda: silent.methods() == ["turn.start"])
        silent.vanish()
        with double(home, {"turn.start": lambda call: started()}) as next_one:
            assert client.receive(ticket, turn.StartResult) == started()
    assert silent.calls[0].params == next_one.calls[0].params, "the key is the same"
    assert silent.hellos[0].client == next_one.hellos[0].client, "so is the conversation"


def test_a_subscription_goes_on_after_the_last_event_that_was_seen(home: Path) -> None:
    scene = Session()
    begun = scene.begun("hi")
    first = double(home, {"turn.start": answers(begun)})
    first.start()
    with dial(home) as client:
        client.call("turn.start", turn.StartParams(key="k" * 16, prompt="hi", subscribe=True), turn.StartResult)
        events(client, 2)
        first.stop()
        with double(home) as second:
            for _ in range(200):
                assert client.next_event(50) is None
                if second.methods():
                    break
            second.push(*begun, scene.finished("done"))
            assert events(client, 1) == ["turn.finished"], "what is known does not come twice"
    assert [call.params for call in second.calls] == [log.SubscribeParams(stream=SESSION, after_seq=2)]


def test_a_daemon_that_was_stopped_in_order_is_not_started_again_behind_its_users_back(home: Path) -> None:
    served = double(home, heartbeat_ms=200)
    served.start()
    with connect("test", environment=environment(home), command=("/bin/false",), ready_ms=300) as client:
        served.stop()
        with pytest.raises(NoDaemonError, match="no daemon is running"):
            events(client, 1)


def test_a_refused_hello_is_told_as_it_is(home: Path) -> None:
    error = WireError("bad_version", "client", "this daemon speaks wire 7 to 9", "yours is 1", "upgrade agentctl")
    with double(home, refuse=error), pytest.raises(RefusedError) as caught:
        dial(home)
    assert caught.value.error == error


def test_cancelling_tells_the_daemon(home: Path) -> None:
    with double(home, {"model.test": lambda call: None}) as served, dial(home) as client:
        ticket = client.send("daemon.status", daemon.StatusParams())
        client.cancel(ticket)
        served.wait_for(lambda: served.cancelled == [1])


def test_a_caller_that_was_busy_elsewhere_for_long_is_taken_up_again_before_it_asks(home: Path) -> None:
    with double(home, heartbeat_ms=40) as served, dial(home) as client:
        end = time.monotonic() + 0.2
        until(lambda: time.monotonic() > end, "heartbeats are missed")
        client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)
        assert [hello.client for hello in served.hellos] == [served.calls[0].client] * 2
