"""What one source gives, and how its first fault is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.config.keys import Keys
from agentd.config.layers import Given, from_environment, from_flags, from_text, toml_value
from agentd.errors import SettingsError

KEYS = Keys({})
F = "/c/settings.toml"


def told(data: bytes, layer: str = "user") -> tuple[str, str, str]:
    with pytest.raises(SettingsError) as caught:
        from_text(data, F, layer, KEYS)  # type: ignore[arg-type]
    return caught.value.what, caught.value.why, caught.value.remedy


def test_a_file_gives_keys_with_their_lines() -> None:
    data = b'[turn]\nmax_steps = 20\n\n[models.local]\nkind = "openai-chat"\n'
    assert from_text(data, F, "user", KEYS) == (
        Given(("turn", "max_steps"), 20, f"{F}:2", "user"),
        Given(("models", "local", "kind"), "openai-chat", f"{F}:5", "user"),
    )


def test_only_the_managed_file_locks() -> None:
    data = b"[turn]\nmax_faults = 2\n[locked]\nturn.max_steps = 20\n[locked.models.x]\nkind = 'offline'\n"
    assert from_text(data, F, "managed", KEYS) == (
        Given(("turn", "max_faults"), 2, f"{F}:2", "managed"),
        Given(("turn", "max_steps"), 20, f"{F}:4", "locked"),
        Given(("models", "x", "kind"), "offline", f"{F}:6", "locked"),
    )
    assert told(data) == (
        f"{F}:4: locked.turn.max_steps can't be locked here",
        "only the managed file locks, by keys below [locked]",
        "Take the line out.",
    )


def test_a_project_sets_only_what_is_safe_from_anybody() -> None:
    safe = b"[permissions]\ndeny = ['net(*)']\n"
    assert from_text(safe, F, "project", KEYS) == (Given(("permissions", "deny"), ("net(*)",), f"{F}:2", "project"),)
    what, why, remedy = told(b"[permissions]\nallow = ['shell(*)']\n", "project")
    assert what == f"{F}:2: permissions.allow can't be set by a project"
    assert "permissions.ask, permissions.deny, turn.max_steps" in why
    assert remedy == "Set it in your own settings, or in .agentd/settings.local.toml."


@pytest.mark.parametrize(
    ("data", "what", "why"),
    [
        (b"[turn]\nmax_stepz = 1\n", "2: there is no setting turn.max_stepz", "the nearest known name is turn.max_steps"),
        (b"[trun]\n\nmax_steps = 1\n", "3: there is no setting trun.max_steps", "the nearest known name is turn.max_steps"),
        (b"[turn]\nmax_steps = 'x'\n", '2: turn.max_steps can\'t be "x"', "it has to be a whole number from 1 to 1,000"),
        (b"[turn.max_steps]\nx = 1\n", "1: turn.max_steps can't be a table", "it has to be a whole number from 1 to 1,000"),
        (b"turn = 3\n", "1: turn is a table", "it holds keys"),
        (b"locked = 3\n", "1: locked can't be locked here", "only the managed file locks, by keys below [locked]"),
        (b"[features]\nflying = true\n", "2: there is no setting features.flying", "no known name is like it"),
        (b"\n\nx = \n", "3: this is no TOML", "Invalid value"),
        (b'x = "', "1: this is no TOML", "Unterminated string"),
        (b"x = 1\nx = 2\n", "2: this is no TOML", "Cannot overwrite a value"),
        (b"x = 1\n\xff = 2\n", "2: the file is not UTF-8", ""),
        (b"x = " + b"[" * 100_000, "1: the file is nested too deeply", ""),
        (b"[models.offline]\nkind = 'offline'\n", "2: a connection can't be called 'offline'", "that one is built in"),
        (b"[models.side]\nkind = 'ollama'\n", "2: a connection can't be called 'side'", "models.side is a setting of its own"),
    ],
)  # fmt: skip
def test_the_first_fault_is_told_with_its_line(data: bytes, what: str, why: str) -> None:
    assert told(data)[:2] == (f"{F}:{what}", why)


def test_a_key_in_the_wrong_place_is_not_repeated() -> None:
    assert "sk-123" not in str(told(b"[models.x]\nkey = 'sk-123'\n"))


def test_the_managed_file_can_be_wrong_too() -> None:
    assert told(b"locked = 3\n", "managed")[0] == f"{F}:1: locked can't be locked here"
    assert told(b"[locked.turn]\nx = 3\n", "managed")[0] == f"{F}:2: there is no setting turn.x"


def test_the_environment_gives_keys_by_their_names() -> None:
    environment = {
        "AGENTD_SET_TURN__MAX_STEPS": "20",
        "AGENTD_SET_MODELS__USE": "local",
        "AGENTD_SET_MODELS__MY_BOX__URL": "http://127.0.0.1:8080/v1",
        "AGENTD_SET_PERMISSIONS__DENY": '["a, b", "c"]',
        "AGENTD_HOME": "/h",
    }
    assert {(".".join(one.path), one.value, one.where) for one in from_environment(environment, KEYS)} == {
        ("turn.max_steps", 20, "environment AGENTD_SET_TURN__MAX_STEPS"),
        ("models.use", "local", "environment AGENTD_SET_MODELS__USE"),
        ("models.my_box.url", "http://127.0.0.1:8080/v1", "environment AGENTD_SET_MODELS__MY_BOX__URL"),
        ("permissions.deny", ("a, b", "c"), "environment AGENTD_SET_PERMISSIONS__DENY"),
    }


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("AGENTD_SET_TURN_MAX_STEPS", "1", "there is no setting turn_max_steps"),
        ("AGENTD_SET_TURN__MAX_STEPS", "many", 'turn.max_steps can\'t be "many"'),
        ("AGENTD_SET_TURN__MAX_STEPS", "1\nx = 2", "the value for turn.max_steps can't be read"),
        ("AGENTD_SET_TURN__MAX_STEPS", "", "the value for turn.max_steps can't be read"),
        ("AGENTD_SET_", "1", "there is no setting "),
    ],
)
def test_a_fault_of_the_environment_names_the_variable(name: str, value: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({name: value}, KEYS)
    assert caught.value.what == f"environment {name}: {what}"


def test_a_flag_is_a_dotted_key() -> None:
    assert from_flags({"logs.level": "debug"}, KEYS) == (Given(("logs", "level"), "debug", "flag logs.level", "flag"),)


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), (" 12 ", 12), ("'a b'", "a b"), ("word", "word"), ("a:b/c.d-e", "a:b/c.d-e"), ("1.2.3", "1.2.3")],
)
def test_a_value_is_toml_or_a_bare_word(text: str, value: object) -> None:
    assert toml_value(text, "here", "k") == value


@given(st.binary() | st.text().map(str.encode) | st.from_regex(rb"(\[\w+\]\n|\w+(\.\w+)* = [\w'\[\]{}.\"=]+\n)*"))
def test_any_bytes_are_settings_or_a_settings_error(data: bytes) -> None:
    for layer in ("managed", "user", "project"):
        said = f"{F}:"
        try:
            from_text(data, F, layer, KEYS)  # type: ignore[arg-type]
        except SettingsError as fault:
            said = fault.what
        assert said.startswith(f"{F}:")
        assert said.isprintable()


@given(st.text())
def test_any_text_is_a_value_or_a_settings_error(text: str) -> None:
    said = "here: the value for k can't be read"
    try:
        toml_value(text, "here", "k")
    except SettingsError as fault:
        said = fault.what
    assert said == "here: the value for k can't be read"
