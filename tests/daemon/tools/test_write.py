"""`write`: new files with their folders, replacing only what was read, and what a crash leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentd.policy.access import Write
from agentd.tools.arguments import validate
from agentd.tools.base import Probe
from agentd.tools.builtin.read import ReadTool
from agentd.tools.builtin.write import WriteTool
from agentd.tools.text_file import sha256
from support.tool_ground import Ground, ground, plant


@pytest.fixture
def made(home: Path) -> Ground:
    return ground(home)


def test_a_new_file_is_made_with_its_folders(made: Ground) -> None:
    result = made.call(WriteTool(), path="a/b/c.txt", content="one\ntwo\n")
    assert (result.text, result.diff) == (
        "made a/b/c.txt (2 lines)",
        "--- /dev/null\n+++ b/a/b/c.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n",
    )
    assert result.touched == {f"{made.workspace}/a/b/c.txt": (None, sha256(b"one\ntwo\n"))}
    assert (made.workspace / "a/b/c.txt").read_text() == "one\ntwo\n"


def test_a_file_that_was_read_is_replaced(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "old\n"})
    assert made.refusal(WriteTool(), path="a.txt", content="new\n") == (
        "a.txt was not read in this session, so it cannot be replaced\nRead it first, then try again."
    )
    made.call(ReadTool(), path="a.txt")
    assert made.text(WriteTool(), path="a.txt", content="new\n") == "replaced a.txt (1 line)"
    assert made.text(WriteTool(), path="a.txt", content="new\n") == "already as asked: a.txt (1 line)"
    assert (made.workspace / "a.txt").read_text() == "new\n"


def test_a_file_that_has_changed_is_not_replaced(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "old\n"})
    made.call(ReadTool(), path="a.txt")
    (made.workspace / "a.txt").write_text("theirs\n")
    assert made.refusal(WriteTool(), path="a.txt", content="new\n").startswith("a.txt has changed since it was read")
    assert (made.workspace / "a.txt").read_text() == "theirs\n"


def test_a_file_outside_is_written_where_policy_let_it(made: Ground) -> None:
    outside = made.workspace.parent / "x" / "y" / "z.txt"
    assert made.text(WriteTool(), path=str(outside), content="") == f"made {outside} (0 lines)"
    assert outside.read_text() == ""


def test_folders_and_devices_are_not_replaced(made: Ground) -> None:
    assert made.refusal(WriteTool(), path=".", content="") == ". is a folder; use ls to see what is in it"
    assert (
        made.refusal(WriteTool(), path="/dev/null", content="")
        == "/dev/null is a device; devices are not read or written"
    )
    plant(made.workspace, {"file": ""})
    assert made.refusal(WriteTool(), path="file/below", content="").startswith("there is no file file/below")


def test_what_no_file_can_hold_is_refused(made: Ground) -> None:
    assert "half a surrogate pair" in made.refusal(WriteTool(), path="a", content="\ud800")


def test_access_says_the_real_place_and_whether_it_is_new(made: Ground) -> None:
    plant(made.workspace, {"a.txt": ""})
    (made.workspace / "link").symlink_to("/etc")

    async def story() -> list[object]:
        tool = WriteTool()
        return [
            tool.access(validate(tool.spec, {"path": path, "content": ""}), made.context())
            for path in ("a.txt", "new/b.txt", "link/motd-x")
        ]

    root = str(made.workspace)
    assert made.run(story) == [
        (Write(f"{root}/a.txt", "change"),),
        (Write(f"{root}/new/b.txt", "create"),),
        (Write("/etc/motd-x", "create"),),
    ]


def test_the_preview_shows_what_will_be_there(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "old\n"})
    made.call(ReadTool(), path="a.txt")
    tool = WriteTool()

    async def story() -> list[str]:
        return [
            await tool.preview(validate(tool.spec, {"path": "a.txt", "content": content}), made.context())
            for content in ("new\n", "old\n")
        ]

    assert made.run(story) == ["--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+new\n", "a.txt stays as it is"]


def test_after_a_crash_both_hashes_say_what_happened(made: Ground) -> None:
    tool = WriteTool()
    given = validate(tool.spec, {"path": "a.txt", "content": "new\n"})

    async def story() -> list[object]:
        before = tool.intent(given, made.context())
        seen: list[object] = [before, await tool.probe(given, before, made.context())]
        (made.workspace / "a.txt").write_text("new\n")
        seen.append(await tool.probe(given, before, made.context()))
        (made.workspace / "a.txt").write_text("theirs\n")
        seen.append(await tool.probe(given, before, made.context()))
        return seen

    assert made.run(story) == [
        {f"{made.workspace}/a.txt": None},
        Probe("not_done", "a.txt is as it was before"),
        Probe("done", "a.txt holds what was to be written"),
        Probe("unknown", "a.txt is neither as before nor as it was to be written; look at it"),
    ]
