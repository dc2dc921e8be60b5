"""Arguments that are malformed JSON: mended when that is certain, else told with the exact place of the fault.

It decides what "certain" is: the forgiving reader could read the text one way only, the result passes the tool's own
validation, and the reply was not cut. It must never guess, and it takes no longer than the text is long: a model's text
may be anything. (The known repair libraries were measured and not taken: `docs/small-models.md` says why.) Callers:
the turn, before a call is judged; `tool_text_values`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agentd.providers.argument_repair_reader import read
from agentd.providers.argument_repair_schema import short_form

__all__ = ["Mended", "Unmended", "certain", "mend"]

_SHOWN = 40  # characters around a fault that are quoted

_EXPECTED: Mapping[str, str] = {
    "Expecting value": "a value was expected",
    "Expecting ',' delimiter": "a comma or a closing bracket was expected (is a quote inside a text not escaped?)",
    "Expecting ':' delimiter": "a colon was expected",
    "Expecting property name enclosed in double quotes": "a name in double quotes was expected",
    "Illegal trailing comma before end of object": "no comma may stand before the closing brace",
    "Illegal trailing comma before end of array": "no comma may stand before the closing bracket",
    "Unterminated string starting at": "the text that begins here has no closing quote",
    "Invalid control character at": "a line break or a control character in a text has to be escaped",
    "Invalid \\escape": "a backslash in a text has to be doubled",
    "Invalid \\uXXXX escape": "four hexadecimal digits were expected",
    "Extra data": "nothing was expected after the object",
}


@dataclass(frozen=True, slots=True)
class Mended:
    """What was certainly meant; `notes` say what was mended, each a few words, for the model and the person."""

    arguments: dict[str, object]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unmended:
    """Why not. `line` and `column` count from 1 (0: there is no one place). `text` is the answer for the model."""

    line: int
    column: int
    fault: str
    text: str


def mend(
    name: str,
    raw: str,
    schema: Mapping[str, object],
    fits: Callable[[Mapping[str, object]], bool],
    *,
    cut: bool = False,
) -> Mended | Unmended:
    """The arguments that the model wrote as `raw` for the tool `name`. `fits`: whether they pass the tool's own
    validation (right JSON is not asked: whoever validates has better words for what is wrong with it then); `cut`: the
    reply ended before the model wanted it to."""
    mended = certain(raw)
    if mended is not None and not mended.notes:
        return mended
    if mended is not None and not cut and fits(mended.arguments):
        return mended
    line, column, fault = _fault(raw)
    if cut:
        fault = f"the reply was cut off inside them ({fault})"
    elif mended is not None:
        fault = f"{fault}; read as {_cut(json.dumps(mended.arguments, ensure_ascii=False))} they do not fit the tool"
    place = f"line {line}, column {column}: " if line else ""
    advice = "Send less in one call." if cut else "Send the call again, with all of its arguments as one JSON object."
    text = (
        f"Not run: the arguments of {name} are not valid JSON. {place}{fault}{_around(raw, line, column)}\n"
        f"The arguments of {name} are: {short_form(schema)}\n{advice}"
    )
    return Unmended(line, column, fault, text)


def certain(raw: str) -> Mended | None:
    """The object that `raw` certainly means, and what it took; None when that is not certain."""
    value, error = _strict(raw)
    if error is None and isinstance(value, str):
        # Some models write the object as JSON text inside JSON text.
        inner, _ = _strict(value)
        return _mended(inner, ("the arguments were text inside a text",))
    if error is None:
        return _mended(value, ())
    body, fence = _unfenced(raw)
    found = read(body)
    return None if found is None else _mended(found[0], (*fence, *found[1]))


def _mended(value: object, notes: tuple[str, ...]) -> Mended | None:
    return Mended(value, notes) if isinstance(value, dict) and _sound(value) else None


def _sound(value: object) -> bool:
    """Whether it can be written down: half a surrogate pair and a number without end cannot."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _strict(raw: str) -> tuple[object, Exception | None]:
    try:
        return json.loads(raw, parse_constant=_no_number), None
    except (ValueError, RecursionError) as error:
        return None, error


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no number of JSON")


def _unfenced(raw: str) -> tuple[str, tuple[str, ...]]:
    body = raw.strip()
    if not body.startswith("```") or not body.endswith("```") or "\n" not in body:
        return raw, ()
    return body.partition("\n")[2].removesuffix("```"), ("a code fence around the arguments was taken away",)


def _fault(raw: str) -> tuple[int, int, str]:
    value, error = _strict(raw)
    if isinstance(error, json.JSONDecodeError):
        if not raw.strip():
            return 0, 0, "they are empty; an object was expected"
        return error.lineno, error.colno, _EXPECTED.get(error.msg, error.msg)
    if isinstance(error, RecursionError):
        return 0, 0, "they are nested too deeply"
    if error is not None:
        return 0, 0, str(error)
    if not _sound(value):
        return 0, 0, "they hold half a surrogate pair, or a number that is too large"
    kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
    return 0, 0, f"they are {kind}; an object was expected"


def _around(raw: str, line: int, column: int) -> str:
    if not line:
        return ""
    row = raw.split("\n")[line - 1]
    return f", at `{row[max(0, column - 1 - _SHOWN // 2) : column - 1 + _SHOWN // 2]}`" if row.strip() else ""


def _cut(text: str) -> str:
    return text if len(text) <= 2 * _SHOWN else text[: 2 * _SHOWN] + "…"
