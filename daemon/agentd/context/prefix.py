"""The recorded prefix: system sections, tool definitions and parameters as a session first sent them.

They are kept as a blob and re-sent byte for byte, over restart and upgrade; only a switch of model or of the tools a
mode offers records anew, with the reason. Pure. Callers: `context.assemble`.
"""

from __future__ import annotations

import msgspec

from agentd.context.sections import SECTIONS, SessionFacts
from agentd.providers.base import Effort, ToolDefinition
from agentd.session.state import PrefixRef

__all__ = ["Prefix", "decode_prefix", "encode_prefix", "make_prefix", "why_anew"]


class Prefix(msgspec.Struct, frozen=True, omit_defaults=True):
    """`sections`: (name, text) in order. `tools`: (name, description, schema), sorted by name."""

    sections: tuple[tuple[str, str], ...]
    tools: tuple[tuple[str, str, dict[str, object]], ...]
    max_output: int
    effort: Effort = ""


def make_prefix(facts: SessionFacts, tools: tuple[ToolDefinition, ...], max_output: int, effort: Effort = "") -> Prefix:
    """What a session would send first."""
    ordered = sorted(tools, key=lambda tool: tool.name)
    return Prefix(
        sections=tuple((section.name, section.compute(facts)) for section in SECTIONS),
        tools=tuple((tool.name, tool.description, dict(tool.schema)) for tool in ordered),
        max_output=max_output,
        effort=effort,
    )


def encode_prefix(prefix: Prefix) -> bytes:
    """Its bytes, key order fixed, for the blob."""
    return msgspec.json.encode(prefix)


def decode_prefix(data: bytes) -> Prefix:
    return msgspec.json.decode(data, type=Prefix)


def why_anew(recorded: PrefixRef | None, model: str, tools: tuple[str, ...]) -> str | None:
    """The reason to record a prefix anew, or None when the recorded one serves."""
    if recorded is None:
        return "first request of the session, or the model was switched"
    if recorded.model != model:
        return f"the model changed from {recorded.model} to {model}"
    if recorded.tools != tools:
        return "the mode offers other tools"
    return None
