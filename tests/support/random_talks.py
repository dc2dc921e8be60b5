"""Random sessions on small windows, told in a simulated world to servers that count by themselves and refuse.

A session is made of its seed: its protocol, how its servers count, what the person says (short, long, with files), what
the model does (`support.counting_server`), where somebody speaks to the turn, where the daemon is killed, where the model
is switched for one with another window. In each life of the daemon the client sends everything again with its keys.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agentd.context.budget import Window
from agentd.errors import ConflictError
from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Codec
from agentd.providers.ollama import OllamaChat
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentd.session.entries import Entry, Finished
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice
from agentd.turn.sessions import Sessions
from agentd.turn.spending import Spending
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Crash
from support.counting_server import WILD, CountingServer, Habits, Sent, run_command
from support.household import PERSON, WORKSPACE, Household, whole_log
from support.random_texts import scenery, text_of
from support.token_counts import Counter

__all__ = ["KINDS", "Plan", "Told", "a_plan", "tell"]

KINDS = ("anthropic", "ollama", "openai-chat", "openai-responses")
_LIVES = 6
_MOST_STEPS = 9
_POLL_MS = 40
_LONGEST_MS = 3_600_000
_SHORT = ("note.txt", "small.py")
_FEW_TOOLS = ("grep", "read", "shell")
_SMALL_WINDOW = 8_000
"""Tokens: on a smaller window a session has few tools, or its instructions alone would fill it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in a session. `says`: a prompt, the files given with it and the connection of each turn; `steers` and
    `kills`: turn -> milliseconds after it was asked; `steps`: how many steps a turn takes, by how much was said;
    `counter` and `second_counter`: which of the counters each connection has."""

    seed: int
    kind: str
    window: int
    second_window: int
    counter: int
    second_counter: int
    says: tuple[tuple[str, tuple[str, ...], str], ...]
    steps: tuple[int, ...]
    steers: Mapping[int, int] = field(default_factory=dict)
    kills: Mapping[int, int] = field(default_factory=dict)
    habits: Habits = WILD
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
        files = (chance.choice(sorted(scenery())),) if chance.random() < 0.05 else ()
        if chance.random() < 0.25:
            files = (chance.choice(_SHORT),)
        says.append((text_of(chance, kind, size), files, "second" if number >= switch else "first"))
    return Plan(
        seed,
        chance.choice(KINDS),
        window,
        max(2_048, int(window * chance.choice((0.25, 0.5, 0.75)))),
        chance.randrange(counters),
        chance.randrange(counters),
        tuple(says),
        tuple(chance.randint(0, _MOST_STEPS) for _ in range(12)),
        {n: chance.randint(1, 400) for n in range(1, turns + 1) if chance.random() < 0.2},
        {n: chance.randint(1, 600) for n in range(1, turns + 1) if chance.random() < 0.15},
        dataclasses.replace(WILD, counts=chance.random() > 0.1),
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


class _Two:
    """Two connections, `first` and `second`."""

    def __init__(self, servers: Mapping[str, CountingServer]) -> None:
        self._servers = servers

    async def count(self, name: str, body: bytes) -> int | None:
        return None

    def stand_in(self, given_up: Sequence[str]) -> str:
        return ""

    async def ready(self, name: str) -> None:
        return

    def get(self, name: str) -> ModelChoice:
        server = self._servers[name]
        return ModelChoice(server, "m", Window(server.window, server.window // 4))

    def default(self) -> str:
        return "first"


def tell(plan: Plan, counters: Sequence[Counter]) -> Told:
    """The session from its first word to its last, over all lives of the daemon."""
    world = fake_world(seed=plan.seed, auto=True)
    for name, text in plan.files.items():
        world.files.add_file(f"{WORKSPACE}/{name}", text.encode())
    world.processes.on("bash", does=run_command)
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
    both = {"first": (plan.window, plan.counter), "second": (plan.second_window, plan.second_counter)}
    servers = {
        name: CountingServer(
            name,
            _codec(plan.kind, window),
            counters[counter],
            window,
            world,
            seed=plan.seed,
            steps=plan.steps,
            names=sorted(plan.files),
            habits=plan.habits,
        )
        for name, (window, counter) in both.items()
    }
    house = Household(world, ())
    tools = house.parts.tools
    if min(plan.window, plan.second_window) < _SMALL_WINDOW:
        tools = {name: tool for name, tool in tools.items() if name in _FEW_TOOLS}
    spending = Spending(world, "/home/state")
    house.parts = dataclasses.replace(house.parts, models=_Two(servers), tools=tools, spending=spending)
    house.sessions = Sessions(house.parts, house.requests)
    try:
        await house.start()
        spending.load()
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
    text = text_of(random.Random(told.turn), "prose", 300)
    try:
        await house.sessions.steer(told.session, f"s{told.turn}", "h", text, PERSON)
    except ConflictError:
        return  # the turn had ended
