"""Layers joined: which value wins, where it stands, and what refuses the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentd.config.load import Config, Reloaded, Row, Rule, Sources, load, reload
from agentd.config.model import ConnectionSettings, ModelSettings
from agentd.errors import SettingsError
from agentd.world.fake import fake_world
from agentd.world.fake_files import FakeFiles

USER, MANAGED = "/c/settings.toml", "/etc/agentd/settings.toml"
PROJECT, LOCAL = "/w/.agentd/settings.toml", "/w/.agentd/settings.local.toml"


def disk(**texts: str) -> FakeFiles:
    files = fake_world().files
    places = {"user": USER, "managed": MANAGED, "project": PROJECT, "local": LOCAL}
    for name, text in texts.items():
        files.add_file(places[name], text.encode())
    files.add_folder("/w")
    return files


def loaded(files: FakeFiles, **more: object) -> Config:
    return load(files, replace(Sources(USER, workspace="/w"), **more))  # type: ignore[arg-type]


def refused(files: FakeFiles, **more: object) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        loaded(files, **more)
    return caught.value


STEPS = "[turn]\nmax_steps = "
RISING = [
    ("managed", MANAGED + ":2"),
    ("user", USER + ":2"),
    ("project", PROJECT + ":2"),
    ("local", LOCAL + ":2"),
    ("environment", "environment AGENTD_SET_TURN__MAX_STEPS"),
    ("flag", "flag turn.max_steps"),
]


@pytest.mark.parametrize("count", range(len(RISING) + 1))
def test_the_highest_layer_that_says_something_wins(count: int) -> None:
    texts = {name: f"{STEPS}{number}\n" for number, (name, _) in enumerate(RISING[: min(count, 4)], 1)}
    more: dict[str, object] = {}
    if count > 4:
        more["environment"] = {"AGENTD_SET_TURN__MAX_STEPS": "5"}
    if count > 5:
        more["flags"] = {"turn.max_steps": "6"}
    config = loaded(disk(**texts), **more)
    row = config.row("turn.max_steps")
    assert row is not None
    assert (config.settings.turn.max_steps, row.value, row.where, row.locked) == (
        count or 50,
        str(count or 50),
        RISING[count - 1][1] if count else "default",
        False,
    )


def test_what_is_locked_wins_over_everything() -> None:
    files = disk(managed="[locked]\nturn.max_steps = 9\n", user=f"{STEPS}2\n", local=f"{STEPS}3\n")
    config = loaded(files, environment={"AGENTD_SET_TURN__MAX_STEPS": "4"}, flags={"turn.max_steps": "5"})
    row = config.row("turn.max_steps")
    assert row is not None
    assert row == Row("turn.max_steps", "9", f"{MANAGED}:2", row.why, locked=True)
    assert config.settings.turn.max_steps == 9


def test_a_row_shows_the_reason_of_the_default() -> None:
    row = loaded(disk()).row("chat.vi")
    assert row == Row(
        "chat.vi", "false", "default", "Keys as in vi. Off, because whoever does not know them can't leave."
    )


def test_rules_of_all_layers_add_up_and_each_knows_its_place() -> None:
    config = loaded(
        disk(
            managed="[permissions]\ndeny = ['net(*)']\n",
            user="[permissions]\nallow = ['shell(ls:*)']\ndeny = ['net(*)', 'edit(/etc/**)']\n",
            project="[permissions]\nask = ['shell(make:*)']\n",
        )
    )
    assert config.rules == (
        Rule("allow", "shell(ls:*)", f"{USER}:2"),
        Rule("ask", "shell(make:*)", f"{PROJECT}:2"),
        Rule("deny", "net(*)", f"{MANAGED}:2"),
        Rule("deny", "net(*)", f"{USER}:3"),
        Rule("deny", "edit(/etc/**)", f"{USER}:3"),
    )
    assert config.settings.permissions.deny == ("net(*)", "edit(/etc/**)")
    row = config.row("permissions.deny")
    assert row is not None
    assert (row.value, row.where) == ('["net(*)", "edit(/etc/**)"]', f"{MANAGED}:2, {USER}:3")


def test_a_locked_allow_stands_alone_and_a_locked_deny_can_only_grow() -> None:
    files = disk(
        managed="[locked.permissions]\nallow = ['shell(ls:*)']\ndeny = ['net(*)']\n",
        user="[permissions]\nallow = ['shell(*)']\ndeny = ['edit(*)']\n",
    )
    permissions = loaded(files).settings.permissions
    assert (permissions.allow, permissions.deny) == (("shell(ls:*)",), ("edit(*)", "net(*)"))
    assert (
        loaded(disk(managed="[locked.permissions]\nallow = []\n", user="[permissions]\nallow = ['x(*)']\n")).rules == ()
    )


def test_a_connection_is_joined_key_by_key() -> None:
    files = disk(
        managed="[models.local]\nkind = 'openai-chat'\nurl = 'http://127.0.0.1:1/v1'\n",
        user="[models]\nuse = 'local'\n[models.local]\nurl = 'http://127.0.0.1:2/v1'\nwindow = 8192\nprice_in = 3\n",
    )
    config = loaded(files)
    assert config.settings.models == ModelSettings(
        use="local",
        connections={"local": ConnectionSettings("openai-chat", "http://127.0.0.1:2/v1", window=8192, price_in=3.0)},
    )
    assert [(row.key, row.value, row.where) for row in config.rows if row.key.startswith("models.local")] == [
        ("models.local.kind", '"openai-chat"', f"{MANAGED}:2"),
        ("models.local.url", '"http://127.0.0.1:2/v1"', f"{USER}:4"),
        ("models.local.window", "8192", f"{USER}:5"),
        ("models.local.price_in", "3.0", f"{USER}:6"),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[models.a]\nurl = 'http://h/v1'\n", ":2: the connection a has no kind"),
        ("[models.a]\nkind = 'openai-chat'\n", ":2: the connection a has no fitting url"),
        ("[models.a]\nkind = 'ollama'\nurl = 'file:/x'\n", ":3: the connection a has no fitting url"),
        ("[models.a]\nkind = 'scripted'\nurl = 'http://h'\n", ":3: the connection a has no fitting url"),
        ("[models.a]\nkind = 'offline'\nurl = 'http://h'\n", ":3: the connection a has no fitting url"),
        ("[models]\nuse = 'other'\n", ":2: models.use names 'other', and there is no such connection"),
    ],
)
def test_a_connection_that_cannot_be_is_refused(text: str, what: str) -> None:
    assert refused(disk(user=text)).what == USER + what


def test_use_may_name_what_is_found_without_settings() -> None:
    for name in ("offline", "openai", "ollama"):
        assert loaded(disk(user=f"[models]\nuse = '{name}'\n")).settings.models.use == name


def test_features_are_off_and_only_known_ones_can_be_switched_on() -> None:
    features = {"dream": "Tidies the notes when nobody is there.", "watch": "Wakes on changed files."}
    config = loaded(disk(user="[features]\ndream = true\n"), features=features)
    assert config.settings.features == {"dream": True, "watch": False}
    assert config.row("features.watch") == Row("features.watch", "false", "default", "Wakes on changed files.")
    assert refused(disk(user="[features]\ndraem = true\n"), features=features).why == (
        "the nearest known name is features.dream"
    )


def test_nothing_of_a_workspace_that_is_not_trusted_is_read() -> None:
    files = disk(project="no toml", local="no toml either")
    assert {row.where for row in loaded(files, workspace=None).rows} == {"default"}


def test_a_link_in_a_workspace_is_not_followed() -> None:
    files = disk(user=f"{STEPS}2\n")
    files.add_folder("/w/.agentd")
    files.add_link(LOCAL, USER)
    assert refused(files).what == f"{LOCAL}:1: the settings can't be read"


def test_a_file_that_cannot_be_read_refuses_the_whole() -> None:
    files = disk(managed="")
    files.disk.forbidden.add(MANAGED)
    assert refused(files).what == f"{MANAGED}:1: the settings can't be read"
    files = disk(user="#" * (1024 * 1024 + 1))
    assert refused(files).what == f"{USER}:1: the settings can't be read"
    files = disk()
    files.add_folder(USER)
    assert refused(files).what == f"{USER}:1: the settings can't be read"


def test_a_reload_names_what_changed() -> None:
    files = disk(user=f"{STEPS}2\n[models.a]\nkind = 'offline'\n")
    sources = Sources(USER)
    old = load(files, sources)
    assert reload(files, sources, old) == Reloaded("unchanged", old)
    files.add_file(USER, b"# a line more\n[turn]\nmax_steps = 2\n[chat]\nvi = true\n")
    new = reload(files, sources, old)
    assert (new.outcome, new.changed, new.problem) == ("changed", ("chat.vi", "models.a.kind"), None)
    assert new.config == load(files, sources)


def test_values_that_only_moved_are_unchanged_and_known_at_their_new_line() -> None:
    files = disk(user=f"{STEPS}2\n")
    old = load(files, Sources(USER))
    files.add_file(USER, b"\n\n[turn]\nmax_steps = 2\n")
    new = reload(files, Sources(USER), old)
    row = new.config.row("turn.max_steps")
    assert row is not None
    assert (new.outcome, new.changed, row.where) == ("unchanged", (), f"{USER}:4")


def test_a_bad_reload_keeps_the_old_settings_whole() -> None:
    files = disk(user=f"{STEPS}2\n")
    old = load(files, Sources(USER))
    files.add_file(USER, b"[chat]\nvi = true\n[turn]\nmax_steps = 0\n")
    new = reload(files, Sources(USER), old)
    assert (new.outcome, new.changed, new.config) == ("refused", (), old)
    assert new.problem is not None
    assert new.problem.what == f"{USER}:4: turn.max_steps can't be 0"
