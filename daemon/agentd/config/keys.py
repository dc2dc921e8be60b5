"""Which keys there are and what each may hold, read from the annotations of `model`.

It decides whether a value is one that a key may have, and the words for what is allowed. It never says where a value
came from (`layers` does) and never repeats the value of a key that should hold a reference to a secret. Pure.
Callers: `layers`, `load`, `edit`, `manual`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import get_type_hints

import msgspec
from msgspec import inspect

from agentd.config.model import ConnectionSettings, ModelSettings, Settings

__all__ = ["CONNECTION", "JOINED", "PROJECT_SAFE", "Key", "Keys", "Path", "allowed_words", "dotted", "toml_text"]

Path = tuple[str, ...]

JOINED: Mapping[str, str] = {
    "permissions.allow": "rules add up; locked ones stand alone, because a further allow would widen them",
    "permissions.ask": "rules add up, also to locked ones: a further question only narrows",
    "permissions.deny": "rules add up, also to locked ones: a further refusal only narrows",
}
"""Keys whose lists of all layers count together, with the reason."""

PROJECT_SAFE: Mapping[str, str] = {
    "permissions.ask": "asking more often can't do harm",
    "permissions.deny": "refusing more can't do harm",
    "turn.max_steps": "how long work takes depends on the project; spending stays within the user's budget",
    "shell.timeout_ms": "how long the tests take depends on the project",
}
"""What `.agentd/settings.toml`, which comes with the project's files, may set, with the reason why that is safe."""

CONNECTION = ("models", "NAME")
"""How the keys of a `[models.NAME]` table are written down where no table has a name yet."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `name` is dotted; `type` an annotation that msgspec converts to; `why` is empty when the shipped
    defaults say it; `secret`: a wrong value is never repeated."""

    name: str
    type: object
    allowed: str
    why: str = ""
    secret: bool = False

    def value(self, given: object) -> object:
        """`given` as the model holds it (lists become tuples); ValueError when it may not be."""
        try:
            return msgspec.convert(given, self.type)
        except msgspec.ValidationError:
            raise ValueError(self.allowed) from None


class Keys:
    """All keys, with the `features` that exist: name -> what it is."""

    def __init__(self, features: Mapping[str, str]) -> None:
        self.sections: dict[str, dict[str, Key]] = {}
        hints = get_type_hints(Settings, include_extras=True)
        for section in fields(Settings):
            kind = hints[section.name]
            if section.name == "features":
                self.sections["features"] = {
                    name: Key(f"features.{name}", bool, allowed_words(bool), why) for name, why in features.items()
                }
            elif is_dataclass(kind) and isinstance(kind, type):
                self.sections[section.name] = _keys_of(kind, (section.name,))
        self.connection = _keys_of(ConnectionSettings, CONNECTION)

    def find(self, path: Path) -> Key | None:
        """The key at `path`; those of a connection bear the name that the path gives it."""
        if len(path) == 3 and path[0] == "models" and path[2] in self.connection:
            plain = self.connection[path[2]]
            return Key(dotted(path), plain.type, plain.allowed, plain.why, plain.secret)
        return self.sections.get(path[0], {}).get(path[1]) if len(path) == 2 else None

    def fixed(self) -> Sequence[Key]:
        """Every key but those of connections, in the order of the sections."""
        return [key for section in self.sections.values() for key in section.values()]

    def nearest(self, path: Path) -> str:
        """The known name that is most like an unknown one; empty when none is."""
        if len(path) == 3 and path[0] == "models":
            names = [dotted((*path[:2], name)) for name in self.connection]
        else:
            names = [key.name for key in self.fixed()] + ([*self.sections] if len(path) == 1 else [])
        near = difflib.get_close_matches(dotted(path), names, n=1, cutoff=0.6)
        if not near:
            # a right key in a wrong section
            near = [name for name in names if name.rpartition(".")[2] == path[-1]][:1]
        return near[0] if near else ""


def _keys_of(kind: type, path: Path) -> dict[str, Key]:
    found: dict[str, Key] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if kind is ModelSettings and name == "connections":
            continue
        info = inspect.type_info(hint)
        extra = (info.extra or {}) if isinstance(info, inspect.Metadata) else {}
        name_of_key = dotted((*path, name))
        found[name] = Key(name_of_key, hint, allowed_words(hint), str(extra.get("why", "")), bool(extra.get("secret")))
    return found


def allowed_words(kind: object) -> str:
    """What a key of this type may hold, in words."""
    return _words(inspect.type_info(kind))


def _words(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=schema):
            return str(schema["description"]) if schema and "description" in schema else _words(inner)
        case inspect.UnionType(types=types):
            return _words(next(kind for kind in types if not isinstance(kind, inspect.NoneType)))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=least, le=most):
            return "a whole number" + _range(least, most)
        case inspect.FloatType(ge=least, le=most):
            return "a number" + _range(least, most)
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(toml_text(value) for value in values)
        case inspect.VarTupleType(item_type=inner):
            return f"a list, each {_words(inner)}"
        case inspect.StrType(min_length=least, max_length=most):
            return "a text in quotes" + ("" if most is None else f" of {least or 0} to {most:,} characters")
        case _:
            raise AssertionError(f"no words for {info}")


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return ""
    return f" of at least {least:,}" if most is None else f" from {least:,} to {most:,}"


def dotted(path: Path) -> str:
    """A path as a person writes it."""
    return ".".join(path)


def toml_text(value: object) -> str:
    """A value of the model as TOML writes it; a value that is missing is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
        case tuple() | list():
            return "[" + ", ".join(toml_text(item) for item in value) + "]"
        case _:
            return str(value)
