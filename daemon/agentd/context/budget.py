"""The budget: nothing is sent to a model that was not checked here first. The only maker of PreparedCall.

Checked today: the window. Projected input + reserved output + a safety buffer must fit; else the call is refused with
advice before a byte is sent. Money and time budgets join here. Callers: `context.assemble`, `turn` for model tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentd.context.tokens import estimate
from agentd.errors import OverBudgetError
from agentd.providers.prepared import PreparedCall, Purpose, mint

__all__ = ["Window", "output_limit", "prepare", "safety_buffer", "usable_tokens"]


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
) -> PreparedCall:
    """Check and mint. OverBudgetError with the figures and what to do when it can't fit."""
    tokens = estimate(body)
    free = usable_tokens(limits, max_output)
    if tokens > free:
        raise OverBudgetError(
            f"the request has about {tokens} tokens; {free} fit",
            why=f"the window of {provider} has {limits.window} tokens, of which {max_output} are kept for the answer "
            f"and {safety_buffer(limits)} as a safety buffer",
            remedy="Start a new session (--new), ask for less at once, or use a model with a larger window.",
        )
    return mint(
        provider=provider,
        body=body,
        purpose=purpose,
        session=session,
        call=call,
        input_tokens=tokens,
        output_tokens=max_output,
    )
