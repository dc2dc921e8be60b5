"""Content blocks: the one vocabulary that wire, log and models share.

`provider` is an opaque part (signed thinking, encrypted reasoning) that is kept byte for byte and sent back only to
the maker that made it. Blocks never change once they are in a log.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "Block",
    "ImageBlock",
    "ProviderPart",
    "ResultStatus",
    "TextBlock",
    "ThinkingBlock",
    "ToolResultBlock",
    "ToolUseBlock",
    "text_of",
]

ResultStatus = Literal["ok", "error", "denied", "interrupted", "unknown"]


class ProviderPart(msgspec.Struct, frozen=True):
    """`maker` is the provider kind that wrote `data`; nobody else reads it."""

    maker: str
    data: dict[str, object]


class TextBlock(msgspec.Struct, frozen=True, omit_defaults=True, tag="text", tag_field="type"):
    """Words, as Markdown."""

    text: str
    provider: ProviderPart | None = None


class ThinkingBlock(msgspec.Struct, frozen=True, omit_defaults=True, tag="thinking", tag_field="type"):
    """What a model thought before it spoke, as far as its maker shows it; `text` may be empty."""

    text: str
    provider: ProviderPart | None = None


class ImageBlock(msgspec.Struct, frozen=True, omit_defaults=True, tag="image", tag_field="type"):
    """`blob` is the sha256 (hex) of the bytes in the session's `blobs/`."""

    media_type: str
    blob: str
    width: int = 0
    height: int = 0


class ToolUseBlock(msgspec.Struct, frozen=True, omit_defaults=True, tag="tool_use", tag_field="type"):
    """A model asks for a tool. `call` is ours (`<turn>.<step>.<n>`); `model_id` is what the model named it."""

    call: str
    name: str
    arguments: dict[str, object]
    model_id: str = ""
    provider: ProviderPart | None = None


class ToolResultBlock(msgspec.Struct, frozen=True, omit_defaults=True, tag="tool_result", tag_field="type"):
    """The answer to one tool use. `blob` names the whole output where `text` was cut."""

    call: str
    text: str
    status: ResultStatus = "ok"
    images: tuple[ImageBlock, ...] = ()
    blob: str | None = None


Block = TextBlock | ThinkingBlock | ImageBlock | ToolUseBlock | ToolResultBlock


def text_of(blocks: tuple[Block, ...]) -> str:
    """The plain text of a message: its text blocks, joined by blank lines."""
    return "\n\n".join(block.text for block in blocks if isinstance(block, TextBlock))
