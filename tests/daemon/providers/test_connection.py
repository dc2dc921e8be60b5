"""A settings table becomes a connection, or an error that says how to mend it."""

from __future__ import annotations

import pytest

from agentd.errors import SettingsError
from agentd.providers.connection import Connection, read_connection


def test_a_whole_table() -> None:
    table = {
        "kind": "openai-chat",
        "url": "http://127.0.0.1:8080/v1/",
        "model": "qwen",
        "key": "env:MY_KEY",
        "window": 8192,
        "price_in": 3,
        "price_out": 15.5,
        "stall_ms": 5_000,
    }
    found = read_connection("local", table)
    assert found == Connection(
        "local", "openai-chat", "http://127.0.0.1:8080/v1", "qwen", "env:MY_KEY", 8192, 3.0, 15.5, 5_000
    )
    assert (found.host, found.is_local) == ("127.0.0.1", True)


def test_the_least_that_is_needed() -> None:
    assert read_connection("x", {"kind": "offline"}) == Connection("x", "offline")
    assert read_connection("x", {"kind": "scripted", "url": "file:/a b/c.json"}).url == "file:/a b/c.json"
    assert not read_connection("x", {"kind": "k", "url": "https://api.example.org/v1"}).is_local
    assert read_connection("x", {"kind": "k", "url": "http://[::1]:1/v1"}).is_local


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({}, "kind"),
        ({"kind": 3}, "kind"),
        ({"kind": "k", "windw": 1}, "windw"),
        ({"kind": "k", "name": "other"}, "name"),
        ({"kind": "k", "url": "localhost:8080"}, "url"),
        ({"kind": "k", "url": "ftp://x/"}, "url"),
        ({"kind": "k", "url": "http://"}, "url"),
        ({"kind": "k", "url": "http://x:99999/"}, "url"),
        ({"kind": "k", "url": "http://me:secret@x/v1"}, "url"),
        ({"kind": "k", "url": "http://x/v1?key=1"}, "url"),
        ({"kind": "k", "url": "file:relative"}, "url"),
        ({"kind": "k", "key": "sk-123"}, "key"),
        ({"kind": "k", "key": "keyring:nobody"}, "key"),
        ({"kind": "k", "window": "8192"}, "window"),
        ({"kind": "k", "window": True}, "window"),
        ({"kind": "k", "window": 10}, "window"),
        ({"kind": "k", "price_in": -1}, "price_in"),
        ({"kind": "k", "price_out": float("nan")}, "price_out"),
        ({"kind": "k", "stall_ms": 1}, "stall_ms"),
    ],
)
def test_what_is_wrong_is_named(table: dict[str, object], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_connection("local", table)
    assert caught.value.field == f"models.local.{field}"
    assert caught.value.remedy != ""


def test_a_near_name_is_offered_and_a_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match="did you mean 'window'"):
        read_connection("x", {"kind": "k", "windw": 1})
    with pytest.raises(SettingsError) as caught:
        read_connection("x", {"kind": "k", "key": "sk-topsecret"})
    assert "topsecret" not in caught.value.what + caught.value.why + caught.value.remedy
