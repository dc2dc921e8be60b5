"""What signals do, by a process of its own that gets real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

LISTENING = """
import asyncio, os, signal
from agentd.lifecycle.signals import listen

async def main():
    told = asyncio.Queue()
    listen(
        asyncio.get_running_loop(),
        stop=lambda: told.put_nowait("stop"),
        reload=lambda: told.put_nowait("reload"),
    )
    os.kill(os.getpid(), signal.SIGPIPE)
    print("listening", flush=True)
    while True:
        print(await asyncio.wait_for(told.get(), 30), flush=True)

asyncio.run(main())
"""

TAKEN_BACK = """
import asyncio, signal
from agentd.lifecycle.signals import listen

async def main():
    loop = asyncio.get_running_loop()
    remove = listen(loop, stop=print, reload=print)
    remove()
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)

asyncio.run(main())
"""


def python(code: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/daemon:{ROOT}/proto"}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)


def test_signals_drain_and_reload_and_a_broken_pipe_is_nothing() -> None:
    with python(LISTENING) as child:
        assert child.stdout is not None
        said = [child.stdout.readline()]
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            child.send_signal(number)
            said.append(child.stdout.readline())
        child.kill()
    assert said == ["listening\n", "reload\n", "stop\n", "stop\n", "stop\n"]


def test_they_can_be_taken_back() -> None:
    with python(TAKEN_BACK) as child:
        assert child.stdout is not None
        assert child.stdout.read() == "True True\n"
