"""tool.*: what the model can do, and the whole output of a call."""

from __future__ import annotations

import msgspec

from agentproto.method import Count, Method, Offset

__all__ = [
    "METHODS",
    "ListParams",
    "ListResult",
    "OutputParams",
    "OutputResult",
    "ShowParams",
    "ToolInfo",
]


class ToolInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """`access` says in words what a call may touch; `out` why a session does not get it (empty: it is in)."""

    name: str
    summary: str
    description: str
    read_only: bool
    concurrency_safe: bool
    access: str
    recovery: str
    compactable: bool
    timeout_ms: int
    max_result_chars: int
    input_schema: dict[str, object]
    output_schema: dict[str, object]
    out: str = ""


class ListParams(msgspec.Struct, frozen=True, omit_defaults=True):
    """Not paged: all of them stand in each request to a model, so they are few by nature."""

    session: str | None = None


class ListResult(msgspec.Struct, frozen=True):
    tools: tuple[ToolInfo, ...]


class ShowParams(msgspec.Struct, frozen=True):
    name: str


class OutputParams(msgspec.Struct, frozen=True, omit_defaults=True):
    """`call` is a call's id as items show it. At most `limit` bytes from `offset`."""

    call: str
    offset: Offset = 0
    limit: Count = 1024 * 1024


class OutputResult(msgspec.Struct, frozen=True):
    """`data` are the raw bytes; `total_bytes` how many there are in all."""

    data: bytes
    total_bytes: int


METHODS = (
    Method("tool.list", ListParams, ListResult, "Tools, and why a session does not get one."),
    Method("tool.show", ShowParams, ToolInfo, "One tool, with schemas."),
    Method("tool.output", OutputParams, OutputResult, "The whole output of a call, in pieces."),
)
