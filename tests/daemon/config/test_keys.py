"""What a key may hold, and the words for it."""

from __future__ import annotations

import pytest

from agentd.config.keys import Keys, toml_text

KEYS = Keys({"dream": "tidies notes"})


@pytest.mark.parametrize(
    ("path", "given", "value"),
    [
        (("turn", "max_steps"), 7, 7),
        (("budget", "safety_share"), 0, 0.0),
        (("permissions", "deny"), ["a"], ("a",)),
        (("models", "x", "url"), "http://[::1]:80/v1", "http://[::1]:80/v1"),
        (("models", "x", "key"), "env:A_B", "env:A_B"),
        (("features", "dream"), True, True),
    ],
)
def test_a_fitting_value_is_taken(path: tuple[str, ...], given: object, value: object) -> None:
    key = KEYS.find(path)
    assert key is not None
    assert key.value(given) == value


@pytest.mark.parametrize(
    ("path", "given", "allowed"),
    [
        (("turn", "max_steps"), True, "a whole number from 1 to 1,000"),
        (("turn", "max_steps"), 0, "a whole number from 1 to 1,000"),
        (("turn", "max_steps"), 5.0, "a whole number from 1 to 1,000"),
        (("budget", "safety_share"), float("nan"), "a number from 0 to 0.5"),
        (("chat", "vi"), 1, "true or false"),
        (("durability", "mode"), "sometimes", 'one of "always", "interval"'),
        (("permissions", "deny"), [""], "a list, each a text in quotes of 1 to 4,096 characters"),
        (("permissions", "deny"), "rm", "a list, each a text in quotes of 1 to 4,096 characters"),
        (("models", "x", "window"), 255, "a whole number from 256 to 100,000,000"),
        (("models", "x", "price_in"), float("inf"), "a number from 0 to 1,000,000"),
        (
            ("models", "x", "url"),
            "http://me:secret@host/v1",
            "an address without password, ? or #, like http://127.0.0.1:8080/v1",
        ),
        (
            ("models", "x", "key"),
            "sk-123",
            "a reference to a key, env:NAME, file:/PATH, cmd:COMMAND or keyring:SERVICE/USER",
        ),
        (
            ("models", "x", "key"),
            "file:relative",
            "a reference to a key, env:NAME, file:/PATH, cmd:COMMAND or keyring:SERVICE/USER",
        ),
    ],
)
def test_another_value_is_refused_with_what_is_allowed(path: tuple[str, ...], given: object, allowed: str) -> None:
    key = KEYS.find(path)
    assert key is not None
    with pytest.raises(ValueError) as caught:
        key.value(given)
    assert str(caught.value) == allowed


@pytest.mark.parametrize(
    ("path", "near"),
    [
        (("turn", "max_step"), "turn.max_steps"),
        (("shell", "max_steps"), "turn.max_steps"),
        (("shel", "timeout"), "shell.timeout_ms"),
        (("models", "x", "prise_in"), "models.x.price_in"),
        (("quite", "different", "thing"), ""),
    ],
)
def test_the_nearest_name_is_offered(path: tuple[str, ...], near: str) -> None:
    assert KEYS.find(path) is None
    assert KEYS.nearest(path) == near


def test_values_are_written_as_toml() -> None:
    values = [None, True, 12, 0.1, 'a "b"\n\x7fé😀', ("x", "y"), ()]
    assert [toml_text(value) for value in values] == [
        "",
        "true",
        "12",
        "0.1",
        '"a \\"b\\"\\n\\u007fé😀"',
        '["x", "y"]',
        "[]",
    ]
