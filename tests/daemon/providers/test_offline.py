"""The offline engine as a provider: deterministic, streamed, honest about what it is."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.base import Ended, Failure, ModelEvent, ModelMessage, ModelRequest, TextPiece, ToolUse
from agentd.providers.offline import OfflineProvider, pieces, reply
from agentd.providers.offline_answer import say
from agentd.providers.prepared import mint
from agentproto.content import TextBlock
from support.offline_driver import tool

HELLO = ModelMessage("user", (TextBlock("hello"),))


def request(*messages: ModelMessage, max_output: int = 2_000) -> ModelRequest:
    return ModelRequest("offline", (), (tool("shell"),), messages or (HELLO,), max_output)


def stream(body: bytes) -> list[ModelEvent]:
    provider = OfflineProvider()
    call = mint(provider="offline", body=body, purpose="test", session="s", call="c", input_tokens=1, output_tokens=1)

    async def run() -> list[ModelEvent]:
        return [event async for event in provider.stream(call)]

    return asyncio.run(run())


def text_of(events: list[ModelEvent] | tuple[ModelEvent, ...]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextPiece))


def test_the_bytes_are_all_it_needs() -> None:
    events = stream(OfflineProvider().encode(request()))
    assert events == list(reply(request()))
    assert len([event for event in events if isinstance(event, TextPiece)]) > 3
    last = events[-1]
    assert isinstance(last, Ended)
    assert (last.stop, last.usage.estimated, last.usage.input > 0, last.usage.output > 0) == ("end", True, True, True)


def test_calls_are_events_as_a_model_gives_them() -> None:
    events = reply(request(ModelMessage("user", (TextBlock("run: ls"),))))
    assert events[:-1] == (ToolUse("offline-1-1", "shell", {"command": "ls"}, '{"command":"ls"}'),)
    assert isinstance(events[-1], Ended)
    assert events[-1].stop == "tool_use"


def test_what_it_is_is_said_once_a_session() -> None:
    answered = ModelMessage("assistant", (TextBlock("x"),))
    assert say("notice") in text_of(reply(request()))
    assert say("notice") not in text_of(reply(request(HELLO, answered, HELLO)))


def test_an_answer_keeps_to_what_may_be_answered() -> None:
    text = text_of(reply(request(ModelMessage("user", (TextBlock("help"),)), max_output=64)))
    assert len(text) <= 64 * 3
    assert text.endswith("[cut here: the answer may have 192 characters at most]")


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff"])
def test_bytes_that_are_no_request_are_a_failure(body: bytes) -> None:
    [event] = stream(body)
    assert isinstance(event, Failure)
    assert event.kind == "bad_request"


@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    found = list(pieces(text))
    assert "".join(found) == text
    assert len(found) <= 64


@given(st.lists(st.sampled_from(["user", "assistant"]), max_size=4), st.text(max_size=60))
def test_any_prompt_has_a_reply(roles: list[str], prompt: str) -> None:
    before = tuple(ModelMessage("user" if role == "user" else "assistant", (TextBlock(prompt),)) for role in roles)
    events = reply(request(*before, ModelMessage("user", (TextBlock(prompt),))))
    assert isinstance(events[-1], Ended)
