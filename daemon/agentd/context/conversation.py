"""Log entries -> the conversation as models take it: alternating messages of content blocks. Pure, incremental.

Every tool use is followed by its result, whatever a crash or an interrupt left: a missing one gets a synthetic error,
an orphan is dropped. Messages that were withdrawn or broke off before their end do not appear twice. Callers:
`context.assemble`, which feeds each entry once, in the log's order.
"""

from __future__ import annotations

from agentd.providers.base import ModelMessage
from agentd.session.entries import Broke, Done, Entry, Replied, Requested, Started, Steered
from agentproto.content import Block, TextBlock, ToolResultBlock, ToolUseBlock

__all__ = ["LOST_RESULT", "Conversation", "begin_with_user", "merge_neighbours", "pair_results"]

LOST_RESULT = "No result: the call was lost before it could be answered."
"""What the model is told of a tool use whose result never came."""


class Conversation:
    """Grows entry by entry; `messages()` is what to send now."""

    def __init__(self) -> None:
        self._waiting: dict[str, Requested] = {}
        self._messages: list[ModelMessage] = []

    def feed(self, entry: Entry) -> None:
        """Take the next entry of the log. Entries that are not part of the conversation change nothing."""
        match entry:
            case Requested():
                self._waiting[entry.turn] = entry
            case Started():
                request = self._waiting.pop(entry.turn, None)
                if request is not None:
                    self._say(_user_blocks(request))
            case Replied():
                blocks = tuple(block for block in entry.blocks if not _is_empty(block))
                if blocks:
                    self._messages.append(ModelMessage("assistant", blocks))
            case Broke() if entry.kept and not entry.again:
                self._messages.append(ModelMessage("assistant", (TextBlock(entry.kept),)))
            case Done():
                self._say((ToolResultBlock(entry.call, entry.text, entry.status, blob=entry.blob),))
            case Steered():
                self._say((TextBlock(entry.text),))
            case _:
                pass

    def _say(self, blocks: tuple[Block, ...]) -> None:
        self._messages.append(ModelMessage("user", blocks))

    def messages(self) -> tuple[ModelMessage, ...]:
        """Valid for every provider: paired, merged, beginning with the user."""
        return merge_neighbours(pair_results(begin_with_user(tuple(self._messages))))


def _user_blocks(request: Requested) -> tuple[Block, ...]:
    files = tuple(TextBlock(f'<file path="{path}">\n{text}\n</file>') for path, _, text in request.files)
    return (*files, TextBlock(request.prompt))


def _is_empty(block: Block) -> bool:
    return isinstance(block, TextBlock) and not block.text.strip() and block.provider is None


def pair_results(messages: tuple[ModelMessage, ...]) -> tuple[ModelMessage, ...]:
    """Put each tool use's result right behind its message, in call order; invent the missing, drop the orphans."""
    results: dict[str, ToolResultBlock] = {}
    for message in messages:
        for block in message.blocks:
            if isinstance(block, ToolResultBlock):
                results.setdefault(block.call, block)
    out: list[ModelMessage] = []
    for message in messages:
        rest = tuple(block for block in message.blocks if not isinstance(block, ToolResultBlock))
        if rest:
            out.append(ModelMessage(message.role, rest))
        uses = [block for block in rest if isinstance(block, ToolUseBlock)] if message.role == "assistant" else []
        if uses:
            answers = tuple(results.get(use.call) or ToolResultBlock(use.call, LOST_RESULT, "error") for use in uses)
            out.append(ModelMessage("user", answers))
    return tuple(out)


def begin_with_user(messages: tuple[ModelMessage, ...]) -> tuple[ModelMessage, ...]:
    """Drop what comes before the first words of a person; results among it are orphans and go with it."""
    for index, message in enumerate(messages):
        if message.role == "user" and any(not isinstance(block, ToolResultBlock) for block in message.blocks):
            return messages[index:]
    return ()


def merge_neighbours(messages: tuple[ModelMessage, ...]) -> tuple[ModelMessage, ...]:
    """Join neighbours of one role."""
    out: list[ModelMessage] = []
    for message in messages:
        if out and out[-1].role == message.role:
            out[-1] = ModelMessage(message.role, out[-1].blocks + message.blocks)
        else:
            out.append(message)
    return tuple(out)
