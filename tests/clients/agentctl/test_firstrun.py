"""The first minute: it says what runs and which model serves, and asks what ASK says, whatever is in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl.firstrun import QUESTION
from agentproto.api import turn
from clients.scene import Session, answers, double, environment
from clients.terminal import terminal


@pytest.mark.parametrize(
    ("ask", "prompt"),
    [
        ("", QUESTION),
        ('what\'s "here"? $HOME `x` \\n ü', 'what\'s "here"? $HOME `x` \\n ü'),
        ("-", "-"),
        ("--help", "--help"),
    ],
)
def test_in_a_pipe_one_question_is_asked_about_this_folder(home: Path, ask: str, prompt: str) -> None:
    with double(home, {"turn.start": answers(Session().answer("It is 42."))}) as served:
        done = subprocess.run(
            [sys.executable, "-m", "agentctl.firstrun"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment(home, ASK=ask),
            cwd=home,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "It is 42.\n")
    assert done.stderr.splitlines() == [
        f"agentd runs (pid {os.getpid()}); its home is {home}.",
        "The built-in offline engine serves: it is no language model; it searches, reads and quotes. "
        "A real one: agentctl models list",
        f"> {prompt}",
        '* grep "limits": 12 matches (12 ms, 3.3 KiB)',
    ]
    params = next(call.params for call in served.calls if isinstance(call.params, turn.StartParams))
    assert (params.prompt, params.cwd) == (prompt, str(home))


def test_on_a_terminal_it_opens_the_chat_after_two_lines(home: Path) -> None:
    with double(home), terminal(home, "agentctl.firstrun") as screen:
        screen.until("agentd runs")
        screen.until("no language model")
        screen.until("/help")
        screen.type("\x04")
        assert screen.end() == 0
