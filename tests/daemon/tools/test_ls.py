"""`ls`: one folder, folders first, with sizes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentd.policy.access import Read
from agentd.tools.arguments import validate
from agentd.tools.builtin.ls import MOST_ENTRIES, LsTool
from support.tool_ground import Ground, ground, plant


@pytest.fixture
def made(home: Path) -> Ground:
    return ground(home)


def test_folders_come_first_and_each_kind_has_its_mark(made: Ground) -> None:
    plant(made.workspace, {"b.txt": "x" * 2_048, "a/c": "", ".hidden": "1"})
    (made.workspace / "link").symlink_to("b.txt")
    os.mkfifo(made.workspace / "pipe")
    result = made.call(LsTool())
    assert result.text == "a/\n.hidden  1 bytes\nb.txt  2.0 KiB\nlink@\npipe|"
    assert result.summary == "5 entries in ."


def test_an_empty_folder_is_said_to_be_empty(made: Ground) -> None:
    assert made.text(LsTool()) == "[. is empty]"


def test_a_long_list_is_cut_with_a_notice(made: Ground) -> None:
    plant(made.workspace, {f"{n:05}": "" for n in range(MOST_ENTRIES + 5)})
    rows = made.text(LsTool()).splitlines()
    assert (len(rows), rows[-1]) == (
        MOST_ENTRIES + 1,
        f"[cut at {MOST_ENTRIES} of {MOST_ENTRIES + 5} entries; use glob to find by name]",
    )


def test_a_file_and_a_missing_folder_are_refused(made: Ground) -> None:
    plant(made.workspace, {"file": ""})
    assert made.refusal(LsTool(), path="file") == "file is no folder\nUse read for a file."
    assert made.refusal(LsTool(), path="nix") == "there is no file nix\nLook with ls or glob for its name."


def test_it_sees_names_only(made: Ground) -> None:
    async def story() -> object:
        return LsTool().access(validate(LsTool().spec, {}), made.context())

    assert made.run(story) == (Read(str(made.workspace), contents="names"),)
