"""kill -9 at random moments under load: nothing acknowledged is lost, nothing is done twice, no log is damaged."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from agentd.session.entries import Begun, Finished, Requested
from support.conversations import state_of
from support.daemon import RealDaemon
from support.load import WORDS, Load, kill_at_random
from support.waiting import until

CLIENTS = 3


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=[pytest.mark.full, pytest.mark.timeout(1_200)])])
def test_kills_at_random_moments(idle: RealDaemon, workspace: Path, kills: int) -> None:
    seed = time.time_ns()
    print(f"seed {seed}, {kills} kills")
    chance = random.Random(seed)
    idle.settings(idle.model("talk", {"text": WORDS, "piece_ms": 2}, loop=True))
    idle.start()
    load = Load(idle, workspace)
    load.begin(CLIENTS)
    for _ in range(kills):
        kill_at_random(idle, chance, 0.6)
    load.end()

    told = list(load.told)
    assert len(told) > kills
    for id in {one.session for one in told}:
        until(lambda id=id: state_of(idle, id) in ("idle", "waiting"), f"session {id} rests")  # type: ignore[misc]
    pending = {str(row["id"]) for row in idle.agentctl("pending", "--json").rows}
    assert load.questions - pending == set()
    idle.stop()

    check = subprocess.run(
        [sys.executable, "-m", "agentd", "check"],
        env=idle.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr
    logs = {path.parent.name: idle.entries(path.parent.name) for path in Path(idle.folders.data).rglob("log.jsonl")}
    requested = Counter(entry.turn for log in logs.values() for entry in log if isinstance(entry, Requested))
    finished = Counter(entry.turn for log in logs.values() for entry in log if isinstance(entry, Finished))
    prompts = Counter(entry.prompt for log in logs.values() for entry in log if isinstance(entry, Requested))
    assert {one.turn: requested[one.turn] for one in told} == {one.turn: 1 for one in told}
    assert {one.turn: finished[one.turn] for one in told if one.stop} == {one.turn: 1 for one in told if one.stop}
    assert [prompt for prompt, count in prompts.items() if count > 1] == []
    assert {one.stop for one in told} <= {"end", ""}

    effects = Counter((workspace / "effects").read_text().split())
    assert [number for number, count in effects.items() if count > 1] == []
    done = [one.number for one in told if one.kind == "run" and one.tool == "ok"]
    assert [number for number in done if effects[str(number)] != 1] == []
    print(f"{Counter(f'{one.kind} {one.tool or one.stop}' for one in told)} in {len(logs)} sessions")
    begun = Counter(
        entry.call for log in logs.values() for entry in log if isinstance(entry, Begun) and entry.tool == "shell"
    )
    assert [call for call, count in begun.items() if count > 1] == []
    written = [one.number for one in told if one.kind == "write" and one.stop == "end"]
    assert [n for n in written if (workspace / "out" / f"{n}.txt").read_text() != str(n)] == []
    assert not (workspace / "unasked").exists()
