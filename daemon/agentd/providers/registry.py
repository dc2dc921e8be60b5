"""Which kinds of model connection there are: a connection from the settings -> the provider that serves it.

It decides the kind, and what of an address is certainly meant (a `/v1` too much is taken off where a protocol brings its
own). One line a provider; adding one touches this file, its own, its test and its row in docs/providers.md. `offline`
needs no settings and is always there. Nothing here reads a key or asks a server. Callers: `agentd.app`, the settings'
check, `agentctl models`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from agentd.errors import BadInputError, SettingsError
from agentd.providers import offline, scripted
from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Provider
from agentd.providers.call import HttpProvider
from agentd.providers.catalog import limits_of, shipped
from agentd.providers.connection import Connection, read_connection
from agentd.providers.keys import KeyResolver
from agentd.providers.ollama import OllamaChat
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentd.world.doors import World

__all__ = ["KINDS", "OFFLINE", "check_connection", "make_provider", "read_connections"]

OFFLINE = Connection(name=offline.KIND, kind=offline.KIND, window=128_000, price_in=0.0, price_out=0.0)
"""The built-in connection. Its window is a bound on memory, not a model's: large enough that nothing is compacted
early, small enough that a session with it can be carried to a real model."""

_NEWER_LIMIT_NAME = frozenset({"api.openai.com"})
"""Hosts whose models refuse `max_tokens`; everywhere else it is the name that works."""

_ADDRESSES: Mapping[str, str] = {
    "anthropic": "https://api.anthropic.com",
    "ollama": "http://127.0.0.1:11434",
    "openai-chat": "http://127.0.0.1:8080/v1",
    "openai-responses": "https://api.openai.com/v1",
}
"""The kinds that need a server's address and a model's name, with an address as it usually looks."""


def _offline(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    return offline.OfflineProvider(connection.name)


def _scripted(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    path = unquote(urlsplit(connection.url).path)
    script = scripted.read_script(world.files.read(path), path)
    return scripted.ScriptedProvider(connection.name, script, world.clock, world.files)


def _openai_chat(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    codec = OpenAIChat("max_completion_tokens" if connection.host in _NEWER_LIMIT_NAME else "max_tokens")
    return HttpProvider(connection.name, codec, connection, world, keys)


def _openai_responses(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    return HttpProvider(connection.name, OpenAIResponses(connection.host), connection, world, keys)


def _anthropic(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    return HttpProvider(connection.name, AnthropicMessages(connection.host), _at_origin(connection), world, keys)


def _ollama(connection: Connection, world: World, keys: KeyResolver) -> Provider:
    codec = OllamaChat(num_ctx=limits_of(connection, None, shipped()).window)
    return HttpProvider(connection.name, codec, _at_origin(connection), world, keys)


def _at_origin(connection: Connection) -> Connection:
    return replace(connection, url=connection.url.removesuffix("/v1"))


KINDS: Mapping[str, Callable[[Connection, World, KeyResolver], Provider]] = {
    offline.KIND: _offline,
    scripted.KIND: _scripted,
    "anthropic": _anthropic,
    "ollama": _ollama,
    "openai-chat": _openai_chat,
    "openai-responses": _openai_responses,
}
"""Every kind that is built."""


def check_connection(connection: Connection) -> None:
    """BadInputError when no provider can be made of it, naming what is missing and what to do."""
    name, kind = connection.name, connection.kind
    if kind not in KINDS:
        raise BadInputError(
            f"models.{name} has the unknown kind {kind!r}",
            remedy=f"Known kinds: {', '.join(sorted(KINDS))}.",
            field=f"models.{name}.kind",
        )
    scheme = urlsplit(connection.url).scheme
    if kind == scripted.KIND and scheme != "file":
        raise _missing(name, "url", 'the script\'s place, like url = "file:/home/me/script.json"')
    if kind in _ADDRESSES and scheme not in ("http", "https"):
        raise _missing(name, "url", f'the server\'s address, like url = "{_ADDRESSES[kind]}"')
    if kind in _ADDRESSES and not connection.model:
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
