"""model.*: connections to model servers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from agentproto.method import Count, Key, Method

__all__ = [
    "METHODS",
    "AddParams",
    "AddResult",
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


METHODS = (
    Method("model.list", ListParams, ListResult, "Connections, which one is in use, and why."),
    Method("model.add", AddParams, AddResult, "Write a connection into the settings.", mutates=True, role="owner"),
    Method("model.use", UseParams, UseResult, "Choose the connection for new turns.", mutates=True, role="owner"),
    Method("model.test", TestParams, TestResult, "A real round trip with a connection.", role="editor"),
)
