"""Groups by a table: a command is imported when it is called, a wrong word is answered with the nearest."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from agentctl.groups import LazyGroup

TABLE = {"version": ("version", "Versions."), "nothing": ("no_such_file", "Never imported.")}


def group() -> LazyGroup:
    return LazyGroup(table=TABLE, place="agentctl.commands", name="x", help="All of it.")


def test_help_is_made_of_the_table_alone() -> None:
    shown = CliRunner().invoke(group(), ["--help"])
    assert shown.output.splitlines()[-3:] == ["Commands:", "  version  Versions.", "  nothing  Never imported."]


def test_a_command_is_found_by_its_file() -> None:
    one = group()
    found = one.get_command(click.Context(one), "version")
    assert found is not None
    assert found.name == "version"
    assert one.get_command(click.Context(one), "other") is None


@pytest.mark.parametrize(
    ("word", "says"),
    [("verson", "There is no command 'verson'. Did you mean 'version'?"), ("zzz", "There is no command 'zzz'.")],
)
def test_a_wrong_word_is_answered_with_the_nearest(word: str, says: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        group().main([word], standalone_mode=False)
    assert caught.value.message == says
