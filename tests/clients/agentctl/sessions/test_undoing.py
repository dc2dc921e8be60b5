"""`sessions undo`: each file and what became of it; what it needs when it is refused; a call by its short name."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agentctl.render.machine import plain
from agentproto.errors import WireError
from agentproto.revisions import FileRevision, RevertResult, UndoParams, WorkflowResult
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import FIRST, SECOND, STEPS, lived


def taken(home: Path) -> RevertResult:
    files = (
        FileRevision(f"{home}/src/a.py", "restored", before="1" * 64, after="2" * 64),
        FileRevision("/else/b.py", "kept", "it was changed by somebody else since"),
    )
    return RevertResult(11, (SECOND,), files, "and why?")


def test_each_file_is_named_and_the_way_back(home: Path) -> None:
    with double(home, lived(session_undo=lambda call: taken(home))) as served:
        assert ctl(home, "sessions", "undo", SESSION) == Ran(
            0,
            "took back turn t2\n  restored  src/a.py\n  kept      /else/b.py: it was changed by somebody else since\n",
            f"- the message was: and why?\n- to bring it back: agentctl sessions undo {SESSION} --redo\n",
        )
        assert json.loads(ctl(home, "sessions", "undo", SESSION, "--json").out) == plain(taken(home))
    asked = [call.params for call in served.calls]
    assert [msgspec.structs.replace(one, key="k") for one in asked] == [UndoParams(key="k", session=SESSION)] * 2


@pytest.mark.parametrize(
    ("options", "params", "out"),
    [
        (("--redo",), {"redo": True}, "brought back turn t2\n"),
        (("--keep-files",), {"files": "keep"}, "took back turn t2\n"),
        (("--skip-changed", "--dry-run"), {"skip_changed": True, "dry_run": True}, "would take back turn t2\n"),
    ],
)
def test_options_reach_the_daemon(home: Path, options: tuple[str, ...], params: dict[str, object], out: str) -> None:
    result = RevertResult(11, (SECOND,), ())
    with double(home, lived(session_undo=lambda call: result)) as served:
        ran = ctl(home, "sessions", "undo", SESSION, *options)
    asked = served.calls[-1].params
    assert isinstance(asked, UndoParams)
    assert asked == UndoParams(key=asked.key, session=SESSION, **params)  # type: ignore[arg-type]
    way_back = f"- to bring it back: agentctl sessions undo {SESSION} --redo\n" if options == ("--keep-files",) else ""
    assert ran == Ran(0, out + "  no files\n", way_back)


@pytest.mark.parametrize("text", ["t1.1.1", f"{FIRST}.1.1"])
def test_a_call_is_named_as_the_workflow_shows_it(home: Path, text: str) -> None:
    result = RevertResult(11, (), (FileRevision("/w/a.py", "removed", before="1" * 64),))
    handlers = lived(session_undo=lambda call: result, session_workflow=lambda call: WorkflowResult(tuple(STEPS)))
    with double(home, handlers) as served:
        ran = ctl(home, "sessions", "undo", SESSION, "--call", text)
    assert ran == Ran(
        0,
        "took back the files of call t1.1.1\n  removed   /w/a.py\n",
        f"- to bring it back: agentctl sessions undo {SESSION} --redo\n",
    )
    asked = served.calls[-1].params
    assert isinstance(asked, UndoParams)
    assert asked.call == f"{FIRST}.1.1"


def test_where_nothing_was_left_to_take_back_there_is_no_way_back(home: Path) -> None:
    with double(home, lived(session_undo=lambda call: RevertResult(11, (), ()))):
        assert ctl(home, "sessions", "undo", SESSION, "--call", f"{FIRST}.1.1") == Ran(
            0, "took back the files of call t1.1.1\n  no files\n", ""
        )


def test_a_refusal_names_file_reason_and_remedy_and_is_exit_1(home: Path) -> None:
    error = WireError(
        "conflict", "client", "/w/a.py was changed since", "its content is not what turn t2 left", "--skip-changed"
    )
    with double(home, lived(session_undo=lambda call: error)):
        assert ctl(home, "sessions", "undo", SESSION) == Ran(
            1,
            "",
            "error: /w/a.py was changed since\n  why: its content is not what turn t2 left\n   do: --skip-changed\n",
        )


@pytest.mark.parametrize("options", [("--call", "x", "--redo"), ("--call", "x", "--keep-files")])
def test_what_excludes_each_other_is_wrong_usage(home: Path, options: tuple[str, ...]) -> None:
    assert ctl(home, "sessions", "undo", SESSION, *options).code == 2
