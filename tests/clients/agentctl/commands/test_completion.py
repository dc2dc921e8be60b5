"""`agentctl completion`: scripts that the shells take."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from agentctl.commands.completion import SHELLS
from clients.scene import ctl


@pytest.mark.parametrize("shell", list(SHELLS))
def test_each_shell_gets_its_script(home: Path, shell: str) -> None:
    ran = ctl(home, "completion", shell)
    assert (ran.code, ran.err, f"_AGENTCTL_COMPLETE={shell}_complete" in ran.out) == (0, "", True)


def test_bash_takes_the_script(home: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None, "the bash tool needs it too"
    done = subprocess.run([bash, "-n"], input=ctl(home, "completion", "bash").out, text=True, timeout=60, check=False)
    assert done.returncode == 0


def test_words_are_completed_without_a_daemon(home: Path) -> None:
    ran = ctl(home, COMP_WORDS="agentctl se", COMP_CWORD="1", _AGENTCTL_COMPLETE="bash_complete")
    assert (ran.out, ran.err) == ("plain,sessions\n", "")
