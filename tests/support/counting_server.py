"""A model in the simulated world, behind a real codec: it counts in its own way and refuses what does not fit.

What it says and calls is drawn anew for each answer, from its seed and the number of answers that the request holds: the
same after a restart. It is as strict as the strictest servers are: input and the answer that was asked for have to fit
into its window together. `Sent` is what it remembers of each request.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agentd.providers import canonical
from agentd.providers.base import (
    Codec,
    Ended,
    Failure,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextPiece,
    ToolUse,
    Usage,
)
from agentd.providers.prepared import PreparedCall
from agentd.world.doors import Spawn
from agentd.world.fake import FakeWorld
from agentd.world.fake_files import FakeFiles
from agentd.world.fake_processes import Script
from support.random_texts import KINDS_OF_TEXT, text_of
from support.token_counts import Counter, answer_limit

__all__ = ["WILD", "CountingServer", "Habits", "Sent", "run_command"]

_MOST_ANSWERS = 60
"""In a session: after that it only talks."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a model likes to do. `calls`: which, as often as they are named; `pages`: lines of a file that it reads; `at_once`:
    how many calls an answer has; `outputs`: kinds of text that its commands print, and how many characters of it;
    `texts`: characters of what it says; `breaks`: share of its answers that break off once."""

    calls: tuple[str, ...] = ("page", "page", "whole", "grep", "ls", "shell", "write")
    pages: tuple[int, ...] = (20, 80, 300)
    at_once: tuple[int, ...] = (1, 1, 1, 2, 4)
    patterns: tuple[str, ...] = ("def", "took", "window", "7")
    outputs: tuple[str, ...] = KINDS_OF_TEXT
    output_chars: tuple[int, ...] = (300, 4_000, 50_000)
    texts: tuple[int, ...] = (40, 200, 900)
    breaks: float = 0.03
    counts: bool = True


WILD = Habits()
_TOOLS = {"page": "read", "whole": "read", "grep": "grep", "ls": "ls", "shell": "shell", "write": "write"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as its server saw it: its tokens, the answer that was asked for, what the daemon had projected."""

    server: str
    counted: int
    answer: int
    projected: int
    window: int
    session: str

    @property
    def over(self) -> bool:
        return self.counted + self.answer > self.window


class CountingServer:
    """`steps`: how many steps a turn takes, by how many answers there were; `names`: the files of the workspace."""

    def __init__(
        self,
        name: str,
        codec: Codec,
        counter: Counter,
        window: int,
        world: FakeWorld,
        *,
        seed: int,
        steps: Sequence[int],
        names: Sequence[str],
        habits: Habits = WILD,
    ) -> None:
        self.name = name
        self.kind = codec.kind
        self.window = window
        self.sent: list[Sent] = []
        self._codec = codec
        self._counter = counter
        self._world = world
        self._seed = seed
        self._steps = steps
        self._names = names
        self._habits = habits
        self._asked: dict[bytes, ModelRequest] = {}
        self._broken: set[int] = set()

    def encode(self, request: ModelRequest) -> bytes:
        body = self._codec.encode(request)
        if len(self._asked) > 64:
            self._asked.clear()
        self._asked[body] = request
        return body

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        request = self._asked[call.body]
        counted = self._counter.count(call.body)
        sent = Sent(self.name, counted, answer_limit(call.body), call.input_tokens, self.window, call.session)
        self.sent.append(sent)
        await self._world.clock.sleep(5)
        if sent.over:
            text = f"{counted} tokens and {sent.answer} of the answer are over {self.window}"
            yield Failure("overflow", text, "Ask for less.", status=400)
            return
        number = sum(message.role == "assistant" for message in request.messages)
        chance = random.Random(f"{self._seed}/{number}")
        if chance.random() < self._habits.breaks and number not in self._broken:
            self._broken.add(number)
            yield TextPiece("Half of an ans")
            yield Failure("broken_stream", "the line was cut", "Try again.", details={"bytes_seen": 40})
            return
        spoken = 0
        answer = self._answer(chance, _answers_in_turn(request.messages), number, {tool.name for tool in request.tools})
        for event in answer:
            await self._world.clock.sleep(3)
            spoken += len(event.text) if isinstance(event, TextPiece) else len(event.raw)
            yield event
        usage = Usage(input=counted, output=max(1, spoken // 4)) if self._habits.counts else Usage(estimated=True)
        if isinstance(answer[-1], ToolUse):
            yield Ended("tool_use", usage)
        else:
            yield Ended("length" if chance.random() < 0.05 else "end", usage)

    def _answer(self, chance: random.Random, done: int, number: int, tools: set[str]) -> Sequence[TextPiece | ToolUse]:
        """A text, or some words and calls. `done`: answers in this turn; `number`: in all."""
        kind, size = chance.choice(("prose", "code", "prose", "foreign")), chance.choice(self._habits.texts)
        words = TextPiece(text_of(chance, kind, min(size, self.window // 16)))
        if done >= self._steps[min(number, len(self._steps) - 1)] or number > _MOST_ANSWERS:
            return (words,)
        calls = [self._call(chance, number, at, tools) for at in range(chance.choice(self._habits.at_once))]
        return (*((words,) if chance.random() < 0.4 else ()), *calls)

    def _call(self, chance: random.Random, number: int, at: int, tools: set[str]) -> ToolUse:
        """A call of a tool that is offered."""
        habits = self._habits
        what = chance.choice([kind for kind in habits.calls if _TOOLS[kind] in tools])
        arguments: dict[str, object]
        match what:
            case "page":
                arguments = {"path": chance.choice(self._names), "offset": chance.randint(1, 40)}
                arguments["limit"] = chance.choice(habits.pages)
            case "whole":
                arguments = {"path": chance.choice(self._names)}
            case "grep":
                arguments = {"pattern": chance.choice(habits.patterns), "path": chance.choice((".", *self._names))}
            case "ls":
                arguments = {"path": "."}
            case "shell":
                output = f"{chance.choice(habits.outputs)} {chance.choice(habits.output_chars)}"
                arguments = {"command": f"make {output} {number}"}
            case _:
                kind, size = chance.choice(("code", "data", "prose")), chance.choice((200, 1_500))
                arguments = {
                    "path": f"made-{number}.txt",
                    "content": text_of(chance, kind, min(size, self.window // 8)),
                }
        return ToolUse(f"m{number}-{at}", _TOOLS[what], arguments, "")


def run_command(spawn: Spawn, files: FakeFiles) -> Script:
    """What the commands of `_call` print."""
    _, kind, size, _ = spawn.argv[-1].split(" ")
    return Script(output=text_of(random.Random(spawn.argv[-1]), kind, int(size)).encode(), takes_ms=20)


def _answers_in_turn(messages: Sequence[ModelMessage]) -> int:
    count = 0
    for message in reversed(messages):
        if message.role == "assistant":
            count += 1
        elif canonical.said(message):
            break
    return count
