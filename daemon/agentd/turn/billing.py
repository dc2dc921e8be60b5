"""What a model call has cost: as its server counted it, else the most that it can have been. Pure.

Money that may have been spent can't be spent again, so what nobody counted is taken on the safe side. Callers:
`turn.model_call`, `turn.side_query`.
"""

from __future__ import annotations

import msgspec

from agentd.context.prices import FREE, Prices, cost_of, worst_case
from agentd.providers.prepared import PreparedCall
from agentd.turn.reply import Reply
from agentproto.api.turn import TurnUsage

__all__ = ["usage_of", "usage_of_failure"]

_ON_ITS_WAY_TOKENS = 256
"""Tokens that a server may have made and billed before it noticed that nobody reads any more."""


def usage_of(reply: Reply, call: PreparedCall, prices: Prices) -> TurnUsage:
    """Of a call that came to an end, or was ended by us."""
    usage = reply.usage(call.input_tokens)
    if not usage.estimated or prices == FREE:
        return msgspec.structs.replace(usage, usd_micros=cost_of(prices, usage))
    return _at_most(reply.bytes, call, prices)


def usage_of_failure(reply: Reply, call: PreparedCall, prices: Prices) -> TurnUsage:
    """What a call that failed may have cost: nothing when not a byte was answered."""
    failure = reply.failure
    seen = failure.details.get("bytes_seen", 0) if failure is not None else 0
    shown = reply.bytes
    if not seen and not shown:
        return TurnUsage(estimated=True)
    return _at_most(max(shown, seen if isinstance(seen, int) else 0), call, prices)


def _at_most(seen_bytes: int, call: PreparedCall, prices: Prices) -> TurnUsage:
    """All of its input, a token for each byte that was seen, and what was on its way."""
    output = min(call.output_tokens, seen_bytes + _ON_ITS_WAY_TOKENS)
    usd_micros = worst_case(prices, call.input_tokens, output)
    return TurnUsage(input=call.input_tokens, output=output, usd_micros=usd_micros, estimated=True)
