"""The built-in engine for when there is no model: a pure function from request to reply, behind the provider's face.

It is no language model and says so, once a session. It works as a model would, by tool calls it was offered
(`offline_plan`), reads the results, and answers with quoted lines (`offline_answer`). The same request gives the same
bytes on every machine: no clock, no chance, no state. It costs nothing and sends nothing. Callers: the registry; every
test that needs real turns without a server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

import msgspec

from agentd.errors import BadInputError
from agentd.providers import canonical
from agentd.providers.base import Ended, Failure, ModelEvent, ModelRequest, TextPiece, ToolUse, Usage
from agentd.providers.offline_answer import say
from agentd.providers.offline_plan import next_move
from agentd.providers.offline_turn import Calls, read_turn
from agentd.providers.prepared import PreparedCall

__all__ = ["KIND", "OfflineProvider", "pieces", "reply"]

KIND = "offline"

_MOST_PIECES = 64
"""Pieces of one answer: enough to see it stream, few enough that a long file costs no more than a short one."""

_WORDS_A_PIECE = 4
_CHARS_A_TOKEN = 3


def reply(request: ModelRequest) -> tuple[ModelEvent, ...]:
    """The whole reply to a request."""
    turn = read_turn(request)
    move = next_move(turn)
    events: list[ModelEvent] = []
    if isinstance(move, Calls):
        for number, call in enumerate(move.calls, 1):
            arguments = dict(call.arguments)
            raw = msgspec.json.encode(arguments).decode()
            events.append(ToolUse(f"offline-{len(turn.steps) + 1}-{number}", call.name, arguments, raw))
        written = sum(len(event.raw) for event in events if isinstance(event, ToolUse))
    else:
        text = f"{move.text}\n\n{say('notice')}" if turn.first else move.text
        text = _within(text, request.max_output * _CHARS_A_TOKEN)
        events += [TextPiece(piece) for piece in pieces(text)]
        written = len(text.encode())
    read = len(canonical.encode(request))
    usage = Usage(input=canonical.estimate(read), output=canonical.estimate(written), estimated=True)
    events.append(Ended("tool_use" if isinstance(move, Calls) else "end", usage))
    return tuple(events)


def pieces(text: str) -> Iterator[str]:
    """`text` in pieces of a few words; joined they are the text."""
    words = _words(text)
    size = max(_WORDS_A_PIECE, -(-len(words) // _MOST_PIECES))
    for start in range(0, len(words), size):
        yield "".join(words[start : start + size])


def _words(text: str) -> list[str]:
    words: list[str] = []
    for word in text.split(" "):
        words.append(word + " ")
    words[-1] = words[-1][:-1]
    return [word for word in words if word]


def _within(text: str, chars: int) -> str:
    if len(text) <= chars:
        return text
    note = "\n" + say("cut", chars=chars)
    return text[: max(0, chars - len(note))] + note


class OfflineProvider:
    """The engine as a provider."""

    kind = KIND

    def __init__(self, name: str = KIND) -> None:
        self.name = name

    def encode(self, request: ModelRequest) -> bytes:
        return canonical.encode(request)

    async def stream(self, call: PreparedCall) -> AsyncGenerator[ModelEvent, None]:
        try:
            request = canonical.decode(call.body)
        except BadInputError as fault:
            yield Failure("bad_request", fault.what, fault.remedy)
            return
        for event in reply(request):
            yield event
