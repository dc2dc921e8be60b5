"""Content blocks: tagged, kept byte for byte, told apart by their type."""

from __future__ import annotations

import msgspec
import pytest

from agentproto.content import (
    Block,
    ImageBlock,
    ProviderPart,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    text_of,
)

PART = ProviderPart("anthropic", {"signature": "c2ln", "nested": {"n": [1, None]}})
IMAGE = ImageBlock("image/png", "ab" * 32, 640, 480)
BLOCKS: tuple[tuple[Block, dict[str, object]], ...] = (
    (TextBlock("t"), {"type": "text", "text": "t"}),
    (
        TextBlock("t", PART),
        {"type": "text", "text": "t", "provider": {"maker": "anthropic", "data": PART.data}},
    ),
    (ThinkingBlock("t"), {"type": "thinking", "text": "t"}),
    (IMAGE, {"type": "image", "media_type": "image/png", "blob": "ab" * 32, "width": 640, "height": 480}),
    (
        ToolUseBlock("t1.1.1", "read", {"path": "a"}, "toolu_1"),
        {"type": "tool_use", "call": "t1.1.1", "name": "read", "arguments": {"path": "a"}, "model_id": "toolu_1"},
    ),
    (ToolResultBlock("t1.1.1", "out"), {"type": "tool_result", "call": "t1.1.1", "text": "out"}),
    (
        ToolResultBlock("t1.1.1", "cut", "denied", (IMAGE,), "cd" * 32),
        {
            "type": "tool_result",
            "call": "t1.1.1",
            "text": "cut",
            "status": "denied",
            "images": [{"type": "image", "media_type": "image/png", "blob": "ab" * 32, "width": 640, "height": 480}],
            "blob": "cd" * 32,
        },
    ),
)


@pytest.mark.parametrize(("block", "plain"), BLOCKS, ids=lambda value: type(value).__name__)
def test_each_block_as_it_is_kept(block: Block, plain: dict[str, object]) -> None:
    assert msgspec.json.decode(msgspec.json.encode(block)) == plain
    assert msgspec.convert(plain, Block) == block


def test_an_unknown_block_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'video'"):
        msgspec.convert({"type": "video"}, Block)  # type: ignore[call-overload]


def test_the_text_of_a_message_is_its_text_blocks() -> None:
    assert text_of((ThinkingBlock("hm"), TextBlock("a"), IMAGE, TextBlock("b"))) == "a\n\nb"
    assert text_of(()) == ""
