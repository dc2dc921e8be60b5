"""Limits in money, in tokens and in time: the nearest one counts, the turn stops before it, and the model is told."""

from __future__ import annotations

import pytest

from agentd.context.budget import Window
from agentd.context.prices import Prices
from agentd.errors import OverBudgetError
from agentd.providers.base import Ended, ModelMessage, TextPiece, Usage
from agentd.session.entries import Called, Finished, Replied
from agentd.session.reminders import Reminded
from agentd.turn.allowance import allowance
from agentd.turn.parts import ModelChoice, TurnSettings
from agentd.turn.pen import Limits
from agentd.turn.spending import Amount, Settled, Spending
from agentproto.content import TextBlock
from support.acts import Act, ActingModel, Chosen, Life, called, fresh_world, live, say

LIMITS = Limits(default_model="talk")
READS: list[Act] = [called("read", {"path": "a.txt", "limit": 2000 - n}) for n in range(30)]
FILES = {"a.txt": "some words in a line\n" * 150}
WINDOW = Window(100_000, 4_000)


def lived(
    settings: TurnSettings,
    *acts: Act,
    local: bool = True,
    prices: Prices | None = None,
    took_ms: int = 0,
    window: Window = WINDOW,
    prompts: tuple[str, ...] = ("go",),
    max_usd_micros: int = 0,
    counts: int | None = None,
) -> tuple[Life, ActingModel, Chosen]:
    world = fresh_world()
    model = ActingModel(acts, world, took_ms=took_ms)
    choice = ModelChoice(model, "m", window, None, prices or Prices(), local=local)
    models = Chosen({"talk": choice}, counts=counts)
    life = live(world, models, *prompts, settings=settings, files=FILES, max_usd_micros=max_usd_micros)
    return life, model, models


def used(life: Life) -> int:
    return sum(one.usage.input + one.usage.output for one in life.of(Replied))


def texts(message: ModelMessage) -> list[str]:
    return [block.text for block in message.blocks if isinstance(block, TextBlock)]


def counted(act: Act, tokens: int) -> Act:
    return tuple(Ended(one.stop, Usage(tokens, 100)) if isinstance(one, Ended) else one for one in act)


# -- local models ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["local_session_tokens", "local_day_tokens"])
def test_a_local_model_stops_before_its_tokens_are_used_up(which: str) -> None:
    settings = TurnSettings(LIMITS, **{which: 30_000})  # type: ignore[arg-type]
    acts = [counted(act, 2_000 + 900 * n) for n, act in enumerate(READS)]
    life, _, _ = lived(settings, *acts)
    (finished,) = life.of(Finished)
    assert finished.stop == "budget"
    assert finished.error is not None
    assert finished.error.endswith(f"are left: limit: budget.{which}")
    assert 0 < used(life) <= 30_000


def test_tokens_of_models_elsewhere_are_not_counted_as_local_ones() -> None:
    settings = TurnSettings(LIMITS, local_day_tokens=3_000)
    life, _, _ = lived(settings, *READS[:3], say("done"), local=False)
    assert [one.stop for one in life.of(Finished)] == ["end"]


def test_an_answer_is_made_as_short_as_the_tokens_left_allow() -> None:
    settings = TurnSettings(LIMITS, local_session_tokens=6_000)
    life, _, _ = lived(settings, say("fine"))
    (call,) = life.of(Called)
    assert call.input_tokens + call.output_tokens <= 6_000
    assert call.output_tokens < 4_000


def test_time_that_is_used_up_cuts_the_answer_and_stops_the_turn() -> None:
    settings = TurnSettings(LIMITS, local_day_ms=100_000, local_call_ms=600_000)
    life, model, _ = lived(settings, *READS, took_ms=30_000)
    (finished,) = life.of(Finished)
    assert (finished.stop, finished.error) == (
        "budget",
        "models on this machine may work 1 minutes a day, and have: limit: budget.local_day_minutes; calls that run now "
        "count as long as they may take",
    )
    assert [one.stop for one in life.of(Replied)] == ["tool_use", "tool_use", "tool_use", "length"]
    assert sum(spent.line.ms for spent in life.spending.since(0) if isinstance(spent.line, Settled)) == 100_000
    assert len(model.requests) == 4


def test_one_call_may_not_take_all_of_a_days_time() -> None:
    settings = TurnSettings(LIMITS, local_day_ms=600_000, local_call_ms=60_000)
    slow: Act = (TextPiece("so far"), Ended("end", Usage(10, 2)))
    life, _, _ = lived(settings, slow, took_ms=61_000)
    assert [one.stop for one in life.of(Replied)] == ["length"] * 4
    assert [one.stop for one in life.of(Finished)] == ["end"]


# -- money -----------------------------------------------------------------------------------------------------


def ask_for(
    settings: TurnSettings, purpose: str, prices: Prices | None, spent: tuple[str, int] = ("turn", 0)
) -> int | None:
    """Micro-dollars left for a call."""
    spending = Spending()
    spending.hold("x#1", "other", spent[0], Amount(spent[1]))
    choice = ModelChoice(ActingModel([], fresh_world()), "m", WINDOW, None, prices)
    return allowance(
        spending,
        settings,
        choice,
        purpose=purpose,  # type: ignore[arg-type]
        session="s1",
        turn="s1.t1",
        turn_usd_micros=0,
        now_ms=0,
    ).money.left


PRICED = Prices(3.0, 15.0)


def test_background_work_has_a_share_of_the_day_and_nothing_without_a_limit() -> None:
    day = TurnSettings(LIMITS, day_usd_micros=10_000_000)
    assert ask_for(day, "turn", PRICED) == 10_000_000
    assert ask_for(day, "side_query", PRICED) == 500_000
    assert ask_for(day, "dream", PRICED, ("extraction", 200_000)) == 300_000
    assert ask_for(TurnSettings(LIMITS), "side_query", PRICED) == 0
    assert ask_for(TurnSettings(LIMITS), "turn", PRICED) is None
    assert ask_for(TurnSettings(LIMITS), "side_query", Prices()) is None  # what costs nothing needs no limit


def test_scheduled_turns_have_a_limit_of_their_own() -> None:
    settings = TurnSettings(LIMITS, day_usd_micros=10_000_000, schedule_usd_micros=1_000_000)
    assert ask_for(settings, "schedule", PRICED) == 1_000_000
    assert ask_for(settings, "schedule", PRICED, ("schedule", 400_000)) == 600_000
    assert ask_for(settings, "turn", PRICED, ("schedule", 400_000)) == 9_600_000


def test_a_price_that_nobody_knows_is_refused_where_money_is_limited() -> None:
    with pytest.raises(OverBudgetError, match="what talk costs is not known"):
        ask_for(TurnSettings(LIMITS, day_usd_micros=1), "turn", None)
    with pytest.raises(OverBudgetError, match="what talk costs is not known"):
        ask_for(TurnSettings(LIMITS), "side_query", None)


# -- what the model is told ------------------------------------------------------------------------------------


def test_the_model_is_told_at_each_level_of_its_window_once_a_turn() -> None:
    life, _, _ = lived(TurnSettings(LIMITS), *READS[:6], say("done"), window=Window(20_000, 1_000))
    told = [(one.code, one.level) for one in life.of(Reminded)]
    assert told == [("tokens", 50)]
    assert life.of(Reminded)[0].text.startswith("<system-reminder>\nToken usage: ")
    assert "/20000 (" in life.of(Reminded)[0].text


def test_the_model_is_told_how_much_of_the_money_is_spent() -> None:
    acts = [counted(act, 20_000) for act in READS]
    life, model, _ = lived(TurnSettings(LIMITS), *acts, local=False, prices=PRICED, max_usd_micros=900_000)
    told = [one for one in life.of(Reminded) if one.code == "usd.turn"]
    assert [one.level for one in told] == [50, 75]
    assert "/$0.9 (the turn was given a limit (--max-usd); " in told[0].text
    assert [one.stop for one in life.of(Finished)] == ["budget"]
    assert told[0].text in [text for message in model.requests[-1].messages for text in texts(message)]


def test_the_server_counts_only_where_the_estimate_comes_near_to_what_fits() -> None:
    _, _, models = lived(TurnSettings(LIMITS), *READS[:3], say("done"), counts=700)
    assert models.asked_to_count == 0
    life, _, models = lived(TurnSettings(LIMITS), *READS[:3], say("done"), window=Window(9_000, 1_000), counts=700)
    assert models.asked_to_count > 0
    assert 700 in [one.input_tokens for one in life.of(Called)]


def test_a_message_that_does_not_fit_leaves_the_talk_so_that_the_next_one_can_be_answered() -> None:
    small = Window(12_000, 1_000)
    huge = "many words that nobody can read " * 3_000
    life, model, _ = lived(TurnSettings(LIMITS), say("Hello."), window=small, prompts=(huge, "say hello"))
    first, second = life.of(Finished)
    assert (first.stop, first.dropped, first.steps) == ("budget", True, 0)
    assert (second.stop, second.dropped, second.text) == ("end", False, "Hello.")
    ((message,),) = [request.messages for request in model.requests]
    assert texts(message) == ["say hello"]


def test_what_was_refused_for_its_price_stays_in_the_talk() -> None:
    life, _, _ = lived(TurnSettings(LIMITS), say("Hello."), local=False, prices=PRICED, max_usd_micros=1)
    assert [(one.stop, one.dropped) for one in life.of(Finished)] == [("budget", False)]
