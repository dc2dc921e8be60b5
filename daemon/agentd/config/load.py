"""All layers of settings -> one frozen `Config`, or one error that names file and line.

Rising order: shipped defaults < managed (/etc) < user < project < local < environment < flags < the managed file's
`[locked]` keys. It decides which value wins, and that anything wrong anywhere refuses the whole: `reload` then keeps
what was there. It never writes, and never asks a model server. Callers: `agentd.app` at start, on SIGHUP, on
`config.reload` and when `watch` saw a file change; `edit` before it writes.

A workspace's own two files count only when its user trusts it: the caller passes an untrusted workspace as None, so
that nothing in a folder from elsewhere acts.
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from agentd.config.keys import JOINED, Keys, Path, toml_text
from agentd.config.layers import Given, Layer, from_environment, from_flags, from_text
from agentd.config.model import FEATURES, ConnectionSettings, Settings
from agentd.config.scan import Place, scan
from agentd.config.servers import BUILT_IN, BY_KEY, BY_PORT
from agentd.errors import DiskError, MissingFileError, SettingsError, TooLargeError
from agentd.world.doors import Files

__all__ = ["MANAGED", "Config", "Reloaded", "Row", "Rule", "Sources", "Verb", "load", "reload", "shipped_text"]

MANAGED = "/etc/agentd/settings.toml"
_LOCAL = ".agentd/settings.local.toml"
_PROJECT = ".agentd/settings.toml"
_LARGEST_FILE = 1024 * 1024  # bytes; the largest honest settings are some hundred lines
_ADDRESSED = ("openai-chat", "openai-responses", "anthropic", "ollama")


Verb = Literal["allow", "ask", "deny"]
_VERBS: Mapping[str, Verb] = {"permissions.allow": "allow", "permissions.ask": "ask", "permissions.deny": "deny"}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from. `user` and `managed` are absolute paths of files that may be missing; `workspace` the
    root of a trusted workspace or None; `flags` dotted key -> TOML text; `features` what `[features]` may name."""

    user: str
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    workspace: str | None = None
    managed: str = MANAGED
    features: Mapping[str, str] = field(default_factory=lambda: FEATURES)

    @property
    def files(self) -> tuple[tuple[Layer, str], ...]:
        """(layer, path) of each file in rising order."""
        own: tuple[tuple[Layer, str], ...] = (("managed", self.managed), ("user", self.user))
        if self.workspace is None:
            return own
        return (*own, ("project", f"{self.workspace}/{_PROJECT}"), ("local", f"{self.workspace}/{_LOCAL}"))


@dataclass(frozen=True, slots=True)
class Row:
    """One key as `agentctl config show` prints it. `value` is TOML text; `where` is `file:line` (several where lists
    of several files add up), `environment NAME`, `flag KEY` or `default`; `why` the reason of the default."""

    key: str
    value: str
    where: str
    why: str
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One permission rule as it is written, with where it stands."""

    verb: Verb
    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Config:
    """Settings with where each came from. `rules` are those of `settings.permissions`, each with its place."""

    settings: Settings
    rows: tuple[Row, ...]
    rules: tuple[Rule, ...]

    def row(self, key: str) -> Row | None:
        """The row of a dotted key."""
        return next((row for row in self.rows if row.key == key), None)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """`config` is what counts from now on: the new one, or the old one when the new was refused (`problem`)."""

    outcome: Literal["unchanged", "changed", "refused"]
    config: Config
    changed: tuple[str, ...] = ()
    problem: SettingsError | None = None


def load(files: Files, sources: Sources, instead: Mapping[str, bytes] | None = None) -> Config:
    """Read everything and join it. `instead` gives the content of files that are about to be written.

    SettingsError for anything that is wrong with any source.
    """
    keys = Keys(sources.features)
    places, given = _shipped(keys)
    for layer, path in sources.files:
        data = (instead or {}).get(path)
        if data is None:
            data = _read(files, sources, layer, path)
        if data is not None:
            given += from_text(data, path, layer, keys)
    given += from_environment(sources.environment, keys)
    given += from_flags(sources.flags, keys)
    given = [one for one in given if one.layer != "locked"] + [one for one in given if one.layer == "locked"]
    return _joined(given, keys, places)


def reload(files: Files, sources: Sources, old: Config) -> Reloaded:
    """Read everything anew. Never raises for what is in the sources: then the old settings stay, whole."""
    try:
        new = load(files, sources)
    except SettingsError as problem:
        return Reloaded("refused", old, problem=problem)
    before = {row.key: row.value for row in old.rows}
    after = {row.key: row.value for row in new.rows}
    changed = tuple(sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key)))
    # Where values stand may have moved without any value being another.
    return Reloaded("changed" if changed else "unchanged", new, changed)


@functools.cache
def shipped_text() -> str:
    """The shipped defaults as they are written."""
    return importlib.resources.files("agentd.config").joinpath("defaults.toml").read_text("utf-8")


def _shipped(keys: Keys) -> tuple[dict[Path, Place], list[Given]]:
    text = shipped_text()
    given: list[Given] = []
    for section, table in tomllib.loads(text).items():
        for name, value in table.items():
            key = keys.sections[section][name]
            given.append(Given((section, name), key.value(value), "default", "default"))
    given += [Given(("features", name), False, "default", "default") for name in keys.sections["features"]]
    return scan(text), given


def _read(files: Files, sources: Sources, layer: Layer, path: str) -> bytes | None:
    """None when the file is missing. A file that is there and can't be read may hold a rule: that is an error."""
    try:
        if sources.workspace is not None and layer in ("project", "local"):
            return files.read_below(sources.workspace, path.removeprefix(f"{sources.workspace}/"), _LARGEST_FILE)
        return files.read(path, _LARGEST_FILE)
    except MissingFileError:
        return None
    except (DiskError, TooLargeError) as fault:
        raise SettingsError(f"{path}:1: the settings can't be read", why=fault.what, remedy=fault.remedy) from fault


def _joined(given: Sequence[Given], keys: Keys, places: Mapping[Path, Place]) -> Config:
    by_path: dict[Path, list[Given]] = {}
    for one in given:
        by_path.setdefault(one.path, []).append(one)
    values: dict[str, dict[str, object]] = {section: {} for section in keys.sections}
    rows: list[Row] = []
    rules: list[Rule] = []
    for key in keys.fixed():
        path = tuple(key.name.split("."))
        value, counted = _effective(key.name, by_path[path])
        values[path[0]][path[1]] = value
        why = key.why or places[path].comment
        rows.append(_row(key.name, value, counted, why))
        if verb := _VERBS.get(key.name):
            rules += _rules(verb, counted)
    connections, more = _connections(by_path, keys)
    values["models"]["connections"] = connections
    for role in ("use", "side", "summary"):
        _check_name(str(values["models"][role]), f"models.{role}", connections, by_path[("models", role)])
    for name, connection in connections.items():
        for stand_in in connection.fallback:
            _check_name(stand_in, f"models.{name}.fallback", connections, by_path[("models", name, "fallback")])
    settings = msgspec.convert(values, Settings, from_attributes=True)
    return Config(settings, (*rows, *more), tuple(rules))


def _effective(name: str, given: Sequence[Given]) -> tuple[object, Sequence[Given]]:
    """The value that counts, and those who gave it."""
    if name not in JOINED:
        return given[-1].value, given[-1:]
    if name == "permissions.allow" and given[-1].layer == "locked":
        given = given[-1:]
    counted = [one for one in given if one.value] or given[-1:]
    joined = dict.fromkeys(item for one in counted if isinstance(one.value, tuple) for item in one.value)
    return tuple(joined), counted


def _row(name: str, value: object, counted: Sequence[Given], why: str) -> Row:
    return Row(
        name,
        toml_text(value),
        ", ".join(one.where for one in counted),
        why,
        any(one.layer == "locked" for one in counted),
    )


def _rules(verb: Verb, counted: Sequence[Given]) -> list[Rule]:
    return [
        Rule(verb, text, one.where)
        for one in counted
        if isinstance(one.value, tuple)
        for text in one.value
        if isinstance(text, str)
    ]


def _connections(
    by_path: Mapping[Path, Sequence[Given]], keys: Keys
) -> tuple[dict[str, ConnectionSettings], list[Row]]:
    tables: dict[str, dict[str, Given]] = {}
    for path, given in by_path.items():
        if len(path) == 3:
            tables.setdefault(path[1], {})[path[2]] = given[-1]
    connections: dict[str, ConnectionSettings] = {}
    rows: list[Row] = []
    for name in sorted(tables):
        table = tables[name]
        connections[name] = _connection(name, table)
        for key, one in sorted(table.items(), key=lambda pair: list(keys.connection).index(pair[0])):
            rows.append(_row(f"models.{name}.{key}", one.value, [one], keys.connection[key].why))
    return connections, rows


def _connection(name: str, table: Mapping[str, Given]) -> ConnectionSettings:
    where = next(iter(table.values())).where
    if "kind" not in table:
        raise SettingsError(
            f"{where}: the connection {name} has no kind",
            why="nothing says which protocol its server speaks",
            remedy='Add a line like: kind = "openai-chat"',
            field=f"models.{name}.kind",
        )
    connection = msgspec.convert({key: one.value for key, one in table.items()}, ConnectionSettings)
    scheme = connection.url.partition(":")[0]
    wanted = ("http", "https") if connection.kind in _ADDRESSED else {"scripted": ("file",)}.get(connection.kind, ("",))
    if scheme not in wanted:
        raise SettingsError(
            f"{table.get('url', table['kind']).where}: the connection {name} has no fitting url",
            why=f"kind {connection.kind} needs "
            + (f"one that begins with {wanted[0]}:" if wanted[0] else "none: it is built in"),
            remedy="Mend url or kind.",
            field=f"models.{name}.url",
        )
    return connection


def _check_name(use: str, field: str, connections: Mapping[str, ConnectionSettings], given: Sequence[Given]) -> None:
    """A setting may name what is configured, what is built in, and what `detect` can find without settings."""
    names = [*connections, BUILT_IN, *(server.name for server in BY_KEY), *(server.name for server in BY_PORT)]
    if use and use not in names:
        near = difflib.get_close_matches(use, names, n=1)
        raise SettingsError(
            f"{given[-1].where}: {field} names {use!r}, and there is no such connection",
            why=f"the nearest is {near[0]}" if near else f"configured are: {', '.join(connections) or 'none'}",
            remedy=f"Write a table [models.{use}], or choose another.",
            field=field,
        )
