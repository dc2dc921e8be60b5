"""Which model servers could be used without any configuration, and which connection new turns use and why.

`by_key` looks at the environment and is pure; `by_port` asks local servers, at most 800 ms and all at once. It is for
`model.list` alone and never for a start, which must not wait. `choose` is pure: what was found is offered and never
taken by itself, because nothing may leave this machine, and no program may be spoken to, without a person's choice.
Callers: `agentd.app`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from agentd.config.model import ConnectionSettings, ModelSettings
from agentd.config.servers import BUILT_IN, BY_KEY, BY_PORT, KeyServer, PortServer
from agentd.errors import AgentdError
from agentd.world.doors import HttpRequest, World
from agentd.world.tasks import Tasks
from agentproto.__about__ import __version__

__all__ = ["PROBE_MS", "VARIABLES", "Detected", "by_key", "by_port", "choose", "not_configured"]

PROBE_MS = 800
"""A local server that lists its models answers in a few ms; a person waits for the slowest of those that don't. A daemon
whose first request this is loads the HTTP library meanwhile, which takes 100 ms, and 400 on a busy machine."""

VARIABLES: Sequence[str] = tuple(
    sorted(
        {name for server in BY_KEY for name in (server.variable, server.url_variable) if name}
        | {server.host_variable for server in BY_PORT if server.host_variable}
    )
)
"""Names of the environment that this room looks at: what hello's answer asks a client for."""

_PLAIN_URL = re.compile(r"https?://[^\s?#@/]+(/[^\s?#@]*)?\Z")
_SHOWN_MODELS = 3


@dataclass(frozen=True, slots=True)
class Detected:
    """A connection that was found. `source` is the variable or address that shows it, `reason` the words for people;
    `usable` is False where something is missing, which `reason` then says."""

    name: str
    connection: ConnectionSettings
    source: str
    reason: str
    usable: bool = True


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    """What `GET /v1/models` answers; servers add fields of their own."""

    data: list[_Model]


def by_key(environment: Mapping[str, str]) -> tuple[Detected, ...]:
    """One row for each maker whose key, or whose address, is in the environment."""
    rows = (_keyed(server, environment) for server in BY_KEY)
    return tuple(row for row in rows if row is not None)


def _keyed(server: KeyServer, environment: Mapping[str, str]) -> Detected | None:
    key = environment.get(server.variable, "").strip()
    url = environment.get(server.url_variable, "").strip().rstrip("/") if server.url_variable else ""
    if not key and not url:
        return None
    source = server.variable if key else server.url_variable
    if url and not _PLAIN_URL.match(url):
        # it may hold a password, so it is not repeated
        connection = ConnectionSettings(server.kind, server.url, key=f"env:{server.variable}" if key else "")
        reason = f"{server.url_variable} is set, but is no plain address like https://HOST/v1"
        return Detected(server.name, connection, source, reason, usable=False)
    connection = ConnectionSettings(server.kind, url or server.url, key=f"env:{server.variable}" if key else "")
    reason = f"{source} is set"
    if key and url:
        reason += f", and {server.url_variable} names another address"
    return Detected(server.name, connection, source, reason)


async def by_port(world: World, environment: Mapping[str, str]) -> tuple[Detected, ...]:
    """One row for each local server that answers with a list of models, in the table's order. Never raises for what a
    server does: other programs use these ports too."""
    tasks = Tasks(lambda _name, _error: None)  # what escapes a probe is raised where it is awaited
    try:
        running = [tasks.start(f"probe {server.name}", _probe(world, server, environment)) for server in BY_PORT]
        rows = [await task for task in running]
    finally:
        await tasks.stop_all(PROBE_MS)
    return tuple(row for row in rows if row is not None)


async def _probe(world: World, server: PortServer, environment: Mapping[str, str]) -> Detected | None:
    address = _address(server, environment)
    if address is None:
        return None
    url = f"{address}/v1"
    who = {"user-agent": f"agentd/{__version__} (test)"}
    request = HttpRequest("GET", f"{url}/models", who, connect_ms=PROBE_MS, stall_ms=PROBE_MS, total_ms=PROBE_MS)
    try:
        async with world.clock.deadline(PROBE_MS), world.http.send(request) as response:
            if response.status != 200:
                return None
            listed = msgspec.json.decode(await response.read(), type=_Models)
    except (AgentdError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    names = [model.id for model in listed.data]
    spoken = address if server.kind == "ollama" else url
    reason = f"{server.title} answers at {urlsplit(url).netloc}"
    if not names:
        reason += " and has no model loaded"
        return Detected(server.name, ConnectionSettings(server.kind, spoken), spoken, reason, usable=False)
    shown = ", ".join(names[:_SHOWN_MODELS]) + (" ..." if len(names) > _SHOWN_MODELS else "")
    reason += f" with {len(names)} model{'s' * (len(names) != 1)}: {shown}"
    return Detected(server.name, ConnectionSettings(server.kind, spoken, model=names[0]), spoken, reason)


def _address(server: PortServer, environment: Mapping[str, str]) -> str | None:
    """`http://HOST:PORT`, by the server's own variable where it has one; None when that can't be read."""
    given = environment.get(server.host_variable, "").strip() if server.host_variable else ""
    if not given:
        return f"http://127.0.0.1:{server.port}"
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        host, port = parts.hostname or "127.0.0.1", parts.port or server.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.username or parts.password:
        return None
    if host in ("0.0.0.0", "::"):  # what a server listens on; a client needs an address
        host = "127.0.0.1"
    return f"{parts.scheme}://[{host}]:{port}" if ":" in host else f"{parts.scheme}://{host}:{port}"


def not_configured(found: Sequence[Detected], models: ModelSettings) -> tuple[Detected, ...]:
    """Those that no settings table has already, by name or by address."""
    urls = {_bare(connection.url) for connection in models.connections.values()}
    return tuple(row for row in found if row.name not in models.connections and _bare(row.connection.url) not in urls)


def _bare(url: str) -> str:
    """An address without what may be missing in it or too much."""
    return url.rstrip("/").removesuffix("/v1")


def choose(models: ModelSettings, found: Sequence[Detected]) -> tuple[str, str]:
    """(name of the connection for new turns, why that one).

    `models.use` wins, also when what it names can't be had: a turn then fails with advice, because to answer by
    another model than the chosen one would be worse. Else the only configured one, else the offline engine.
    """
    use = models.use
    if use:
        return use, _why_used(use, models, found)
    if len(models.connections) == 1:
        return next(iter(models.connections)), "it is the only one that is configured"
    if models.connections:
        names = ", ".join(models.connections)
        return BUILT_IN, f"{len(models.connections)} are configured ({names}) and models.use names none of them"
    usable = [row.name for row in found if row.usable]
    if usable:
        return BUILT_IN, f"none is configured; found, and to be chosen with `agentctl models use`: {', '.join(usable)}"
    return BUILT_IN, "no key, no server, no configuration"


def _why_used(use: str, models: ModelSettings, found: Sequence[Detected]) -> str:
    if use == BUILT_IN or use in models.connections:
        return "models.use names it"
    for row in found:
        if row.name == use:
            return f"models.use names it; {row.reason}"
    return "models.use names it, but it is not configured and was not found"
