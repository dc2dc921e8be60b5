"""`agentctl config`: each value with the place that set it."""

from __future__ import annotations

from pathlib import Path

from agentproto.api import config
from agentproto.errors import WireError
from clients.scene import Ran, ctl, double

SHOWN = config.ShowResult(
    (
        config.SettingInfo("turn.max_steps", "40", "default", "Forty are enough."),
        config.SettingInfo("turn.mode", '"plan"', "/etc/agentd/settings.toml:3", "Asks.", True),
    )
)


def test_settings_are_shown_with_where(home: Path) -> None:
    with double(home, {"config.show": lambda call: SHOWN}) as served:
        assert ctl(home, "config", "show", "turn") == Ran(
            0,
            "KEY             VALUE   SET BY\n"
            "turn.max_steps  40      default\n"
            'turn.mode       "plan"  /etc/agentd/settings.toml:3 (locked)\n',
            "",
        )
        assert ctl(home, "config", "show", "--why").out.splitlines()[1] == (
            "turn.max_steps  40      default                               Forty are enough."
        )
    assert [call.params for call in served.calls] == [config.ShowParams("turn"), config.ShowParams("")]


def test_one_is_set(home: Path) -> None:
    with double(home, {"config.set": lambda call: config.SetResult("/s.toml", "40", "12")}) as served:
        assert ctl(home, "config", "set", "turn.max_steps", "12") == Ran(0, "", "turn.max_steps: 40 -> 12 (/s.toml)\n")
    params = served.calls[0].params
    assert isinstance(params, config.SetParams)
    assert params == config.SetParams(key=params.key, name="turn.max_steps", value="12")


def test_an_unknown_key_is_refused_with_the_daemons_words(home: Path) -> None:
    error = WireError(
        "bad_setting", "user", "there is no turn.max_step", "near: turn.max_steps", "agentctl config show"
    )
    with double(home, {"config.set": lambda call: error}):
        assert ctl(home, "config", "set", "turn.max_step", "12") == Ran(
            1, "", "error: there is no turn.max_step\n  why: near: turn.max_steps\n   do: agentctl config show\n"
        )
