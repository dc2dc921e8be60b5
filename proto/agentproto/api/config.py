"""config.*: settings with where each value comes from."""

from __future__ import annotations

from typing import Literal

import msgspec

from agentproto.method import Key, Method

__all__ = [
    "METHODS",
    "ReloadParams",
    "ReloadResult",
    "SetParams",
    "SetResult",
    "SettingInfo",
    "ShowParams",
    "ShowResult",
]


class SettingInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """`where` is file:line, `environment NAME` or `default`; `why` the reason beside the shipped default."""

    key: str
    value: str
    where: str
    why: str
    locked: bool = False


class ShowParams(msgspec.Struct, frozen=True, omit_defaults=True):
    prefix: str = ""


class ShowResult(msgspec.Struct, frozen=True):
    settings: tuple[SettingInfo, ...]


class SetParams(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is TOML text (`true`, `12`, `"text"`); a bare word counts as text."""

    key: Key
    name: str
    value: str


class SetResult(msgspec.Struct, frozen=True):
    file: str
    old: str
    new: str


class ReloadParams(msgspec.Struct, frozen=True, kw_only=True):
    key: Key


class ReloadResult(msgspec.Struct, frozen=True):
    """`changed` names the keys; on `refused` the old settings stay and `problem` says why."""

    outcome: Literal["unchanged", "changed", "refused"]
    changed: tuple[str, ...]
    problem: str = ""


METHODS = (
    Method("config.show", ShowParams, ShowResult, "Settings, where each is set, and why the default is so."),
    Method("config.set", SetParams, SetResult, "Set one key in the user's settings file.", mutates=True, role="owner"),
    Method("config.reload", ReloadParams, ReloadResult, "Read the settings anew.", mutates=True, role="owner"),
)
