"""`agentctl models`: which one is in use and why; adding, choosing and trying one."""

from __future__ import annotations

import json
from pathlib import Path

from agentproto.api import model
from clients.scene import Ran, ctl, double


def test_the_list_says_which_one_serves_which_can_not_and_why(home: Path) -> None:
    found = model.ListResult(
        (
            model.ModelInfo("offline", "offline", "", False, "always there", "built in", window=9, state="built_in"),
            model.ModelInfo(
                *("gone", "ollama", "qwen", False, "configured", "/s.toml:9", "http://x:1", 4_096),
                state="unusable", why_not="nobody answers at x:1", remedy="Start it.", window_from="settings",
            ),
            model.ModelInfo(
                *("local", "openai-chat", "llama", True, "models.use names it", "/s.toml:3", "http://y/v1", 8_192),
                state="in_use", roles=("main",), window_from="server", price_in=0, price_out=0, price_from="local",
            ),
        )
    )  # fmt: skip
    with double(home, {"model.list": lambda call: found}):
        ran = ctl(home, "models", "list")
        as_json = ctl(home, "models", "list", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "USE   NAME     STATE          MODEL  WINDOW        $/M IN, OUT\n"
        "main  local    in use         llama  8,192 server  free\n"
        "      offline  built in       -      9             not known\n"
        "      gone     can't be used  qwen   4,096 set     not known\n"
        "\n"
        "NAME     WHY\n"
        "local    models.use names it; openai-chat at y/v1; s.toml:3\n"
        "offline  always there\n"
        "gone     nobody answers at x:1. Start it; ollama at x:1; s.toml:9\n"
    )
    assert [one["name"] for one in json.loads(as_json.out)] == ["offline", "gone", "local"]


def test_a_connection_is_added_by_reference_never_with_the_key_itself(home: Path) -> None:
    with double(home, {"model.add": lambda call: model.AddResult("/settings.toml")}) as served:
        arguments = (
            "models",
            "add",
            "m",
            "--kind",
            "anthropic",
            "--url",
            "https://x",
            "--price-in",
            "3",
            "--window",
            "9",
        )
        assert ctl(home, *arguments, "--key", "sk-secret").code == 2
        ran = ctl(home, *arguments, "--key", "env:KEY")
    assert ran == Ran(0, "", "written to /settings.toml; try it: agentctl models test m\n")
    params = served.calls[0].params
    assert isinstance(params, model.AddParams)
    assert params == model.AddParams(
        key=params.key, name="m", kind="anthropic", url="https://x", model_key="env:KEY", window=9, price_in=3.0
    )


def test_everything_that_a_person_would_set_can_be_given(home: Path) -> None:
    with double(home, {"model.add": lambda call: model.AddResult("/s.toml")}) as served:
        options = ("--fallback", "a", "--fallback", "b", "--effort", "low", "--no-images", "--calls-in-text")
        ran = ctl(
            *(home, "models", "add", "m", "--kind", "ollama", "--url", "http://x", "--key", "cmd:pass show x"),
            *(*options, "--stall-ms", "5000", "--send-session-id"),
        )
    assert ran.code == 0
    params = served.calls[0].params
    assert isinstance(params, model.AddParams)
    assert params == model.AddParams(
        key=params.key, name="m", kind="ollama", url="http://x", model_key="cmd:pass show x", fallback=("a", "b"),
        effort="low", images=False, calls_in_text=True, stall_ms=5_000, send_session_id=True,
    )  # fmt: skip


def test_one_is_chosen_for_new_turns_or_for_a_role(home: Path) -> None:
    with double(home, {"model.use": lambda call: model.UseResult("/s.toml")}) as served:
        assert ctl(home, "models", "use", "m") == Ran(0, "", "m serves from now on; written to /s.toml\n")
        ran = ctl(home, "models", "use", "m", "--role", "side")
        assert ran == Ran(0, "", "m serves side queries from now on; written to /s.toml\n")
    assert [getattr(call.params, "role", None) for call in served.calls] == ["main", "side"]


def test_a_test_that_fails_is_exit_1(home: Path) -> None:
    checks = (model.TestCheck("answers", True, "200"), model.TestCheck("calls tools", False, "no call"))
    good = model.TestResult("m", True, checks[:1], 120, 33.25)
    bad = model.TestResult("m", False, checks)
    with double(home, {"model.test": lambda call: good}):
        assert ctl(home, "models", "test", "m") == Ran(
            0, "RESULT  CHECK    SEEN\nok      answers  200\n", "first token after 120 ms, 33.2 tokens/s\n"
        )
    with double(home, {"model.test": lambda call: bad}):
        assert ctl(home, "models", "test", "m") == Ran(
            1, "RESULT  CHECK        SEEN\nok      answers      200\nFAILED  calls tools  no call\n", ""
        )
