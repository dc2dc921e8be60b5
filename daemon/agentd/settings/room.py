"""The settings in force, and their change: by a file on disk, by a client, by SIGHUP; whole or not at all.

A change that is refused leaves the old settings and says why, once for each new text. Callers: `agentd.app`, handlers
(as SettingsRoom), every room that reads settings through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agentd.config.load import Config, Sources, load, reload
from agentd.config.model import Settings
from agentd.config.watch import Stamp, changed, look
from agentd.errors import BadInputError, SettingsError
from agentd.policy.rules import Rule, parse
from agentd.world.doors import Files
from agentproto.api.config import ReloadResult, SettingInfo

__all__ = ["SettingsInForce"]

_Told = Callable[[str, str], None]
"""Called with an event's name (settings.changed, settings.refused) and its words."""


class SettingsInForce:
    def __init__(self, files: Files, sources: Sources, told: _Told) -> None:
        """SettingsError when what is on disk is refused: nothing runs on half a configuration."""
        self._files = files
        self._sources = sources
        self._told = told
        self._stamps: dict[str, Stamp] = look(files, self._paths())
        self._config: Config = load(files, sources)
        self._rules = _rules(self._config)

    def _paths(self) -> Sequence[str]:
        return [path for _, path in self._sources.files]

    @property
    def values(self) -> Settings:
        return self._config.settings

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Permission rules of all files, read."""
        return self._rules

    def where(self, key: str) -> str:
        """Where a key was set."""
        row = self._config.row(key)
        return row.where if row is not None else "default"

    # -- change ------------------------------------------------------------------------------------------------

    def look_again(self) -> None:
        """Called every two seconds: take what changed on disk."""
        stamps = look(self._files, self._paths())
        if changed(self._stamps, stamps):
            self._stamps = stamps
            self._reload()

    async def reload(self) -> ReloadResult:
        self._stamps = look(self._files, self._paths())
        return self._reload()

    def _reload(self) -> ReloadResult:
        done = reload(self._files, self._sources, self._config)
        problem = done.problem
        if problem is None:
            try:
                rules = _rules(done.config)
            except SettingsError as fault:
                problem = fault
            else:
                self._config, self._rules = done.config, rules
        if problem is not None:
            words = f"{problem}: {problem.why}" if problem.why else str(problem)
            self._told("settings.refused", f"{words}; the old settings stay")
            return ReloadResult("refused", (), words)
        if done.changed:
            self._told("settings.changed", f"changed: {', '.join(done.changed)}")
        return ReloadResult(done.outcome, done.changed)

    async def set(self, name: str, value: str) -> tuple[str, str, str]:
        # tomlkit costs 25 ms of import and is needed when something is written, which most days is never.
        from agentd.config.edit import set_key

        edited = set_key(self._files, self._sources, name, value, _rules)
        self._took(edited.config, name)
        return edited.file, edited.old, edited.new

    async def add_model(self, name: str, table: Mapping[str, object]) -> str:
        """Write a connection; the file."""
        from agentd.config.edit import add_connection

        edited = add_connection(self._files, self._sources, name, table, _rules)
        self._took(edited.config, f"models.{name}")
        return edited.file

    def _took(self, config: Config, name: str) -> None:
        self._config, self._rules = config, _rules(config)
        self._stamps = look(self._files, self._paths())
        self._told("settings.changed", f"changed: {name}")

    # -- for people --------------------------------------------------------------------------------------------

    def show(self, prefix: str) -> Sequence[SettingInfo]:
        return [
            SettingInfo(key=row.key, value=row.value, where=row.where, why=row.why, locked=row.locked)
            for row in self._config.rows
            if row.key.startswith(prefix)
        ]


def _rules(config: Config) -> tuple[Rule, ...]:
    """SettingsError naming the file, the line and what is wrong with a rule in it."""
    try:
        return tuple(parse(rule.verb, rule.text, rule.where) for rule in config.rules)
    except BadInputError as fault:
        raise SettingsError(fault.what, why=fault.why, remedy=fault.remedy, field=fault.field) from None
