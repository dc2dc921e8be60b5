"""Who runs: parsing of /proc and of `ps`, and both agreeing about this very process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agentd.world.process_table import Entry, entry, machine, members, parse_ps, parse_stat
from support.skips import need

STAT = b"%d (%s) %s 10 4242 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n"


@pytest.mark.parametrize(
    ("name", "state", "zombie"),
    [(b"sh", b"S", False), (b"a) R 1 2 3 (b", b"S", False), (b"with space", b"Z", True), (b"\xff)(", b"X", True)],
)
def test_a_line_of_proc_is_read_whatever_the_name(name: bytes, state: bytes, zombie: bool) -> None:
    assert parse_stat(STAT % (99, name, state, 123456)) == Entry(99, 4242, 77, "123456", zombie)


def test_the_output_of_ps_is_read() -> None:
    text = "  501   500 Ss   Mon Jan  5 09:00:00 2026\n 502 500 Z+ Mon Jan  5 09:00:01 2026    \nbroken\n"
    assert parse_ps(text) == [
        Entry(501, 500, 500, "Mon Jan 5 09:00:00 2026", False),
        Entry(502, 500, 500, "Mon Jan 5 09:00:01 2026", True),
    ]


def test_ps_understands_what_it_is_asked_on_macos() -> None:
    """The same words work with the `ps` of Linux, so the line that macOS is asked for can be tried here."""
    need(os.path.exists("/bin/ps"), "ps", "apt-get install procps")
    done = subprocess.run(
        ["/bin/ps", "-p", str(os.getpid()), "-o", "pid=,pgid=,stat=,lstart="],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C"},
    )
    (found,) = parse_ps(done.stdout)
    assert (found.pid, found.group, found.zombie) == (os.getpid(), os.getpgid(0), False)


def test_this_process_is_found_in_its_session() -> None:
    mine = entry(os.getpid())
    assert mine is not None
    assert (mine.group, mine.session, mine.zombie) == (os.getpgid(0), os.getsid(0), False)
    assert mine in members(os.getsid(0))


def test_who_is_gone_is_not_found() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], start_new_session=True)
    child.wait()
    assert (entry(child.pid), members(child.pid)) == (None, [])


def test_a_zombie_is_known_and_no_member() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], start_new_session=True)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    found = entry(child.pid)
    assert found is not None
    assert (found.zombie, members(child.pid)) == (True, [])
    child.wait()


def test_the_machine_has_one_name_while_it_is_up() -> None:
    assert machine() == machine() != ""
