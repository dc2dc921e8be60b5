"""model.*: connections to model servers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from agentproto.method import Count, Key, Method

__all__ = [
    "METHODS",
    "AddParams",
    "AddResult",
    "BudgetParams",
    "BudgetResult",
    "Cost",
    "CostsParams",
    "CostsResult",
    "Estimates",
    "ListParams",
    "ListResult",
    "ModelInfo",
    "ModelKind",
    "Price",
    "TestCheck",
    "TestParams",
    "TestResult",
    "UseParams",
    "UseResult",
]

Price = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
"""Finite, and never negative: a price enters every budget."""
ModelKind = Literal["offline", "scripted", "openai-chat", "openai-responses", "anthropic", "ollama"]


class ModelInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """`in_use` with `reason`: which one serves, and why that one. `key` is the reference, never the key."""

    name: str
    kind: str
    model: str
    in_use: bool
    reason: str
    source: str
    url: str = ""
    window: int = 0
    key: str = ""


class ListParams(msgspec.Struct, frozen=True):
    """Not paged: there are as many as a person wrote into the settings, and the few that are found."""


class ListResult(msgspec.Struct, frozen=True):
    models: tuple[ModelInfo, ...]


class AddParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`model_key` is a reference: env:NAME, file:PATH. Prices in dollars a million tokens (which is micro-dollars a
    token), as price lists give them."""

    key: Key
    name: str
    kind: ModelKind
    url: str
    model: str = ""
    model_key: str = ""
    window: Count | None = None
    price_in: Price | None = None
    price_out: Price | None = None


class AddResult(msgspec.Struct, frozen=True):
    file: str


class UseParams(msgspec.Struct, frozen=True, kw_only=True):
    key: Key
    name: str


class UseResult(msgspec.Struct, frozen=True):
    file: str


class TestParams(msgspec.Struct, frozen=True):
    name: str


class TestCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the test: what was tried, whether it held, what was seen."""

    what: str
    ok: bool
    seen: str


class TestResult(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    ok: bool
    checks: tuple[TestCheck, ...]
    first_token_ms: int = 0
    tokens_per_second: float = 0.0


class CostsParams(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was spent since a moment (ms; 0: ever), summed `by` one of four."""

    since_at_ms: int = 0
    by: Literal["purpose", "session", "model", "day"] = "purpose"


class Cost(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sum. `name`: the purpose, session, model or day (UTC, yyyy-mm-dd). `unsettled` calls were made and never ended
    (the daemon died): they count as their worst case. `estimated` calls told no usage."""

    name: str
    calls: int
    input: int
    output: int
    cached: int = 0
    usd_micros: int = 0
    unsettled: int = 0
    estimated: int = 0


class CostsResult(msgspec.Struct, frozen=True):
    costs: tuple[Cost, ...]
    total: Cost


class BudgetParams(msgspec.Struct, frozen=True):
    pass


class Estimates(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the latest `calls` of a model were counted by its server, as a share of what was projected (1.0: exact; above:
    more than that); `factor` is what the latest estimate was multiplied with for it."""

    model: str
    calls: int
    least: float
    greatest: float
    factor: float


class BudgetResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Limits in micro-dollars (0: none), and what today (UTC) has cost, with what is reserved now."""

    session_usd_micros: int
    day_usd_micros: int
    spent_today_usd_micros: int
    estimates: tuple[Estimates, ...] = ()


METHODS = (
    Method("model.list", ListParams, ListResult, "Connections, which one is in use, and why."),
    Method("model.add", AddParams, AddResult, "Write a connection into the settings.", mutates=True, role="owner"),
    Method("model.use", UseParams, UseResult, "Choose the connection for new turns.", mutates=True, role="owner"),
    Method("model.costs", CostsParams, CostsResult, "What was spent, by purpose, session, model or day."),
    Method("model.budget", BudgetParams, BudgetResult, "What may be spent, and how good the estimates are."),
    Method("model.test", TestParams, TestResult, "A real round trip with a connection.", role="editor"),
)
