"""config.*: settings with their places; a change is whole or not at all."""

from __future__ import annotations

import pytest

from agentd.errors import ConflictError, SettingsError
from agentproto.api import config as api
from support.reception import Reception, receive

FILE = "/home/config/settings.toml"


def test_a_setting_is_shown_with_value_place_and_reason() -> None:
    async def story(desk: Reception) -> None:
        shown = await desk.ask("config.show", prefix="turn.max_steps")
        assert isinstance(shown, api.ShowResult)
        (row,) = shown.settings
        assert (row.key, row.value, row.where) == ("turn.max_steps", "50", "default")
        assert row.why

    receive(story)


def test_a_setting_is_written_and_counts_at_once_and_once_a_key() -> None:
    async def story(desk: Reception) -> None:
        fields = {"key": "k", "name": "turn.max_steps", "value": "7"}
        first = await desk.ask("config.set", **fields)
        assert isinstance(first, api.SetResult)
        assert (first.file, first.old, first.new) == (FILE, "50", "7")
        assert await desk.ask("config.set", **fields) == first
        assert desk.settings.values.turn.max_steps == 7
        with pytest.raises(ConflictError):
            await desk.ask("config.set", key="k", name="turn.max_steps", value="8")
        with pytest.raises(SettingsError, match="max_stops"):
            await desk.ask("config.set", key="l", name="turn.max_stops", value="8")
        with pytest.raises(SettingsError):
            await desk.ask("config.set", key="m", name="turn.max_steps", value='"many"')
        assert desk.settings.values.turn.max_steps == 7

    receive(story)


def test_a_broken_file_is_refused_whole_and_the_old_settings_stay() -> None:
    async def story(desk: Reception) -> None:
        files = desk.house.world.files
        files.write_atomic(FILE, b"[turn]\nmax_steps = 9\n")
        changed = await desk.ask("config.reload", key="a")
        assert changed == api.ReloadResult("changed", ("turn.max_steps",))
        files.write_atomic(FILE, b"[turn]\nmax_steps = 11\nnonsense = 1\n")
        refused = await desk.ask("config.reload", key="b")
        assert isinstance(refused, api.ReloadResult)
        assert refused.outcome == "refused"
        assert f"{FILE}:3" in refused.problem
        assert desk.settings.values.turn.max_steps == 9
        files.write_atomic(FILE, b'[permissions]\ndeny = ["nonsense("]\n')
        desk.settings.look_again()
        assert desk.told[-1][0] == "settings.refused"
        assert desk.settings.values.turn.max_steps == 9

    receive(story)
