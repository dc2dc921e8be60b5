"""Plain values <-> typed structures, strictly, with the path of what is wrong.

No coercion: a number in a text is not a number. Unknown fields are an error in requests (a typo must not be ignored)
and ignored everywhere else (so that an older reader understands a newer event or log). Callers: handlers' border,
clients' border, the session log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import msgspec

from agentproto.errors import ErrorCode, RemoteProtocolError

__all__ = ["request", "to_plain", "typed", "unknown_field"]

T = TypeVar("T")
_AT = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`$")


def typed(value: object, kind: type[T]) -> T:
    """`value` as `kind`; RemoteProtocolError (bad_input) naming the field's path when it does not fit."""
    try:
        # bytes count as plain: else a text would be taken for them and read as base64
        return msgspec.convert(value, kind, strict=True, builtin_types=(bytes,))
    except (msgspec.ValidationError, ValueError, TypeError) as fault:  # TypeError: a tag that is a list or a map
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
    check = _check_of(kind)
    return check(value, "") if check else None


def to_plain(value: object) -> dict[str, object]:
    """A structure as a plain map, ready for the codec."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    if not isinstance(plain, dict):
        raise TypeError(f"{type(value).__name__} is not a map on the wire")
    return plain


# A check walks one value and says the path of the first unknown key; None stands for "anything goes here".
_Check = Callable[[object, str], str | None] | None


@cache
def _check_of(kind: type) -> _Check:
    return _check(msgspec.inspect.type_info(kind))


def _check(info: msgspec.inspect.Type) -> _Check:
    match info:
        case msgspec.inspect.Metadata(type=inner):
            return _check(inner)
        case msgspec.inspect.StructType(array_like=False):
            return _fields(info)
        case msgspec.inspect.ListType(item_type=inner) | msgspec.inspect.VarTupleType(item_type=inner):
            return _each(_check(inner))
        case msgspec.inspect.DictType(value_type=inner):
            return _values(_check(inner))
        case msgspec.inspect.UnionType(types=types):
            return _union(types)
        case _:
            return None


def _fields(info: msgspec.inspect.StructType) -> _Check:
    known = {field.encode_name: _check(field.type) for field in info.fields}
    if info.tag_field:
        known[info.tag_field] = None

    def check(value: object, path: str) -> str | None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key not in known:
                    return f"{path}.{key}" if path else str(key)
                deeper = known[key]
                if deeper and (found := deeper(inner, f"{path}.{key}" if path else str(key))):
                    return found
        return None

    return check


def _each(item: _Check) -> _Check:
    if item is None:
        return None

    def check(value: object, path: str) -> str | None:
        if isinstance(value, list | tuple):
            for index, inner in enumerate(value):
                if found := item(inner, f"{path}[{index}]"):
                    return found
        return None

    return check


def _values(item: _Check) -> _Check:
    if item is None:
        return None

    def check(value: object, path: str) -> str | None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if found := item(inner, f"{path}.{key}" if path else str(key)):
                    return found
        return None

    return check


def _union(types: tuple[msgspec.inspect.Type, ...]) -> _Check:
    """Structures of a union are told apart by their tag; of other forms a union has one at most."""
    structs = [info for info in types if isinstance(info, msgspec.inspect.StructType) and info.tag_field]
    tagged = {info.tag: _fields(info) for info in structs}
    tag_field = structs[0].tag_field if structs else None
    others = [found for info in types if info not in structs and (found := _check(info))]

    def check(value: object, path: str) -> str | None:
        if tag_field and isinstance(value, dict):
            # A tag that is not known, or no text at all, is for `typed` to name.
            tag = value.get(tag_field)
            candidates = [tagged.get(tag)] if isinstance(tag, str | int | None) else []
        else:
            candidates = [*others]
        for candidate in candidates:
            if candidate and (found := candidate(value, path)):
                return found
        return None

    return check if tagged or others else None
