"""Log entries -> the conversation as models take it: alternating messages of content blocks. Pure, incremental.

Every tool use is followed by its result, whatever a crash or an interrupt left: a missing one gets a synthetic error,
an orphan is dropped. Messages that were withdrawn or broke off before their end do not appear twice. Callers:
`context.assemble`, which feeds each entry once, in the log's order.

Theory. What is to be sent is what was said, (1) from the first words of a person on, (2) each message with tool uses
followed by one with their results (the first that came for a call counts, LOST_RESULT stands for those that never
came), (3) neighbours of one role joined. `_Talk` keeps exactly that and grows it message by message: a place for each
result is made with its use and filled when the result comes, so nothing that was said before is looked at again. Only
when turns are hidden or shown the whole is made anew, once, when it is next asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from msgspec import structs

from agentd.context.reminders import escaped
from agentd.providers.base import ModelMessage
from agentd.session.compactions import Compacted
from agentd.session.entries import Broke, Done, Entry, Finished, Replied, Requested, Started, Steered
from agentd.session.reminders import Reminded
from agentd.session.revisions import Reverted, Withdrawn
from agentproto.content import Block, ImageBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

__all__ = ["CLEARED", "FILES_TAKEN_BACK", "LOST_RESULT", "Conversation", "Result"]

LOST_RESULT = "No result: the call was lost before it could be answered."
"""What the model is told of a tool use whose result never came."""

FILES_TAKEN_BACK = "Since then these files were brought back to an earlier state, so read them again first: {paths}"
"""What the model is told when the files of a single call were taken back, or brought back: the call stays in the talk."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")
CLEARED = "[This result of {tool} was cleared to make room: {summary}. Call the tool again if you need it.]"
"""What the model is given in place of a result that a tier of compaction cleared."""

_Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Result:
    """A tool's result as the model is given it, and the notice that would stand in its place and its pictures'."""

    call: str
    tool: str
    text: str
    notice: str
    images: tuple[ImageBlock, ...] = ()


class Conversation:
    """Grows entry by entry; `messages()` is what to send now."""

    def __init__(self) -> None:
        self._waiting: dict[str, Requested] = {}
        self._said: list[tuple[str, ModelMessage]] = []
        self._hidden: set[str] = set()
        self._held: list[Steered] = []
        self._results: dict[str, tuple[int, str, str, str]] = {}
        self._cleared: set[str] = set()
        self._pictures: list[tuple[str, str, ImageBlock]] = []
        self._talk: _Talk | None = _Talk()

    def feed(self, entry: Entry) -> None:
        """Take the next entry of the log. Entries that are not part of the conversation change nothing."""
        match entry:
            case Requested():
                self._waiting[entry.turn] = entry
            case Started():
                request = self._waiting.pop(entry.turn, None)
                if request is not None:
                    self._pictures += ((entry.turn, "", image) for _, image in request.pictures)
                    self._say(entry.turn, "user", _user_blocks(request))
            case Replied():
                blocks = tuple(map(_sendable, (block for block in entry.blocks if not _is_empty(block))))
                if not all(isinstance(block, ThinkingBlock) for block in blocks):  # no provider takes that back
                    self._say(entry.turn, "assistant", blocks)
            case Broke() if entry.kept and not entry.again:
                self._say(entry.turn, "assistant", (TextBlock(entry.kept),))
            case Done():
                result = ToolResultBlock(entry.call, escaped(entry.text), entry.status, entry.images, entry.blob)
                if entry.call not in self._results:
                    self._pictures += ((entry.turn, entry.call, image) for image in entry.images)
                self._results.setdefault(entry.call, (len(self._said), entry.turn, entry.tool, entry.summary))
                self._say(entry.turn, "user", (result,))
            case Steered() if entry.after:
                self._held.append(entry)
            case Steered():
                self._say(entry.turn, "user", (TextBlock(escaped(entry.text)),))
            case Reminded():
                self._say(entry.turn, "user", (TextBlock(entry.text),))
            case Compacted():
                self.clear(entry.calls)
            case Finished() if entry.dropped:
                self.hide((entry.turn,))
            case Withdrawn() if entry.turn:
                self._waiting.pop(entry.turn, None)
                self.hide((entry.turn,))
            case Reverted():
                self._revert(entry)
            case _:
                pass
        if isinstance(entry, Replied | Broke | Started):
            self._let_go()

    def _let_go(self) -> None:
        """Say what was held back while a reply streamed: the reply is there now, or it will never be."""
        held, self._held = self._held, []
        for entry in held:
            self._say(entry.turn, "user", (TextBlock(escaped(entry.text)),))

    def _revert(self, entry: Reverted) -> None:
        if entry.kind == "redo":
            self.show(entry.turns)
        else:
            self.hide(entry.turns)
        paths = ", ".join(one.path for one in entry.files if one.action != "kept")
        if not entry.turns and paths:
            self._say("", "user", (TextBlock(FILES_TAKEN_BACK.format(paths=escaped(paths))),))

    def hide(self, turns: Iterable[str]) -> None:
        """Leave out what was said in these turns by whomever (also what is still to come of them), until `show`. All
        before the first of them stays as it was, to the byte."""
        self._hidden.update(turns)
        self._talk = None

    def show(self, turns: Iterable[str]) -> None:
        """Bring hidden turns back to their old places. Turns that are not hidden stay as they are."""
        self._hidden.difference_update(turns)
        self._talk = None

    def results(self) -> tuple[Result, ...]:
        """The results that are part of it and not cleared, in their order."""
        found: list[Result] = []
        for call, (place, turn, tool, summary) in self._results.items():
            (block,) = self._said[place][1].blocks
            if turn not in self._hidden and call not in self._cleared and isinstance(block, ToolResultBlock):
                found.append(Result(call, tool, block.text, _notice(tool, summary), block.images))
        return tuple(found)

    def pictures(self) -> tuple[ImageBlock, ...]:
        """All that are part of it, in their order, each as often as it is there."""
        return tuple(
            image for turn, call, image in self._pictures if turn not in self._hidden and call not in self._cleared
        )

    def clear(self, calls: Iterable[str]) -> None:
        """Put a notice in the place of each of these results, for good. Unknown ones are passed by."""
        for call in calls:
            if call not in self._results or call in self._cleared:
                continue
            place, turn, tool, summary = self._results[call]
            (block,) = self._said[place][1].blocks
            assert isinstance(block, ToolResultBlock)
            notice = structs.replace(block, text=_notice(tool, summary), images=())
            self._said[place] = (turn, ModelMessage("user", (notice,)))
            self._cleared.add(call)
            self._talk = None

    def messages(self) -> tuple[ModelMessage, ...]:
        """Valid for every provider: paired, merged, beginning with the user. Messages that did not change since the
        last call are the same objects."""
        if self._talk is None:
            self._talk = _Talk()
            for turn, message in self._said:
                if turn not in self._hidden:
                    self._talk.add(message)
        return self._talk.messages()

    def _say(self, turn: str, role: _Role, blocks: tuple[Block, ...]) -> None:
        message = ModelMessage(role, blocks)
        self._said.append((turn, message))
        if self._talk is not None and turn not in self._hidden:
            self._talk.add(message)


class _Talk:
    """What was said and is not hidden, paired and joined. `_grown`: the last message's blocks, when they are more (or
    others) than its object has; the object is made anew when it is looked at, not with each block."""

    def __init__(self) -> None:
        self._messages: list[ModelMessage] = []
        self._grown: list[Block] | None = None
        self._results: dict[str, ToolResultBlock] = {}
        self._lost: dict[str, list[tuple[int, int]]] = {}

    def messages(self) -> tuple[ModelMessage, ...]:
        self._close_last()
        return tuple(self._messages)

    def add(self, message: ModelMessage) -> None:
        """Take what was said next."""
        rest = tuple(block for block in message.blocks if not isinstance(block, ToolResultBlock))
        if not self._messages and (message.role != "user" or not rest):
            return  # nobody has said anything: results among it are orphans
        for block in message.blocks:
            if isinstance(block, ToolResultBlock) and block.call not in self._results:
                self._results[block.call] = block
                self._fill(block)
        if rest:
            self._append(message if len(rest) == len(message.blocks) else ModelMessage(message.role, rest))
        uses = [block for block in rest if isinstance(block, ToolUseBlock)] if message.role == "assistant" else []
        if uses:
            self._append(ModelMessage("user", tuple(self._result(use.call, at) for at, use in enumerate(uses))))

    def _append(self, message: ModelMessage) -> None:
        if self._messages and self._messages[-1].role == message.role:
            self._open_last().extend(message.blocks)
        else:
            self._close_last()
            self._messages.append(message)

    def _open_last(self) -> list[Block]:
        if self._grown is None:
            self._grown = list(self._messages[-1].blocks)
        return self._grown

    def _close_last(self) -> None:
        if self._grown is not None:
            self._messages[-1] = ModelMessage(self._messages[-1].role, tuple(self._grown))
            self._grown = None

    def _result(self, call: str, at: int) -> ToolResultBlock:
        """What answers a use. `at`: its place in the message that is about to begin behind the assistant's."""
        found = self._results.get(call)
        if found is None:
            self._lost.setdefault(call, []).append((len(self._messages), at))
            return ToolResultBlock(call, LOST_RESULT, "error")
        return found

    def _fill(self, result: ToolResultBlock) -> None:
        """Put a result that came now into the places that wait for it."""
        for number, at in self._lost.pop(result.call, ()):
            if number == len(self._messages) - 1:
                self._open_last()[at] = result
            else:
                blocks = list(self._messages[number].blocks)
                blocks[at] = result
                self._messages[number] = ModelMessage(self._messages[number].role, tuple(blocks))


def _notice(tool: str, summary: str) -> str:
    return CLEARED.format(tool=tool, summary=escaped(summary))


def _user_blocks(request: Requested) -> tuple[Block, ...]:
    files = tuple(
        TextBlock(f'<file path="{escaped(path)}">\n{escaped(text)}\n</file>') for path, _, text in request.files
    )
    pictures = ((TextBlock(f'<file path="{escaped(path)}"/>'), image) for path, image in request.pictures)
    return (*files, *(block for both in pictures for block in both), TextBlock(escaped(request.prompt)))


def _sendable(block: Block) -> Block:
    """A call whose tool's name is none: providers check names in what was said, too."""
    if not isinstance(block, ToolUseBlock) or _NAME.fullmatch(block.name):
        return block
    return structs.replace(block, name=_NO_NAME.sub("_", block.name)[:64] or "unknown")


def _is_empty(block: Block) -> bool:
    return isinstance(block, TextBlock) and not block.text.strip() and block.provider is None
