"""Random sessions on small windows, told in a simulated world to a model server that counts by itself and refuses.

A session is made of its seed: its protocol, how its server counts, what the person says (short, long, with files), what
the model does (reads, searches, commands with long outputs, texts, cut answers, broken streams), where somebody speaks
to the turn, where the daemon is killed, where the model is switched for one with another window. The server refuses
what does not fit with the answer that was asked for, as the strictest servers do, and remembers it.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from agentd.context.budget import Window
from agentd.errors import ConflictError
from agentd.providers.anthropic import AnthropicMessages
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
from agentd.providers.ollama import OllamaChat
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentd.providers.prepared import PreparedCall
from agentd.session.entries import Entry, Finished
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice
from agentd.turn.sessions import Sessions
from agentd.turn.spending import Spending
from agentd.world.doors import Spawn
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_files import FakeFiles
from agentd.world.fake_processes import Script
from agentd.world.faults import Crash
from agentproto.content import TextBlock
from support.household import PERSON, WORKSPACE, Household, whole_log
from support.token_counts import Counter, answer_limit

__all__ = ["KINDS", "Plan", "Sent", "Told", "a_plan", "kinds_of_text", "tell"]

KINDS = ("anthropic", "ollama", "openai-chat", "openai-responses")
_LIVES = 6
_MOST_STEPS = 9
_POLL_MS = 40
_LONGEST_MS = 3_600_000


# --- texts ---

_FOREIGN = (
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. ",
    "Все люди рождаются свободными и равными в своем достоинстве и правах. ",
    "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. ",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια. ",
)
_WORDS = re.findall(
    r"\w+",
    "the of and to a in that it is was for on are with as be at one have this "
    "from by hot but some what there we can out other were all your when up use word how said "
    "an each she which do their time if will way about many then them would write like so these her "
    "long make thing see him two has look more day could go come did number sound window request buffer session "
    "daemon client estimate calibration provider message token answer ",
)


def kinds_of_text(chance: random.Random, kind: str, size: int) -> str:
    """About `size` characters of one kind: prose, code, data, figures, log, foreign, packed, signs."""
    parts: list[str] = []
    left = size
    while left > 0:
        part = _part(chance, kind)
        parts.append(part)
        left -= len(part)
    return "".join(parts)[:size]


def _part(chance: random.Random, kind: str) -> str:
    match kind:
        case "prose":
            return " ".join(chance.choices(_WORDS, k=12)).capitalize() + ". "
        case "code":
            one, two = chance.choice(_WORDS), chance.choice(_WORDS)
            deep = " " * 4 * chance.randint(0, 4)
            return (
                f"{deep}def {one}_{two}(self, {two}: int = {chance.randint(0, 99)}) -> dict[str, {one.upper()}]:\n"
                f'{deep}    return self._{two}.get("{one}", None) or {{}}\n'
            )
        case "data":
            return f'{{"{chance.choice(_WORDS)}": [{chance.random():.4f}, null, true], "id": "{chance.randbytes(6).hex()}"}},\n'
        case "figures":
            return ",".join(f"{chance.uniform(0, 1000):.3f}" for _ in range(8)) + "\n"
        case "log":
            at = f"{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}:{chance.randint(0, 59):02d}.{chance.randint(0, 999):03d}"
            return f"2026-01-05 {at} INFO [worker-{chance.randint(1, 9)}] {chance.choice(_WORDS)} took {chance.randint(1, 900)} ms\n"
        case "foreign":
            return chance.choice(_FOREIGN)
        case "packed":
            return base64.b64encode(chance.randbytes(57)).decode() + "\n"
        case _:
            return "".join(chance.choices("{}[]()<>;:,.!?@#$%^&*-+=/|~`'\" ", k=60)) + "\n"


_FILES = {
    "prose.md": ("prose", 30_000),
    "code.py": ("code", 60_000),
    "data.json": ("data", 40_000),
    "figures.csv": ("figures", 200_000),
    "day.log": ("log", 120_000),
    "foreign.txt": ("foreign", 30_000),
    "packed.txt": ("packed", 60_000),
    "signs.txt": ("signs", 20_000),
    "small.py": ("code", 900),
    "note.txt": ("prose", 300),
}
_SHORT = ("note.txt", "small.py")
_FEW_TOOLS = ("grep", "read", "shell")
_SMALL_WINDOW = 8_000
"""Tokens: on a smaller window a session has few tools, or its instructions alone would fill it."""


@functools.cache
def scenery() -> Mapping[str, str]:
    """The files of the workspace: the same for every session, made once."""
    chance = random.Random(11)
    return {name: kinds_of_text(chance, kind, size) for name, (kind, size) in _FILES.items()}


# --- the server ---


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
    """A model behind a real codec. It does what `steps` says, refuses what is too long, and keeps what it was sent."""

    def __init__(self, name: str, codec: Codec, counter: Counter, window: int, world: FakeWorld, plan: Plan) -> None:
        self.name = name
        self.kind = codec.kind
        self.window = window
        self.sent: list[Sent] = []
        self._codec = codec
        self._counter = counter
        self._world = world
        self._plan = plan
        self._asked: dict[bytes, ModelRequest] = {}
        self._broken: set[int] = set()
        self._names = sorted(plan.files)

    def encode(self, request: ModelRequest) -> bytes:
        body = self._codec.encode(request)
        if len(self._asked) > 8:
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
            yield Failure(
                "overflow", f"{counted} tokens and {sent.answer} of the answer are over {self.window}", status=400
            )
            return
        number = sum(message.role == "assistant" for message in request.messages)
        chance = random.Random(f"{self._plan.seed}/{number}")
        if chance.random() < 0.03 and number not in self._broken:
            self._broken.add(number)
            yield TextPiece("Half of an ans")
            yield Failure("broken_stream", "the line was cut", "Try again.", details={"bytes_seen": 40})
            return
        spoken = 0
        tools = {tool.name for tool in request.tools}
        for event in self._answer(chance, _replies_in_turn(request.messages), number, tools):
            await self._world.clock.sleep(3)
            spoken += len(event.text) if isinstance(event, TextPiece) else len(event.raw)
            yield event
        stop = "tool_use" if isinstance(event, ToolUse) else "length" if chance.random() < 0.05 else "end"
        usage = Usage(input=counted, output=max(1, spoken // 4), estimated=False)
        yield Ended(stop, usage if not self._plan.tells_no_usage else Usage(estimated=True))

    def _answer(self, chance: random.Random, done: int, number: int, tools: set[str]) -> Sequence[TextPiece | ToolUse]:
        """A text, or some words and calls. `done`: replies in this turn; `number`: in all."""
        kind = chance.choice(("prose", "code", "prose", "foreign"))
        words = TextPiece(kinds_of_text(chance, kind, chance.choice((40, 200, min(900, self.window // 16)))))
        if done >= self._plan.steps[min(number, len(self._plan.steps) - 1)] or number > 60:
            return (words,)
        most = min(1_500, self.window // 8)
        calls = [
            _call(chance, f"m{number}-{at}", number, self._names, most, tools)
            for at in range(chance.choice((1, 1, 1, 2, 4)))
        ]
        return (*((words,) if chance.random() < 0.4 else ()), *calls)


def _call(chance: random.Random, id: str, number: int, names: Sequence[str], most: int, tools: set[str]) -> ToolUse:
    """A call of a tool that is offered. `most`: characters of what is written."""
    what = chance.choice([kind for kind, tool in _CALLS if tool in tools])
    arguments: dict[str, object]
    match what:
        case "page" | "more":
            offset, limit = chance.randint(1, 40), chance.choice((20, 80, 300))
            arguments = {"path": chance.choice(names), "offset": offset, "limit": limit}
        case "whole":
            arguments = {"path": chance.choice(names)}
        case "grep":
            arguments = {"pattern": chance.choice(("def", "took", "window", "7")), "path": "."}
        case "ls":
            arguments = {"path": "."}
        case "shell":
            arguments = {"command": f"make {chance.choice(_OUTPUTS)} {number}"}
        case _:
            text = kinds_of_text(chance, chance.choice(("code", "data", "prose")), chance.choice((200, most)))
            arguments = {"path": f"made-{number}.txt", "content": text}
    return ToolUse(id, dict(_CALLS)[what], arguments, "")


_CALLS = (
    ("page", "read"),
    ("more", "read"),
    ("whole", "read"),
    ("grep", "grep"),
    ("ls", "ls"),
    ("shell", "shell"),
    ("write", "write"),
)
_OUTPUTS = ("prose", "code", "data", "figures", "log", "foreign", "packed", "signs")


def _print(spawn: Spawn, files: FakeFiles) -> Script:
    _, kind, _ = spawn.argv[-1].split(" ")
    chance = random.Random(spawn.argv[-1])
    return Script(output=kinds_of_text(chance, kind, chance.choice((300, 4_000, 50_000))).encode(), takes_ms=20)


def _replies_in_turn(messages: Sequence[ModelMessage]) -> int:
    count = 0
    for message in reversed(messages):
        if message.role == "assistant":
            count += 1
        elif any(isinstance(block, TextBlock) for block in message.blocks):
            break
    return count


class _Two:
    """Two connections, `first` and `second`."""

    def __init__(self, servers: Mapping[str, CountingServer]) -> None:
        self._servers = servers

    async def ready(self, name: str) -> None:
        return

    def get(self, name: str) -> ModelChoice:
        server = self._servers[name]
        return ModelChoice(server, "m", Window(server.window, server.window // 4))

    def default(self) -> str:
        return "first"


# --- sessions ---


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in a session. `says`: a prompt, the files given with it and the connection of each turn; `steers` and
    `kills`: turn -> milliseconds after it was asked; `steps`: how many steps a turn takes, by how much was said."""

    seed: int
    kind: str
    window: int
    second_window: int
    counter: int
    second_counter: int
    says: tuple[tuple[str, tuple[str, ...], str], ...]
    steers: Mapping[int, int]
    kills: Mapping[int, int]
    steps: tuple[int, ...]
    tells_no_usage: bool = False
    files: Mapping[str, str] = field(default_factory=scenery, repr=False)


def a_plan(seed: int, window: int, counters: int) -> Plan:
    """A session on `window` tokens; `counters`: how many there are to choose from."""
    chance = random.Random(seed)
    turns = chance.randint(1, 5)
    switch = chance.randint(1, turns) if chance.random() < 0.3 else turns + 1
    says = []
    for number in range(1, turns + 1):
        kind = chance.choice(("prose", "prose", "code", "foreign", "figures", "packed", "signs"))
        size = chance.choice((30, 30, 200, 200, window // 8, window // 2 if chance.random() < 0.2 else window // 20))
        files = tuple(chance.sample(sorted(_FILES), 1)) if chance.random() < 0.05 else ()
        if chance.random() < 0.25:
            files = (chance.choice(_SHORT),)
        says.append((kinds_of_text(chance, kind, size), files, "second" if number >= switch else "first"))
    return Plan(
        seed,
        chance.choice(KINDS),
        window,
        max(2_048, int(window * chance.choice((0.25, 0.5, 0.75)))),
        chance.randrange(counters),
        chance.randrange(counters),
        tuple(says),
        {n: chance.randint(1, 400) for n in range(1, turns + 1) if chance.random() < 0.2},
        {n: chance.randint(1, 600) for n in range(1, turns + 1) if chance.random() < 0.15},
        tuple(chance.randint(0, _MOST_STEPS) for _ in range(12)),
        chance.random() < 0.1,
    )


@dataclass
class Told:
    """How a session went: what its servers were sent, how each turn ended, what was not as it should be."""

    plan: Plan
    sent: list[Sent] = field(default_factory=list)
    ends: list[Finished] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    session: str = ""
    turn: int = 1
    steered: set[int] = field(default_factory=set)
    killed: set[int] = field(default_factory=set)


def _codec(kind: str, window: int) -> Codec:
    codecs: Mapping[str, Codec] = {
        "anthropic": AnthropicMessages("host"),
        "ollama": OllamaChat(num_ctx=window),
        "openai-chat": OpenAIChat(),
        "openai-responses": OpenAIResponses("host"),
    }
    return codecs[kind]


def tell(plan: Plan, counters: Sequence[Counter]) -> Told:
    """The session from its first word to its last, over all lives of the daemon."""
    world = fake_world(seed=plan.seed, auto=True)
    for name, text in plan.files.items():
        world.files.add_file(f"{WORKSPACE}/{name}", text.encode())
    world.processes.on("bash", does=_print)
    told = Told(plan)
    for _ in range(_LIVES):
        try:
            world.run(_live(world, told, counters))
            break
        except Crash:
            world = world.restart()
    else:
        told.wrong.append("it did not come to an end in so many lives")
    if told.session:
        told.entries = [line.entry for line in whole_log(world, told.session)]
        told.ends = [entry for entry in told.entries if isinstance(entry, Finished)]
    return told


async def _live(world: FakeWorld, told: Told, counters: Sequence[Counter]) -> None:
    plan = told.plan
    servers = {
        name: CountingServer(name, _codec(plan.kind, window), counters[counter], window, world, plan)
        for name, window, counter in (
            ("first", plan.window, plan.counter),
            ("second", plan.second_window, plan.second_counter),
        )
    }
    house = Household(world, ())
    tools = house.parts.tools
    if min(plan.window, plan.second_window) < _SMALL_WINDOW:
        tools = {name: tool for name, tool in tools.items() if name in _FEW_TOOLS}
    house.parts = dataclasses.replace(
        house.parts, models=_Two(servers), tools=tools, spending=Spending(world, "/home/state")
    )
    house.sessions = Sessions(house.parts, house.requests)
    try:
        await house.start()
        house.parts.spending.load()
        while told.turn <= len(plan.says):
            await _turn(house, told)
            told.turn += 1
        await house.sessions.stop()
        told.wrong += [f"{fault!r}" for fault in house.faults]
    finally:
        told.sent += [one for server in servers.values() for one in server.sent]


async def _turn(house: Household, told: Told) -> None:
    plan, number = told.plan, told.turn
    prompt, files, model = plan.says[number - 1]
    given = tuple((f"{WORKSPACE}/{name}", "h", plan.files[name]) for name in files)
    turn = NewTurn(prompt, files=given, model=model)
    begun = house.world.clock.monotonic_ms()
    if number == 1:
        taken = await house.sessions.start_in_new("k1", "h", house.new_session(), turn, PERSON)
        told.session = taken.session
    else:
        await house.sessions.start(told.session, f"k{number}", "h", turn, PERSON)
    runner = await house.sessions.get(told.session)
    while runner.busy:
        took = house.world.clock.monotonic_ms() - begun
        if number in plan.kills and number not in told.killed and took >= plan.kills[number]:
            told.killed.add(number)
            house.world.points.crash()
        if number in plan.steers and number not in told.steered and took >= plan.steers[number]:
            told.steered.add(number)
            await _steer(house, told)
        for question in house.sessions.questions():
            try:
                await house.sessions.answer(question.id, f"a-{question.id}", "h", "approve", "once", "", PERSON)
            except ConflictError:
                continue
        if took > _LONGEST_MS:
            told.wrong.append(f"turn {number} does not end: {runner.state.turn}")
            return
        await house.world.clock.sleep(_POLL_MS)


async def _steer(house: Household, told: Told) -> None:
    text = kinds_of_text(random.Random(told.turn), "prose", 300)
    try:
        await house.sessions.steer(told.session, f"s{told.turn}", "h", text, PERSON)
    except ConflictError:
        return  # the turn had ended
