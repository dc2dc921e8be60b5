"""`sessions replay`: one word when it is identical; differences and exit 1 when not; a table with another model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from agentctl.render.machine import plain
from agentproto.revisions import ReplayDifference, ReplayResult
from clients.othermodel import REPLAY, Other, a_repository
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import lived, read, summary

SAME = ReplayResult(True, 42, 3, 3, (), "ab" * 32)
DIFFERENT = (ReplayDifference(7, '{"type":"x"}', '{"type":"y"}'), ReplayDifference(8, '{"type":"z"}', ""))


def test_identical_is_all_that_stdout_says(home: Path) -> None:
    with double(home, lived(session_replay=lambda call: SAME)):
        assert ctl(home, "sessions", "replay", SESSION) == Ran(
            0, "identical\n", f"- 42 entries, machine 3, events {'ab' * 32}\n"
        )
        assert json.loads(ctl(home, "sessions", "replay", SESSION, "--json").out) == plain(SAME)


def test_differences_are_shown_and_fail(home: Path) -> None:
    found = ReplayResult(False, 42, 3, 3, DIFFERENT)
    with double(home, lived(session_replay=lambda call: found)):
        assert ctl(home, "sessions", "replay", SESSION) == Ran(
            1,
            '#7\n  recorded  {"type":"x"}\n  replayed  {"type":"y"}\n'
            '#8\n  recorded  {"type":"z"}\n  replayed  (nothing)\n',
            "- 42 entries, machine 3\n",
        )
        assert ctl(home, "sessions", "replay", SESSION, "--json").code == 1


def test_of_a_damaged_log_nothing_is_called_identical(home: Path) -> None:
    damaged = read(summary(damage="byte 17 is wrong"))
    with double(home, lived(session_read=lambda call: damaged, session_replay=lambda call: SAME)):
        assert ctl(home, "sessions", "replay", SESSION) == Ran(
            7,
            "",
            "error: it can't be replayed: its log is damaged\n"
            "  why: byte 17 is wrong\n"
            f"   do: agentctl sessions verify {SESSION}, then: agentd repair\n",
        )


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 1)])
def test_another_machines_decisions_are_no_fault_unless_one_is_strict(
    home: Path, options: tuple[str, ...], code: int
) -> None:
    found = ReplayResult(False, 42, 2, 3, DIFFERENT[:1])
    with double(home, lived(session_replay=lambda call: found)):
        ran = ctl(home, "sessions", "replay", SESSION, *options)
    assert (ran.code, ran.out) == (code, '#7\n  recorded  {"type":"x"}\n  replayed  {"type":"y"}\n')
    assert ran.err.splitlines()[0] == "- 42 entries, machine 3, recorded by 2"


def test_only_the_first_differences_are_shown(home: Path) -> None:
    many = tuple(ReplayDifference(number, "a", "b") for number in range(30))
    with double(home, lived(session_replay=lambda call: ReplayResult(False, 42, 3, 3, many))):
        ran = ctl(home, "sessions", "replay", SESSION)
    assert (ran.out.count("#"), ran.err.splitlines()[0]) == (10, "- 20 more: --json")


def test_another_model_is_compared_turn_by_turn(home: Path) -> None:
    repository = a_repository(home)
    with double(home, Other("end", "end").handlers(repository)):
        ran = ctl(home, "sessions", "replay", SESSION, "--model", "small")
    assert (ran.code, ran.err) == (
        0,
        f"- turn 1 of 2: what is it?\n- turn 2 of 2: and why?\n- the replay is session {REPLAY}\n",
    )
    assert ran.out == (
        "TURN  BY       ENDED  STEPS  TOOLS  TOKENS  ANSWER\n"
        "1     offline  end    1      grep   30      It is 42.\n"
        "      small    end    1      -      30      Because.\n"
        "2     offline  end    1      -      30      Because.\n"
        "      small    end    1      -      30      (the same)\n"
        "\n"
        "files, from what the session made to what the replay made:\n"
        " {recorded => replayed}/a.py | 2 +-\n"
        " 1 file changed, 1 insertion(+), 1 deletion(-)\n"
    )


def test_its_json_has_both_sides_and_where_the_worktree_is(home: Path) -> None:
    repository, other = a_repository(home), Other("error")
    with double(home, other.handlers(repository)):
        ran = ctl(home, "sessions", "replay", SESSION, "--model", "small", "--keep", "--json")
    data = json.loads(ran.out)
    assert (ran.code, ran.err.splitlines()[-2:]) == (
        1,
        [
            f"- the replay is session {REPLAY}",
            f"- its worktree stays: {other.cwd}; when done: git worktree remove --force {other.cwd}",
        ],
    )
    assert sorted(data) == ["files", "kept", "model", "not_compared", "replay", "session", "turns"]
    assert (data["kept"], [sorted(pair) for pair in data["turns"]]) == (
        other.cwd,
        [["number", "prompt", "recorded", "replayed", "same_answer"]] * 2,
    )
    assert sorted(data["turns"][0]["replayed"]) == [
        "answer", "error", "model", "steps", "stop", "tokens", "tools", "turn",
    ]  # fmt: skip
    shutil.rmtree(Path(other.cwd).parent)


def test_without_a_repository_nothing_is_copied_or_asked(home: Path) -> None:
    (home / "plain").mkdir()
    with double(home, Other().handlers(home / "plain")) as served:
        ran = ctl(home, "sessions", "replay", SESSION, "--model", "small")
    assert (ran.code, ran.out, ran.err) == (
        1,
        "",
        f"error: {home}/plain is no git repository\n"
        "  why: Another model works in a scratch worktree, so that your files stay as they are. Only git can make one; "
        "a copy of a whole folder is not made.\n"
        "   do: git init, commit what is there, and try again; without --model nothing is touched at all.\n",
    )
    assert "session.create" not in served.methods()


@pytest.mark.parametrize("options", [("--keep",), ("--allow", "x"), ("--model", "m", "--strict")])
def test_what_makes_no_sense_is_wrong_usage(home: Path, options: tuple[str, ...]) -> None:
    assert ctl(home, "sessions", "replay", SESSION, *options).code == 2
