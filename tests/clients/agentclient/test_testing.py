"""The shipped double keeps the wire's rules, so that what is tested against it is true of the daemon too."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentclient.blocking import connect
from agentclient.errors import RefusedError
from agentproto.api import log
from clients.scene import double, environment


def test_a_method_without_a_handler_is_refused(home: Path) -> None:
    with (
        double(home),
        connect("test", environment=environment(home)) as client,
        pytest.raises(RefusedError, match=r"no handler for log\.unsubscribe"),
    ):
        client.call("log.unsubscribe", log.UnsubscribeParams("s"), log.UnsubscribeResult)


def test_an_unknown_field_is_refused_as_the_daemon_does(home: Path) -> None:
    class Wrong(log.UnsubscribeParams, frozen=True):
        speed: int = 1

    with (
        double(home),
        connect("test", environment=environment(home)) as client,
        pytest.raises(RefusedError, match="speed"),
    ):
        client.call("log.unsubscribe", Wrong("s"), log.UnsubscribeResult)


def test_what_was_called_is_remembered_in_order(home: Path) -> None:
    with double(home) as served, connect("test", environment=environment(home)) as client:
        for stream in ("a", "b"):
            client.call("log.subscribe", log.SubscribeParams(stream=stream), log.SubscribeResult)
    assert [call.params for call in served.calls] == [
        log.SubscribeParams(stream="a"),
        log.SubscribeParams(stream="b"),
    ]
    with pytest.raises(AssertionError, match="it did not happen"):
        served.wait_for(lambda: False, 0.01)
