"""PreparedCall: the only thing that can be sent to a model, and the mint that makes it.

`agentd.context.budget` is the only caller of `mint` (a keeper reads the whole tree for that): whoever wants to ask a
model anything has to go through the check of window and money first. The constructor refuses everybody else.
"""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["PreparedCall", "Purpose", "mint"]

Purpose = Literal["turn", "schedule", "agent", "compaction", "extraction", "dream", "side_query", "test"]

_MINT: Final = object()


class PreparedCall:
    """Request bytes with what was reserved for them. Immutable.

    `body`: what the provider sends, byte for byte. `call`: the call's id in the log. `input_tokens`: projected, on
    the safe side. `output_tokens`: what the request lets the model answer at most. `usd_micros`: the worst case.
    `estimated_tokens`: the input by the estimate alone, to be compared with what the server counts; 0: not to be compared.
    """

    __slots__ = (
        "body",
        "call",
        "estimated_tokens",
        "input_tokens",
        "output_tokens",
        "provider",
        "purpose",
        "session",
        "usd_micros",
    )

    def __init__(
        self,
        key: object,
        *,
        provider: str,
        body: bytes,
        purpose: Purpose,
        session: str,
        call: str,
        input_tokens: int,
        output_tokens: int,
        usd_micros: int,
        estimated_tokens: int = 0,
    ) -> None:
        if key is not _MINT:
            raise TypeError("a PreparedCall is made by agentd.context.budget, which checks it first")
        for name, value in (
            ("provider", provider),
            ("body", body),
            ("purpose", purpose),
            ("session", session),
            ("call", call),
            ("input_tokens", input_tokens),
            ("output_tokens", output_tokens),
            ("usd_micros", usd_micros),
            ("estimated_tokens", estimated_tokens),
        ):
            object.__setattr__(self, name, value)

    provider: str
    body: bytes
    purpose: Purpose
    session: str
    call: str
    input_tokens: int
    output_tokens: int
    usd_micros: int
    estimated_tokens: int

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a PreparedCall does not change")


def mint(
    *,
    provider: str,
    body: bytes,
    purpose: Purpose,
    session: str,
    call: str,
    input_tokens: int,
    output_tokens: int,
    usd_micros: int = 0,
    estimated_tokens: int = 0,
) -> PreparedCall:
    """Make one. For `agentd.context.budget` alone."""
    return PreparedCall(
        _MINT,
        provider=provider,
        body=body,
        purpose=purpose,
        session=session,
        call=call,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        usd_micros=usd_micros,
        estimated_tokens=estimated_tokens,
    )
