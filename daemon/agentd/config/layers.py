"""One source of settings -> what it gives, key by key, each with the place it stands at.

It decides whether a source may give a key at all, and refuses it whole at the first fault, naming file and line. It
does not decide which source wins (`load` does). Sources are TOML files, environment variables `AGENTD_SET_*` and flags.
Caller: `load`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from agentd.config.keys import CONNECTION, PROJECT_SAFE, Keys, Path, dotted, toml_text
from agentd.config.scan import place_of, scan
from agentd.config.servers import BUILT_IN
from agentd.errors import SettingsError

__all__ = [
    "ENVIRONMENT_PREFIX",
    "Given",
    "Layer",
    "checked",
    "from_environment",
    "from_flags",
    "from_text",
    "toml_value",
]

Layer = Literal["default", "managed", "user", "project", "local", "environment", "flag", "locked"]

ENVIRONMENT_PREFIX = "AGENTD_SET_"

_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")
_BARE = re.compile(r"[^\s\"'\[\]{}#,=][^\s\"'\[\]{}#]*\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Given:
    """One value that one layer gives; `where` as a person looks for it: `file:line`, `environment NAME`, `flag KEY`."""

    path: Path
    value: object
    where: str
    layer: Layer


def from_text(data: bytes, file: str, layer: Layer, keys: Keys) -> tuple[Given, ...]:
    """Everything that a TOML file gives. In the managed file, what is below `[locked]` comes as the layer `locked`.

    SettingsError naming file and line for the first thing that is wrong with it.
    """
    text, table = _parsed(data, file)
    places = scan(text)
    found: list[Given] = []
    for path, value in _leaves(table):
        where = f"{file}:{place_of(path, places).line}"
        real: Layer = layer
        if len(path) > 1 and path[0] == "locked" and layer == "managed":
            path, real = path[1:], "locked"
        found.append(Given(path, checked(path, value, where, keys), where, real))
        if layer == "project" and dotted(path) not in PROJECT_SAFE:
            raise SettingsError(
                f"{where}: {dotted(path)} can't be set by a project",
                why="this file comes with the project's files, so it may set only what is safe from anybody: "
                + ", ".join(PROJECT_SAFE),
                remedy="Set it in your own settings, or in .agentd/settings.local.toml.",
                field=dotted(path),
            )
    return tuple(found)


def from_environment(environment: Mapping[str, str], keys: Keys) -> tuple[Given, ...]:
    """`AGENTD_SET_TURN__MAX_STEPS=20` is `turn.max_steps`; a double underscore stands between the parts of a key."""
    found: list[Given] = []
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX):
            path = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
            where = f"environment {name}"
            value = toml_value(environment[name], where, dotted(path))
            found.append(Given(path, checked(path, value, where, keys), where, "environment"))
    return tuple(found)


def from_flags(flags: Mapping[str, str], keys: Keys) -> tuple[Given, ...]:
    """Dotted key -> TOML text, as given on the command line of the daemon."""
    found: list[Given] = []
    for name, text in flags.items():
        path, where = tuple(name.split(".")), f"flag {name}"
        found.append(Given(path, checked(path, toml_value(text, where, name), where, keys), where, "flag"))
    return tuple(found)


def toml_value(text: str, where: str, key: str) -> object:
    """The value that a TOML text has; a bare word, a path or an address counts as text."""
    try:
        table = tomllib.loads(f"value = {text.strip()}")
        if table.keys() == {"value"}:
            return table["value"]
    except (ValueError, RecursionError):
        if _BARE.match(text.strip()):
            return text.strip()
    raise SettingsError(
        f"{where}: the value for {key} can't be read",
        why="it is no TOML value (true, 12, 'text', ['a', 'b']) and no bare word",
        remedy="Put a text into quotes.",
        field=key,
    )


def _parsed(data: bytes, file: str) -> tuple[str, dict[str, object]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise SettingsError(f"{file}:{line}: the file is not UTF-8", remedy="Save it as UTF-8.") from None
    try:
        return text, tomllib.loads(text)
    except RecursionError:
        raise SettingsError(f"{file}:1: the file is nested too deeply", remedy="Write plain tables.") from None
    except ValueError as fault:
        said = str(fault)
        at = _AT.search(said)
        line = int(at.group(1)) if at and at.group(1) else text.count("\n") + (not text.endswith("\n"))
        why = said[: at.start()] if at else said
        raise SettingsError(f"{file}:{line}: this is no TOML", why=why, remedy="Mend that line.") from None


def _leaves(table: Mapping[str, object], above: Path = ()) -> Iterator[tuple[Path, object]]:
    """(path, value) of everything that should be a key: tables are walked as deep as keys lie."""
    for name, value in table.items():
        path = (*above, name)
        locked = path[0] == "locked"
        depth = len(path) - locked
        inside = path[1:] if locked else path
        may_hold = depth in (0, 1) or (depth == 2 and inside[0] == "models")
        if isinstance(value, dict) and may_hold:
            yield from _leaves(value, path)
        else:
            yield path, value


def checked(path: Path, value: object, where: str, keys: Keys) -> object:
    """The value as the model holds it; SettingsError, beginning with `where`, when there is no such key or it may not
    be that."""
    key = keys.find(path)
    name = dotted(path)
    if key is None:
        raise _unknown(path, where, keys)
    taken = keys.sections["models"]
    if len(path) == 3 and (not _NAME.match(path[1]) or path[1] == BUILT_IN or path[1] in taken):
        why = "a name is letters, digits, dot, dash and underscore"
        if path[1] in taken:
            why = f"models.{path[1]} is a setting of its own"
        elif path[1] == BUILT_IN:
            why = "that one is built in"
        raise SettingsError(
            f"{where}: a connection can't be called '{_printable(path[1])}'",
            why=why,
            remedy="Choose another name.",
            field=name,
        )
    try:
        return key.value(value)
    except ValueError:
        given = "what it is given" if key.secret else _shown(value)
        raise SettingsError(
            f"{where}: {name} can't be {given}",
            why=f"it has to be {key.allowed}",
            remedy="Mend that value.",
            field=name,
        ) from None


def _unknown(path: Path, where: str, keys: Keys) -> SettingsError:
    name = _printable(dotted(path))
    if path[0] == "locked":
        return SettingsError(
            f"{where}: {name} can't be locked here",
            why="only the managed file locks, by keys below [locked]",
            remedy="Take the line out.",
            field=name,
        )
    if len(path) == 1 and path[0] in keys.sections:
        return SettingsError(
            f"{where}: {name} is a table", why="it holds keys", remedy=f"Begin it with [{name}].", field=name
        )
    if path[:1] == CONNECTION[:1] and len(path) == 2:
        return SettingsError(
            f"{where}: there is no setting {name}",
            why=f"below [models] there are {', '.join(keys.sections['models'])} and a table for each connection",
            remedy=f"Write models.use, or begin a connection with [{name}].",
            field=name,
        )
    near = keys.nearest(path)
    return SettingsError(
        f"{where}: there is no setting {name}",
        why=f"the nearest known name is {near}" if near else "no known name is like it",
        remedy=f"Write {near}, or take it out." if near else "Take it out; `agentctl config show` lists every key.",
        field=name,
    )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    text = toml_text(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _printable(name: str) -> str:
    """A name from outside, for one line of a message."""
    return "".join(character if character.isprintable() else "?" for character in name[:100])
