"""No limit in money is ever passed, to the micro-dollar, whatever runs at the same time, breaks off, dies or is hidden.

Random runs: sessions side by side, each with some turns and parallel calls, under limits of turn, session and day. The
provider bills exactly, in fractions, and as badly as it may: it fills caches at a surcharge, thinks in secret, bills
an answer that was cut off, or that nobody waited for, up to the longest that it was allowed, tells its usage or not. It
bills every call in the moment in which it comes, so that no death can save a cent. A run is its seed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from agentd.context.budget import Window
from agentd.context.prices import Prices
from agentd.errors import ConflictError
from agentd.providers.base import Ended, Failure, ModelEvent, ModelRequest, TextPiece, ThinkingPiece, ToolUse, Usage
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.prepared import PreparedCall
from agentd.session.entries import Finished
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice, TurnSettings
from agentd.turn.pen import Limits
from agentd.turn.sessions import Sessions
from agentd.turn.spending import Settled, Spending
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Crash
from agentproto.content import TextBlock
from support.household import PERSON, WORKSPACE, Household, whole_log
from support.random_texts import scenery, text_of
from support.token_counts import Counter, answer_limit, counters

LIVES = 5
SOME, ALL = 250, 10_000
PER_DOLLAR = 1_000_000
FILES = ("small.py", "note.txt", "code.py", "figures.csv")
PRICES = (
    Prices(3.0, 15.0, 0.3, 3.75),
    Prices(0.1, 0.4, 0.025, 0.1),
    Prices(15.0, 75.0, 1.5, 18.75),
    Prices(0.07, 1.1, 0.07, 0.07),
    Prices(2.5, 10.0, 1.25, 5.0),
    Prices(0.333, 0.777, 0.1, 0.999),
)
COUNTERS = counters()


@dataclass
class Bills:
    """What the provider bills, by call and whose it is. It outlives every daemon."""

    calls: list[tuple[str, str, Fraction]] = field(default_factory=list)
    tokens: list[tuple[int, int]] = field(default_factory=list)

    def of_turn(self, turn: str) -> Fraction:
        return sum((bill for _, found, bill in self.calls if found == turn), Fraction())

    def of_session(self, session: str) -> Fraction:
        return sum((bill for found, _, bill in self.calls if found == session), Fraction())

    @property
    def all(self) -> Fraction:
        return sum((bill for _, _, bill in self.calls), Fraction())


def exact(price: float) -> Fraction:
    return Fraction(repr(price))


@dataclass
class Provider:
    """`honest`: nothing breaks off, and all is told."""

    world: FakeWorld
    bills: Bills
    prices: Prices
    counter: Counter
    seed: int
    honest: bool = False
    name: str = "dear"
    kind: str = "openai-chat"
    codec: OpenAIChat = field(default_factory=OpenAIChat)
    asked: dict[bytes, ModelRequest] = field(default_factory=dict)

    def encode(self, request: ModelRequest) -> bytes:
        body = self.codec.encode(request)
        self.asked = {**dict(list(self.asked.items())[-20:]), body: request}
        return body

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        request = self.asked[call.body]
        chance = random.Random(f"{self.seed}/{call.call}/{len(self.bills.calls)}")
        how = (
            "told"
            if self.honest
            else chance.choice(("told", "told", "told", "silent", "cut", "cut early", "refused", "void"))
        )
        if how == "refused":
            await self.world.clock.sleep(chance.randint(0, 30))
            yield Failure("overloaded", "busy", "Wait.", status=529, retry_after_ms=chance.choice((None, 50)))
            return
        usage = self._bill(call, chance, how)
        await self.world.clock.sleep(chance.randint(0, 30))
        if how == "cut early":
            yield Failure("broken_stream", "reset", "Try again.", details={"phase": "headers", "bytes_seen": 0})
            return
        if how == "void":
            await self.world.clock.sleep(120_000)
            yield Failure("broken_stream", "nothing came", "Try again.", details={"phase": "body", "bytes_seen": 0})
            return
        yield ThinkingPiece("Well.")
        for event in self._answer(request, chance):
            await self.world.clock.sleep(chance.randint(0, 20))
            yield event
        if how == "cut":
            yield Failure(
                "broken_stream", "the line was cut", "Try again.", details={"phase": "body", "bytes_seen": 40}
            )
            return
        stop = "tool_use" if isinstance(event, ToolUse) else "end"
        yield Ended(stop, usage if how == "told" else Usage(estimated=True))

    def _bill(self, call: PreparedCall, chance: random.Random, how: str) -> Usage:
        """Write the bill, the dearest that it can be where nobody is told."""
        read, most = self.counter.count(call.body), answer_limit(call.body)
        cached = chance.choice((0, 0, read // 2, read))
        written = chance.choice((0, read - cached))
        output = min(most, chance.randint(1, 400)) if how == "told" else chance.choice((most, min(most, 50)))
        prices = self.prices
        cost = (
            (read - cached - written) * exact(prices.input)
            + cached * exact(prices.cached)
            + written * exact(prices.cache_write)
            + output * exact(prices.output)
        )
        self.bills.calls.append((call.session, call.call.rpartition(".")[0], cost))
        self.bills.tokens.append((read, output))
        return Usage(input=read, output=output, cached=cached, cache_written=written)

    def _answer(self, request: ModelRequest, chance: random.Random) -> list[TextPiece | ToolUse]:
        done = 0
        for message in reversed(request.messages):
            if message.role == "user" and any(isinstance(block, TextBlock) for block in message.blocks):
                break
            done += message.role == "assistant"
        if done >= 4 or chance.random() < 0.3:
            return [TextPiece(word) for word in ("That ", "is ", "all.")]
        names = [chance.choice(FILES) for _ in range(chance.choice((1, 1, 2, 4)))]
        return [ToolUse(f"m{at}", "read", {"path": name, "limit": 60}, "") for at, name in enumerate(names)]


class One:
    def __init__(self, provider: Provider) -> None:
        self._choice = ModelChoice(provider, "m", Window(60_000, 4_000), None, provider.prices)

    async def count(self, name: str, body: bytes) -> int | None:
        return None

    def stand_in(self, given_up: Sequence[str]) -> str:
        return ""

    async def ready(self, name: str) -> None:
        return

    def get(self, name: str) -> ModelChoice:
        return self._choice

    def default(self) -> str:
        return "dear"


@dataclass(frozen=True)
class Run:
    """What happens in a run. Limits in micro-dollars (0: none); `kills`: when, in milliseconds of each life, how far what
    was not synced is lost, too."""

    seed: int
    prices: Prices
    counter: int
    session_cap: int
    day_cap: int
    turns: tuple[tuple[int, ...], ...]
    kills: tuple[tuple[int, bool], ...]
    interrupts: Mapping[tuple[int, int], int]
    honest: bool = False


def a_run(seed: int) -> Run:
    chance = random.Random(seed)
    prices = chance.choice(PRICES)
    call = int(3_000 * prices.dearest_input + 2_000 * prices.output)  # about one call's worst case
    caps = (0, 0, call, 3 * call, 8 * call, 20 * call)
    turns = tuple(
        tuple(chance.choice(caps) for _ in range(chance.randint(1, 3))) for _ in range(chance.choice((1, 2, 3, 4)))
    )
    kills = tuple((chance.randint(1, 900), chance.random() < 0.5) for _ in range(chance.choice((0, 0, 1, 2))))
    interrupts = {
        (session, turn): chance.randint(1, 400)
        for session, limits in enumerate(turns)
        for turn in range(len(limits))
        if chance.random() < 0.15
    }
    return Run(
        seed,
        prices,
        chance.randrange(len(COUNTERS)),
        chance.choice(caps),
        chance.choice(caps),
        turns,
        kills,
        interrupts,
    )


@dataclass
class Outcome:
    run: Run
    bills: Bills
    sessions: dict[int, str] = field(default_factory=dict)
    stops: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    interrupted: set[tuple[int, int]] = field(default_factory=set)


def play(run: Run) -> Outcome:
    """The run from begin to end, over all lives of the daemon; what is not as it must be is in `wrong`."""
    world = fake_world(seed=run.seed, auto=True)
    for name in FILES:
        world.files.add_file(f"{WORKSPACE}/{name}", scenery()[name].encode())
    outcome = Outcome(run, Bills())
    for life in range(LIVES):
        kill = run.kills[life] if life < len(run.kills) else None
        try:
            world.run(_live(world, outcome, None if kill is None else kill[0]))
        except Crash:
            assert kill is not None
            world = world.restart(drop_unsynced=kill[1])
        else:
            break
    for number, session in outcome.sessions.items():
        lines = whole_log(world, session)
        ends = [line.entry for line in lines if isinstance(line.entry, Finished)]
        outcome.stops += [end.stop for end in ends]
        if len(ends) != len(run.turns[number]):
            outcome.wrong.append(f"{len(run.turns[number])} turns, {len(ends)} ends")
    outcome.wrong += _over(outcome)
    return outcome


def _over(outcome: Outcome) -> list[str]:
    run, bills = outcome.run, outcome.bills
    limits = [
        (f"session {session}", run.session_cap, bills.of_session(session)) for session in outcome.sessions.values()
    ]
    limits.append(("the day", run.day_cap, bills.all))
    limits += [
        (f"turn {session}.t{number}", cap, bills.of_turn(f"{session}.t{number}"))
        for at, session in outcome.sessions.items()
        for number, cap in enumerate(run.turns[at], 1)
    ]
    return [
        f"seed {run.seed}: {whose} may cost {cap}, was billed {float(bill)}"
        for whose, cap, bill in limits
        if cap and bill > cap
    ]


async def _live(world: FakeWorld, outcome: Outcome, kill_ms: int | None) -> None:
    run = outcome.run
    provider = Provider(world, outcome.bills, run.prices, COUNTERS[run.counter], run.seed, run.honest)
    settings = TurnSettings(
        Limits(default_model="dear"), session_usd_micros=run.session_cap, day_usd_micros=run.day_cap
    )
    house = Household(world, ())
    spending = Spending(world, "/home/state")
    house.parts = dataclasses.replace(house.parts, models=One(provider), spending=spending, settings=lambda: settings)
    house.sessions = Sessions(house.parts, house.requests)
    world.files.make_folder("/home/state")
    spending.load()
    await house.start()
    everyone = [_session(house, outcome, number) for number in range(len(run.turns))]
    if kill_ms is not None:
        everyone.append(_kill(world, kill_ms))
    await asyncio.gather(*everyone)
    outcome.wrong += [f"{fault!r}" for fault in house.faults]
    _check_ledger(house, outcome)
    await house.sessions.stop()


async def _kill(world: FakeWorld, after_ms: int) -> None:
    await world.clock.sleep(after_ms)
    world.points.crash()


async def _session(house: Household, outcome: Outcome, number: int) -> None:
    run = outcome.run
    for at, cap in enumerate(run.turns[number]):
        turn = NewTurn(text_of(random.Random(f"{run.seed}/{number}/{at}"), "prose", 400), max_usd_micros=cap)
        key = f"k{number}-{at}"
        if number not in outcome.sessions:
            taken = await house.sessions.start_in_new(key, "h", house.new_session(), turn, PERSON)
            outcome.sessions[number] = taken.session
        else:
            await house.sessions.start(outcome.sessions[number], key, "h", turn, PERSON)
        await _until_quiet(house, outcome, number, at)


async def _until_quiet(house: Household, outcome: Outcome, number: int, at: int) -> None:
    begun = house.world.clock.monotonic_ms()
    session = outcome.sessions[number]
    runner = await house.sessions.get(session)
    stop = outcome.run.interrupts.get((number, at))
    while runner.busy:
        took = house.world.clock.monotonic_ms() - begun
        if stop is not None and took >= stop and (number, at) not in outcome.interrupted:
            outcome.interrupted.add((number, at))
            try:
                await house.sessions.interrupt(session, f"i{number}-{at}", "h", "enough", PERSON)
            except ConflictError:
                pass
        if took > 24 * 3_600_000:
            outcome.wrong.append(f"a turn does not end: {runner.state.turn}")
            return
        await house.world.clock.sleep(50)


def _check_ledger(house: Household, outcome: Outcome) -> None:
    """The ledger's own sums are never below what was billed."""
    spending, now = house.parts.spending, house.world.clock.now_ms()
    if spending.of_day(now) < outcome.bills.all:
        outcome.wrong.append(
            f"seed {outcome.run.seed}: the day has {spending.of_day(now)}, {float(outcome.bills.all)} were billed"
        )


def none(wrong: list[str]) -> None:
    assert not wrong, "\n" + "\n".join(wrong[:20])


def test_no_limit_is_passed_in_some_random_runs_side_by_side() -> None:
    outcomes = [play(a_run(seed)) for seed in range(SOME)]
    none([words for one in outcomes for words in one.wrong])
    # What was tried is what is claimed.
    stops = {stop for one in outcomes for stop in one.stops}
    assert {"end", "budget", "error", "interrupted"} <= stops
    assert any(one.run.kills for one in outcomes)
    assert sum(len(one.bills.calls) for one in outcomes) > 4 * SOME
    assert sum(stop == "budget" for one in outcomes for stop in one.stops) > SOME // 2


@pytest.mark.full
@pytest.mark.timeout(3_000)
def test_no_limit_is_passed_in_ten_thousand_random_runs() -> None:
    none([words for seed in range(SOME, SOME + ALL) for words in play(a_run(seed)).wrong])


@pytest.mark.parametrize("seed", range(10))
def test_what_is_told_of_all_purposes_is_what_the_provider_counted_also_after_a_restart(seed: int) -> None:
    run = dataclasses.replace(a_run(seed), honest=True, kills=(), interrupts={}, session_cap=0, day_cap=0)
    run = dataclasses.replace(run, turns=tuple(tuple(0 for _ in limits) for limits in run.turns))
    world = fake_world(seed=seed, auto=True)
    for name in FILES:
        world.files.add_file(f"{WORKSPACE}/{name}", scenery()[name].encode())
    outcome = Outcome(run, Bills())
    world.run(_live(world, outcome, None))
    world = world.restart()
    again = Spending(world, "/home/state")
    assert again.load() == []
    rows = [spent.line for spent in again.since(0)]
    assert all(isinstance(row, Settled) for row in rows)
    used = [row.usage for row in rows if isinstance(row, Settled)]
    billed = outcome.bills.tokens
    assert (len(rows), sum(usage.input for usage in used), sum(usage.output for usage in used)) == (
        len(billed),
        sum(read for read, _ in billed),
        sum(written for _, written in billed),
    )
    # Each call is rounded up to a micro-dollar, and nothing else is added.
    assert 0 <= sum(row.usd_micros for row in rows) - outcome.bills.all < len(rows)
    assert outcome.wrong == []


def test_the_checker_finds_a_limit_that_was_passed() -> None:
    run = dataclasses.replace(a_run(1), session_cap=10, day_cap=100, turns=((5,),))
    bills = Bills([("s", "s.t1", Fraction(21, 2))])
    outcome = Outcome(run, bills, {0: "s"})
    assert _over(outcome) == [
        "seed 1: session s may cost 10, was billed 10.5",
        "seed 1: turn s.t1 may cost 5, was billed 10.5",
    ]
