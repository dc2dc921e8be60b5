"""What the tokens of a connection cost: its settings, else the dated table, else nothing for what runs on this machine.

A connection to elsewhere of which nobody knows the price has none, which is not the same as costing nothing: a limit in
money refuses it. Pure. Callers: `connections.room`, `connections.listing`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from agentd.context.prices import FREE, Prices
from agentd.providers.catalog import Facts, facts_of
from agentd.providers.connection import Connection

__all__ = ["Known", "is_local", "known_of", "prices_of"]

_WRITE_SHARE = {"anthropic": 1.25}
"""What writing to a server's cache costs, as a share of input, by kind; elsewhere it costs what input costs.
Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching (five minutes' time to live)."""


def is_local(connection: Connection) -> bool:
    """Whether the model runs on this machine: built in, or behind a loopback address."""
    host = urlsplit(connection.url).hostname if connection.url else None
    if host is None:
        return connection.kind in ("offline", "scripted")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a connection's price, for people: dollars a million tokens, who says so, and as of which day
    (yyyy-mm-dd, of the table)."""

    price_in: float | None = None
    price_out: float | None = None
    source: Literal["", "settings", "table", "local"] = ""
    as_of: str = ""


def known_of(connection: Connection, table: Sequence[Facts]) -> Known:
    """Where the figures of `prices_of` come from."""
    given = (connection.price_in, connection.price_out)
    if given != (None, None) and not (is_local(connection) and not any(given)):
        return Known(connection.price_in, connection.price_out, "settings")
    if is_local(connection):
        return Known(0.0, 0.0, "local")
    facts = facts_of(connection.model, table)
    if facts is None or facts.price_in is None:
        return Known()
    return Known(facts.price_in, facts.price_out, "table", facts.as_of.isoformat())


def prices_of(connection: Connection, table: Sequence[Facts]) -> Prices | None:
    """Dollars a million tokens; None when nobody knows."""
    facts = facts_of(connection.model, table)
    given = connection.price_in is not None or connection.price_out is not None
    if not given and is_local(connection):
        return FREE
    price_in = connection.price_in if given or facts is None else facts.price_in
    price_out = connection.price_out if given or facts is None else facts.price_out
    if price_in is None or price_out is None:
        return None
    cached = facts.price_cached if facts is not None and facts.price_cached is not None and not given else price_in
    return Prices(price_in, price_out, cached, price_in * _WRITE_SHARE.get(connection.kind, 1.0))
