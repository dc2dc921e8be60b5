"""Nothing over the window is ever minted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.context.budget import Window, output_limit, prepare, safety_buffer
from agentd.context.tokens import estimate
from agentd.errors import OverBudgetError
from agentd.providers.prepared import PreparedCall


def mint(body: bytes, window: Window) -> PreparedCall:
    return prepare(
        provider="p", body=body, purpose="test", session="s", call="c", limits=window, max_output=output_limit(window)
    )


def test_a_small_window_keeps_a_tenth_free_and_a_large_one_13000() -> None:
    assert [safety_buffer(Window(size, 1000)) for size in (8_192, 129_999, 130_000, 1_000_000)] == [
        819,
        12_999,
        13_000,
        13_000,
    ]


def test_an_answer_gets_at_most_a_quarter_of_the_window() -> None:
    assert [output_limit(Window(size, 4096)) for size in (2048, 8192, 100_000)] == [512, 2048, 4096]


def test_what_does_not_fit_is_refused_with_figures_and_advice() -> None:
    with pytest.raises(OverBudgetError) as caught:
        mint(b"x" * 30_000, Window(8_192, 4096))
    assert caught.value.what == "the request has about 10001 tokens; 5325 fit"
    assert "--new" in caught.value.remedy


@given(st.integers(0, 60_000), st.sampled_from([2048, 4096, 8192, 32768]))
def test_what_is_minted_fits_with_answer_and_buffer(size: int, window: int) -> None:
    limits = Window(window, 4096)
    try:
        call = mint(b"y" * size, limits)
    except OverBudgetError:
        return
    assert call.input_tokens + call.output_tokens + safety_buffer(limits) <= window


def test_a_prepared_call_can_be_made_by_nobody_else_and_does_not_change() -> None:
    with pytest.raises(TypeError):
        PreparedCall(
            object(),
            provider="p",
            body=b"",
            purpose="test",
            session="s",
            call="c",
            input_tokens=1,
            output_tokens=1,
            usd_micros=0,
        )
    call = mint(b"hello", Window(8192, 100))
    with pytest.raises(AttributeError):
        call.body = b"other"


@given(st.text(max_size=200))
def test_the_estimate_is_never_below_a_quarter_of_the_bytes(text: str) -> None:
    data = text.encode()
    assert estimate(data) >= len(data) / 4
