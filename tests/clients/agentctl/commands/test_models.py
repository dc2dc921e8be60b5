"""`agentctl models`: which one is in use and why; adding, choosing and trying one."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agentclient.testing import Answer, Handler
from agentproto.api import daemon, log, model
from clients.scene import Ran, ctl, double
from clients.terminal import terminal


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


def test_a_test_says_what_holds_what_there_is_not_and_what_fails(home: Path) -> None:
    checks = (
        model.TestCheck("answers", True, "one, two"),
        model.TestCheck("thinks", True, "no: none was seen"),
        model.TestCheck("calls tools", False, "bad_request: no tools here"),
    )
    good = model.TestResult("m", True, checks[:2], 120, 33.25, calls=3, input=90, output=41, usd_micros=1_250)
    with double(home, {"model.test": lambda call: good}):
        assert ctl(home, "models", "test", "m") == Ran(
            0,
            "RESULT  CHECK    SEEN\nok      answers  one, two\nno      thinks   none was seen\n",
            "first token after 120 ms, 33.2 tokens/s\nthe test took 3 calls: 90 tokens in, 41 out, $0.0013\n",
        )
        as_json = json.loads(ctl(home, "models", "test", "m", "--json").out)
    assert {name for name in as_json if name.startswith("mended")} == {"mended_url", "mended_file"}
    assert (as_json["usd_micros"], as_json["checks"][0]["what"]) == (1_250, "answers")
    bad = model.TestResult("m", False, checks, calls=1)
    with double(home, {"model.test": lambda call: bad}):
        ran = ctl(home, "models", "test", "m")
    assert (ran.code, ran.out.splitlines()[-1], ran.err) == (1, "FAILED  calls tools  bad_request: no tools here", "")


def test_on_a_terminal_what_is_being_tried_is_shown_and_gone_at_the_end(home: Path) -> None:
    trying = daemon.HappenedEvent(
        stream="daemon",
        seq=1,
        at_ms=1,
        category="model",
        name="model.trying",
        text="m: an answer",
        details={"model": "m", "what": "an answer"},
    )
    handlers: dict[str, Handler] = {
        "log.subscribe": lambda call: Answer(log.SubscribeResult("daemon", 0), (("daemon.happened", trying),)),
        "model.test": lambda call: model.TestResult("m", True, (model.TestCheck("answers", True, "hello"),)),
    }
    with double(home, handlers), terminal(home, "agentctl", "models", "test", "m") as screen:
        screen.until("testing m: an answer ...")
        assert screen.end() == 0
        left = re.sub(r"\x1b\[[0-9;]*m", "", screen.shown.rpartition("\x1b[2K")[2])
    assert left.split() == ["RESULT", "CHECK", "SEEN", "ok", "answers", "hello"]
