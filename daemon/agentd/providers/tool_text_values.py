"""What stands inside a call that was written as text: its name and its arguments, out of JSON or Python.

It decides which objects are calls (keys that a call has, a name that is offered) and what their arguments are. It must
never run anything: Python is parsed and only literals are taken. Arguments that cannot be read stay None with their
text, so that whoever judges the call can tell the model the fault. Callers: the readers of `tool_text_formats`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from agentd.providers.argument_repair import certain

__all__ = ["Written", "arguments_of", "call_of", "keywords"]

_NAMES = ("name", "function", "tool", "tool_name")
_ARGUMENTS = ("arguments", "parameters", "args")
_OTHERS = frozenset({"type", "id", "call_id", "tool_call_id", "index"})
_INNER = re.compile(r"""["']?(?:arguments|parameters|args)["']?\s*:\s*""")
_PYTHON_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = frozenset("\\'\"abfnrtv01234567xNuU\n")
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Written:
    """A call as it was written. `arguments` is None when `raw` could not be read as an object."""

    name: str
    arguments: dict[str, object] | None
    raw: str

    @classmethod
    def whole(cls, name: str, arguments: dict[str, object]) -> Written:
        return cls(name, arguments, msgspec.json.encode(arguments).decode())


def arguments_of(name: str, raw: str) -> Written:
    """The call whose arguments are the text `raw`."""
    found = _object(raw)
    return Written(name, None, raw) if found is None else Written(name, found, raw)


def call_of(raw: str, name: str, offered: frozenset[str], *, strict: bool) -> Written | None:
    """The call in an envelope; `name`: what its beginning says already, or empty. None when it is no call."""
    found = _object(raw)
    if found is None:
        return Written(name, None, _inner(raw)) if name else None
    within = found.get("function")
    if isinstance(within, dict):
        if set(found) - {"function"} - _OTHERS:
            return None
        found = within
    named = [key for key in _NAMES if key in found]
    given = [key for key in _ARGUMENTS if key in found]
    if len(named) != 1 or len(given) > 1 or set(found) - {*named, *given} - _OTHERS or (strict and not given):
        return None
    called = found[named[0]]
    if not isinstance(called, str) or called not in offered:
        return None
    arguments = found[given[0]] if given else None
    if isinstance(arguments, str):
        return arguments_of(called, arguments or "{}")
    if arguments is None:
        return Written.whole(called, {})
    if not isinstance(arguments, dict):
        return Written(called, None, msgspec.json.encode(arguments).decode())
    return Written.whole(called, arguments)


def keywords(raw: str) -> dict[str, object] | None:
    """The keyword arguments in `(a=1, b="x")`; None when there is anything else in it."""
    try:
        tree = ast.parse("f" + _PYTHON_ESCAPE.sub(_doubled, raw), mode="eval").body
        if not isinstance(tree, ast.Call) or tree.args:
            return None
        found = {word.arg: _literal(word.value) for word in tree.keywords if word.arg is not None}
        if len(found) != len(tree.keywords):
            return None
        msgspec.json.encode(found)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, msgspec.MsgspecError):
        return None
    return found


def _literal(node: ast.expr) -> object:
    match node:
        case ast.Name(id=word) if word in _WORDS:
            return _WORDS[word]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            if any(key is None for key in keys):
                raise ValueError("a map with another one spread into it")
            return {str(_literal(key)): _literal(value) for key, value in zip(keys, values, strict=True) if key}
        case _:
            value: object = ast.literal_eval(node)
            return value


def _doubled(match: re.Match[str]) -> str:
    """A backslash that Python does not know is kept by it, with a warning; here it is doubled, without."""
    return match[0] if match[1] in _KNOWN_ESCAPES else "\\" + match[0]


def _object(raw: str) -> dict[str, object] | None:
    try:
        value = msgspec.json.decode(raw.encode("utf-8", "replace"))
        msgspec.json.encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        mended = certain(raw)
        return None if mended is None else mended.arguments
    return value if isinstance(value, dict) else None


def _inner(raw: str) -> str:
    """The arguments' part of an envelope that cannot be read, as far as it can be told apart."""
    match = _INNER.search(raw)
    if match is None:
        return raw
    inner = raw[match.end() :].rstrip()
    return inner.removesuffix("}").rstrip() if inner.count("}") > inner.count("{") else inner
