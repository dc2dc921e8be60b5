"""A daemon that a client starts: its own session, the log as its voice, and a clean environment."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from agentclient.errors import DaemonStartError
from agentclient.starting import inherited, is_alive, launch, log_tail
from clients.scene import folders
from support.waiting import until

TELL = """\
import os, sys
print(os.getsid(0) == os.getpid(), os.getppid(), os.getcwd(), sorted(os.environ), os.umask(0), sorted(os.listdir('/proc/self/fd')))
sys.stdout.flush()
sys.stderr.write('to stderr\\n')
"""


def test_only_listed_variables_are_inherited() -> None:
    given = {"HOME": "/h", "LC_ALL": "C", "XDG_STATE_HOME": "/s", "ANTHROPIC_API_KEY": "x", "PYTHONPATH": "/p", "A": "b"}
    assert inherited(given, None) == {"HOME": "/h", "LC_ALL": "C", "XDG_STATE_HOME": "/s"}
    assert inherited({"AGENTD_HOME": "rel", "AGENTD_DEBUG": "1"}, "/abs/rel") == {
        "AGENTD_HOME": "/abs/rel",
        "AGENTD_DEBUG": "1",
    }
