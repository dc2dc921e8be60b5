"""`edit`: exact replacement, the stale-edit check, and what stays as it was."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import ToolError
from agentd.policy.access import Write
from agentd.tools.arguments import validate
from agentd.tools.base import Probe
from agentd.tools.builtin.edit import EditTool
from agentd.tools.builtin.read import ReadTool
from agentd.tools.diffs import unified
from agentd.tools.replacing import Replacement, apply, undone
from agentd.tools.text_file import decode, encode, sha256
from support.tool_ground import Ground, ground, plant


@pytest.fixture
def made(home: Path) -> Ground:
    made = ground(home)
    plant(made.workspace, {"a.py": "import os\n\nx = 1\ny = 2\nx = 1\n"})
    return made


def read_all(made: Ground, *names: str) -> None:
    for name in names:
        made.call(ReadTool(), path=name)


def test_one_place_is_replaced_and_the_diff_is_told(made: Ground) -> None:
    read_all(made, "a.py")
    result = made.call(EditTool(), path="a.py", old_string="y = 2", new_string="y = 3")
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1,5 +1,5 @@\n import os\n \n x = 1\n-y = 2\n+y = 3\n x = 1\n"
    before, after = (f"import os\n\nx = 1\ny = {n}\nx = 1\n".encode() for n in (2, 3))
    assert (result.text, result.summary, result.diff) == (f"edited a.py, line 4\n{diff}", "edited a.py, line 4", diff)
    assert result.touched == {f"{made.workspace}/a.py": (sha256(before), sha256(after))}
    assert (made.workspace / "a.py").read_bytes() == after


def test_a_second_edit_needs_no_second_read(made: Ground) -> None:
    read_all(made, "a.py")
    made.call(EditTool(), path="a.py", old_string="y = 2", new_string="y = 3")
    made.call(EditTool(), path="a.py", old_string="y = 3", new_string="y = 4")
    assert (made.workspace / "a.py").read_text() == "import os\n\nx = 1\ny = 4\nx = 1\n"


def test_a_file_that_was_not_read_is_refused(made: Ground) -> None:
    assert made.refusal(EditTool(), path="a.py", old_string="y", new_string="z") == (
        "a.py was not read in this session, so it cannot be edited\nRead it first, then try again."
    )


def test_a_file_that_has_changed_is_refused(made: Ground) -> None:
    read_all(made, "a.py")
    (made.workspace / "a.py").write_text("other\n")
    assert made.refusal(EditTool(), path="a.py", old_string="other", new_string="z").startswith(
        "a.py has changed since it was read, so it cannot be edited\n"
    )
    assert (made.workspace / "a.py").read_text() == "other\n"


def test_a_text_that_is_there_twice_is_refused_with_its_lines(made: Ground) -> None:
    read_all(made, "a.py")
    assert made.refusal(EditTool(), path="a.py", old_string="x = 1", new_string="z") == (
        "a.py: old_string is there 2 times, in lines 3, 5\n"
        "Add lines around it until it is unique, or set all=true to replace every one."
    )
    assert (
        made.call(EditTool(), path="a.py", old_string="x = 1", new_string="z", all=True).summary
        == "edited a.py, line 3"
    )
    assert (made.workspace / "a.py").read_text() == "import os\n\nz\ny = 2\nz\n"


def test_a_text_that_is_not_there_is_refused_with_the_nearest_line(made: Ground) -> None:
    read_all(made, "a.py")
    assert made.refusal(EditTool(), path="a.py", old_string="y  = 2\n", new_string="z") == (
        "a.py: old_string was not found\nThe nearest line is 4: 'y = 2'.\nCopy the text exactly, without line numbers."
    )
    assert "Line 4 is like its first line: 'y = 2'. The spaces or tabs around it differ." in made.refusal(
        EditTool(), path="a.py", old_string="    y = 2", new_string="z"
    )
    assert "Line 4 is like its first line: 'y = 2'. What comes after it differs." in made.refusal(
        EditTool(), path="a.py", old_string="y = 2\nq", new_string="z"
    )


def test_an_edit_that_changes_nothing_is_refused(made: Ground) -> None:
    read_all(made, "a.py")
    assert made.refusal(EditTool(), path="a.py", old_string="y", new_string="y") == (
        "a.py: old_string and new_string are the same; nothing would change"
    )


def test_several_edits_happen_all_or_not_at_all(made: Ground) -> None:
    read_all(made, "a.py")
    edits = [{"old_string": "y = 2", "new_string": "y = 3"}, {"old_string": "nowhere", "new_string": "z"}]
    before = (made.workspace / "a.py").read_text()
    assert made.refusal(EditTool(), path="a.py", edits=edits).startswith("a.py, edit 2: old_string was not found")
    assert (made.workspace / "a.py").read_text() == before
    edits[1] = {"old_string": "y = 3", "new_string": "y = 4"}
    assert made.call(EditTool(), path="a.py", edits=edits).summary == "edited a.py, lines 4, 4"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"one\r\ntwo\r\nthree\r\n", b"one\r\n2\r\n2b\r\nthree\r\n"),
        (b"\xef\xbb\xbfone\ntwo\nthree", b"\xef\xbb\xbfone\n2\n2b\nthree"),
        (b"caf\xe9\none\ntwo\nthree\xff", b"caf\xe9\none\n2\n2b\nthree\xff"),
        (
            b"\xff\xfe" + "one\ntwo\nthree\n".encode("utf-16-le"),
            b"\xff\xfe" + "one\n2\n2b\nthree\n".encode("utf-16-le"),
        ),
        (b"one\ntwo\r\nthree\n", b"one\n2\n2b\r\nthree\n"),
    ],
)
def test_line_ends_marks_and_broken_bytes_stay(made: Ground, before: bytes, after: bytes) -> None:
    plant(made.workspace, {"f": before})
    read_all(made, "f")
    made.call(EditTool(), path="f", old_string="two", new_string="2\n2b")
    assert (made.workspace / "f").read_bytes() == after


def test_lines_of_windows_are_matched_by_lines_of_unix_and_stay_windows(made: Ground) -> None:
    plant(made.workspace, {"f": b"one\r\ntwo\r\nthree\r\n"})
    read_all(made, "f")
    made.call(EditTool(), path="f", old_string="one\ntwo\n", new_string="1\n2\n")
    assert (made.workspace / "f").read_bytes() == b"1\r\n2\r\nthree\r\n"
    made.call(EditTool(), path="f", old_string="\nthree", new_string="")
    assert (made.workspace / "f").read_bytes() == b"1\r\n2\r\n"


def test_permissions_stay(made: Ground) -> None:
    (made.workspace / "a.py").chmod(0o751)
    read_all(made, "a.py")
    made.call(EditTool(), path="a.py", old_string="y", new_string="z")
    assert stat.S_IMODE((made.workspace / "a.py").stat().st_mode) == 0o751


def test_a_binary_file_is_not_edited(made: Ground) -> None:
    plant(made.workspace, {"b": b"a\0b"})
    assert (
        made.refusal(EditTool(), path="b", old_string="a", new_string="c")
        == "b is a binary file, not text; it is not edited"
    )


def test_a_link_out_of_the_workspace_is_told_as_its_real_place(made: Ground) -> None:
    plant(made.workspace.parent, {"out.txt": "text\n"})
    (made.workspace / "link").symlink_to("../out.txt")
    tool = EditTool()

    async def story() -> object:
        return tool.access(validate(tool.spec, {"path": "link", "old_string": "a", "new_string": "b"}), made.context())

    assert made.run(story) == (Write(f"{made.workspace.parent}/out.txt"),)


def test_the_preview_is_the_diff_and_changes_nothing(made: Ground) -> None:
    read_all(made, "a.py")
    tool = EditTool()

    async def story() -> str:
        return await tool.preview(
            validate(tool.spec, {"path": "a.py", "old_string": "y = 2", "new_string": ""}), made.context()
        )

    before = (made.workspace / "a.py").read_bytes()
    assert "-y = 2\n" in made.run(story)
    assert (made.workspace / "a.py").read_bytes() == before


def probe(made: Ground, given_: dict[str, object], before: dict[str, str | None]) -> Probe:
    tool = EditTool()

    async def story() -> Probe:
        return await tool.probe(validate(tool.spec, given_), before, made.context())

    return made.run(story)


def test_after_a_crash_both_hashes_say_what_happened(made: Ground) -> None:
    given_: dict[str, object] = {"path": "a.py", "old_string": "y = 2", "new_string": "y = 3"}
    path = f"{made.workspace}/a.py"
    before: dict[str, str | None] = {path: sha256(Path(path).read_bytes())}
    tool = EditTool()

    async def intent() -> object:
        return tool.intent(validate(tool.spec, given_), made.context())

    assert made.run(intent) == before
    assert probe(made, given_, before).outcome == "not_done"
    read_all(made, "a.py")
    made.call(tool, **given_)
    assert probe(made, given_, before).outcome == "done"
    Path(path).write_text("something else\n")
    assert probe(made, given_, before).outcome == "unknown"
    Path(path).unlink()
    assert probe(made, given_, before) == Probe("unknown", "there is no file a.py")


# --- the parts, on texts that nobody chose ---

LINES = st.lists(st.sampled_from(["a", "b", "a b", "", "ab", "aa"]), max_size=8)


@given(
    LINES,
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["a", "b", "a\nb", "\n", "aa", "ab\n"]),
    st.text("abc\n", max_size=4),
    st.booleans(),
)
def test_what_is_replaced_is_exactly_what_was_asked(
    lines: list[str], end: str, old: str, new: str, every: bool
) -> None:
    text = end.join(lines)
    plain = "\n".join(lines)
    try:
        after, _ = apply(text, [Replacement(old, new, every)], "f")
    except ToolError:
        overlapping = sum(plain.startswith(old, at) for at in range(len(plain)))
        assert old == new or overlapping == 0 or (overlapping > 1 and not every)
        return
    want = plain.replace(old, new)
    newline = "\r\n" if "\r\n" in text else "\n"
    assert after == want.replace("\n", newline)
    if new and not every:
        assert text in list(undone(after, [Replacement(old, new, every)]))


@given(st.binary(max_size=60))
def test_a_text_file_comes_back_byte_for_byte(data: bytes) -> None:
    file = decode(data)
    if file is not None:
        assert encode(file, file.text) == data


TEXT = st.lists(st.sampled_from(["a", "b", "c", "", "same", "x y"]), max_size=14).map("\n".join)


@given(TEXT, st.sampled_from(["", "\n"]), TEXT, st.sampled_from(["", "\n"]))
def test_a_diff_is_what_git_can_apply(before: str, before_end: str, after: str, after_end: str) -> None:
    old, new = before + before_end, after + after_end
    diff = unified("f", old, new)
    if old == new:
        assert diff == ""
        return
    folder = Path(tempfile.mkdtemp(prefix="ad"))
    try:
        (folder / "f").write_text(old)
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "--unidiff-zero" if not old or not new else "-p1", "-"],
            cwd=folder, input=diff, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + diff
        assert (folder / "f").read_text() == new
    finally:
        shutil.rmtree(folder)


def test_a_large_change_is_shown_as_one_exchange() -> None:
    old = "".join(f"{n}\n" for n in range(5_000))
    new = "".join(f"{n}x\n" for n in range(5_000))
    diff = unified("f", old, new)
    assert diff.splitlines()[2] == "@@ -1,5000 +1,5000 @@"
    assert unified("f", None, "one\n") == "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+one\n"
