"""Plain values <-> typed structures, strictly, with the path of what is wrong.

No coercion: a number in a text is not a number. Unknown fields are an error in requests (a typo must not be ignored)
and ignored everywhere else (so that an older reader understands a newer event or log). Callers: handlers' border,
clients' border, the session log.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TypeVar

import msgspec

from agentproto.errors import ErrorCode, RemoteProtocolError

__all__ = ["request", "to_plain", "typed", "unknown_field"]

T = TypeVar("T")
_AT = re.compile(r" - at `\$\.?([^`]*)`$")


def typed(value: object, kind: type[T]) -> T:
    """`value` as `kind`; RemoteProtocolError (bad_input) naming the field's path when it does not fit."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except (msgspec.ValidationError, ValueError) as fault:
        text = str(fault)
        found = _AT.search(text)
        path = found.group(1) if found else None
        message = _AT.sub("", text)
        where = f"{path}: " if path else ""
        raise RemoteProtocolError(ErrorCode.BAD_INPUT, where + message, field=path or None) from None


def request(value: dict[str, object], kind: type[T]) -> T:
    """Like `typed`, and a field that `kind` does not know is an error too."""
    path = unknown_field(value, kind)
    if path is not None:
        raise RemoteProtocolError(ErrorCode.UNKNOWN_FIELD, f"the field {path!r} is not known here", field=path)
    return typed(value, kind)


def unknown_field(value: object, kind: type) -> str | None:
    """Dotted path of the first key in `value` that `kind` has no field for, or None."""
    return _unknown(value, _tree(kind), "")


def to_plain(value: object) -> dict[str, object]:
    """A structure as a plain map, ready for the codec."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    if not isinstance(plain, dict):
        raise TypeError(f"{type(value).__name__} is not a map on the wire")
    return plain


# A tree says which keys are known: {field: subtree}; None where anything goes; a list of one for sequences.
_Tree = dict[str, "_Node"]
_Node = None | list["_Node"] | tuple["_Tree", ...]


@cache
def _tree(kind: type) -> _Node:
    return _node(msgspec.inspect.type_info(kind))


def _node(info: msgspec.inspect.Type) -> _Node:
    if isinstance(info, msgspec.inspect.StructType) and not info.array_like:
        fields: _Tree = {field.encode_name: _node(field.type) for field in info.fields}
        if info.tag_field:
            fields[info.tag_field] = None
        return (fields,)
    if isinstance(info, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        inner = _node(info.item_type)
        return None if inner is None else [inner]
    if isinstance(info, msgspec.inspect.UnionType):
        merged: _Tree = {}
        for node in map(_node, info.types):
            if isinstance(node, tuple):
                for fields in node:
                    merged |= fields
            elif isinstance(node, list):
                return node
        return (merged,) if merged else None
    return None


def _unknown(value: object, node: _Node, path: str) -> str | None:
    if isinstance(node, tuple) and isinstance(value, dict):
        for fields in node:
            for key, inner in value.items():
                here = f"{path}.{key}" if path else str(key)
                if key not in fields:
                    return here
                found = _unknown(inner, fields[key], here)
                if found is not None:
                    return found
    elif isinstance(node, list) and isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            found = _unknown(inner, node[0], f"{path}[{index}]")
            if found is not None:
                return found
    return None
