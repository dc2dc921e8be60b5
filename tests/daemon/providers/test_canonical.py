"""The canonical bytes lose nothing and grow at their end."""

from __future__ import annotations

import dataclasses

import pytest

from agentd.errors import BadInputError
from agentd.providers import canonical
from agentd.providers.base import ModelMessage, ModelRequest, ToolDefinition
from agentproto.content import (
    ImageBlock,
    ProviderPart,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)

REQUEST = ModelRequest(
    "m",
    (("identity", "You are."), ("empty", "")),
    (ToolDefinition("read", "Read it.", {"type": "object", "properties": {"z": {}, "a": {}}}),),
    (
        ModelMessage("user", (TextBlock("Grüße"), ImageBlock("image/png", "ab12", 3, 4))),
        ModelMessage(
            "assistant",
            (
                ThinkingBlock("hm", ProviderPart("x", {"signature": "s"})),
                ToolUseBlock("t1.1.1", "read", {"path": "a", "n": 1.5, "big": 10**30}, "id1"),
            ),
        ),
        ModelMessage("user", (ToolResultBlock("t1.1.1", "text", "error", blob="ff"),)),
    ),
    100,
    0.5,
)


def test_it_comes_back_whole() -> None:
    assert canonical.decode(canonical.encode(REQUEST)) == REQUEST
    wished = dataclasses.replace(REQUEST, effort="high", schema={"type": "object", "properties": {"b": {}, "a": {}}})
    assert canonical.decode(canonical.encode(wished)) == wished


def test_what_is_not_wished_for_is_not_said() -> None:
    assert canonical.encode(ModelRequest("m", (), (), (), 1)) == (
        b'{"model":"m","max_output":1,"temperature":null,"system":[],"tools":[],"messages":[]}'
    )


def test_a_longer_conversation_begins_with_the_shorter_one() -> None:
    shorter = ModelRequest(REQUEST.model, REQUEST.system, REQUEST.tools, REQUEST.messages[:2], 100, 0.5)
    assert canonical.encode(REQUEST).startswith(canonical.encode(shorter).removesuffix(b"]}"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"model":1}'])
def test_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(BadInputError):
        canonical.decode(body)


def test_the_newest_text_of_a_user_is_found() -> None:
    assert canonical.last_user_text(REQUEST) == "Grüße"
    assert canonical.last_user_text(ModelRequest("m", (), (), (), 1)) == ""


def test_tokens_are_rounded_up() -> None:
    assert [canonical.estimate(size) for size in (0, 1, 3, 4)] == [0, 1, 1, 2]
