"""What was taken back, in words: for the one who asked, and for those who watch."""

from __future__ import annotations

import pytest

from agentctl.sessions.reverts import file_line, happened, near, told
from agentproto.revisions import FileRevision, RevertedEvent, RevertResult
from clients.scene import SESSION
from clients.stage import AT, FIRST, SECOND

FILES = (
    FileRevision("/w/a.py", "restored", before="1" * 64, after="2" * 64),
    FileRevision("/w/new.txt", "removed", before="1" * 64),
    FileRevision("/else/b.py", "kept", "somebody else changed it since"),
)


def test_each_file_and_what_became_of_it() -> None:
    assert told(RevertResult(9, (FIRST, SECOND), FILES), base="/w") == (
        "took back turns t1, t2\n"
        "  restored  a.py\n"
        "  removed   new.txt\n"
        "  kept      /else/b.py: somebody else changed it since\n"
    )


def test_a_dry_run_speaks_of_what_would_be() -> None:
    assert told(RevertResult(9, (SECOND,), FILES), dry=True, base="/w") == (
        "would take back turn t2\n"
        "  would be restored  a.py\n"
        "  would be removed   new.txt\n"
        "  would be kept      /else/b.py: somebody else changed it since\n"
    )


def test_redo_and_a_single_call_say_so() -> None:
    assert told(RevertResult(9, (SECOND,), ()), redo=True) == "brought back turn t2\n  no files\n"
    assert told(RevertResult(9, (SECOND,), ()), redo=True, dry=True) == "would bring back turn t2\n  no files\n"
    assert told(RevertResult(9, (), FILES[:1]), call=f"{FIRST}.2.1") == (
        "took back the files of call t1.2.1\n  restored  /w/a.py\n"
    )


@pytest.mark.parametrize(
    ("kind", "turns", "files", "line"),
    [
        ("undo", (SECOND,), FILES, "ann took back turn t2: 1 file restored, 1 file removed, 1 file kept"),
        ("rewind", (FIRST, SECOND), FILES[:1] * 2, "ann took back turns t1, t2: 2 files restored"),
        ("redo", (SECOND,), (), "ann brought back turn t2"),
        ("call", (), FILES[:1], "ann took back what a call wrote: 1 file restored"),
    ],
)
def test_those_who_watch_get_a_line(
    kind: str, turns: tuple[str, ...], files: tuple[FileRevision, ...], line: str
) -> None:
    assert happened(RevertedEvent(SESSION, 9, AT, "ann", kind, turns, files)) == line  # type: ignore[arg-type]


def test_a_files_name_can_not_break_its_line() -> None:
    assert file_line(FileRevision("/w/a\nb\x1b[2J", "kept", "x\ny")) == "kept      /w/a b\\x1b[2J: x y"


@pytest.mark.parametrize(
    ("path", "base", "shown"),
    [
        ("/w/a", "/w", "a"),
        ("/w/a", "/w/", "a"),
        ("/wide/a", "/w", "/wide/a"),
        ("/w/a", "", "/w/a"),
        ("/a", "/", "a"),
        ("/w/", "/w", "/w/"),
    ],
)
def test_paths_are_relative_where_they_lie_in_the_folder(path: str, base: str, shown: str) -> None:
    assert near(path, base) == shown
