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
    "Effort",
    "Estimates",
    "ListParams",
    "ListResult",
    "ModelInfo",
    "ModelKind",
    "ModelRole",
    "Price",
    "PurposeBudget",
    "TestCheck",
    "TestParams",
    "TestResult",
    "UseParams",
    "UseResult",
]

Price = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
"""Finite, and never negative: a price enters every budget."""
ModelKind = Literal["offline", "scripted", "openai-chat", "openai-responses", "anthropic", "ollama"]


Effort = Literal["", "low", "medium", "high"]
ModelRole = Literal["main", "side", "summary"]
"""What a connection may be named for: new turns; titles and the like; summaries of long sessions."""


class ModelInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """`in_use` with `reason`: which one serves, and why that one. `key` is the reference, never the key.

    `state`: `unusable` where something is missing or nobody answers, which `why_not` says, with the `remedy`. `roles`: what
    settings name it for, `main` where it serves new turns for whatever reason. `window` in tokens, as `window_from` says.
    `price_in`, `price_out`: dollars a million tokens, as `price_from` says; `price_as_of`: the day (yyyy-mm-dd) of a price
    from the table of known models. `answers`: whether its server answered just now; nil: it was not asked. `slots`:
    requests that its server serves at a time; 0: it does not say. `source`: the file and line, variable or address that
    it comes from.
    """

    name: str
    kind: str
    model: str
    in_use: bool
    reason: str
    source: str
    url: str = ""
    window: int = 0
    key: str = ""
    state: Literal["in_use", "configured", "found", "built_in", "unusable"] = "configured"
    why_not: str = ""
    remedy: str = ""
    roles: tuple[ModelRole, ...] = ()
    fallback: tuple[str, ...] = ()
    effort: Effort = ""
    window_from: Literal["", "server", "settings", "table", "guess", "built_in"] = ""
    price_in: Price | None = None
    price_out: Price | None = None
    price_from: Literal["", "settings", "table", "local"] = ""
    price_as_of: str = ""
    answers: bool | None = None
    slots: int = 0


class ListParams(msgspec.Struct, frozen=True):
    """Not paged: there are as many as a person wrote into the settings, and the few that are found."""


class ListResult(msgspec.Struct, frozen=True):
    models: tuple[ModelInfo, ...]


class AddParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`model_key` is a reference: env:NAME, file:PATH, cmd:COMMAND, keyring:SERVICE/USER. Prices in dollars a million tokens (which is micro-dollars a
    token), as price lists give them.

    `fallback`: connections that stand in for it, in their order. `effort`: how much the model may think. `images`,
    `calls_in_text`: whether it is shown pictures, and whether calls are looked for in its text; nil: by its server.
    `stall_ms`: no byte for so long is a broken stream. `send_session_id`: whether its server is told which session a
    request belongs to."""

    key: Key
    name: str
    kind: ModelKind
    url: str
    model: str = ""
    model_key: str = ""
    window: Count | None = None
    price_in: Price | None = None
    price_out: Price | None = None
    fallback: Annotated[tuple[str, ...], msgspec.Meta(max_length=16)] = ()
    effort: Effort = ""
    images: bool | None = None
    calls_in_text: bool | None = None
    stall_ms: Count | None = None
    send_session_id: bool = False


class AddResult(msgspec.Struct, frozen=True):
    file: str


class UseParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    key: Key
    name: str
    role: ModelRole = "main"


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
    """`ok`: all that a turn needs holds; a check whose `seen` begins with "no" tells what there is not, which is no fault.

    `counts`: whether the server tells usage; `counts_ahead`: whether it counts a request that was not made. `tools`: in
    which form the model called one, `none` where it did not this time, empty where the call failed. `schema`: whether an
    answer came in the form that was asked for. `thinking`: whether it was seen to think. `window` in tokens, as
    `window_from` says; `slots`: requests at a time, 0: it does not say. `mended_url`: the address at which the model
    answered, where the connection's own gave nothing; `mended_file`: the settings file into which it was written.
    `calls` to `estimated`: what the test itself used, as the ledger has it.
    """

    name: str
    ok: bool
    checks: tuple[TestCheck, ...]
    first_token_ms: int = 0
    tokens_per_second: float = 0.0
    counts: bool = False
    counts_ahead: bool = False
    tools: Literal["", "calls", "text", "none"] = ""
    schema: bool = False
    thinking: bool = False
    window: int = 0
    window_from: Literal["", "server", "settings", "table", "guess", "built_in"] = ""
    slots: int = 0
    mended_url: str = ""
    mended_file: str = ""
    calls: int = 0
    input: int = 0
    output: int = 0
    usd_micros: int = 0
    estimated: int = 0


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


class PurposeBudget(msgspec.Struct, frozen=True, omit_defaults=True):
    """What calls of one purpose may cost on a day in micro-dollars (None: only the general limits count) and have cost
    today; `with_purposes` share the same cap. `blocks`: a turn waits for them."""

    purpose: str
    usd_micros: int | None
    spent_usd_micros: int
    words: str = ""
    with_purposes: tuple[str, ...] = ()
    blocks: bool = False


class BudgetResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Limits in micro-dollars (0: none), and what today (UTC) has cost, with what is reserved now. `local_*`: limits of
    models on this machine in tokens and milliseconds, and what they used today."""

    session_usd_micros: int
    day_usd_micros: int
    spent_today_usd_micros: int
    estimates: tuple[Estimates, ...] = ()
    purposes: tuple[PurposeBudget, ...] = ()
    local_session_tokens: int = 0
    local_day_tokens: int = 0
    local_day_ms: int = 0
    local_tokens_today: int = 0
    local_ms_today: int = 0


METHODS = (
    Method("model.list", ListParams, ListResult, "Connections, which one is in use, and why."),
    Method("model.add", AddParams, AddResult, "Write a connection into the settings.", mutates=True, role="owner"),
    Method("model.use", UseParams, UseResult, "Choose the connection for new turns.", mutates=True, role="owner"),
    Method("model.costs", CostsParams, CostsResult, "What was spent, by purpose, session, model or day."),
    Method("model.budget", BudgetParams, BudgetResult, "What may be spent, and how good the estimates are."),
    Method("model.test", TestParams, TestResult, "A real round trip with a connection.", role="editor"),
)
