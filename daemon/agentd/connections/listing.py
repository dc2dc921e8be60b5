"""The list of connections as people see it: what serves, what is there, what was found, what can't be used and why.

It decides the words and the state of each row; what a server said, or that it did not, is brought to it. Pure.
Caller: `connections.room`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from agentd.config.detect import Detected, choose
from agentd.config.model import ConnectionSettings, ModelSettings
from agentd.config.servers import BY_KEY, BY_PORT
from agentd.connections.prices import known_of
from agentd.errors import AgentdError, BadInputError
from agentd.providers.base import Failure
from agentd.providers.catalog import Facts, limits_of
from agentd.providers.connection import Connection
from agentd.providers.registry import OFFLINE, check_connection
from agentd.providers.report import Report
from agentproto.api.model import ModelInfo, ModelRole

__all__ = ["Looked", "connection_of", "is_nobody", "listed"]

_Why = tuple[str, str]
"""Why something can't be used, and what to do."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was learned just now, by connection name. `said`: what its server answered; `no_key`: why its key can't be
    had. Who is in neither was not asked."""

    said: Mapping[str, Report | Failure] = field(default_factory=dict)
    no_key: Mapping[str, AgentdError] = field(default_factory=dict)


def connection_of(name: str, settings: ConnectionSettings) -> Connection:
    """A settings table as a connection."""
    return Connection(
        name=name,
        kind=settings.kind,
        url=settings.url,
        model=settings.model,
        key=settings.key,
        window=settings.window,
        price_in=settings.price_in,
        price_out=settings.price_out,
        stall_ms=settings.stall_ms,
        send_session_id=settings.send_session_id,
        effort=settings.effort,
        images=settings.images,
        calls_in_text=settings.calls_in_text,
        fallback=settings.fallback,
    )


def listed(
    models: ModelSettings,
    found: Sequence[Detected],
    looked: Looked,
    where: Callable[[str], str],
    table: Sequence[Facts],
) -> list[ModelInfo]:
    """The rows: the built-in one, what is configured by name, what was found, and what is named and is nowhere.
    `where(key)`: the file and line that set a key."""
    rows = [_row(OFFLINE, "built_in", "always there", "built in", looked, table)]
    for name, settings in models.connections.items():
        place = where(f"models.{name}.kind")
        rows.append(_row(connection_of(name, settings), "configured", "configured", place, looked, table))
    for one in found:
        row = _row(connection_of(one.name, one.connection), "found", one.reason, one.source, looked, table)
        why_not: _Why = ("", "") if one.usable else (one.reason, "Mend that, or write it with `agentctl models add`.")
        rows.append(row if one.usable else _unusable(row, why_not))
    known = {row.name for row in rows}
    named = [name for name in dict.fromkeys((models.use, models.side, models.summary)) if name and name not in known]
    rows += [_nowhere(name) for name in named]
    used, why = choose(models, found)
    return [_with_roles(row, models, used, why) for row in rows]


def _row(
    connection: Connection,
    state: Literal["built_in", "configured", "found"],
    reason: str,
    source: str,
    looked: Looked,
    table: Sequence[Facts],
) -> ModelInfo:
    said = looked.said.get(connection.name)
    report = said if isinstance(said, Report) else None
    limits = limits_of(connection, None if report is None else report.window, table)
    nameless = state == "found" and not connection.model  # of which model's window should it be?
    price = known_of(connection, table)
    row = ModelInfo(
        name=connection.name,
        kind=connection.kind,
        model=connection.model,
        in_use=False,
        reason=reason,
        source=source,
        url=connection.url,
        window=0 if nameless else limits.window,
        key=connection.key,
        state=state,
        fallback=connection.fallback,
        effort=connection.effort,
        window_from="" if nameless else "built_in" if state == "built_in" else limits.source,
        price_in=price.price_in,
        price_out=price.price_out,
        price_from=price.source,
        price_as_of=price.as_of,
        answers=None if said is None else report is not None,
        slots=report.slots or 0 if report is not None else 0,
    )
    why_not = _why_not(connection, state, said, looked.no_key.get(connection.name))
    return row if why_not is None else _unusable(row, why_not)


def _why_not(
    connection: Connection, state: str, said: Report | Failure | None, no_key: AgentdError | None
) -> _Why | None:
    """Why a turn with it would fail; None when nothing speaks against it."""
    try:
        check_connection(connection)
    except BadInputError as fault:
        # what was only found lacks its model's name, which its server is asked for when somebody chooses it
        return None if state == "found" else (fault.what, fault.remedy)
    if no_key is not None:
        return no_key.what, no_key.remedy
    if isinstance(said, Failure) and is_nobody(said):
        host = urlsplit(connection.url).netloc
        return f"nobody answers at {host}", f"Start its server, or mend models.{connection.name}.url."
    if isinstance(said, Failure) and said.kind == "auth":
        return f"its server takes the key for none: {said.text}", said.remedy
    return None


def is_nobody(failure: Failure) -> bool:
    """Whether nobody listens at the address; a server that is merely slow may still be one."""
    return failure.kind == "network" and not failure.details.get("timeout")


def _unusable(row: ModelInfo, why_not: _Why) -> ModelInfo:
    return replace(row, state="unusable", why_not=why_not[0], remedy=why_not[1])


def _nowhere(name: str) -> ModelInfo:
    """A connection that settings name, and that is neither configured nor found now: a maker's, or a local program."""
    by_key = next((server for server in BY_KEY if server.name == name), None)
    by_port = next((server for server in BY_PORT if server.name == name), None)
    kind = by_key.kind if by_key is not None else by_port.kind if by_port is not None else ""
    missing = f"{by_key.variable} is not set" if by_key is not None else "nothing answers at its usual port"
    row = ModelInfo(name, kind, "", False, "named by the settings", "settings")
    why_not = f"it is not configured and was not found: {missing}"
    return _unusable(row, (why_not, f"Set or start that, or write a connection: `agentctl models add {name} ...`."))


def _with_roles(row: ModelInfo, models: ModelSettings, used: str, why: str) -> ModelInfo:
    named: tuple[tuple[ModelRole, str], ...] = (("main", used), ("side", models.side), ("summary", models.summary))
    roles = tuple(role for role, name in named if name == row.name)
    if row.name != used:
        return replace(row, roles=roles)
    return replace(row, roles=roles, in_use=True, reason=why, state="unusable" if row.why_not else "in_use")
