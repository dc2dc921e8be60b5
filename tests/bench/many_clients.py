"""A thousand clients: what each costs the daemon that does nothing for it, and what they cost somebody else's turn.

The crowd is a process of its own. For the turns two daemons stand side by side, one alone and one with the crowd
attached to the very session in which the turns run (a tenth of it reading nothing), and take turns at it.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from bench.ground import SCRIPTS, WIDE, daemon, in_memory, pause, python, resident_bytes
from bench.peers import bare_router
from bench.rows import Row, interleaved, ratio_of_pairs
from bench.talk import one_turn
from support.daemon import RealDaemon
from support.fake_model_server import FakeModelServer, Pause, Reply, Request, chunk, say

__all__ = ["measure"]

_CLIENTS = 1_000
_SILENT = 100
_ROUNDS = 7
_WORDS = 40
_PIECE_MS = 25
"""40 pieces, one every 25 ms: a second of a model that is read while it writes."""
_QUICK = "answer at once"


def measure() -> list[Row]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20_000), most))
    try:
        return [*_memory(), *_turns()]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _memory() -> list[Row]:
    with bare_router() as bare:
        begun = resident_bytes(bare.pid)
        with _crowd("bare", str(bare.root), silent=0):
            limit = (resident_bytes(bare.pid) - begun) / _CLIENTS / 1024
    with daemon(where=in_memory()) as home:
        assert home.pid is not None
        begun = resident_bytes(home.pid)
        with _crowd(str(home.home), "", silent=0):
            pause(3)
            own = (resident_bytes(home.pid) - begun) / _CLIENTS / 1024
            assert _clients(home) > _CLIENTS, "the crowd has left"
    return [
        Row(
            f"{_CLIENTS} idle clients, memory of the daemon for each",
            f"bare ROUTER: {limit:.0f} KiB",
            f"{own:.0f} KiB",
            f"{own / limit:.2f}x",
            "<= 64 KiB",
            own <= 64,
        )
    ]


def _turns() -> list[Row]:
    with (
        FakeModelServer(_answer, window=9_000_000) as server,
        daemon(server=server.url, settings=WIDE, where=in_memory()) as alone,
        daemon(server=server.url, settings=WIDE, where=in_memory()) as crowded,
        alone.client("bench") as one,
        crowded.client("bench") as other,
    ):
        where = str(alone.user), str(crowded.user)
        first = one_turn(one, where[0], prompt=_QUICK).session
        second = one_turn(other, where[1], prompt=_QUICK).session

        def turn_alone(prompt: str) -> float:
            return one_turn(one, where[0], first, prompt).ms

        def turn_crowded(prompt: str) -> float:
            return one_turn(other, where[1], second, prompt).ms

        with _crowd(str(crowded.home), "", silent=_SILENT):
            beside = _pairs("slow", turn_alone, turn_crowded)
            assert _clients(crowded) > _CLIENTS, "the crowd has left"
        with _crowd(str(crowded.home), second, silent=_SILENT):
            attached = _pairs("slow", turn_alone, turn_crowded)
            bare = _pairs(_QUICK, turn_alone, turn_crowded)
            assert _clients(crowded) > _CLIENTS, "the crowd has left"
    name = f"{_CLIENTS} clients, {_SILENT} of them read nothing"
    return [
        _row(f"a turn of a second, {name}, connected", *beside, 1.10),
        _row(f"a turn of a second, {name}, attached to its session", *attached, 1.10),
        _row("a turn whose model takes no time, attached as above", *bare, None),
    ]


def _answer(request: Request) -> Reply:
    """A model that writes for a second, or at once when the prompt is the quick one. It writes on whoever waits."""
    messages = request.json["messages"]
    assert isinstance(messages, list)
    if _QUICK in str(messages[-1]):
        return say("An answer of some words.")
    quiet = Pause(_PIECE_MS)
    words = [part for number in range(_WORDS) for part in (quiet, chunk({"content": f"word{number} "}))]
    return replace(say("."), parts=[*words, *say(".").parts])


def _pairs(
    prompt: str, alone: Callable[[str], float], crowded: Callable[[str], float]
) -> tuple[list[float], list[float]]:
    first, second = interleaved(_ROUNDS, lambda: alone(prompt), lambda: crowded(prompt))
    return first, second


def _row(what: str, alone: list[float], crowded: list[float], most: float | None) -> Row:
    ratio = ratio_of_pairs(crowded, alone)
    return Row(
        what,
        f"alone: {statistics.median(alone):.0f} ms",
        f"{statistics.median(crowded):.0f} ms",
        f"{ratio:.2f}x",
        "" if most is None else f"< {most:.2f}x",
        None if most is None else ratio < most,
    )


def _clients(home: RealDaemon) -> int:
    found = home.agentctl("daemon", "status", "--json").fields["clients"]
    assert isinstance(found, int)
    return found


@contextmanager
def _crowd(home: str, session: str, *, silent: int) -> Iterator[None]:
    process = subprocess.Popen(
        python(str(SCRIPTS / "crowd.py"), home, str(_CLIENTS), str(silent), session),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n", "the crowd did not come in"
        yield
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)
