"""`agentctl version`: this program's, and the daemon's when it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from agentproto.__about__ import __version__
from clients.scene import Ran, ctl, double


def test_this_programs_version_needs_no_daemon(home: Path) -> None:
    assert ctl(home, "version") == Ran(0, f"agentctl {__version__} (wire 1 to 1)\n", "")


def test_the_daemons_version_is_asked_and_none_is_started(home: Path) -> None:
    with double(home):
        assert ctl(home, "version", "--daemon").out.splitlines()[1] == (
            f"agentd {__version__} (wire 1, pid {os.getpid()})"
        )
        assert json.loads(ctl(home, "version", "--daemon", "--json").out) == {
            "client": __version__,
            "wire_lowest": 1,
            "wire_highest": 1,
            "daemon": __version__,
            "wire": 1,
            "pid": os.getpid(),
            "model": "offline",
        }
    assert ctl(home, "version", "--daemon").code == 3
