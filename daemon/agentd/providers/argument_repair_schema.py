"""A tool's arguments in one line that a small model can read: `{"path": text, "offset"?: whole number from 1}`.

It decides how much of a JSON Schema is said: names, kinds, limits and choices, no descriptions. Callers: whoever answers
a malformed call or an unknown name (`argument_repair`, `tools.unknown_tool`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["short_form"]

_KINDS = {"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number"}
_DEEP = 4  # levels that are told; what lies deeper is "..."


def short_form(schema: Mapping[str, object], depth: int = _DEEP) -> str:
    """One line; `?` marks what may be left out."""
    if depth == 0:
        return "..."
    choices, kind = schema.get("enum"), schema.get("type")
    if isinstance(choices, list):
        return " or ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)
    if kind == "array":
        items = schema.get("items")
        return f"[{short_form(items, depth - 1)}, ...]" if isinstance(items, Mapping) else "a list"
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        required = schema.get("required")
        needed = frozenset(required) if isinstance(required, list) else frozenset()
        rows = (
            f'"{name}"{"" if name in needed else "?"}: {short_form(inner, depth - 1) if isinstance(inner, Mapping) else "..."}'
            for name, inner in properties.items()
        )
        return "{" + ", ".join(rows) + "}"
    if kind == "object":
        return "an object"
    return (_KINDS.get(kind, "any value") if isinstance(kind, str) else "any value") + _limits(schema)


def _limits(schema: Mapping[str, object]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" from {least}"
    return f" up to {most}" if most is not None else ""
