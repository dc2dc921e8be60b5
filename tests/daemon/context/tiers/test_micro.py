"""Tier micro: old results that can be had again are cleared, in one batch, oldest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.context.tiers.base import Cut, Held, View
from agentd.context.tiers.micro import BEGIN_AT, CLEAR_TO, NEWEST, WORTH_TOKENS, Micro


def held(number: int, tokens: int = 100, *, clearable: bool = True, step: int | None = None) -> Held:
    return Held(f"c{number}", f"s{number if step is None else step}", "read", tokens, clearable)


def view(results: list[Held], tokens: int, usable: int = 1000) -> View:
    return View(results, tokens, usable, results[-1].step if results else "")


def test_nothing_is_touched_before_three_quarters_are_full() -> None:
    results = [held(n) for n in range(8)]
    assert Micro().cut(view(results, 749), must=False) is None
    assert Micro().cut(view(results, 750), must=False) is not None


def test_one_batch_clears_the_oldest_down_to_a_half_and_says_why() -> None:
    results = [held(n) for n in range(9)]
    found = Micro().cut(view(results, 800), must=False)
    reason = "80% of the usable window were full: 3 old results were cleared"
    assert found == Cut("micro", ("c0", "c1", "c2"), 300, reason)


def test_the_newest_stay_and_those_of_the_latest_step_and_what_can_t_be_had_again() -> None:
    results = [held(0, clearable=False), held(1), held(2), held(3), held(4), held(5, step=9), held(6, step=9)]
    found = Micro().cut(view(results, 990), must=False)
    assert found is not None
    assert found.calls == ("c1",)


def test_what_has_to_fit_takes_the_newest_too_before_those_of_the_latest_step() -> None:
    results = [held(0, 300), held(1, 300), held(2, 300), held(3, 900)]
    found = Micro().cut(view(results, 1800), must=True)
    assert found is not None
    assert found.calls == ("c0", "c1", "c2")


def test_where_it_can_t_fit_otherwise_the_largest_of_the_latest_step_go_and_no_more_than_have_to() -> None:
    results = [held(0, 300), held(1, 200, step=9), held(2, 900, step=9), held(3, 400, step=9), held(4, 100, step=9)]
    found = Micro().cut(view(results, 2300), must=True)
    assert found == Cut("micro", ("c0", "c2", "c3"), 1600, "the request did not fit: 3 old results were cleared")


def test_a_server_that_refused_what_was_counted_to_fit_gets_less() -> None:
    found = Micro().cut(view([held(0), held(1)], 300), must=True)
    assert found == Cut("micro", ("c0",), 100, "the request did not fit: 1 old results were cleared")
    assert Micro().cut(view([held(0)], 300), must=True) is None


def test_results_that_are_smaller_than_their_notice_stay() -> None:
    results = [held(n, WORTH_TOKENS - 1) for n in range(20)]
    assert Micro().cut(view(results, 990), must=True) is None


@given(
    sizes=st.lists(st.integers(0, 3000), max_size=30),
    usable=st.integers(1, 50_000),
    must=st.booleans(),
    rest=st.integers(0, 20_000),
)
def test_whatever_a_conversation_holds_only_old_results_go_and_in_their_order(
    sizes: list[int], usable: int, must: bool, rest: int
) -> None:
    results = [held(n, size) for n, size in enumerate(sizes)]
    seen = view(results, sum(sizes) + rest, usable)
    found = Micro().cut(seen, must=must)
    if found is None:
        return
    by_call = {one.call: one for one in results}
    chosen = [by_call[call] for call in found.calls]
    assert chosen == sorted(chosen, key=results.index)
    assert found.tokens == sum(one.tokens for one in chosen) > 0
    if results[-1] in chosen:
        others = sum(one.tokens for one in results[:-1] if one.tokens >= WORTH_TOKENS)
        assert must
        assert seen.tokens - others > usable
    assert must or seen.tokens >= BEGIN_AT * usable
    if not must:
        assert not set(chosen) & set(results[-NEWEST:]) or len(results) < NEWEST
        assert seen.tokens - found.tokens + max(one.tokens for one in chosen) > CLEAR_TO * usable - 1
