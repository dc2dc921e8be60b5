"""A JSON Schema that an answer has to fit -> what each maker's server takes of it.

It decides whether a schema may be asked for strictly (`is_strict`: OpenAI refuses a strict schema that leaves anything
open, and follows one that is not strict as well as it can), and what of a schema is said where only few words of JSON
Schema are taken (`narrowed`: Anthropic refuses the whole request for one word more). It never changes what a server can
take as it is, and never promises that an answer fits: whoever asked looks at the answer. Pure. Callers: the codecs.

Source: https://developers.openai.com/docs/guides/structured-outputs (supported schemas),
https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["NAME", "is_strict", "narrowed"]

NAME = "answer"
"""OpenAI's formats want a name for a schema."""

_STRICT_WORDS = frozenset(
    {
        *("$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "exclusiveMaximum"),
        *("exclusiveMinimum", "format", "items", "maxItems", "maximum", "minItems", "minimum", "multipleOf", "pattern"),
        *("properties", "required", "title", "type"),
    }
)
"""What a strict schema may say."""

_FORMATS = frozenset(
    {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"},
)
"""Formats of texts that Anthropic's server keeps to."""

_DEEPEST = 100
"""Levels of a schema that are looked at; makers take ten or fewer."""


def is_strict(schema: Mapping[str, object]) -> bool:
    """Whether OpenAI takes it as strict: an object that is closed, with all its fields required, and all in it too."""
    return schema.get("type") == "object" and _is_strict(schema, _DEEPEST)


def _is_strict(schema: object, depth: int) -> bool:
    if not isinstance(schema, Mapping) or not schema or not depth or not _STRICT_WORDS.issuperset(schema):
        return False
    inner = [*_values(schema.get("properties")), *_values(schema.get("$defs")), *_items(schema.get("anyOf"))]
    if "items" in schema:
        inner.append(schema["items"])
    kinds = _kinds(schema)
    if "object" in kinds:
        fields, required = schema.get("properties"), schema.get("required")
        if schema.get("additionalProperties") is not False or sorted(_keys(fields)) != sorted(_texts(required)):
            return False
    if "array" in kinds and "items" not in schema:
        return False
    says_what = kinds or any(word in schema for word in ("$ref", "anyOf", "const", "enum"))
    return bool(says_what) and all(_is_strict(one, depth - 1) for one in inner)


def narrowed(schema: Mapping[str, object]) -> dict[str, object]:
    """The schema in the words that Anthropic's server takes. Objects are closed, because it demands it; a word that it
    does not take is told to the model in the description."""
    return _narrowed(schema, _DEEPEST)


def _narrowed(schema: object, depth: int) -> dict[str, object]:
    if not isinstance(schema, Mapping) or not depth:
        return {}
    rest = {str(word): said for word, said in schema.items()}
    out: dict[str, object] = {}
    if isinstance(inner := rest.pop("$defs", None), Mapping):
        out["$defs"] = {str(name): _narrowed(one, depth - 1) for name, one in inner.items()}
    if "$ref" in rest:
        return {**out, "$ref": rest["$ref"]}
    kinds = () if "enum" in rest or "const" in rest else _kinds(rest)
    rest.pop("type", None)
    if len(kinds) > 1:
        return {**out, "anyOf": [_narrowed({"type": kind, **_about(rest, kind)}, depth - 1) for kind in kinds]}
    if kinds:
        out["type"] = kinds[0]
    out |= {word: rest.pop(word) for word in _TAKEN if word in rest}
    for word, said in (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")):
        if word in rest:
            out[said] = [_narrowed(one, depth - 1) for one in _items(rest.pop(word))]
    if isinstance(inner := rest.pop("properties", None), Mapping):
        out["properties"] = {str(name): _narrowed(one, depth - 1) for name, one in inner.items()}
    if "items" in rest:
        out["items"] = _narrowed(rest.pop("items"), depth - 1)
    if rest.get("minItems") in (0, 1):
        out["minItems"] = rest.pop("minItems")
    if rest.get("format") in _FORMATS:
        out["format"] = rest.pop("format")
    if kinds == ("object",):
        rest.pop("additionalProperties", None)
        out["additionalProperties"] = False
    if rest:
        told = msgspec.json.encode(rest).decode()
        out["description"] = f"{out['description']} {told}" if out.get("description") else told
    return out


_TAKEN = ("enum", "const", "title", "description", "required")

_OF_KIND: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"format", "pattern", "minLength", "maxLength"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}
"""Words that say something about values of one kind alone."""


def _about(schema: Mapping[str, object], kind: str) -> dict[str, object]:
    """Without the words about other kinds of values."""
    kind = "number" if kind == "integer" else kind
    others = frozenset[str]().union(*(words for of, words in _OF_KIND.items() if of != kind))
    return {word: said for word, said in schema.items() if word not in others}


def _kinds(schema: Mapping[str, object]) -> tuple[str, ...]:
    kind = schema.get("type")
    return (kind,) if isinstance(kind, str) else _texts(kind)


def _items(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in _items(value) if isinstance(one, str))


def _values(value: object) -> tuple[object, ...]:
    return tuple(value.values()) if isinstance(value, Mapping) else ()


def _keys(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, Mapping) else ()
