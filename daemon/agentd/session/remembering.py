"""How much of what it has seen a session remembers: the latest of each kind. Pure. Callers: `session.fold` and its parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from agentd.session.state import KeyRecord, SessionState

__all__ = ["REMEMBERED", "keyed", "latest", "without"]

V = TypeVar("V")

REMEMBERED = 1000
"""How many keys, answers, read files, notices and finished turns a session remembers: a request that is sent again
after a thousand others is no lost answer any more, and a file that was read a thousand files ago is read anew."""


def latest(mapping: Mapping[str, V], key: str, value: V) -> dict[str, V]:
    """`mapping` with `key` as its newest, and without the oldest beyond REMEMBERED."""
    newer = dict(
        mapping
    )  # copied whole: a log is folded line by line, and a thousand steps of ours would be most of it
    newer.pop(key, None)
    if len(newer) >= REMEMBERED:
        del newer[next(iter(newer))]
    newer[key] = value
    return newer


def without(mapping: Mapping[str, V], keys: Collection[str]) -> dict[str, V]:
    """`mapping` less `keys`."""
    return {name: value for name, value in mapping.items() if name not in keys}


def keyed(state: SessionState, key: str, hash: str, seq: int, made: str, *, queued: bool = False) -> SessionState:
    """`state` knowing that the request `key` was taken by entry `seq` and made `made`; no key, nothing to know."""
    return replace(state, keys=latest(state.keys, key, KeyRecord(hash, seq, made, queued))) if key else state
