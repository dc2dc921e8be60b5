"""A row for every connection, with the state that a person would give it."""

from __future__ import annotations

from datetime import date

import pytest

from agentd.config.detect import Detected
from agentd.config.model import ConnectionSettings, ModelSettings
from agentd.connections.listing import Looked, listed
from agentd.errors import SettingsError
from agentd.providers.base import Failure
from agentd.providers.catalog import Facts
from agentd.providers.report import Report
from agentproto.api.model import ModelInfo

TABLE = (Facts("claude", date(2025, 12, 1), 200_000, 64_000, 3.0, 0.3, 15.0),)
CLOUD = ConnectionSettings("anthropic", "https://api.anthropic.com", "claude", "env:K", effort="high")
LOCAL = ConnectionSettings("openai-chat", "http://127.0.0.1:8080/v1", "qwen", window=4_096, fallback=("cloud",))
OFFLINE = ModelInfo(
    *("offline", "offline", "", False, "always there", "built in"),
    window=128_000, state="built_in", window_from="built_in", price_in=0.0, price_out=0.0, price_from="local",
)  # fmt: skip


def rows(models: ModelSettings, *found: Detected, looked: Looked | None = None) -> list[ModelInfo]:
    return listed(models, found, looked or Looked(), lambda key: f"/s.toml:{len(key)}", TABLE)


def test_with_nothing_the_built_in_one_serves() -> None:
    (row,) = rows(ModelSettings("", {}))
    assert (row.state, row.in_use, row.roles, row.reason) == (
        *("in_use", True, ("main",), "no key, no server, no configuration"),
    )


def test_every_fact_has_its_source() -> None:
    said = Looked({"local": Report(("qwen",), 8_192, 2)})
    models = ModelSettings("local", {"cloud": CLOUD, "local": LOCAL}, side="local", summary="cloud")
    offline, cloud, local = rows(models, looked=said)
    assert offline == OFFLINE
    assert cloud == ModelInfo(
        *("cloud", "anthropic", "claude", False, "configured", "/s.toml:17", "https://api.anthropic.com", 200_000, "env:K"),
        state="configured", roles=("summary",), effort="high", window_from="table",
        price_in=3.0, price_out=15.0, price_from="table", price_as_of="2025-12-01",
    )  # fmt: skip
    assert local == ModelInfo(
        *("local", "openai-chat", "qwen", True, "models.use names it", "/s.toml:17", "http://127.0.0.1:8080/v1", 4_096),
        state="in_use", roles=("main", "side"), fallback=("cloud",), window_from="settings",
        price_in=0.0, price_out=0.0, price_from="local", answers=True, slots=2,
    )  # fmt: skip


NOBODY = Failure("network", "nobody is there", "start it", details={"phase": "connect", "timeout": False})
SLOW = Failure("network", "no answer in time", "wait", details={"phase": "connect", "timeout": True})
REFUSED = Failure("auth", "who are you?", "check the key", 401)


@pytest.mark.parametrize(
    ("looked", "seen"),
    [
        (Looked(), ("configured", "", "", None)),
        (
            Looked({"local": NOBODY}),
            ("unusable", "nobody answers at 127.0.0.1:8080", "Start its server, or mend models.local.url.", False),
        ),
        (Looked({"local": SLOW}), ("configured", "", "", False)),
        (
            Looked({"local": REFUSED}),
            ("unusable", "its server takes the key for none: who are you?", "check the key", False),
        ),
        (
            Looked(no_key={"local": SettingsError("K is not set", remedy="Set K.")}),
            ("unusable", "K is not set", "Set K.", None),
        ),
    ],
)
def test_what_can_not_be_used_says_why_and_what_to_do(looked: Looked, seen: tuple[object, ...]) -> None:
    row = rows(ModelSettings("offline", {"local": LOCAL}), looked=looked)[1]
    assert (row.state, row.why_not, row.remedy, row.answers) == seen


def test_what_serves_and_can_not_be_used_says_both() -> None:
    row = rows(ModelSettings("", {"local": LOCAL}), looked=Looked({"local": NOBODY}))[1]
    assert (row.in_use, row.state, row.reason) == (True, "unusable", "it is the only one that is configured")


def test_a_model_s_name_may_be_missing_only_where_it_is_still_asked_for() -> None:
    nameless = ConnectionSettings("openai-chat", "https://api.openai.com/v1", key="env:OPENAI_API_KEY")
    found = Detected("openai", nameless, "OPENAI_API_KEY", "OPENAI_API_KEY is set")
    row = rows(ModelSettings("", {"mine": nameless}), found)
    assert [(one.name, one.state, one.why_not, one.window) for one in row[1:]] == [
        ("mine", "unusable", "models.mine.model is missing", 8_192),
        ("openai", "found", "", 0),
    ]


def test_what_was_found_and_is_broken_says_what_is_missing() -> None:
    empty = Detected(
        "vllm", ConnectionSettings("openai-chat", "http://x/v1"), "http://x/v1", "no model loaded", usable=False
    )
    (_, row) = rows(ModelSettings("", {}), empty)
    assert (row.state, row.why_not) == ("unusable", "no model loaded")


def test_what_is_named_and_is_nowhere_has_a_row_too() -> None:
    _, main, side = rows(ModelSettings("anthropic", {}, side="ollama"))
    assert (main.name, main.in_use, main.state, main.why_not) == (
        *("anthropic", True, "unusable"),
        "it is not configured and was not found: ANTHROPIC_API_KEY is not set",
    )
    assert (side.name, side.roles, side.why_not) == (
        *("ollama", ("side",)),
        "it is not configured and was not found: nothing answers at its usual port",
    )
