"""The shipped defaults and the model fit together: no key without a default, no default without a key."""

from __future__ import annotations

import tomllib

import pytest

from agentd.config.keys import JOINED, PROJECT_SAFE, Keys
from agentd.config.load import Sources, load, shipped_text
from agentd.config.model import (
    FEATURES,
    BudgetSettings,
    ChatSettings,
    DurabilitySettings,
    LogSettings,
    ModelSettings,
    PermissionSettings,
    SessionSettings,
    Settings,
    ShellSettings,
    ToolSettings,
    TurnSettings,
    UndoSettings,
)
from agentd.world.fake import fake_world


def test_an_empty_machine_has_the_shipped_settings() -> None:
    config = load(fake_world().files, Sources("/c/settings.toml"))
    assert config.settings == Settings(
        turn=TurnSettings(max_steps=50, max_faults=3, parallel_calls=10),
        models=ModelSettings(use="", connections={}),
        permissions=PermissionSettings(allow=(), ask=(), deny=()),
        durability=DurabilitySettings(mode="always", interval_ms=100),
        sessions=SessionSettings(
            idle_unload_ms=600_000, list_page=50, archive_after_days=0, remove_after_days=0, max_bytes=0, titles=True
        ),
        shell=ShellSettings(timeout_ms=120_000, output_bytes=10 * 1024 * 1024),
        tools=ToolSettings(step_result_chars=100_000),
        budget=BudgetSettings(
            safety_tokens=13_000,
            safety_share=0.1,
            small_window=130_000,
            max_output_tokens=32_000,
            session_usd=0.0,
            day_usd=0.0,
            schedule_usd=0.0,
            background_share=0.05,
            local_session_tokens=0,
            local_day_tokens=0,
            local_day_minutes=0,
            local_call_minutes=10,
        ),
        undo=UndoSettings(
            image_bytes=8 * 1024 * 1024,
            session_bytes=256 * 1024 * 1024,
            snapshot_files=20_000,
            snapshot_bytes=64 * 1024 * 1024,
            snapshot_ms=5_000,
        ),
        logs=LogSettings(level="info", events_bytes=1_000_000, events_files=5),
        chat=ChatSettings(vi=False),
        features={},
    )
    assert {row.where for row in config.rows} == {"default"}
    assert [row.key for row in config.rows if len(row.why) < 20] == []


@pytest.mark.parametrize(
    ("reference", "taken"),
    [
        *(("env:A_KEY", True), ("file:/k", True), ("cmd:pass show x", True), ("keyring:https://x/y/me", True)),
        *(("env:a key", False), ("file:k", False), ("cmd: ", False), ("cmd:a\nb", False), ("keyring:x", False)),
        *(("sk-secret", False), ("keyring:/me", False), ("keyring:x/", False), ("cmd:" + "x" * 5_000, False)),
    ],
)
def test_a_key_is_only_ever_a_reference(reference: str, taken: bool) -> None:
    key = Keys({}).connection["key"]
    if taken:
        assert key.value(reference) == reference
    else:
        with pytest.raises(ValueError, match="env:NAME, file:/PATH, cmd:COMMAND or keyring:SERVICE/USER"):
            key.value(reference)


def test_keys_and_shipped_defaults_are_the_same_set() -> None:
    shipped = {f"{section}.{name}" for section, table in tomllib.loads(shipped_text()).items() for name in table}
    assert {key.name for key in Keys(FEATURES).fixed()} - {f"features.{name}" for name in FEATURES} == shipped


def test_tables_name_only_keys_that_exist() -> None:
    names = {key.name for key in Keys(FEATURES).fixed()}
    assert {*JOINED, *PROJECT_SAFE} - names == set()


def test_every_key_of_a_connection_says_why() -> None:
    assert [key.name for key in Keys({}).connection.values() if len(key.why) < 20] == []
