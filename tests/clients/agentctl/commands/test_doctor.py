"""`agentctl doctor`: a line for each check, a cure for each fault, exit 1 when something is broken."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import msgspec

from agentclient.testing import a_status
from clients.scene import ctl, double, folders


def test_a_sound_home_has_nothing_broken(home: Path) -> None:
    status = msgspec.structs.replace(a_status(folders(home)), now_ms=time.time_ns() // 1_000_000, notices=("careful",))
    with double(home, {"daemon.status": lambda call: status}):
        ran = ctl(home, "doctor", "--json")
    found = {one["name"]: one["level"] for one in json.loads(ran.out)}
    assert [name for name, level in found.items() if level == "broken"] == []
    assert {name: found[name] for name in ("lock", "socket", "answer", "model", "sandbox", "notice")} == {
        "lock": "ok",
        "socket": "ok",
        "answer": "ok",
        "model": "note",
        "sandbox": "warn",
        "notice": "warn",
    }
    assert ran.code == 0


def test_a_fault_says_what_to_type_and_none_is_started(home: Path) -> None:
    (home / "state").mkdir()
    os.chmod(home / "state", 0o777)
    ran = ctl(home, "doctor")
    lines = ran.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("BROKEN"))
    assert (ran.code, ran.err) == (1, "")
    assert lines[at : at + 2] == [
        f"BROKEN  state folder     {home}/state: others may write (777)",
        f"{'':<25}-> chmod 700 {home}/state",
    ]
    assert sorted(entry.name for entry in home.iterdir()) == ["state"]
