"""Model facts: how large a window is, how long an answer may be, what tokens cost, and which source says so.

It decides which of three sources wins: the connection's settings, the server's own report, the dated table
`catalog.toml`. Between the user's window and the server's the smaller wins; without either the table serves; without
the table the window is taken as small, on the safe side. It never asks a server (`report` reads what one said).
Callers: the registry's users, the budget, `agentctl models`.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

from agentd.providers.connection import Connection

__all__ = ["UNKNOWN_WINDOW", "Facts", "Limits", "WindowSource", "facts_of", "limits_of", "read_catalog", "shipped"]

UNKNOWN_WINDOW = 8_192
"""Tokens. What servers of local models commonly start with; too small costs a compaction, too large a refused call."""

_LARGEST_OUTPUT_SHARE = 4  # an answer gets at most a quarter of the window when nothing says how long it may be
_USUAL_OUTPUT = 8_192  # tokens; few answers and few written files are longer

_DATED = re.compile(r"-(latest|\d{8}|\d{4}-\d{2}-\d{2})\Z")


WindowSource = Literal["server", "settings", "table", "guess"]


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table. Tokens, and dollars a million tokens; None: not known."""

    match: str
    as_of: date
    window: int
    output: int
    price_in: float | None = None
    price_cached: float | None = None
    price_out: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a call may use. `reason` says where the window comes from, `source` in one word; `notice` is for the user,
    once, or empty."""

    window: int
    output: int
    reason: str
    notice: str = ""
    source: WindowSource = "guess"


def read_catalog(text: str) -> tuple[Facts, ...]:
    """The rows of a catalog's TOML."""
    return msgspec.convert(tomllib.loads(text)["model"], tuple[Facts, ...])


@functools.cache
def shipped() -> tuple[Facts, ...]:
    """The table that comes with agentd."""
    return read_catalog(importlib.resources.files("agentd.providers").joinpath("catalog.toml").read_text("utf-8"))


def facts_of(model: str, table: Sequence[Facts]) -> Facts | None:
    """The row for a model's name: exact, or without a maker's prefix and a dated suffix. Never by likeness."""
    bare = model.rpartition("/")[2].lower()
    for name in (bare, _DATED.sub("", bare)):
        for row in table:
            if row.match == name:
                return row
    return None


def limits_of(connection: Connection, reported_window: int | None, table: Sequence[Facts]) -> Limits:
    """The window and the longest answer of a connection. `reported_window`: what the server says it was started with."""
    facts = facts_of(connection.model, table)
    asked, notice = connection.window, ""
    source: WindowSource
    if reported_window is not None and asked is not None:
        window, reason = min(asked, reported_window), "the smaller of the setting and the server's own report"
        source = "settings" if asked < reported_window else "server"
        if asked != reported_window:
            notice = f"models.{connection.name}.window is {asked}, the server says {reported_window}; {window} is used"
    elif reported_window is not None:
        window, reason, source = reported_window, "the server's own report", "server"
    elif asked is not None:
        window, reason, source = asked, f"models.{connection.name}.window", "settings"
    elif facts is not None:
        window, reason, source = facts.window, f"the catalog, as of {facts.as_of.isoformat()}", "table"
    else:
        window, source = UNKNOWN_WINDOW, "guess"
        reason = "nothing says how large the window is, so a small one is taken"
        notice = f"the window of {connection.name} is not known; {window} tokens are used. Set models.{connection.name}.window"
    share = window // _LARGEST_OUTPUT_SHARE
    output = min(facts.output, share) if facts else min(_USUAL_OUTPUT, share)
    return Limits(window, output, reason, notice, source)
