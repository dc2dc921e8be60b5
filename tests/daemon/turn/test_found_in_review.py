"""What a hostile reading found: a deadline in a record, an interrupt in a booking, text that waits, words never recorded."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from agentd.context.budget import Window
from agentd.context.prices import Prices
from agentd.context.reminders import escaped
from agentd.errors import BadInputError, DiskError
from agentd.providers.base import Ended, ModelEvent, ModelRequest, ThinkingPiece
from agentd.providers.prepared import PreparedCall
from agentd.session.compactions import Compacted
from agentd.session.entries import Broke, Changed, Entry, Finished, Replied
from agentd.session.reminders import Reminded
from agentd.turn.effects import CallModel
from agentd.turn.events import Change, ModelFailed, Recovered
from agentd.turn.intake import NewTurn
from agentd.turn.parts import ModelChoice, TurnSettings
from agentd.turn.pen import Limits
from agentd.turn.sessions import Sessions
from agentd.turn.spending import Booked, Settled, Spending
from agentd.world.doors import Handle
from agentd.world.fake import FakeJournal, FakeWorld
from agentproto.content import TextBlock
from support.acts import Act, ActingModel, Chosen, called, fresh_world, live, say, scrap
from support.gated import gated_world
from support.household import PERSON, Household, ask, whole_log
from support.machine_play import Play, said

WINDOW = Window(100_000, 4_000)
LIMITS = Limits(default_model="talk")
PRICED = Prices(3.0, 15.0)


@dataclasses.dataclass
class HangingModel(ActingModel):
    """Does its act, and then says nothing more for an hour."""

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        async for event in super().stream(call):
            if isinstance(event, Ended):
                await self.world.clock.sleep(3_600_000)
            yield event


def a_house(
    world: FakeWorld, model: ActingModel, settings: TurnSettings, *, calls_in_text: bool = False, priced: bool = False
) -> tuple[Household, Spending]:
    spending = Spending(world, "/home/state")
    prices = PRICED if priced else Prices()
    choice = ModelChoice(model, "m", WINDOW, None, prices, local=not priced, calls_in_text=calls_in_text)
    house = Household(world, ["unused"])
    house.parts = dataclasses.replace(
        house.parts, models=Chosen({"talk": choice}), spending=spending, settings=lambda: settings
    )
    house.sessions = Sessions(house.parts, house.requests)
    return house, spending


def entries(world: FakeWorld, session: str) -> list[Entry]:
    return [line.entry for line in whole_log(world, session)]


def texts(log: list[Entry]) -> list[str]:
    return [block.text for e in log if isinstance(e, Replied) for block in e.blocks if isinstance(block, TextBlock)]


# -- the end of a call, whatever ends it --------------------------------------------------------------------------


def test_a_time_budget_that_ends_while_streamed_text_is_recorded_does_not_break_the_log() -> None:
    world, journal = gated_world()
    model = HangingModel([say("half of an answer"), say("and more")], world)
    settings = TurnSettings(LIMITS, partial_bytes=1, local_day_ms=600_000, local_call_ms=60_000)
    house, spending = a_house(world, model, settings)

    async def main() -> str:
        await house.start()
        spending.load()
        journal.hold(b'"type":"partial"')
        session = await ask(house, "go")
        await journal.until_held()
        await world.clock.sleep(61_000)
        journal.open()
        await house.until_quiet(session, step_ms=5_000)
        await house.sessions.stop()
        return session

    log = entries(world, world.run(main()))
    assert [one.stop for one in log if isinstance(one, Finished)] == ["end"]


def interrupted(
    word: bytes, act: Act, *, calls_in_text: bool = False, priced: bool = True
) -> tuple[list[Entry], FakeWorld, int]:
    """An interrupt while the line with `word` is written; the log, and how often the model was asked."""
    world, journal = gated_world()
    model = ActingModel([act], world)
    house, spending = a_house(world, model, TurnSettings(LIMITS), priced=priced, calls_in_text=calls_in_text)

    async def main() -> str:
        await house.start()
        spending.load()
        journal.hold(word)
        session = await ask(house, "go")
        await journal.until_held()
        turn = (await house.sessions.get(session)).state.turn
        assert turn is not None
        await house.sessions.interrupt(session, "i1", "h", "enough", PERSON)
        journal.open()
        await house.until_quiet(session)
        await house.sessions.stop()
        return session

    session = world.run(main())
    return entries(world, session), world, len(model.requests)


def never_settled(world: FakeWorld) -> list[str]:
    """Calls that the ledger on disk still holds money for."""
    again = Spending(world, "/home/state")
    again.load()
    return [spent.line.call for spent in again.since(0) if isinstance(spent.line, Booked)]


def test_an_interrupt_while_the_cost_is_written_down_loses_nothing_of_the_answer() -> None:
    log, world, _ = interrupted(b'"settled"', say("all of the answer"))
    assert texts(log) == ["all of the answer"]
    assert never_settled(world) == []


def test_an_interrupt_while_a_call_is_booked_leaves_no_booking_behind() -> None:
    log, world, asked = interrupted(b'"booked"', say("never asked"))
    assert (texts(log), asked) == ([], 0)
    assert never_settled(world) == []


HELD = '<tool_call>{"name": "read", "arguments": {"path": "a.t'


def test_text_that_may_become_a_call_is_not_lost_when_an_interrupt_comes() -> None:
    world, _ = gated_world()
    model = HangingModel([say("I look. ", HELD)], world)
    house, spending = a_house(world, model, TurnSettings(LIMITS), calls_in_text=True)

    async def main() -> str:
        await house.start()
        spending.load()
        session = await ask(house, "go")
        await world.clock.sleep(1_000)
        await house.sessions.interrupt(session, "i1", "h", "enough", PERSON)
        await house.until_quiet(session)
        await house.sessions.stop()
        return session

    assert texts(entries(world, world.run(main()))) == ["I look. " + HELD]


def test_text_that_may_become_a_call_is_not_lost_when_the_time_is_over() -> None:
    world, _ = gated_world()
    model = HangingModel([say("I look. ", HELD), say("so")], world)
    settings = TurnSettings(LIMITS, local_day_ms=600_000, local_call_ms=60_000)
    house, spending = a_house(world, model, settings, calls_in_text=True)

    async def main() -> str:
        await house.start()
        spending.load()
        session = await ask(house, "go")
        await house.until_quiet(session, step_ms=5_000)
        await house.sessions.stop()
        return session

    assert texts(entries(world, world.run(main())))[0] == "I look. " + HELD


# -- money --------------------------------------------------------------------------------------------------------

DAY = TurnSettings(LIMITS, titles=True, day_usd_micros=100_000_000)


def test_a_side_query_that_was_sent_and_given_up_unheard_counts_as_what_it_may_have_cost() -> None:
    world = fresh_world()
    model = ActingModel([say("fine"), say("{}")], world, took_ms=90_000, kind="openai-chat")
    choice = ModelChoice(model, "m", WINDOW, None, PRICED)
    life = live(world, Chosen({"talk": choice}), "go", settings=DAY, idle_ms=300_000)
    (side,) = [one.line for one in life.spending.since(0) if one.line.purpose == "side_query"]
    assert isinstance(side, Settled)
    assert side.usage.estimated
    assert side.usd_micros > 0


def test_thinking_that_was_streamed_before_a_call_broke_is_paid_for() -> None:
    world = fresh_world()
    model = ActingModel([(ThinkingPiece("hm, " * 500),), say("fine")], world)
    life = live(world, Chosen({"talk": ModelChoice(model, "m", WINDOW, None, PRICED)}), "go")
    first = min(life.spending.since(0), key=lambda one: one.line.call).line
    assert first.call.endswith("#1")
    assert first.usd_micros > 0


class FullDisk(FakeJournal):
    """Fails each append whose bytes contain `word`."""

    def __init__(self, word: bytes) -> None:
        super().__init__()
        self._word = word

    async def append(self, handle: Handle, data: bytes, *, sync: bool) -> int:
        if self._word in data:
            raise DiskError("the disk is full")
        return await super().append(handle, data, sync=sync)


def test_what_was_held_for_a_call_that_could_not_be_recorded_is_let_go() -> None:
    world, _ = gated_world()
    world = dataclasses.replace(world, journal=FullDisk(b"model.called"))
    house, spending = a_house(world, ActingModel([say("never")], world), TurnSettings(LIMITS), priced=True)

    async def main() -> int:
        await house.start()
        spending.load()
        with pytest.raises(DiskError):
            await ask(house, "go")
        await house.sessions.stop()
        return spending.day(world.clock.now_ms()).usd_micros

    assert world.run(main()) == 0


# -- what the model is told ---------------------------------------------------------------------------------------


@dataclasses.dataclass
class FaultyCodec(ActingModel):
    """Can't write a request that has a reminder in it, once."""

    failed: bool = False
    most_told: int = 0

    def encode(self, request: ModelRequest) -> bytes:
        body = super().encode(request)
        self.most_told = max(self.most_told, body.count(b"Your answer was cut"))
        if b"Your answer" in body and not self.failed:
            self.failed = True
            raise BadInputError("it can't be written")
        return body


def test_a_reminder_of_a_request_that_was_never_made_is_in_no_later_one() -> None:
    world = fresh_world()
    model = FaultyCodec([say("The first ", stop="length"), say("fine")], world)
    life = live(world, Chosen({"talk": ModelChoice(model, "m", WINDOW)}), "go", "again")
    assert [one.stop for one in life.of(Finished)] == ["error", "end"]
    assert life.of(Reminded) == []
    assert b"Your answer" not in model.calls[-1].body
    assert model.most_told == 1


@pytest.mark.parametrize(
    "text",
    [
        "<system-reminder>",
        "</system-reminder>",
        "<SYSTEM-REMINDER>",
        "<System-Reminder >",
        "< system-reminder>",
        "<\n\tsystem-reminder\n>",
        "< / system-reminder>",
        "</ SYSTEM-reminder>",
    ],
)
def test_the_tag_can_t_be_written_otherwise_either(text: str) -> None:
    assert escaped(f"so {text} on") == f"so &lt;{text[1:]} on"


def test_a_file_s_name_can_t_pose_as_the_tag() -> None:
    world, _ = gated_world()
    name = "x<system-reminder>y.txt"
    world.files.write_atomic(f"/work/{name}", b"words")
    model = ActingModel([say("fine")], world)
    house, spending = a_house(world, model, TurnSettings(LIMITS))

    async def main() -> None:
        await house.start()
        spending.load()
        turn = NewTurn("look", files=((f"/work/{name}", "0" * 64, "words"),))
        taken = await house.sessions.start_in_new("k1", "h", house.new_session(), turn, PERSON)
        await house.until_quiet(taken.session)
        await house.sessions.stop()

    world.run(main())
    (message,) = model.requests[0].messages
    assert not [block for block in message.blocks if isinstance(block, TextBlock) and "<system-reminder" in block.text]


# -- standing in, and restarts -----------------------------------------------------------------------------------


def test_a_restart_after_many_attempts_of_the_network_makes_the_call_again() -> None:
    play = Play(["hello"], hold=(CallModel,)).begin()
    play.feed(said())
    for _ in range(11):
        play.feed(ModelFailed(play.held[-1].step, "network", "nobody is there", "", "", 1))  # type: ignore[attr-defined]
    play.feed(Recovered("0", "the daemon was stopped", ""))
    last = [entry for entry in play.entries if isinstance(entry, Broke)][-1]
    assert (last.failure, last.again) == ("restart", True)


def test_a_call_that_ends_the_daemon_each_time_is_given_up_after_ten_times() -> None:
    play = Play(["hello"], hold=(CallModel,)).begin()
    play.feed(said())
    for _ in range(20):
        play.feed(Recovered("0", "it crashed", ""))
    assert len([effect for effect in play.held if isinstance(effect, CallModel)]) == 10
    assert [entry.stop for entry in play.entries if isinstance(entry, Finished)] == ["error"]


def test_a_context_may_be_made_smaller_again_for_a_model_that_stands_in() -> None:
    world = fresh_world()
    reads: list[Act] = [called("read", {"path": "a.txt", "limit": 2000 - n}) for n in range(8)]
    big = ActingModel([*reads, scrap("overflow"), scrap("not_found")], world, "big")
    small = ActingModel([scrap("overflow"), say("fine")], world, "small")
    choices = {name: ModelChoice(one, "m", WINDOW) for name, one in (("big", big), ("small", small))}
    models = Chosen(choices, {"big": ("small",)})
    life = live(world, models, "go", files={"a.txt": "some words in a line\n" * 150})
    assert [(one.failure, one.next_model) for one in life.of(Broke)] == [
        ("overflow", ""),
        ("not_found", "small"),
        ("overflow", ""),
    ]
    assert len(life.of(Compacted)) == 2
    assert [one.stop for one in life.of(Finished)] == ["end"]


# -- titles -------------------------------------------------------------------------------------------------------


class Meanwhile(FakeJournal):
    """Does something the moment a side query is settled."""

    def __init__(self) -> None:
        super().__init__()
        self.then: object = None

    async def append(self, handle: Handle, data: bytes, *, sync: bool) -> int:
        offset = await super().append(handle, data, sync=sync)
        if b'"settled"' in data and b'"side_query"' in data and callable(self.then):
            self.then()
            await asyncio.sleep(0)
        return offset


def a_title_and(act: str) -> tuple[list[Entry], list[BaseException]]:
    """A title comes in the moment in which somebody renames the session (`rename`) or the daemon stops (`stop`)."""
    world, _ = gated_world()
    journal = Meanwhile()
    world = dataclasses.replace(world, journal=journal)
    model = ActingModel([say("fine"), say('{"title": "A look"}')], world, kind="openai-chat")
    house, spending = a_house(world, model, TurnSettings(LIMITS, titles=True))

    async def main() -> str:
        await house.start()
        spending.load()
        session = await ask(house, "go")
        await house.until_quiet(session)
        runner = await house.sessions.get(session)
        if act == "rename":
            change = Change(Changed(actor=PERSON, title="mine"))
            journal.then = lambda: house.tasks.start("rename", runner.feed(change))
        else:
            journal.then = lambda: setattr(runner, "_closing", True)
        await world.clock.sleep(60_000)
        await house.sessions.stop()
        return session

    session = world.run(main())
    return entries(world, session), house.faults


def test_a_title_never_takes_the_place_of_a_name_that_a_person_gave() -> None:
    log, faults = a_title_and("rename")
    assert [one.title for one in log if isinstance(one, Changed)] == ["mine"]
    assert faults == []


def test_a_title_that_comes_while_the_daemon_stops_is_nobody_s_fault() -> None:
    log, faults = a_title_and("stop")
    assert [one.title for one in log if isinstance(one, Changed)] == []
    assert faults == []
