"""What a model gave for arguments -> a validated structure, or words that a small model can act on.

It decides which repairs are certain (a number written as text, "true" for true, a list written as JSON text, null for a
field that may be left out, a choice in other letters, one value where a list of such is wanted) and makes no others. It must never guess: a wrong name or value
is answered with the field, what was given, what is allowed, and one example. Called by the turn before permission is
asked.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from agentd.errors import BadArgumentsError
from agentd.tools.base import ToolSpec
from agentd.tools.schema import hidden

__all__ = ["FAULTS", "narrow", "repairs", "validate"]

FAULTS = 5
"""So many faults are told at once: more than a small model can repair in one go."""

_SHOWN = 80  # characters of a wrong value that are quoted
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")
# What a text has that may be a list of several: separators, or the brackets of a list that is no JSON.
_SEVERAL = re.compile(r"[,;\n]|\A\s*[\[({]")
_STRUCT = TypeVar("_STRUCT", bound=msgspec.Struct)


def validate(spec: ToolSpec, given: Mapping[str, object]) -> msgspec.Struct:
    """The structure `spec.arguments`; BadArgumentsError naming each wrong field."""
    info = inspect.type_info(spec.arguments)
    assert isinstance(info, inspect.StructType)
    fields = {field.encode_name: field for field in info.fields}
    hints = get_type_hints(spec.arguments, include_extras=True)
    faults: list[tuple[str, str]] = [(name, _unknown(name, fields)) for name in given if name not in fields]
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name not in given:
            if field.required:
                faults.append((name, f"the argument `{name}` is missing; it has to be {_allowed(field.type)}"))
            continue
        value = _repaired(given[name], field.type)
        if value is None and not field.required and not _takes_none(field.type):
            continue
        try:
            values[field.name] = msgspec.convert(value, hints[field.name], strict=True)
        except (msgspec.ValidationError, ValueError) as fault:
            faults.append((name, _wrong(name, given[name], field.type, str(fault))))
    if not faults:
        try:
            return spec.arguments(**values)
        except ValueError as fault:
            faults.append(("", str(fault)))
    shown = [words for _, words in faults[:FAULTS]]
    if len(faults) > FAULTS:
        shown.append(f"and {len(faults) - FAULTS} more")
    raise BadArgumentsError(
        f"{spec.name}: " + "; ".join(shown),
        remedy="A right call looks like this: " + json.dumps(spec.example, ensure_ascii=False),
        field=faults[0][0] or None,
    )


def repairs(spec: ToolSpec, given: Mapping[str, object]) -> tuple[str, ...]:
    """What `validate` reads otherwise than it was given, a few words each, for the result of the call to show."""
    info = inspect.type_info(spec.arguments)
    assert isinstance(info, inspect.StructType)
    told = []
    for field in info.fields:
        if field.encode_name in given:
            value = given[field.encode_name]
            taken = _repaired(value, field.type)
            if _json(taken) != _json(value):
                told.append(f"`{field.encode_name}` was {_given(value)}; taken as {_cut(_json(taken))}")
    return tuple(told)


def narrow(arguments: msgspec.Struct, kind: type[_STRUCT]) -> _STRUCT:
    """The same arguments, known to be the tool's own; TypeError when somebody handed a tool another tool's."""
    if not isinstance(arguments, kind):
        raise TypeError(f"{type(arguments).__name__} are not the arguments {kind.__name__}")
    return arguments


def _unknown(name: object, fields: Mapping[str, inspect.Field]) -> str:
    shown = [known for known, field in fields.items() if not hidden(field)]
    near = difflib.get_close_matches(str(name).lower(), shown, n=1)
    meant = f"; did you mean `{near[0]}`?" if near else ""
    names = ", ".join(f"`{known}`" for known in shown) or "none"
    return f"there is no argument `{_cut(str(name))}`{meant} (known: {names})"


def _wrong(name: str, value: object, kind: inspect.Type, fault: str) -> str:
    words = f"the argument `{name}` is {_given(value)}; it has to be {_allowed(kind)}"
    # Inside a list or a map the place has to be named too.
    at = re.search(r" - at `\$\.?([^`]+)`$", fault)
    return f"{words} (wrong at `{name}{_place(at[1])}`: {fault[: at.start()]})" if at else words


def _place(path: str) -> str:
    return path if path.startswith("[") else f".{path}"


def _given(value: object) -> str:
    return f"{_kind_of(value)}: {_cut(_json(value))}"


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "a map"
        case _:
            return "a list"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _allowed(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner):
            return _allowed(inner)
        case inspect.StrType(min_length=least):
            return "a text that is not empty" if least else "a text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(kind.ge, kind.le)
        case inspect.FloatType():
            return "a number" + _range(kind.ge, kind.le)
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(json.dumps(value) for value in values)
        case inspect.ListType() | inspect.VarTupleType():
            return f"a list, each item {_allowed(kind.item_type)}"
        case inspect.StructType(fields=fields):
            return "a map with " + ", ".join(f"`{field.encode_name}` ({_allowed(field.type)})" for field in fields)
        case inspect.UnionType(types=types):
            return " or ".join(_allowed(inner) for inner in types)
        case inspect.NoneType():
            return "null"
        case _:
            return "another kind of value"


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f", at least {least}"
    return f", at most {most}" if most is not None else ""


def _takes_none(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _takes_none(kind.type)
    return isinstance(kind, inspect.UnionType) and kind.includes_none


def _repaired(value: object, kind: inspect.Type) -> object:
    """The value as it was certainly meant; unchanged where that is not certain."""
    match kind:
        case inspect.Metadata(type=inner):
            return _repaired(value, inner)
        case inspect.UnionType(types=types):
            others = [inner for inner in types if not isinstance(inner, inspect.NoneType)]
            return _repaired(value, others[0]) if len(others) == 1 and value is not None else value
        case inspect.IntType():
            if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
                return int(value)
            return int(value) if isinstance(value, float) and value.is_integer() else value
        case inspect.FloatType():
            return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value
        case inspect.BoolType():
            words = {"true": True, "false": False}
            return words.get(value.strip().lower(), value) if isinstance(value, str) else value
        case inspect.StrType():
            return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        case inspect.LiteralType(values=values):
            return _choice(value, values)
        case inspect.ListType() | inspect.VarTupleType():
            items = _alone(_from_json(value, list), kind.item_type)
            return [_repaired(item, kind.item_type) for item in items] if isinstance(items, list) else items
        case inspect.StructType(fields=fields):
            found = _from_json(value, dict)
            if not isinstance(found, dict):
                return found
            kinds = {field.encode_name: field.type for field in fields}
            return {key: _repaired(item, kinds[key]) if key in kinds else item for key, item in found.items()}
        case _:
            return value


def _alone(value: object, item: inspect.Type) -> object:
    """One value where a list of such is wanted, as a list; unchanged where it may be several, or is another kind."""
    while isinstance(item, inspect.Metadata):
        item = item.type
    match item, value:
        case inspect.StrType(), str():
            fine = bool(value.strip()) and not _SEVERAL.search(value)
        case inspect.StructType(), str() | dict():
            value = _from_json(value, dict)
            fine = isinstance(value, dict)
        case (inspect.IntType(), int()) | (inspect.FloatType(), int() | float()):
            fine = not isinstance(value, bool)
        case _:
            fine = False
    return [value] if fine else value


def _choice(value: object, values: Sequence[object]) -> object:
    if not isinstance(value, str) or value in values:
        return value
    same = [one for one in values if isinstance(one, str) and one.lower() == value.strip().lower()]
    return same[0] if len(same) == 1 else value


def _from_json(value: object, kind: type) -> object:
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, kind) else value
    return value
