"""How a model counts is learnt from the ledger of what was spent, and is known again after a start."""

from __future__ import annotations

import random

from agentd.context.calibration import UNKNOWN
from agentd.context.tokens import shape_of
from agentd.turn.spending import Booked, Settled, Spending
from agentd.world.fake import FakeWorld, fake_world
from agentproto.api.turn import TurnUsage
from support.random_texts import text_of
from support.token_counts import Counter, counters

STATE = "/home/state"


def bodies(count: int) -> list[bytes]:
    """Requests of one talk, each longer than the one before it."""
    chance, said = random.Random(1), '{"messages":["'
    found = []
    for _ in range(count):
        said += text_of(chance, "code", 900).replace('"', "'").replace("\n", "\\n")
        found.append(f'{said}"]}}'.encode())
    return found


def settled(number: int, body: bytes, counter: Counter, purpose: str = "turn", *, told: bool = True) -> Settled:
    usage = TurnUsage(input=counter.count(body), output=9, estimated=not told)
    return Settled(f"s.t1.{number}#1", "s", purpose, "m", usage=usage, shape=shape_of(body))


def ledger(world: FakeWorld) -> Spending:
    world.files.make_folder(STATE)
    spending = Spending(world, STATE)
    assert spending.load() == []
    return spending


def test_what_was_learnt_before_a_restart_is_known_after_it() -> None:
    world, counter = fake_world(auto=True), counters()[0]
    *earlier, last = bodies(12)

    async def story() -> tuple[int, int]:
        spending = ledger(world)
        for number, body in enumerate(earlier):
            await spending.settle(settled(number, body, counter))
        found = spending.factor("m", "s", "turn").tokens(last), spending.factor("m", "other", "turn").tokens(last)
        spending.close()
        return found

    before = world.run(story())
    again = ledger(world.restart())
    after = (again.factor("m", "s", "turn").tokens(last), again.factor("m", "other", "turn").tokens(last))
    assert after == before
    counted = counter.count(last)
    assert counted <= before[0] <= 1.03 * counted, "of the talk that it goes on"
    assert counted <= before[1] <= 1.15 * counted, "of another talk"


def test_what_a_server_did_not_count_teaches_nothing_nor_does_a_booking() -> None:
    world, counter = fake_world(auto=True), counters()[0]

    async def story() -> None:
        spending = ledger(world)
        (body,) = bodies(1)
        await spending.book(Booked("s.t1.1#1", "s", "turn", "m", 10))
        await spending.settle(settled(1, body, counter, told=False))
        await spending.settle(Settled("s.t1.2#1", "s", "turn", "m", usage=TurnUsage(input=5, output=1)))
        assert spending.factor("m", "s", "turn") == UNKNOWN

    world.run(story())


def test_calls_for_another_purpose_are_another_talk() -> None:
    world, counter = fake_world(auto=True), counters()[0]
    first, second = bodies(2)

    async def story() -> None:
        spending = ledger(world)
        await spending.settle(settled(1, first, counter))
        await spending.settle(settled(2, second, counter, "side_query"))
        assert spending.factor("m", "s", "turn").before == (shape_of(first), counter.count(first))
        assert spending.factor("m", "s", "side_query").before == (shape_of(second), counter.count(second))

    world.run(story())


def test_where_nobody_said_what_a_call_cost_limits_count_the_most_and_costs_the_likeliest() -> None:
    world = fake_world(auto=True)

    async def story() -> None:
        spending = ledger(world)
        usage = TurnUsage(input=100, output=10, usd_micros=450, estimated=True)
        await spending.settle(Settled("s.t1.1#1", "s", "turn", "m", 450, usage=usage, at_most=60_300))
        now = world.clock.now_ms()
        assert (spending.of_turn("s.t1"), spending.of_session("s"), spending.of_day(now)) == (60_300,) * 3
        assert [spent.line.usd_micros for spent in spending.since(0)] == [450]

    world.run(story())
