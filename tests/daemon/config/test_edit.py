"""Writing the user's file: the text around stays, and nothing is written that would be refused."""

from __future__ import annotations

import pytest

from agentd.config.edit import add_connection, set_key
from agentd.config.load import Sources, load
from agentd.errors import AgentdError, ConflictError, SettingsError
from agentd.world.fake import fake_world
from agentd.world.fake_files import FakeFiles

USER = "/c/settings.toml"
SOURCES = Sources(USER, managed="/m/settings.toml")

TEXT = """\
# my settings
models.local = { kind = "openai-chat", url = "http://127.0.0.1:1/v1" } # at home

[turn] # of one turn
  # not too long
  max_steps   =  20    # since May

[chat]
vi = true
"""


def disk(text: str | None = None, managed: str = "") -> FakeFiles:
    files = fake_world().files
    files.add_file("/m/settings.toml", managed.encode())
    if text is not None:
        files.add_file(USER, text.encode(), 0o600)
    return files


def test_one_value_changes_and_nothing_else() -> None:
    files = disk(TEXT)
    edited = set_key(files, SOURCES, "turn.max_steps", "30")
    assert files.read(USER).decode() == TEXT.replace("20  ", "30  ")
    assert (edited.file, edited.old, edited.new, edited.overridden_by) == (USER, "20", "30", "")
    assert edited.config == load(files, SOURCES)
    assert edited.config.settings.turn.max_steps == 30


def test_a_key_inside_an_inline_table_can_be_set() -> None:
    files = disk(TEXT)
    set_key(files, SOURCES, "models.local.window", "8192")
    first, _, rest = files.read(USER).decode().partition("}")
    assert first.split() == [*TEXT.partition(" }")[0].replace('/v1"', '/v1",').split(), "window", "=", "8192"]
    assert rest == TEXT.partition("}")[2]


@pytest.mark.parametrize("role", ["use", "side", "summary"])
def test_a_role_is_written_above_the_connections_and_below_nothing(role: str) -> None:
    files = disk()
    assert set_key(files, SOURCES, f"models.{role}", "offline").old == '""'
    assert files.read(USER).decode().partition("\n")[2].strip() == f'[models]\n{role} = "offline"'


def test_a_missing_file_is_made_and_a_missing_table_added() -> None:
    files = disk()
    assert set_key(files, SOURCES, "models.use", "offline").old == '""'
    set_key(files, SOURCES, "permissions.deny", '["net(*)"]')
    text = files.read(USER).decode()
    info = files.info(USER)
    assert text.startswith("# Settings of agentd.")
    assert text.partition("\n")[2].strip() == '[models]\nuse = "offline"\n\n[permissions]\ndeny = ["net(*)"]'
    assert info is not None
    assert info.mode == 0o600


def test_a_connection_is_added_and_used() -> None:
    files = disk("[chat]\nvi = true\n")
    table = {"kind": "openai-chat", "url": "http://127.0.0.1:8080/v1", "window": None, "price_in": 3.0}
    edited = add_connection(files, SOURCES, "local", table)
    set_key(files, SOURCES, "models.use", "local")
    assert edited.file == USER
    config = load(files, SOURCES)
    assert config.settings.models.use == "local"
    assert config.settings.models.connections["local"].price_in == 3.0
    assert "window" not in files.read(USER).decode()
    with pytest.raises(ConflictError):
        add_connection(files, SOURCES, "local", table)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("turn.max_stepz", "1", "config set turn.max_stepz: there is no setting turn.max_stepz"),
        ("turn.max_steps", "0", "config set turn.max_steps: turn.max_steps can't be 0"),
        ("turn.max_steps", "{", "config set turn.max_steps: the value for turn.max_steps can't be read"),
        ("models.use", "nobody", f"{USER}:3: models.use names 'nobody', and there is no such connection"),
        ("models.new.kind", "offline!", None),
        ("chat", "1", None),
        ("chat.vi.deep", "1", None),
        ("", "1", None),
        ("a..b", "1", None),
    ],
)
def test_what_would_be_refused_is_not_written(name: str, value: str, what: str | None) -> None:
    files = disk(TEXT)
    with pytest.raises(SettingsError) as caught:
        set_key(files, SOURCES, name, value)
    assert files.paths()[USER].decode() == TEXT
    if what is not None:
        assert caught.value.what == what


def test_a_file_that_is_wrong_already_is_not_touched() -> None:
    files = disk("[turn]\nmax_stepz = 1\n")
    with pytest.raises(SettingsError) as caught:
        set_key(files, SOURCES, "turn.max_steps", "3")
    assert caught.value.what == f"{USER}:2: there is no setting turn.max_stepz"


def test_a_locked_key_cannot_be_set_and_the_message_says_who_locks_it() -> None:
    files = disk(TEXT, managed="[locked]\nturn.max_steps = 5\n")
    with pytest.raises(SettingsError) as caught:
        set_key(files, SOURCES, "turn.max_steps", "30")
    assert (caught.value.what, caught.value.why) == (
        "turn.max_steps is locked",
        "/m/settings.toml:2 sets it for everybody",
    )
    assert files.paths()[USER].decode() == TEXT


def test_it_says_when_another_place_still_wins() -> None:
    sources = Sources(USER, environment={"AGENTD_SET_CHAT__VI": "false"}, managed="/m/settings.toml")
    edited = set_key(disk(TEXT), sources, "chat.vi", "true")
    assert (edited.new, edited.overridden_by) == ("false", "environment AGENTD_SET_CHAT__VI")


def test_a_link_is_not_replaced_by_a_file() -> None:
    files = disk()
    files.add_file("/dot/settings.toml", TEXT.encode())
    files.add_folder("/c")
    files.add_link(USER, "/dot/settings.toml")
    with pytest.raises(SettingsError) as caught:
        set_key(files, SOURCES, "turn.max_steps", "3")
    assert caught.value.what == f"{USER} is a link"


FORMS = [
    "turn.max_steps = 20\nmodels.a.kind = 'offline'\n",
    "[models.a]\nkind = 'offline'\n[turn]\nmax_steps = 20\n[models.b]\nkind = 'offline'\n",
    "[models]\n[models.a]\nkind = 'offline'\n",
    "models = { use = '', a = { kind = 'offline' } }\n",
    '["models"."a"]\n"kind" = """offline"""\n',
    "# only a comment",
    "[turn]\r\nmax_steps = 20 # twenty\r\n",
    "[permissions]\ndeny = [\n  'a', # first\n  'b',\n]\n",
]


@pytest.mark.parametrize("text", FORMS)
@pytest.mark.parametrize(
    ("name", "value"),
    [("turn.max_steps", "3"), ("models.use", "offline"), ("models.c.kind", "offline"), ("permissions.deny", "['x']")],
)
def test_every_form_of_a_file_is_edited_rightly_or_left_alone(text: str, name: str, value: str) -> None:
    """Whatever the form: afterwards the file says the new value and all its old ones, or it was not touched."""
    files = disk(text)
    before = {row.key: row.value for row in load(files, SOURCES).rows}
    try:
        edited = set_key(files, SOURCES, name, value)
    except AgentdError:
        assert files.paths()[USER].decode() == text
        raise
    after = {row.key: row.value for row in load(files, SOURCES).rows}
    assert after == {**before, name: edited.new}
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert [words for words in comments if words not in files.read(USER).decode()] == (
        [" first"] if name == "permissions.deny" and "first" in text else []
    )
