"""How a model counts, learnt from what its server counted: tight where much is known, safe where little is."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.context.calibration import CALLS, UNKNOWN, Calibration, Factor
from agentd.context.tokens import Shape, estimate, shape_of
from support.random_texts import text_of
from support.token_counts import Counter, counters

KINDS = ("prose", "code", "code", "data", "figures", "log", "foreign")
COUNTERS = [pytest.param(counter, id=counter.name) for counter in counters()]


def body(*texts: str) -> bytes:
    """A request of a talk with these texts."""
    messages = b",".join(b'{"role":"user","content":%s}' % _quoted(text) for text in texts)
    return b'{"model":"m","messages":[' + messages + b"]}"


def _quoted(text: str) -> bytes:
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").encode() + b'"'


def talk(seed: int, steps: int = 40) -> Iterator[bytes]:
    """The requests of a talk that grows by a text of some kind with each."""
    chance = random.Random(seed)
    texts = [text_of(chance, "prose", 3_000)]
    for _ in range(steps):
        texts.append(text_of(chance, chance.choice(KINDS), chance.choice((200, 600, 1_500, 4_000))))
        yield body(*texts)


def errors(counter: Counter, talks: range) -> tuple[list[float], list[float]]:
    """(projected - counted) / counted, of the first ten calls of each talk, and of the others."""
    calibration, first, later = Calibration(), list[float](), list[float]()
    for seed in talks:
        for number, request in enumerate(talk(seed)):
            counted = counter.count(request)
            found = calibration.factor("m", f"t{seed}").tokens(request) / counted - 1
            (first if number < 10 else later).append(found)
            calibration.learn("m", f"t{seed}", shape_of(request), counted)
    return first, later


def share(values: list[float], of: float) -> float:
    return sorted(values)[round((len(values) - 1) * of)]


def test_of_a_model_that_nobody_counted_for_the_safe_estimate_is_taken() -> None:
    calibration = Calibration()
    request = next(talk(1))
    assert calibration.factor("m", "t") == UNKNOWN
    assert (UNKNOWN.tokens(request), UNKNOWN.saved("x" * 300)) == (estimate(request), estimate(b"x" * 300))
    assert (calibration.error("m"), calibration.models()) == (None, ())


@pytest.mark.parametrize("counter", COUNTERS)
def test_after_ten_calls_a_projection_is_off_by_three_percent_at_most_and_seldom_too_small(counter: Counter) -> None:
    first, later = errors(counter, range(8))
    assert share(later, 0.95) <= 0.03
    assert sum(error < 0 for error in later) <= len(later) * 0.05
    assert min(later) > -0.01  # of ten percent that the window's safety buffer has
    assert min(first) > -0.02


@pytest.mark.parametrize("counter", COUNTERS)
def test_what_comes_once_only_and_is_of_another_kind_is_still_not_taken_for_less(counter: Counter) -> None:
    for odd in ("packed", "signs", "figures", "foreign"):
        calibration, texts = Calibration(), [text_of(random.Random(1), "prose", 3_000)]
        chance = random.Random(2)
        for _ in range(12):
            texts.append(text_of(chance, "code", 800))
            request = body(*texts)
            calibration.learn("m", "t", shape_of(request), counter.count(request))
        request = body(*texts, text_of(chance, odd, 6_000))
        assert calibration.factor("m", "t").tokens(request) >= 0.93 * counter.count(request), odd


def test_all_that_was_counted_already_is_known_to_the_token() -> None:
    counter, calibration = counters()[0], Calibration()
    for request in talk(3):
        calibration.learn("m", "t", shape_of(request), counter.count(request))
    again = calibration.factor("m", "t").tokens(request)
    assert 0 <= again - counter.count(request) <= 4  # the rounding of a count, and no more


def test_what_is_left_out_of_a_talk_is_taken_off_what_was_counted() -> None:
    counter, calibration = counters()[4], Calibration()
    requests = list(talk(4))
    for request in requests:
        calibration.learn("m", "t", shape_of(request), counter.count(request))
    shorter = requests[20]
    counted = counter.count(shorter)
    assert counted <= calibration.factor("m", "t").tokens(shorter) <= 1.15 * counted


def test_a_new_talk_of_a_model_that_is_known_is_projected_by_its_rates() -> None:
    counter, calibration = counters()[0], Calibration()
    for request in talk(5):
        calibration.learn("m", "t", shape_of(request), counter.count(request))
    request = next(talk(6))
    counted = counter.count(request)
    assert counted <= calibration.factor("m", "other").tokens(request) <= 1.15 * counted
    assert calibration.factor("m", "other").tokens(request) < 0.8 * estimate(request)


def test_what_clearing_a_text_saves_is_neither_hoped_nor_feared() -> None:
    counter, calibration = counters()[4], Calibration()
    for request in talk(7):
        calibration.learn("m", "t", shape_of(request), counter.count(request))
    text = text_of(random.Random(8), "code", 4_000)
    assert 0.85 <= calibration.factor("m").saved(text) / counter.text(text) <= 1.15


def test_how_good_it_was_is_told_of_the_latest_calls() -> None:
    counter, calibration = counters()[1], Calibration()
    for request in talk(9):
        calibration.learn("m", "t", shape_of(request), counter.count(request))
    told = calibration.error("m")
    assert told is not None
    calls, least, greatest, factor = told
    assert calls == CALLS
    assert 0.9 < least <= greatest <= 1.02
    assert 0.5 < factor < 1.1
    assert calibration.models() == ("m",)


def test_models_do_not_teach_each_other() -> None:
    calibration = Calibration()
    calibration.learn("m", "t", shape_of(next(talk(1))), 500)
    assert calibration.factor("other", "t") == UNKNOWN


def test_nonsense_teaches_nothing() -> None:
    calibration = Calibration()
    shape = shape_of(next(talk(1)))
    for counted in (0, -5, 1, 10_000_000):
        calibration.learn("m", "t", shape, counted)
    assert calibration.models() == ()


SHAPES = st.builds(Shape, *[st.integers(0, 50_000)] * 8)


@given(st.lists(st.tuples(SHAPES, st.integers(0, 400_000), st.sampled_from("ab")), max_size=30), SHAPES)
def test_whatever_servers_count_a_projection_is_a_number_of_tokens(
    learnt: list[tuple[Shape, int, str]], asked: Shape
) -> None:
    calibration = Calibration()
    for shape, counted, name in learnt:
        calibration.learn("m", name, shape, counted)
    for name in ("a", "b", "c"):
        found = calibration.factor("m", name).of(asked)
        assert 0 < found < 10_000_000


def test_a_factor_is_a_value() -> None:
    assert Factor() == UNKNOWN
