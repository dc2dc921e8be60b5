"""log.*: subscriptions."""

from __future__ import annotations

import pytest

from agentd.errors import NotFoundError
from agentproto.api import log as api
from support.household import WORKSPACE
from support.reception import Reception, receive


def test_a_stream_is_subscribed_from_a_number_and_left_again() -> None:
    async def story(desk: Reception) -> None:
        made = await desk.ask("session.create", key="k", cwd=WORKSPACE)
        session = made.session  # type: ignore[attr-defined]
        assert await desk.ask("log.subscribe", stream=session) == api.SubscribeResult(session, 1)
        desk.streams.catch_up(desk.conversation)
        assert desk.conversation.outbox.pop()[0] == "session.opened"
        assert await desk.ask("log.unsubscribe", stream=session) == api.UnsubscribeResult(True)
        assert await desk.ask("log.unsubscribe", stream=session) == api.UnsubscribeResult(False)
        assert await desk.ask("log.subscribe", stream="daemon", after_seq=-1) == api.SubscribeResult("daemon", 0)
        with pytest.raises(NotFoundError):
            await desk.ask("log.subscribe", stream="s0000000000000000")

    receive(story)
