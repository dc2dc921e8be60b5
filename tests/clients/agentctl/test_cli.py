"""The program itself: help at once, three lines for a wrong word, exit codes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentctl.cli import COMMANDS
from agentproto.__about__ import __version__
from clients.scene import Ran, ctl
from house.tree import ROOT


def test_help_lists_every_command_and_needs_no_daemon(home: Path) -> None:
    ran = ctl(home, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert [name for name in COMMANDS if f"\n  {name} " not in ran.out] == []
    assert list(home.iterdir()) == []


def test_without_a_command_help_goes_to_stderr_as_wrong_usage(home: Path) -> None:
    ran = ctl(home)
    assert (ran.code, ran.out, ran.err.startswith("Usage: agentctl")) == (2, "", True)


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_one_line(home: Path, option: str) -> None:
    assert ctl(home, option) == Ran(0, f"agentctl {__version__}\n", "")


def test_a_wrong_command_gets_three_lines_and_the_nearest_name(home: Path) -> None:
    assert ctl(home, "sesions") == Ran(
        2,
        "",
        "error: There is no command 'sesions'. Did you mean 'sessions'?\n"
        "  why: `agentctl` does not take that.\n"
        "   do: agentctl --help\n",
    )


def test_a_traceback_is_shown_only_when_it_is_asked_for(home: Path) -> None:
    assert "Traceback" not in ctl(home, "nope").err
    assert "Traceback" in ctl(home, "nope", AGENTD_DEBUG="1").err


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_has_help_of_its_own(home: Path, name: str) -> None:
    ran = ctl(home, name, "--help")
    assert (ran.code, ran.err, ran.out.startswith(f"Usage: agentctl {name}")) == (0, "", True)


def test_each_command_has_its_file_and_its_row_in_the_manual() -> None:
    files = {path.stem for path in (ROOT / "clients/agentctl/commands").glob("*.py")} - {"__init__"}
    assert files == {stem for stem, _ in COMMANDS.values()}
    manual = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in COMMANDS if f"| `{name}` |" not in manual] == []


def test_a_reader_that_has_seen_enough_is_no_failure(home: Path) -> None:
    shown = subprocess.Popen(
        [sys.executable, "-m", "agentctl", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=home
    )
    assert shown.stdout is not None
    assert shown.stderr is not None
    shown.stdout.close()
    assert (shown.wait(30), shown.stderr.read()) == (0, b"")
    shown.stderr.close()


def test_the_first_byte_of_help_comes_soon() -> None:
    def best(*command: str) -> float:
        taken = []
        for _ in range(7):
            begun = time.perf_counter()
            with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE) as running:
                assert running.stdout is not None
                running.stdout.read(1)
                taken.append(time.perf_counter() - begun)
        return min(taken)

    assert best("-m", "agentctl", "--help") <= 2.5 * best("-c", "import click; print()")
