"""`agentctl attach` in a pipe: items so far, then live, the same for all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from agentclient.testing import Answer, Call
from agentproto.api import log
from agentproto.errors import WireError
from clients.scene import SESSION, Ran, Session, ctl, double, environment


def test_two_viewers_see_the_same_items_so_far_and_live(home: Path) -> None:
    scene = Session()
    so_far = tuple(scene.begun("what is it?"))
    rest = [scene.replied("It is 42."), scene.finished("It is 42.")]

    def tell(call: Call) -> Answer:
        return Answer(log.SubscribeResult(SESSION, 2), so_far)

    with double(home, {"log.subscribe": tell}) as served:
        viewers = [
            subprocess.Popen(
                [sys.executable, "-m", "agentctl", "attach", SESSION],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(home),
                text=True,
            )
            for _ in range(2)
        ]
        seen = []
        for one in viewers:
            assert one.stdout is not None
            assert one.stderr is not None
            seen.append([one.stderr.readline()])
        served.push(*rest)
        for one, lines in zip(viewers, seen, strict=True):
            assert one.stdout is not None
            lines.append(one.stdout.readline())
            one.send_signal(signal.SIGINT)
            one.communicate(timeout=30)
    assert seen == [["- somebody says: what is it?\n", "It is 42.\n"]] * 2
    assert [one.returncode for one in viewers] == [130, 130]
    assert "turn.interrupt" not in served.methods(), "leaving a view stops nothing"


def test_events_as_lines(home: Path) -> None:
    scene = Session()
    told = tuple(scene.answer("x"))
    with double(home, {"log.subscribe": lambda call: Answer(log.SubscribeResult(SESSION, 0), told)}) as served:
        running = subprocess.Popen(
            [sys.executable, "-m", "agentctl", "attach", "--jsonl", "--after", "-1", SESSION],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(home),
            text=True,
        )
        assert running.stdout is not None
        lines = [json.loads(running.stdout.readline())["event"] for _ in told]
        running.terminate()
        running.wait(30)
        running.stdout.close()
    assert lines == [name for name, _ in told]
    assert [call.params for call in served.calls] == [log.SubscribeParams(stream=SESSION, after_seq=-1)]


def test_a_session_that_is_none_is_three_lines(home: Path) -> None:
    error = WireError("not_found", "client", "there is no stream x", "no log has it", "agentctl sessions list")
    with double(home, {"log.subscribe": lambda call: error}):
        assert ctl(home, "attach", "x") == Ran(
            1, "", "error: there is no stream x\n  why: no log has it\n   do: agentctl sessions list\n"
        )
