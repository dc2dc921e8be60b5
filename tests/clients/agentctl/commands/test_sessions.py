"""`agentctl sessions`: which verbs there are, their help, their files and tests, and what a wrong word gets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl.commands.sessions import VERBS
from clients.scene import Ran, ctl, environment
from house.tree import ROOT


def test_help_lists_every_verb_and_needs_no_daemon(home: Path) -> None:
    ran = ctl(home, "sessions", "--help")
    assert (ran.code, ran.err) == (0, "")
    assert [verb for verb, (_, line) in VERBS.items() if f"  {verb:<8} {line}\n" not in ran.out] == []
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_of_its_own(home: Path, verb: str) -> None:
    ran = ctl(home, "sessions", verb, "--help")
    assert (ran.code, ran.err, ran.out.startswith(f"Usage: agentctl sessions {verb} ")) == (0, "", True)
    assert "--json" in ran.out, "each verb's data can be had as JSON"


def test_each_verb_has_its_file_its_test_and_its_row_in_the_manual() -> None:
    room, tests = ROOT / "clients/agentctl/sessions", ROOT / "tests/clients/agentctl/sessions"
    assert [stem for stem, _ in VERBS.values() if not (room / f"{stem}.py").exists()] == []
    stems = [path.stem for path in room.glob("*.py") if path.stem != "__init__"]
    assert [stem for stem in stems if not (tests / f"test_{stem}.py").exists()] == []
    manual = (ROOT / "docs" / "commands.md").read_text()
    assert [verb for verb in VERBS if f"| `sessions {verb}" not in manual] == []


def test_a_wrong_verb_gets_three_lines_and_the_nearest_name(home: Path) -> None:
    assert ctl(home, "sessions", "undoo") == Ran(
        2,
        "",
        "error: There is no command 'undoo'. Did you mean 'undo'?\n"
        "  why: `agentctl sessions` does not take that.\n"
        "   do: agentctl sessions --help\n",
    )


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("agentctl sessions re", ["rewind", "rename", "redact", "replay"]),
        ("agentctl sessions export --f", ["--format"]),
        ("agentctl sessions export --format ", ["md", "html", "json", "bundle"]),
        ("agentctl sessions undo --re", ["--redo"]),
    ],
)
def test_the_shell_completes_verbs_options_and_choices(home: Path, words: str, completed: list[str]) -> None:
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_AGENTCTL_COMPLETE": "bash_complete"}
    code = "import sys; sys.argv = ['agentctl']; from agentctl.cli import program; program(prog_name='agentctl')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment(home, **asked),
        timeout=60,
        check=False,
    )
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == completed
