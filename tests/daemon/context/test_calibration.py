"""How far the estimator is off for a model, learnt from what its server counted."""

from __future__ import annotations

import random

from agentd.context.calibration import AHEAD, CALLS, ENOUGH, Calibration


def taught(*ratios: float) -> Calibration:
    calibration = Calibration()
    for ratio in ratios:
        calibration.learn("m", 1000, round(1000 * ratio))
    return calibration


def test_nothing_known_changes_nothing() -> None:
    calibration = Calibration()
    assert (calibration.factor("m"), calibration.error("m"), calibration.models()) == (1.0, None, ())


def test_an_estimate_that_was_too_small_is_raised_at_once_and_one_that_was_too_large_after_some_calls() -> None:
    assert taught(1.2).factor("m") == 1.2 * AHEAD
    assert taught(*[0.8] * (ENOUGH - 1)).factor("m") == 1.0
    assert taught(*[0.8] * ENOUGH).factor("m") == 0.8 * AHEAD


def test_the_greatest_of_the_latest_counts_and_what_is_old_is_forgotten() -> None:
    assert taught(0.8, 0.9, 0.8).factor("m") == 0.9 * AHEAD
    assert taught(0.95, *[0.8] * CALLS).factor("m") == 0.8 * AHEAD
    assert taught(0.8, 0.9, 0.7).error("m") == (3, 0.7, 0.9)


def test_small_requests_and_nonsense_teach_nothing() -> None:
    calibration = Calibration()
    calibration.learn("m", 10, 40)
    calibration.learn("m", 1000, 0)
    calibration.learn("m", 1000, 900_000)
    assert calibration.models() == ()


def test_models_do_not_teach_each_other() -> None:
    assert taught(1.5).factor("other") == 1.0


def test_after_ten_calls_of_a_growing_talk_the_projection_is_on_the_safe_side_and_within_three_percent() -> None:
    chance = random.Random(1)
    errors: list[float] = []
    for _ in range(200):
        calibration = Calibration()
        base, size = chance.uniform(0.7, 1.3), 2000.0
        for call in range(30):
            size *= 1.05
            counted = size * base * chance.uniform(0.995, 1.0)
            if call >= 10:
                errors.append(size * calibration.factor("m") / counted - 1)
            calibration.learn("m", round(size), round(counted))
    errors.sort()
    assert errors[0] >= -0.001
    assert errors[int(len(errors) * 0.95)] <= 0.03
