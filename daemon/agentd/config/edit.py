"""Writes the user's settings file: one key, or one connection, with every comment and the order of the rest kept.

It decides how the new text looks, and writes nothing that `load` would refuse or that says anything else than what was
asked: the new text is read again by tomllib and compared before it replaces the old one. It is the one importer of
tomlkit, whose import costs 25 ms, so this module is imported only when something is written: the late import is in
`agentd.settings.room`, which calls it for `config.set`, `model.add` and `model.use`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from agentd.config.keys import JOINED, Keys, Path, dotted
from agentd.config.layers import checked, toml_value
from agentd.config.load import Config, Sources, load
from agentd.errors import ConflictError, MissingFileError, SettingsError
from agentd.world.doors import Files

__all__ = ["Accept", "Edited", "add_connection", "set_key"]

Accept = Callable[[Config], object]
"""What rooms above know about values: called with what would count, raises SettingsError to refuse it."""

_OF_MODELS = (("models", "use"), ("models", "side"), ("models", "summary"))
_NEW_FILE = "# Settings of agentd. `agentctl config show` lists every key; docs/settings.md says what each is for.\n"


def _anything(config: Config) -> None:
    """Refuses nothing."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What was written. `old` and `new` are TOML text of the value that counts (`old` empty: there was none);
    `overridden_by` is the place of what still wins over the new value, or empty; `config` is what counts now."""

    file: str
    old: str
    new: str
    config: Config
    overridden_by: str = ""


def set_key(files: Files, sources: Sources, name: str, text: str, accept: Accept = _anything) -> Edited:
    """Set the dotted key `name` to the TOML value `text` (a bare word is text) in the user's file.

    SettingsError when there is no such key, the value may not be that, it is locked, or the result would be refused:
    by `load`, or by `accept`.
    """
    path = tuple(name.split("."))
    where = f"config set {name}"
    value = toml_value(text, where, name)
    checked(path, value, where, Keys(sources.features))
    before = load(files, sources)
    row = before.row(name)
    if row is not None and row.locked and name not in JOINED:
        raise SettingsError(
            f"{name} is locked", why=f"{row.where} sets it for everybody", remedy="Ask whoever keeps that file."
        )
    config = _write(files, sources, path, value, accept)
    new = config.row(name)
    assert new is not None
    overridden = "" if sources.user + ":" in new.where else new.where
    return Edited(sources.user, row.value if row else "", new.value, config, overridden)


def add_connection(
    files: Files, sources: Sources, name: str, table: Mapping[str, object], accept: Accept = _anything
) -> Edited:
    """Write the table `[models.<name>]` with the keys that are given and not None.

    SettingsError as `set_key`; ConflictError when there is a connection of that name.
    """
    if name in load(files, sources).settings.models.connections:
        raise ConflictError(
            f"there is a connection {name} already",
            why="adding one never changes another",
            remedy=f"Choose another name, or change it: `agentctl config set models.{name}.url ...`.",
            field="name",
        )
    given = {key: value for key, value in table.items() if value is not None}
    config = _write(files, sources, ("models", name), given, accept)
    return Edited(sources.user, "", name, config)


def _write(files: Files, sources: Sources, path: Path, value: object, accept: Accept) -> Config:
    """Put `value` at `path`, check the whole, write it; the settings that count then."""
    file = sources.user
    try:
        old = files.read(file)
    except MissingFileError:
        old = None
    info = files.info(file)
    if info is not None and info.kind == "link":
        raise SettingsError(
            f"{file} is a link", why="writing would put a file in its place", remedy="Edit the file that it names."
        )
    text = _changed(_NEW_FILE if old is None else old.decode("utf-8"), path, value)
    if tomllib.loads(text) != _merged(tomllib.loads("" if old is None else old.decode("utf-8")), path, value):
        raise _not_this_form(file, path)
    data = text.encode("utf-8")
    config = load(files, sources, {file: data})
    accept(config)
    if _read_again(files, file) != old:
        raise ConflictError(f"{file} was changed meanwhile", why="somebody else wrote it", remedy="Do it again.")
    files.make_folder(file.rpartition("/")[0])
    files.write_atomic(file, data, 0o600 if info is None else info.mode & 0o700)
    return config


def _changed(text: str, path: Path, value: object) -> str:
    try:
        document = tomlkit.parse(text)
        inner: MutableMapping[str, object] = document
        for name in path[:-1]:
            if name not in inner:
                inner[name] = _new_table(inner, path, name)
            below = inner[name]
            if not isinstance(below, MutableMapping):
                raise _not_this_form("the file", path)
            inner = below
        inner[path[-1]] = value
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as fault:
        raise SettingsError(
            f"{dotted(path)} can't be written", why=str(fault), remedy="Edit the file by hand."
        ) from None


def _new_table(inner: object, path: Path, name: str) -> Table | InlineTable:
    if isinstance(inner, InlineTable):
        return tomlkit.inline_table()
    # a table that only holds connections needs no header of its own
    return tomlkit.table(is_super_table=name == "models" and path not in _OF_MODELS)


def _merged(table: dict[str, object], path: Path, value: object) -> dict[str, object]:
    """The table with the value at the path, as plain data."""
    inner = table
    for name in path[:-1]:
        below = inner.setdefault(name, {})
        assert isinstance(below, dict)
        inner = below
    inner[path[-1]] = value
    return table


def _not_this_form(file: str, path: Path) -> SettingsError:
    return SettingsError(
        f"{dotted(path)} can't be written without changing other things in {file}",
        why="the file writes its tables in a form that can't be edited safely",
        remedy="Edit the file by hand.",
        field=dotted(path),
    )


def _read_again(files: Files, file: str) -> bytes | None:
    try:
        return files.read(file)
    except MissingFileError:
        return None
