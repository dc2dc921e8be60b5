"""What a person waits for at the prompt: whole processes of `agentctl`, beside the imports that they can't do without."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.ground import PYTHON, SCRIPTS, daemon, python
from bench.peers import bare_router
from bench.rows import Row, interleaved, ratio_of_pairs

__all__ = ["measure"]

_ROUNDS = 25
_AGENTCTL = str(Path(PYTHON).with_name("agentctl"))


def measure() -> list[Row]:
    with daemon() as home, bare_router() as bare:
        where = (home.environment, home.user)
        stack = _whole(python("-c", "import zmq, msgpack, click"), *where)
        wire = _whole(python("-c", "import zmq, msgpack"), *where)
        click = _whole(python("-c", "import click"), *where)
        dealer = _whole(python(str(SCRIPTS / "dealer.py"), str(bare.root)), *where)
        ask = _whole([_AGENTCTL, "ask", "hello"], *where)
        version = _whole([_AGENTCTL, "version", "--daemon"], *where)
        help_ = _first_byte([_AGENTCTL, "--help"], *where)
        times = interleaved(_ROUNDS, stack, ask, dealer, wire, version, click, help_)
    of_stack, of_ask, of_dealer, of_wire, of_version, of_click, of_help = times
    return [
        _row("`agentctl ask hello`, warm", "import zmq, msgpack, click", of_stack, of_ask, 2.0),
        _row("the same", "bare DEALER, CURVE, 20 deltas", of_dealer, of_ask, None),
        _row("`agentctl version --daemon`", "import zmq, msgpack", of_wire, of_version, 2.5),
        _row("first byte of `agentctl --help`", "import click", of_click, of_help, 2.5),
    ]


def _row(what: str, name: str, bare: list[float], ours: list[float], most: float | None) -> Row:
    ratio = ratio_of_pairs(ours, bare)
    return Row(
        what,
        f"{name}: {statistics.median(bare):.0f} ms",
        f"{statistics.median(ours):.0f} ms",
        f"{ratio:.2f}x",
        "" if most is None else f"<= {most}x",
        None if most is None else ratio <= most,
    )


def _whole(command: list[str], environment: Mapping[str, str], cwd: Path) -> Callable[[], float]:
    def run() -> float:
        begun = time.perf_counter()
        subprocess.run(command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        return (time.perf_counter() - begun) * 1000

    return run


def _first_byte(command: list[str], environment: Mapping[str, str], cwd: Path) -> Callable[[], float]:
    def run() -> float:
        begun = time.perf_counter()
        with subprocess.Popen(
            command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0
        ) as process:
            assert process.stdout is not None
            assert process.stdout.read(1), "nothing was printed"
            found = (time.perf_counter() - begun) * 1000
            process.stdout.read()
        return found

    return run
