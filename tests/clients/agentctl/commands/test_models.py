"""`agentctl models`: which one is in use and why; adding, choosing and trying one."""

from __future__ import annotations

from pathlib import Path

from agentproto.api import model
from clients.scene import Ran, ctl, double


def test_the_list_says_which_one_serves_and_why(home: Path) -> None:
    found = model.ListResult(
        (
            model.ModelInfo("offline", "offline", "offline", False, "built in", "built in"),
            model.ModelInfo("local", "ollama", "qwen", True, "it is the only real one", "settings", "http://x:1"),
        )
    )
    with double(home, {"model.list": lambda call: found}):
        assert ctl(home, "models", "list") == Ran(
            0,
            "USE  NAME     KIND     MODEL    ADDRESS     WHY\n"
            "     offline  offline  offline  -           built in\n"
            "*    local    ollama   qwen     http://x:1  it is the only real one\n",
            "",
        )


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


def test_one_is_chosen(home: Path) -> None:
    with double(home, {"model.use": lambda call: model.UseResult("/settings.toml")}):
        assert ctl(home, "models", "use", "m") == Ran(0, "", "m serves from now on; written to /settings.toml\n")


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
