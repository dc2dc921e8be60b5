"""The arguments of a tool as JSON Schema for models: flat, without references, in the order of the fields.

It decides how a type is shown. The schema is a part of every request, so the same types must give the same bytes on
every machine and day. Called by `agentd.tools.registry` and by whoever builds a model's tool definitions.

A field may say with `msgspec.Meta(extra=...)` how it is shown: `HIDDEN` keeps a second way of saying the same from the
model, `REQUIRED` shows a field as required that has a default only because of that second way.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import inspect

from agentd.tools.base import ToolSpec

__all__ = ["HIDDEN", "OUTPUT", "REQUIRED", "hidden", "input_schema"]

HIDDEN = {"agentd": "hidden"}
REQUIRED = {"agentd": "required"}

OUTPUT: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "description": "what the model reads"},
        "status": {"enum": ["ok", "error", "denied", "interrupted", "unknown"]},
    },
    "required": ["text", "status"],
    "additionalProperties": False,
}
"""The shape of every tool's result."""


def input_schema(spec: ToolSpec) -> dict[str, object]:
    """JSON Schema of `spec.arguments`; NotImplementedError for a type that has no flat form."""
    return _struct(spec.arguments, spec.argument_words)


def hidden(field: inspect.Field) -> bool:
    """Whether the field is accepted and not shown."""
    return _mark(field.type) == "hidden"


def _struct(kind: type[msgspec.Struct], words: Mapping[str, str]) -> dict[str, object]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    properties: dict[str, object] = {}
    required: list[str] = []
    for field in info.fields:
        if hidden(field):
            continue
        shown = _type(field.type)
        if field.encode_name in words:
            shown["description"] = words[field.encode_name]
        if field.required or _mark(field.type) == "required":
            required.append(field.encode_name)
        elif field.default is not msgspec.NODEFAULT and field.default is not None:
            shown["default"] = msgspec.to_builtins(field.default)
        properties[field.encode_name] = shown
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(info: inspect.Type) -> dict[str, object]:
    match info:
        case inspect.Metadata(type=inner):
            return _type(inner)
        case inspect.StrType():
            return _with({"type": "string"}, minLength=info.min_length, maxLength=info.max_length)
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType():
            return _with({"type": "integer"}, minimum=info.ge, maximum=info.le)
        case inspect.FloatType():
            return _with({"type": "number"}, minimum=info.ge, maximum=info.le)
        case inspect.LiteralType(values=values):
            return {"type": "string", "enum": list(values)}
        case inspect.ListType() | inspect.VarTupleType():
            items: dict[str, object] = {"type": "array", "items": _type(info.item_type)}
            return _with(items, minItems=info.min_length, maxItems=info.max_length)
        case inspect.StructType(cls=cls):
            return _struct(cls, {})
        case inspect.UnionType(types=types):
            # Left out is how a model says "none": the other form is the whole of what it is shown.
            others = [inner for inner in types if not isinstance(inner, inspect.NoneType)]
            if len(others) == 1:
                return _type(others[0])
        case _:
            pass
    raise NotImplementedError(f"no flat schema for {info!r}")


def _with(schema: dict[str, object], **limits: object) -> dict[str, object]:
    return schema | {name: limit for name, limit in limits.items() if limit is not None}


def _mark(info: inspect.Type) -> object:
    return (info.extra or {}).get("agentd") if isinstance(info, inspect.Metadata) else None
