"""Which kinds of model connection there are: a connection from the settings -> the provider that serves it.

It decides nothing but the kind, and says plainly which kinds are planned but not built. One line a provider; adding
one touches this file, its own, its test and its row in docs/providers.md. `offline` needs no settings and is always
there. Nothing here reads a key or asks a server. Callers: `agentd.app`, the settings' check, `agentctl models`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

from agentd.errors import BadInputError, SettingsError
from agentd.providers import offline, scripted
from agentd.providers.base import Provider
from agentd.providers.call import HttpProvider
from agentd.providers.connection import Connection, read_connection
from agentd.providers.keys import KeyResolver
from agentd.providers.openai_chat import OpenAIChat
from agentd.world.doors import World

__all__ = ["KINDS", "OFFLINE", "PLANNED", "check_connection", "make_provider", "read_connections"]

OFFLINE = Connection(name=offline.KIND, kind=offline.KIND, window=128_000, price_in=0.0, price_out=0.0)
"""The built-in connection. Its window is a bound on memory, not a model's: large enough that nothing is compacted
early, small enough that a session with it can be carried to a real model."""

_NEWER_LIMIT_NAME = frozenset({"api.openai.com"})
"""Hosts whose models refuse `max_tokens`; everywhere else it is the name that works."""

PLANNED: Mapping[str, str] = {
    "anthropic": "the Anthropic Messages protocol",
    "openai-responses": "the OpenAI Responses protocol",
    "ollama": "Ollama's own protocol",
}
"""Kinds that are not built yet, and what is missing."""


def _offline(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    return offline.OfflineProvider(connection.name)


def _scripted(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    path = unquote(urlsplit(connection.url).path)
    script = scripted.read_script(world.files.read(path), path)
    return scripted.ScriptedProvider(connection.name, script, world.clock, world.files)


def _openai_chat(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    codec = OpenAIChat("max_completion_tokens" if connection.host in _NEWER_LIMIT_NAME else "max_tokens")
    return HttpProvider(connection.name, codec, connection, world, keys)


KINDS: Mapping[str, Callable[[Connection, World, KeyResolver], Provider]] = {
    offline.KIND: _offline,
    scripted.KIND: _scripted,
    "openai-chat": _openai_chat,
}
"""Every kind that is built."""


def check_connection(connection: Connection) -> None:
    """BadInputError when no provider can be made of it, naming what is missing and what to do."""
    name, kind = connection.name, connection.kind
    if kind in PLANNED:
        raise BadInputError(
            f"models.{name} has the kind {kind!r}, and {PLANNED[kind]} is not built yet",
            remedy='Use kind = "openai-chat" if the server speaks that too (most do, at /v1).',
            field=f"models.{name}.kind",
        )
    if kind not in KINDS:
        raise BadInputError(
            f"models.{name} has the unknown kind {kind!r}",
            remedy=f"Known kinds: {', '.join(sorted(KINDS))}.",
            field=f"models.{name}.kind",
        )
    scheme = urlsplit(connection.url).scheme
    if kind == scripted.KIND and scheme != "file":
        raise _missing(name, "url", 'the script\'s place, like url = "file:/home/me/script.json"')
    if kind == "openai-chat" and scheme not in ("http", "https"):
        raise _missing(name, "url", 'the server\'s address, like url = "http://127.0.0.1:8080/v1"')
    if kind == "openai-chat" and not connection.model:
        raise _missing(name, "model", 'the model\'s name at that server, like model = "qwen"')


def _missing(name: str, key: str, what: str) -> SettingsError:
    return SettingsError(f"models.{name}.{key} is missing", remedy=f"Give {what}.", field=f"models.{name}.{key}")


def make_provider(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    """The provider of a connection. BadInputError as `check_connection`; a DiskError when a script can't be read."""
    check_connection(connection)
    return KINDS[connection.kind](connection, world, keys)


def read_connections(tables: Mapping[str, object]) -> dict[str, Connection]:
    """All connections of the settings' `models` table by name, checked, with `offline` among them (unless the
    settings have one of that name). SettingsError or BadInputError for the first that is wrong."""
    connections = {OFFLINE.name: OFFLINE}
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise SettingsError(
                f"models.{name} is {table!r}", remedy=f"Write it as a table: [models.{name}].", field=f"models.{name}"
            )
        connections[name] = read_connection(name, table)
        check_connection(connections[name])
    return connections
