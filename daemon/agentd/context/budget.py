"""The budget: nothing is sent to a model that was not checked here first. The only maker of PreparedCall.

Projected input + reserved output + a safety buffer must fit into the window, and the worst case of the call into the
money left; else the call is refused with advice before a byte is sent. Callers: `context.assemble`, `turn` for model tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentd.context.calibration import UNKNOWN, Factor
from agentd.context.prices import LEAST_OUTPUT, Money, output_for, worst_case
from agentd.context.tokens import PLAIN, Pictured, estimate_of, words_of
from agentd.errors import OverBudgetError
from agentd.providers.prepared import PreparedCall, Purpose, mint

__all__ = ["Window", "output_limit", "prepare", "projected", "safety_buffer", "usable_tokens"]


_UNLIMITED = Money()


@dataclass(frozen=True, slots=True)
class Window:
    """A model's window and output limit in tokens, and the settings' safety buffer."""

    window: int
    max_output: int
    safety_tokens: int = 13_000
    safety_share: float = 0.10
    small_window: int = 130_000


def safety_buffer(limits: Window) -> int:
    """Tokens kept free: 13,000, or a tenth of a window under 130,000."""
    if limits.window < limits.small_window:
        return int(limits.window * limits.safety_share)
    return limits.safety_tokens


def output_limit(limits: Window) -> int:
    """Tokens a reply may have: the model's limit, at most a quarter of the window."""
    return max(1, min(limits.max_output, limits.window // 4))


def projected(body: bytes, factor: Factor, pictured: Pictured = PLAIN) -> int:
    """Tokens of `body` as the model is known to count them (`context.calibration`), on the safe side. Pictures are counted
    apart: what is known of a model's words says nothing about them."""
    return factor.tokens(body, pictured)


def usable_tokens(limits: Window, max_output: int) -> int:
    """Tokens that a request may have: the window less the answer's part and the safety buffer."""
    return max(0, limits.window - safety_buffer(limits) - max_output)


def prepare(
    *,
    provider: str,
    body: bytes,
    purpose: Purpose,
    session: str,
    call: str,
    limits: Window,
    max_output: int,
    money: Money = _UNLIMITED,
    encode: Callable[[int], bytes] | None = None,
    factor: Factor = UNKNOWN,
    counted: int | None = None,
    tokens_left: int | None = None,
    pictured: Pictured = PLAIN,
) -> PreparedCall:
    """Check and mint. OverBudgetError with the figures and what to do when it can't fit, or can't be paid for.

    `encode` makes the body anew for a shorter answer: where the money left pays for the input and not for the longest
    answer, the answer is made shorter. `factor`: how the model is known to count; `counted`: what
    its server counted for this very body. `tokens_left`: of a limit in tokens, for input and answer together.
    `pictured`: what of the body is pictures.
    """
    tokens = projected(body, factor, pictured) if counted is None else counted
    free = usable_tokens(limits, max_output)
    if tokens > free:
        raise OverBudgetError(
            f"the request has about {tokens} tokens; {free} fit",
            why=f"the window of {provider} has {limits.window} tokens, of which {max_output} are kept for the answer "
            f"and {safety_buffer(limits)} as a safety buffer",
            remedy="Start a new session (--new), ask for less at once, or use a model with a larger window.",
            field="window",
        )
    most = max(tokens, factor.most(body, pictured)) if counted is None else counted
    paid = min(_paid_for(money, most, max_output), _left_for_answer(money, tokens_left, tokens, max_output))
    if paid < max_output and encode is not None:
        body, max_output = encode(paid), paid
        tokens = max(tokens, projected(body, factor, pictured)) if counted is None else counted + 1
        most = max(tokens, factor.most(body, pictured)) if counted is None else counted + 1
    worst = worst_case(money.prices, most, max_output)
    if money.left is not None and worst > money.left:
        raise _too_dear(money, worst)
    return mint(
        provider=provider,
        body=body,
        purpose=purpose,
        session=session,
        call=call,
        input_tokens=tokens,
        output_tokens=max_output,
        usd_micros=worst,
        # A count of words and pictures together would teach a wrong factor for words.
        estimated_tokens=0 if pictured.tokens else estimate_of(words_of(body, pictured)),
    )


def _paid_for(money: Money, tokens: int, max_output: int) -> int:
    """Tokens of the answer that the money left pays for."""
    if money.left is None or worst_case(money.prices, tokens, max_output) <= money.left:
        return max_output
    # A token is what the shorter number in the body may cost when it is written otherwise.
    paid = output_for(money.prices, money.left, tokens + 1, max_output)
    if paid < LEAST_OUTPUT:
        raise _too_dear(money, worst_case(money.prices, tokens, min(LEAST_OUTPUT, max_output)))
    return paid


def _left_for_answer(money: Money, tokens_left: int | None, tokens: int, max_output: int) -> int:
    """Tokens of the answer for which a limit in tokens has room."""
    if tokens_left is None:
        return max_output
    room = tokens_left - tokens - 1
    if room < min(LEAST_OUTPUT, max_output):
        raise OverBudgetError(
            f"the next call may take {tokens + min(LEAST_OUTPUT, max_output)} tokens; {max(0, tokens_left)} are left",
            why=money.limit,
            remedy="Raise the limit: `agentctl budget` shows limits and what was used.",
        )
    return min(max_output, room)


def _too_dear(money: Money, worst: int) -> OverBudgetError:
    left = max(0, money.left or 0)
    return OverBudgetError(
        f"the next call may cost {_dollars(worst)}; {_dollars(left)} are left",
        why=money.limit,
        remedy="Raise the limit, or use a cheaper or a local model: `agentctl budget` shows limits and what was spent.",
    )


def _dollars(usd_micros: int) -> str:
    return f"${usd_micros / 1_000_000:.4f}"
