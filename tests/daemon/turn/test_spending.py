"""One ledger for all sessions: held, booked, settled; no two calls spend the same money."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence

import pytest

from agentd.context.budget import Window
from agentd.context.prices import Prices
from agentd.providers.base import Ended, Failure, ModelEvent, TextPiece, Usage
from agentd.providers.prepared import PreparedCall
from agentd.session.entries import Finished
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice, TurnSettings
from agentd.turn.pen import Limits
from agentd.turn.sessions import Sessions
from agentd.turn.spending import LEDGER_FILE, Amount, Booked, Settled, Spending
from agentd.world.fake import FakeWorld, fake_world
from agentproto.api.turn import TurnUsage
from support.household import PERSON, WORKSPACE, Household, Reply, TalkModel, whole_log

STATE = "/home/state"
DAY = 24 * 3600 * 1000


def booked(call: str = "s1.t1.1#1", usd: int = 100, session: str = "s1") -> Booked:
    return Booked(call, session, "turn", "m", usd)


def settled(call: str = "s1.t1.1#1", usd: int = 60, session: str = "s1", purpose: str = "turn") -> Settled:
    return Settled(call, session, purpose, "m", usd, usage=TurnUsage(input=10, output=2, usd_micros=usd))


def ledger(world: FakeWorld) -> Spending:
    world.files.make_folder(STATE)
    spending = Spending(world, STATE)
    assert spending.load() == []
    return spending


def test_what_is_held_booked_and_settled_is_counted_once() -> None:
    world = fake_world(auto=True)

    async def story() -> None:
        spending = ledger(world)
        now = world.clock.now_ms()
        spending.hold("s1.t1.1#1", "s1", "turn", Amount(100))
        assert (spending.of_session("s1"), spending.of_day(now), spending.of_turn("s1.t1")) == (100, 100, 0)
        await spending.book(booked())
        assert (spending.of_session("s1"), spending.of_day(now), spending.of_turn("s1.t1")) == (100, 100, 100)
        await spending.settle(settled())
        assert (spending.of_session("s1"), spending.of_day(now), spending.of_turn("s1.t1")) == (60, 60, 60)
        assert spending.of_session("s2") == 0

    world.run(story())


def test_money_that_was_held_for_a_call_that_is_not_made_is_let_go() -> None:
    spending = Spending()
    spending.hold("s1.t1.1#1", "s1", "turn", Amount(100))
    spending.hold("s1.t1.1#2", "s1", "turn", Amount(70))
    assert spending.of_session("s1") == 70
    spending.let_go("s1")
    assert spending.of_session("s1") == 0


def test_after_a_death_a_booked_call_counts_as_its_worst_case_for_good() -> None:
    world = fake_world(auto=True)

    async def first() -> None:
        spending = ledger(world)
        await spending.book(booked("s1.t1.1#1", 100))
        await spending.settle(settled("s1.t1.1#1", 60))
        await spending.book(booked("s1.t1.2#1", 100))

    world.run(first())
    again = ledger(world.restart(drop_unsynced=True))
    assert again.of_session("s1") in (160, 200)  # a settling that was not synced may be lost; never more is left
    rows = list(again.since(0))
    assert [row.line.usd_micros for row in rows][-1] == 100


def test_a_call_without_a_price_needs_no_booking_on_disk() -> None:
    world = fake_world(auto=True)

    async def story() -> int:
        spending = ledger(world)
        before = len(world.points.calls)
        await spending.book(booked(usd=0))
        return len(world.points.calls) - before

    assert world.run(story()) == 0


def test_a_damaged_ledger_is_kept_aside_and_said_so_and_what_could_be_read_still_counts() -> None:
    world = fake_world(auto=True)

    async def story() -> None:
        spending = ledger(world)
        for number in range(3):
            await spending.settle(settled(f"s1.t1.{number}#1", 10))
        spending.close()

    world.run(story())
    path = f"{STATE}/{LEDGER_FILE}"
    data = bytearray(world.files.read(path))
    data[data.rindex(b"\n", 0, len(data) - 1) + 20] ^= 1
    world.files.write_atomic(path, bytes(data))
    spending = Spending(world, STATE)
    (notice,) = spending.load()
    assert notice.startswith("the record of what was spent was damaged: it is kept as")
    assert spending.of_session("s1") == 20


def test_the_day_is_that_of_the_call() -> None:
    world = fake_world(auto=True)

    async def story() -> None:
        spending = ledger(world)
        await spending.settle(settled(usd=60))
        now = world.clock.now_ms()
        assert (spending.of_day(now), spending.of_day(now + DAY)) == (60, 0)
        assert [row.line.usd_micros for row in spending.since(now - 1000)] == [60]
        assert list(spending.since(now + 1000)) == []

    world.run(story())


class Priced(TalkModel):
    """Bills every call as a server does: its own count of the body, and as many output tokens as it was allowed."""

    billed: int = 0
    prices = Prices(3.0, 15.0, 0.3, 3.75)

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        tokens, output = len(call.body) // 4, min(call.output_tokens, 300)
        await self.world.clock.sleep(self.slow_ms)
        broken = len(self.requests) % 5 == 4
        self.billed += round(tokens * 3.75 + (20 if broken else output) * 15.0)
        if broken:
            self.requests.append(None)  # type: ignore[arg-type]
            yield TextPiece("half")
            yield Failure("broken_stream", "the line was cut", details={"bytes_seen": 10})
            return
        async for event in super().stream(call):
            if isinstance(event, Ended):
                yield Ended(event.stop, Usage(input=tokens, output=output, cache_written=tokens))
            else:
                yield event


class PricedModels:
    def __init__(self, model: Priced, prices: Prices | None) -> None:
        self._choice = ModelChoice(model, "m", Window(100_000, 4_000), None, prices)

    def stand_in(self, given_up: Sequence[str]) -> str:
        return ""

    async def ready(self, name: str) -> None:
        return

    async def count(self, name: str, body: bytes) -> int | None:
        return None

    def get(self, name: str) -> ModelChoice:
        return self._choice

    def default(self) -> str:
        return "talk"


READS: tuple[Reply, ...] = (*((("read", {"path": "a.txt", "limit": 2000 - n}),) for n in range(6)), "done")


def priced_house(
    world: FakeWorld, settings: TurnSettings, prices: Prices | None = Priced.prices
) -> tuple[Household, Priced]:
    house = Household(world, READS)
    model = Priced(READS, world, 10)
    house.parts = dataclasses.replace(
        house.parts, models=PricedModels(model, prices), spending=Spending(world, STATE), settings=lambda: settings
    )
    house.sessions = Sessions(house.parts, house.requests)
    return house, model


async def run_turns(house: Household, count: int, max_usd_micros: int = 0) -> list[str]:
    """Start a turn in each of `count` sessions at once, and wait until all have ended."""
    house.parts.spending.load()

    async def one(number: int) -> str:
        turn = NewTurn("go", max_usd_micros=max_usd_micros)
        taken = await house.sessions.start_in_new(f"k{number}", "h", house.new_session(), turn, PERSON)
        await house.until_quiet(taken.session)
        return taken.session

    return list(await asyncio.gather(*(one(number) for number in range(count))))


def stops(world: FakeWorld, sessions: list[str]) -> list[tuple[str, str | None]]:
    entries = [line.entry for session in sessions for line in whole_log(world, session)]
    return [(entry.stop, entry.remedy) for entry in entries if isinstance(entry, Finished)]


@pytest.mark.parametrize("cap", [20_000, 60_000, 150_000])
def test_a_turn_stops_before_the_line_with_advice(cap: int) -> None:
    world = fake_world(seed=1, auto=True)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/a.txt", b"one\n" * 200)

    async def story() -> tuple[list[str], int]:
        house, model = priced_house(world, TurnSettings(Limits(default_model="talk")))
        await house.start()
        sessions = await run_turns(house, 1, cap)
        assert house.faults == []
        await house.sessions.stop()
        return sessions, model.billed

    sessions, billed = world.run(story())
    assert billed <= cap
    ((stop, remedy),) = stops(world, sessions)
    if stop != "end":
        assert (stop, remedy) == (
            "budget",
            "Raise the limit, or use a cheaper or a local model: `agentctl budget` shows limits and what was spent.",
        )


@pytest.mark.parametrize("seed", range(12))
def test_many_sessions_at_once_never_spend_more_than_a_day_may_cost(seed: int) -> None:
    cap = 40_000 + seed * 30_000
    world = fake_world(seed=seed, auto=True)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/a.txt", b"one\n" * 50)

    async def story() -> tuple[list[str], int, int]:
        house, model = priced_house(world, TurnSettings(Limits(default_model="talk"), day_usd_micros=cap))
        await house.start()
        sessions = await run_turns(house, 8)
        assert house.faults == []
        spent = house.parts.spending.of_day(world.clock.now_ms())
        await house.sessions.stop()
        return sessions, model.billed, spent

    sessions, billed, spent = world.run(story())
    assert billed <= cap
    assert spent <= cap
    assert {stop for stop, _ in stops(world, sessions)} <= {"end", "budget", "error"}


def test_a_limit_in_money_refuses_a_model_whose_price_nobody_knows() -> None:
    world = fake_world(auto=True)
    world.files.make_folder(WORKSPACE)

    async def story() -> tuple[list[str], int]:
        house, model = priced_house(world, TurnSettings(Limits(default_model="talk")), None)
        await house.start()
        sessions = await run_turns(house, 1, 1_000_000)
        await house.sessions.stop()
        return sessions, model.billed

    sessions, billed = world.run(story())
    ((stop, remedy),) = stops(world, sessions)
    assert (billed, stop) == (0, "budget")
    assert remedy == "Set models.talk.price_in and price_out (dollars a million tokens)."


def test_the_sum_over_purposes_is_what_the_servers_counted() -> None:
    world = fake_world(seed=2, auto=True)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/a.txt", b"one\n")

    async def story() -> None:
        house, model = priced_house(world, TurnSettings(Limits(default_model="talk")))
        await house.start()
        await run_turns(house, 3)
        rows = list(house.parts.spending.since(0))
        assert len(rows) == len(model.requests)
        whole = [row.line.usage for row in rows if isinstance(row.line, Settled) and not row.line.usage.estimated]
        assert sum(usage.usd_micros for usage in whole) == sum(
            runner.state.usage.usd_micros for runner in house.sessions.loaded().values()
        )
        await house.sessions.stop()

    world.run(story())
