"""From the settings' tables to providers, and plain words for what is not built."""

from __future__ import annotations

import json

import pytest

from agentd.errors import BadInputError, MissingFileError, SettingsError
from agentd.providers.base import ModelRequest
from agentd.providers.catalog import UNKNOWN_WINDOW, limits_of, shipped
from agentd.providers.connection import Connection
from agentd.providers.keys import Keys
from agentd.providers.offline import OfflineProvider
from agentd.providers.registry import KINDS, OFFLINE, make_provider, read_connections
from agentd.providers.scripted import ScriptedProvider
from agentd.world.fake import FakeWorld, fake_world


def built(connection: Connection, world: FakeWorld | None = None) -> tuple[str, str, str]:
    world = world or fake_world()
    provider = make_provider(connection, world, Keys({}, world))
    return type(provider).__name__, provider.name, provider.kind


def test_offline_is_always_there() -> None:
    assert read_connections({}) == {"offline": OFFLINE}
    assert built(OFFLINE) == (OfflineProvider.__name__, "offline", "offline")


def test_every_kind_is_made() -> None:
    world = fake_world()
    world.files.write_atomic("/a b.json", b'{"replies": []}')
    tables = {
        "local": {"kind": "openai-chat", "url": "http://127.0.0.1:1/v1", "model": "m"},
        "claude": {"kind": "anthropic", "url": "https://api.anthropic.com", "model": "m"},
        "gpt": {"kind": "openai-responses", "url": "https://api.openai.com/v1", "model": "m"},
        "llama": {"kind": "ollama", "url": "http://127.0.0.1:11434", "model": "m"},
        "played": {"kind": "scripted", "url": "file:/a%20b.json"},
        "mine": {"kind": "offline"},
    }
    connections = read_connections(tables)
    assert {name: built(connection, world) for name, connection in connections.items()} == {
        "offline": (OfflineProvider.__name__, "offline", "offline"),
        "local": ("HttpProvider", "local", "openai-chat"),
        "claude": ("HttpProvider", "claude", "anthropic"),
        "gpt": ("HttpProvider", "gpt", "openai-responses"),
        "llama": ("HttpProvider", "llama", "ollama"),
        "played": (ScriptedProvider.__name__, "played", "scripted"),
        "mine": (OfflineProvider.__name__, "mine", "offline"),
    }
    assert {connection.kind for connection in connections.values()} == set(KINDS)


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"kind": "gpt"}, "models.x.kind"),
        ({"kind": "scripted"}, "models.x.url"),
        ({"kind": "openai-chat", "model": "m"}, "models.x.url"),
        ({"kind": "openai-chat", "url": "file:/x", "model": "m"}, "models.x.url"),
        ({"kind": "openai-chat", "url": "http://127.0.0.1:1/v1"}, "models.x.model"),
        ({"kind": "openai-responses", "url": "http://127.0.0.1:1/v1"}, "models.x.model"),
        ({"kind": "anthropic", "model": "m"}, "models.x.url"),
        ({"kind": "anthropic", "url": "https://api.anthropic.com"}, "models.x.model"),
        ({"kind": "ollama", "model": "m"}, "models.x.url"),
        ({"kind": "ollama", "url": "http://127.0.0.1:11434"}, "models.x.model"),
        ("text", "models.x"),
    ],
)
def test_what_is_missing_is_named(table: object, field: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_connections({"x": table})
    assert (caught.value.field, caught.value.remedy != "") == (field, True)


@pytest.mark.parametrize(
    ("model", "window", "num_ctx"), [("m", 16_384, 16_384), ("m", None, UNKNOWN_WINDOW), ("gpt-4o", None, 128_000)]
)
def test_ollama_is_told_the_window_that_the_budget_counts_with(model: str, window: int | None, num_ctx: int) -> None:
    world = fake_world()
    connection = Connection("x", "ollama", "http://127.0.0.1:11434", model, window=window)
    body = make_provider(connection, world, Keys({}, world)).encode(ModelRequest(model, (), (), (), 7))
    assert json.loads(body)["options"] == {"num_ctx": num_ctx, "num_predict": 7}
    assert limits_of(connection, None, shipped()).window == num_ctx


def test_a_script_that_is_not_there_or_wrong_is_told() -> None:
    world = fake_world()
    world.files.write_atomic("/bad.json", b'{"replies": [{"txt": 1}]}')
    with pytest.raises(MissingFileError):
        built(Connection("x", "scripted", "file:/none.json"), world)
    with pytest.raises(SettingsError, match=r"/bad\.json"):
        built(Connection("x", "scripted", "file:/bad.json"), world)
