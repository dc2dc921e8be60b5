"""Side queries and the titles that are asked by them: once, after a while, within a cap, and never in a turn's way."""

from __future__ import annotations

import re

from agentd.context.budget import Window
from agentd.context.prices import Prices
from agentd.providers.base import Ended, Failure, TextPiece, Usage
from agentd.session.entries import Changed, Finished
from agentd.turn.parts import ModelChoice, TurnSettings
from agentd.turn.pen import Limits
from agentd.turn.spending import Settled
from agentd.turn.traffic import Traffic
from support.acts import Act, ActingModel, Chosen, Life, fresh_world, live, say

WINDOW = Window(100_000, 4_000)
TITLED: Act = (TextPiece('{"title": "A look at the parser"}'), Ended("end", Usage(40, 9)))
DAY = TurnSettings(Limits(default_model="talk"), titles=True, day_usd_micros=100_000_000)


def lived(
    *acts: Act,
    settings: TurnSettings | None = None,
    prices: Prices | None = None,
    idle_ms: int = 60_000,
    prompts: tuple[str, ...] = ("look at the parser",),
    took_ms: int = 0,
    kind: str = "openai-chat",
) -> tuple[Life, ActingModel]:
    world = fresh_world()
    model = ActingModel(acts, world, took_ms=took_ms, kind=kind)
    choice = ModelChoice(model, "m", WINDOW, None, prices or Prices(), local=prices is None)
    chosen = settings or TurnSettings(Limits(default_model="talk"), titles=True)
    return live(world, Chosen({"talk": choice}), *prompts, settings=chosen, idle_ms=idle_ms), model


def titles(life: Life) -> list[str | None]:
    return [one.title for one in life.of(Changed)]


def purposes(life: Life) -> list[str]:
    return [spent.line.purpose for spent in life.spending.since(0) if isinstance(spent.line, Settled)]


def why(life: Life) -> list[str]:
    return [text for name, text in life.happened if name == "model.side_query"]


def test_an_idle_session_gets_a_title_once() -> None:
    life, model = lived(say("It is fine."), TITLED, idle_ms=600_000)
    assert titles(life) == ["A look at the parser"]
    assert purposes(life) == ["turn", "side_query"]
    assert why(life) == ["title: answered (40 tokens in, 9 out)"]
    assert len(model.requests) == 2
    side = model.requests[1]
    assert (side.tools, side.max_output) == ((), 200)
    (message,) = side.messages
    (block,) = message.blocks
    assert block.text == "It began:\nlook at the parser\n\nAnswered last:\nIt is fine."  # type: ignore[union-attr]


def test_before_it_was_idle_for_half_a_minute_nothing_is_asked() -> None:
    life, model = lived(say("It is fine."), TITLED, idle_ms=20_000)
    assert (titles(life), len(model.requests)) == ([], 1)


def test_a_title_that_is_there_is_not_asked_for_again() -> None:
    life, model = lived(say("fine"), TITLED, say("still fine"), prompts=("go",), idle_ms=100_000_000)
    assert (titles(life), len(model.requests)) == (["A look at the parser"], 2)


def test_whatever_goes_wrong_with_it_changes_nothing() -> None:
    for act, reason in (
        (say("no object at all"), "title: the answer is no object of JSON (10 tokens in, 2 out)"),
        ((Failure("network", "nobody is there"),), "title: no answer: nobody is there"),
        (say('{"title": ""}'), "title: answered (10 tokens in, 2 out)"),
    ):
        life, model = lived(say("It is fine."), act)
        assert titles(life) == []
        assert why(life) == [reason]
        assert [one.stop for one in life.of(Finished)] == ["end"]
        assert len(model.requests) == 2  # and it is not tried again


def test_an_answer_that_takes_too_long_is_given_up_and_booked() -> None:
    life, _ = lived(say("fine"), TITLED, idle_ms=200_000, took_ms=90_000)
    assert titles(life) == []
    assert why(life) == ["title: no answer within 60 s"]
    assert purposes(life) == ["turn", "side_query"]


def test_a_model_that_costs_money_is_asked_only_within_the_cap_of_background_work() -> None:
    life, model = lived(say("fine"), TITLED, prices=Prices(3.0, 15.0))
    assert (titles(life), len(model.requests)) == ([], 1)
    (reason,) = why(life)
    assert re.fullmatch(r"title: not asked: the next call may cost \$0\.00\d\d; \$0\.0000 are left", reason)
    life, _ = lived(say("fine"), TITLED, prices=Prices(3.0, 15.0), settings=DAY)
    assert titles(life) == ["A look at the parser"]


def test_what_is_no_language_model_is_not_asked() -> None:
    for kind in ("offline", "scripted"):
        life, model = lived(say("fine"), TITLED, kind=kind)
        assert (titles(life), len(model.requests), why(life)) == ([], 1, [])


def test_a_server_with_one_slot_is_left_to_its_turns() -> None:
    traffic, gave_way = Traffic(), []
    with traffic.yielding("local", lambda: gave_way.append("side")):
        assert not traffic.busy("local")
        with traffic.calling("other"):
            assert gave_way == []
        with traffic.calling("local"):
            assert (gave_way, traffic.busy("local")) == (["side"], True)
    assert not traffic.busy("local")
    with traffic.calling("local"):
        assert gave_way == ["side"]
