"""Hello on a new socket: a welcome, nothing, or a refusal; and answers that become results or errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentclient.conversation import Answered, Conversation, Refused
from agentclient.discover import read
from agentclient.errors import RefusedError
from agentclient.greeting import greet, now_ms, result_of
from agentproto.api import log
from agentproto.errors import WireError
from clients.scene import double, folders


def test_a_daemon_that_answers_is_greeted(home: Path) -> None:
    with double(home):
        connection = read(folders(home))
        assert connection is not None
        conversation = Conversation("test", "c1")
        dealer = greet(conversation, connection, 10_000)
        assert dealer is not None
        dealer.close()
        assert conversation.welcome is not None


def test_nobody_there_is_none_after_the_wait(home: Path) -> None:
    with double(home) as served:
        connection = read(folders(home))
        served.fall_silent()
        assert connection is not None
        begun = now_ms()
        assert greet(Conversation("test", "c1"), connection, 50) is None
        assert 50 <= now_ms() - begun < 5000


def test_answers_become_results_or_errors() -> None:
    assert result_of(Answered(1, {"subscribed": True}, ()), log.UnsubscribeResult) == log.UnsubscribeResult(True)
    with pytest.raises(RefusedError, match="subscribed"):
        result_of(Answered(1, {"subscribed": "yes"}, ()), log.UnsubscribeResult)
    with pytest.raises(RefusedError, match="busy now"):
        result_of(Refused(1, WireError("busy", "daemon", "busy now")), log.UnsubscribeResult)
