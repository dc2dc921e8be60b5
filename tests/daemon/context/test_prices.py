"""What a call may cost at most, and what it did cost: whole micro-dollars, rounded up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.context.prices import FREE, Money, Prices, cost_of, output_for, worst_case
from agentproto.api.turn import TurnUsage

SONNET = Prices(input=3.0, output=15.0, cached=0.3, cache_write=3.75)


def test_the_worst_case_is_the_whole_input_at_its_dearest_and_the_longest_answer() -> None:
    assert worst_case(SONNET, 1000, 100) == 3750 + 1500
    assert worst_case(FREE, 1_000_000, 1_000_000) == 0


def test_a_cost_is_rounded_up_and_counts_each_kind_of_input_once() -> None:
    usage = TurnUsage(input=1000, output=10, cached=600, cache_written=100)
    assert cost_of(SONNET, usage) == 900 + 180 + 375 + 150
    assert cost_of(Prices(input=0.1, output=0.0), TurnUsage(input=1)) == 1


def test_parts_of_a_call_never_cost_more_than_the_call() -> None:
    tenth = Prices(input=0.1, output=0.1, cached=0.1, cache_write=0.1)
    usage = TurnUsage(input=10, output=0, cached=3, cache_written=0)
    assert cost_of(tenth, usage) == worst_case(tenth, 10, 0) == 1


def test_a_price_next_to_nothing_is_no_fault() -> None:
    assert output_for(Prices(output=2.3e-308), 4, 0, 100) == 100


def test_a_server_that_counts_more_cached_than_there_was_makes_nothing_negative() -> None:
    assert cost_of(SONNET, TurnUsage(input=10, cached=50)) == 15


def test_no_limit_is_no_limit() -> None:
    assert Money() == Money(FREE, None, "")


prices = st.builds(Prices, st.floats(0, 100), st.floats(0, 500), st.floats(0, 100), st.floats(0, 150))


@given(prices, st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**5))
def test_the_answer_that_is_paid_for_never_costs_more_than_what_is_left(
    given_prices: Prices, left: int, tokens: int, most: int
) -> None:
    paid = output_for(given_prices, left, tokens, most)
    assert 0 <= paid <= most
    if paid and given_prices.output > 0:
        assert worst_case(given_prices, tokens, paid) <= left


@given(prices, st.integers(0, 10**6), st.integers(0, 10**5), st.floats(0, 1), st.floats(0, 1))
def test_a_call_within_its_projection_never_costs_more_than_its_worst_case(
    given_prices: Prices, tokens: int, output: int, cached: float, written: float
) -> None:
    from_cache = int(tokens * cached)
    usage = TurnUsage(
        input=tokens, output=output, cached=from_cache, cache_written=int((tokens - from_cache) * written)
    )
    assert cost_of(given_prices, usage) <= worst_case(given_prices, tokens, output)
