"""No request is ever over its model's window, whatever is said, read, switched, killed or counted.

Random sessions against servers that count each in its own way and refuse what does not fit (`support.random_talks`). A
session is its seed: a failure names it, and `tell(a_plan(SEED, WINDOW, 5), counters())` tells it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from agentd.context.budget import Window
from agentd.session.compactions import Compacted
from agentd.session.entries import Finished, Replied
from agentproto.api.turn import TurnUsage
from support.counting_server import Sent
from support.random_talks import KINDS, Plan, Told, a_plan, tell
from support.token_counts import Counter, answer_limit, counters

WINDOWS = (4_096, 8_192, 32_768)
BOTH = pytest.mark.parametrize("window", WINDOWS)


def wrong_with(told: Told) -> list[str]:
    """What is not as it must be, in words."""
    at = f"seed {told.plan.seed} on {told.plan.window} tokens"
    wrong = [f"{at}: {words}" for words in told.wrong]
    wrong += [f"{at}: {sent}" for sent in told.sent if sent.over]
    if len(told.ends) != len(told.plan.says):
        wrong.append(f"{at}: {len(told.plan.says)} turns were begun, {len(told.ends)} came to an end")
    return wrong + [f"{at}: ended with {end}" for end in told.ends if not is_clear(end)]


def is_clear(end: Finished) -> bool:
    """An answer, or a refusal that says why and what to do."""
    return end.stop == "end" or (end.stop in ("budget", "error") and bool(end.error) and bool(end.remedy))


def told(window: int, seeds: Iterable[int]) -> list[Told]:
    of_all = counters()
    return [tell(a_plan(seed, window, len(of_all)), of_all) for seed in seeds]


def none(wrong: Sequence[str]) -> None:
    assert not wrong, "\n" + "\n".join(wrong[:20])


@BOTH
def test_no_request_of_fifty_random_sessions_is_over_the_window_and_each_comes_to_an_end(window: int) -> None:
    sessions = told(window, range(50))
    none([words for one in sessions for words in wrong_with(one)])
    # What was tried is what is claimed.
    assert {one.plan.kind for one in sessions} == set(KINDS)
    assert {one.plan.counter for one in sessions} == set(range(len(counters())))
    assert any(isinstance(entry, Compacted) for one in sessions for entry in one.entries)
    assert any(one.killed for one in sessions)
    assert any(one.steered for one in sessions)
    assert {sent.server for one in sessions for sent in one.sent} == {"first", "second"}
    assert any(isinstance(entry, Replied) and entry.stop == "length" for one in sessions for entry in one.entries)
    assert sum(end.stop == "end" for one in sessions for end in one.ends) > len(sessions)


@pytest.mark.full
@pytest.mark.timeout(3_000)
@BOTH
def test_no_request_of_a_thousand_random_sessions_is_over_the_window(window: int) -> None:
    none([words for seed in range(1_000) for words in wrong_with(told(window, [seed])[0])])


@BOTH
def test_a_request_that_is_full_to_the_brim_is_still_taken(window: int) -> None:
    """The safety buffer is what makes the promise hold; it is not eaten up by it."""
    sent = [sent for one in told(window, range(30)) for sent in one.sent]
    fullest = max(sent, key=lambda one: one.projected / one.window)
    limits = Window(fullest.window, fullest.window // 4)
    assert fullest.projected > 0.55 * limits.window
    assert fullest.counted + fullest.answer <= fullest.window


def test_a_step_whose_results_do_not_fit_is_answered_all_the_same_and_so_are_the_turns_after_it() -> None:
    of_all = counters()
    for seed in range(20):
        says = tuple((f"And then, as number {number}?", (), "first") for number in range(4))
        told = tell(Plan(seed, "openai-chat", 4_096, 4_096, 4, 4, says, (3,) * 12), of_all)
        none(wrong_with(told))
        assert told.ends[0].stop == "end", told.ends[0]


def test_the_checker_finds_what_is_over_and_what_does_not_end_well() -> None:
    plan = a_plan(1, 4_096, len(counters()))
    over = Sent("first", 3_500, 1_024, 2_000, 4_096, "s")
    bare = Finished(turn="t", stop="error", steps=0, usage=TurnUsage(), error="no")
    at = "seed 1 on 4096 tokens"
    assert wrong_with(Told(plan, sent=[over], ends=[bare], wrong=["a fault"])) == [
        f"{at}: a fault",
        f"{at}: {over}",
        f"{at}: {len(plan.says)} turns were begun, 1 came to an end",
        f"{at}: ended with {bare}",
    ]


def test_counters_count_what_is_said_and_not_how_it_is_framed() -> None:
    plain = Counter("words", lambda text: len(text.split()), per_message=1, per_tool=2, per_request=3)
    chat = b'{"model":"m","max_tokens":7,"tools":[{"name":"ls"}],"messages":[{"role":"user","content":"one two"}]}'
    anthropic = b'{"system":[{"type":"text","text":"be kind"}],"messages":[{"role":"user","content":[{"type":"text","text":"one"}]}]}'
    assert (plain.count(chat), answer_limit(chat)) == (2 + 2 + 1 + 2 + 3, 7)
    assert plain.count(anthropic) == 2 + 1 + 1 + 3
