"""When a connection can't go on with a turn, the next of its chain does: visibly, and after its own tries alone."""

from __future__ import annotations

from agentd.context.budget import Window
from agentd.session.entries import Broke, Called, Finished, Started
from agentd.turn.parts import ModelChoice
from support.acts import Act, ActingModel, Chosen, Life, fresh_world, live, say, scrap


def lived(chain: dict[str, tuple[str, ...]], /, **acts: list[Act]) -> tuple[Life, dict[str, ActingModel]]:
    world = fresh_world()
    models = {name: ActingModel(one, world, name) for name, one in acts.items()}
    choices = {name: ModelChoice(model, "m", Window(100_000, 4_000)) for name, model in models.items()}
    return live(world, Chosen(choices, chain), "go", "again"), models


def broken(life: Life) -> list[tuple[str, int, str]]:
    return [(one.failure, one.attempt, one.next_model) for one in life.of(Broke)]


def ends(life: Life) -> list[tuple[str, str, str | None]]:
    return [(one.stop, one.text, one.error) for one in life.of(Finished)]


def test_the_next_of_the_chain_goes_on_when_retries_are_used_up() -> None:
    life, models = lived({"big": ("small",)}, big=[scrap("network")], small=[say("I am here.")])
    once = [*(("network", n, "") for n in range(1, 3)), ("network", 3, "small")]
    assert broken(life) == once * 2
    assert ends(life) == [("end", "I am here.", None)] * 2
    assert [len(model.requests) for model in models.values()] == [6, 2]
    # Each turn begins with the connection that was chosen.
    assert [one.model for one in life.of(Started)] == ["big", "big"]


def test_a_model_that_stands_in_has_tries_of_its_own() -> None:
    life, models = lived(
        {"big": ("small", "last")},
        big=[scrap("not_found")],
        small=[scrap("broken_stream")],
        last=[say("At last.")],
    )
    once = [
        ("not_found", 1, "small"),
        ("broken_stream", 2, ""),
        ("broken_stream", 3, ""),
        ("broken_stream", 4, "last"),
    ]
    assert broken(life) == once * 2
    assert ends(life) == [("end", "At last.", None)] * 2
    assert [one.attempt for one in life.of(Called)] == [1, 2, 3, 4, 5] * 2
    assert len(models["last"].requests) == 2


def test_a_chain_that_is_used_up_ends_the_turn_with_the_last_fault() -> None:
    life, _ = lived({"big": ("small",)}, big=[scrap("not_found", "no big")], small=[scrap("not_found", "no small")])
    assert ends(life) == [("error", "", "no small")] * 2


def test_a_refusal_or_a_wrong_key_is_not_shopped_around() -> None:
    for kind in ("refused", "auth", "bad_request"):
        life, models = lived({"big": ("small",)}, big=[scrap(kind, "no")], small=[say("yes")])
        assert ends(life) == [("error", "", "no")] * 2
        assert models["small"].requests == []


def test_without_a_chain_nobody_stands_in() -> None:
    life, _ = lived({}, big=[scrap("not_found", "gone")], small=[say("yes")])
    assert ends(life) == [("error", "", "gone")] * 2
