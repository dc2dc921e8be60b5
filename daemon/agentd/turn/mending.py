"""A reply as it is recorded: arguments that are no JSON mended where that is certain, and what came without end cut off.

What is mended is said with the call's result; what can't be stays as the model wrote it, and is answered with its fault.
Pure. Callers: `turn.model_call`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from msgspec import structs

from agentd.errors import BadArgumentsError
from agentd.providers.argument_repair import Mended, mend
from agentd.providers.repetition import without_repetition
from agentd.tools.arguments import validate
from agentd.tools.base import Tool
from agentd.turn.reply import UNREADABLE, whole_value
from agentproto.content import Block, TextBlock, ThinkingBlock, ToolUseBlock

__all__ = ["mend_calls", "without_end"]


def mend_calls(
    blocks: tuple[Block, ...],
    tools: Mapping[str, Tool],
    schemas: Mapping[str, Mapping[str, object]],
    *,
    cut: bool,
) -> tuple[tuple[Block, ...], dict[str, tuple[str, ...]]]:
    """The blocks with what was certainly meant, and what was mended, by call. `schemas`: of the tools that were offered;
    `cut`: the reply ended before the model wanted it to."""
    notes: dict[str, tuple[str, ...]] = {}
    out: list[Block] = []
    for block in blocks:
        if isinstance(block, ToolUseBlock) and UNREADABLE in block.arguments and block.name in schemas:
            raw, fits = str(block.arguments[UNREADABLE]), functools.partial(_fits, tools.get(block.name))
            found = mend(block.name, raw, schemas[block.name], fits, cut=cut)
            if isinstance(found, Mended):
                arguments = whole_value(found.arguments)
                assert isinstance(arguments, dict)
                block = structs.replace(block, arguments=arguments)
                notes[block.call] = found.notes
        out.append(block)
    return tuple(out), notes


def _fits(tool: Tool | None, given: Mapping[str, object]) -> bool:
    if tool is None:
        return False
    try:
        validate(tool.spec, given)
    except BadArgumentsError:
        return False
    return True


def without_end(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks of a reply that was stopped because it repeated itself, with what came again and again once."""
    if not blocks:
        return blocks
    *before, last = blocks
    if isinstance(last, TextBlock | ThinkingBlock):
        last = structs.replace(last, text=without_repetition(last.text))
    return (*before, last)
