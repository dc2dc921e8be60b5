"""Meeting a daemon again: after a crash one is started, after an orderly stop one is only waited for."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from agentclient.errors import NoDaemonError
from agentclient.meeting import Meeting
from clients.scene import double, environment
from support.waiting import until

RUN_DOUBLE = (sys.executable, "-P", "-m", "agentclient.testing")


def ended(pid: int) -> None:
    watch = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    assert select.select([watch], [], [], 20)[0]
    os.close(watch)


def test_a_crashed_daemon_is_started_anew(home: Path) -> None:
    crashing = double(home)
    crashing.start()
    meeting = Meeting("test", environment(home), command=RUN_DOUBLE)
    meeting.first().close()
    crashing.vanish()
    meeting.again().close()
    assert meeting.conversation.welcome is not None
    pid = meeting.conversation.welcome.pid
    ended(pid)
    assert pid != os.getpid()


def test_a_stopped_daemon_is_not(home: Path) -> None:
    stopping = double(home)
    stopping.start()
    meeting = Meeting("test", environment(home), command=RUN_DOUBLE, ready_ms=200)
    meeting.first().close()
    stopping.stop()
    with pytest.raises(NoDaemonError, match="no daemon is running"):
        meeting.again()


def test_it_is_over_when_the_file_names_another_daemon_and_not_when_it_is_gone(home: Path) -> None:
    with double(home):
        meeting = Meeting("test", environment(home))
        meeting.first().close()
        assert not meeting.over
    assert not meeting.over, "silence decides, so that an orderly stop has time for its successor"
    with double(home):
        assert meeting.over


def test_who_is_silent_for_some_heartbeats_is_forgotten_until_it_is_met_again(home: Path) -> None:
    with double(home, heartbeat_ms=40):
        meeting = Meeting("test", environment(home))
        meeting.first().close()
        assert not meeting.forgotten
        until(lambda: meeting.forgotten, "heartbeats are missed")
        meeting.again().close()
        assert not meeting.forgotten


@pytest.mark.parametrize(("heartbeat_ms", "slice_ms"), [(2000, 500), (100, 50)])
def test_no_wait_is_so_long_that_a_heartbeat_is_late(home: Path, heartbeat_ms: int, slice_ms: int) -> None:
    with double(home, heartbeat_ms=heartbeat_ms):
        meeting = Meeting("test", environment(home))
        meeting.first().close()
        assert meeting.slice_ms == slice_ms
