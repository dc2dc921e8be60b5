"""What the judges of request bodies have in common: reading anything at all, names, ids, words, pictures.

It decides what counts as a tool's name, a call's arguments and a picture in every format, and answers with faults in
words. It never raises for what is in a body. Pure. Callers: `validate`, `validate_anthropic`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

__all__ = [
    "EFFORTS",
    "NAME",
    "Body",
    "base64_faults",
    "called",
    "head",
    "listed",
    "mapping",
    "maps",
    "picture_faults",
    "plain",
    "said",
    "schema_faults",
    "tool_names",
    "used_before",
]

Body = bytes | Mapping[str, object]
"""A request's body, or what it says."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How much a model may think, in the words of OpenAI's formats; Anthropic's has those from `low` on."""

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""A tool's name, in all three formats."""

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def plain(body: Body) -> Mapping[str, object] | None:
    if not isinstance(body, bytes):
        return body
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def head(body: Mapping[str, object], limits: Sequence[str], least: int) -> Iterator[str]:
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "no model is named"
    for name in limits:
        value = body.get(name, least)
        if type(value) is not int or value < least:
            yield f"{name} is {value!r}"


def picture_faults(url: object) -> Iterator[str]:
    """Of a picture that is named by an address or held in one."""
    scheme, _, rest = str(url).partition(":")
    if scheme == "data" and isinstance(url, str):
        kind, _, data = rest.partition(";base64,")
        yield from base64_faults(kind, data)
    elif scheme not in ("http", "https"):
        yield f"a picture at {str(url)[:40]!r}"


def base64_faults(kind: object, data: object) -> Iterator[str]:
    """Of a picture's media type and bytes."""
    if kind not in _PICTURES:
        yield f"a picture of the type {kind!r}"
    if not isinstance(data, str) or len(data) % 4 or not _BASE64.fullmatch(data):
        yield "a picture whose bytes are no base64"


def schema_faults(schema: object, *, closed: bool = False, complete: bool = False) -> Iterator[str]:
    """Of the schema that an answer has to fit. `closed`: each object in it has to allow no other fields; `complete`: and
    to require all that it has."""
    if not isinstance(schema, Mapping):
        yield f"the schema of the answer is {schema!r}"
        return
    inner: list[object] = [schema]
    for one in inner:
        table = mapping(one)
        if closed and table.get("type") == "object" and table.get("additionalProperties") is not False:
            yield "the schema of the answer has an object that is open"
        if complete and set(mapping(table.get("properties"))) != set(map(str, listed(table.get("required")))):
            yield "the schema of the answer has an object that does not require all its fields"
        for word in ("properties", "$defs"):
            inner += mapping(table.get(word)).values()
        inner += [*listed(table.get("anyOf")), *listed(table.get("allOf"))]
        inner += [table["items"]] if "items" in table else []


def said(number: int, content: object, kinds: Sequence[str]) -> Iterator[str]:
    """Words: a text that is not empty, or parts of the given kinds."""
    if isinstance(content, str):
        if not content:
            yield f"message {number} says nothing"
        return
    if not listed(content):
        yield f"message {number} says nothing"
    for part in maps(content):
        if part.get("type") not in kinds:
            yield f"message {number} has a part of type {part.get('type')!r}"
        elif part.get("text") == "":
            yield f"message {number} has an empty part"
        elif part.get("type") == "image_url":
            yield from (
                f"message {number}: {fault}" for fault in picture_faults(mapping(part.get("image_url")).get("url"))
            )
        elif part.get("type") == "input_image" and "file_id" not in part:
            yield from (f"message {number}: {fault}" for fault in picture_faults(part.get("image_url")))


def called(number: int, function: Mapping[str, object]) -> Iterator[str]:
    """A function's name, and arguments that are the text of a JSON object (templates of local servers read it)."""
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"message {number} calls {name!r}, which can't be a tool's name"
    if not isinstance(arguments, str) or plain(arguments.encode(errors="replace")) is None:
        yield f"message {number} calls with arguments that are no JSON object"


def listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def maps(value: object) -> list[Mapping[str, object]]:
    """The items of a list; what is no object counts as one without any field, so that it is found faulty."""
    return [mapping(item) for item in listed(value)]


def mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def used_before(number: int, calls: Sequence[object], used: set[str]) -> Iterator[str]:
    for call in calls:
        if repr(call) in used or not call:
            yield f"message {number} has the call id {call!r}, which is empty or was used before"
        used.add(repr(call))


def tool_names(names: Sequence[object]) -> Iterator[str]:
    for number, name in enumerate(names):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            yield f"tool {number} has the name {name!r}"
        elif name in names[:number]:
            yield f"two tools have the name {name}"
