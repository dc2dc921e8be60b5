"""A home on a disk that is full: said clearly, never fatal, nothing acknowledged is lost, and it goes on afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd.session.entries import Requested
from support.conversations import ended, events_of
from support.daemon import RealDaemon, real_daemon
from support.disks import small_disk


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """A daemon whose whole home lies on a disk of 3 MiB."""
    with small_disk(home / "disk", "3m") as disk, real_daemon(disk) as daemon:
        yield daemon


def fill(daemon: RealDaemon) -> Path:
    """Take every byte and every block that is left."""
    path = daemon.root / "ballast"
    with path.open("ab", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    return path


def acknowledged(daemon: RealDaemon) -> dict[str, list[str]]:
    """What was asked in every session, as the logs have it; any damage fails."""
    return {
        path.name: [entry.prompt for entry in daemon.entries(path.name) if isinstance(entry, Requested)]
        for path in Path(daemon.folders.data, "sessions").glob("*/*/*")
    }


def test_an_ask_on_a_full_disk_names_the_disk_and_a_later_one_works(daemon: RealDaemon, workspace: Path) -> None:
    before = daemon.agentctl("ask", "what is in README.md?", "--json", cwd=workspace)
    first = str(before.fields["session"])
    pid = daemon.pid
    ballast = fill(daemon)

    in_new = daemon.agentctl("ask", "a new one", cwd=workspace)
    in_old = daemon.agentctl("ask", "in the old one", "-s", first, cwd=workspace)
    shown = daemon.agentctl("sessions", "show", first, "--json")

    for ran in (in_new, in_old):
        assert ran.code == 1, ran
        assert "no space left" in ran.err.lower() or "disk is full" in ran.err.lower(), ran.err
        assert "Traceback" not in ran.err
    assert (daemon.pid, shown.code) == (pid, 0)
    ballast.unlink()
    daemon.stop()
    logged = acknowledged(daemon)[first]
    assert logged[0] == "what is in README.md?"
    daemon.start()
    # What had room in the log's last block was accepted, and goes on now.
    assert ended(daemon, first).stop == "end"
    again = daemon.agentctl("ask", "what is in README.md?", "-s", first, "--json", cwd=workspace)
    other = daemon.agentctl("ask", "what is in README.md?", "--json", cwd=workspace)

    assert (again.code, other.code) == (0, 0), again.err + other.err
    assert again.fields["session"] == first
    assert [name for name, _ in events_of(daemon, first)].count("turn.finished") == len(logged) + 1
    rows = {row["id"]: row["state"] for row in daemon.agentctl("sessions", "list", "--json").rows}
    assert rows == {first: "idle", other.fields["session"]: "idle"}


def test_a_disk_that_fills_up_under_a_running_turn_stops_that_turn_alone(daemon: RealDaemon, workspace: Path) -> None:
    daemon.agentctl("ask", "--no-input", "run: echo one >> made.txt", cwd=workspace)
    (opened,) = daemon.agentctl("pending", "--json").rows
    ballast = fill(daemon)
    approved = daemon.agentctl("approve", str(opened["id"]))
    status = daemon.agentctl("daemon", "status", "--json")

    assert status.code == 0
    assert not (workspace / "made.txt").exists()  # what can't be recorded is not done
    ballast.unlink()
    daemon.restart()
    # A short entry may still have found room in the log's last block; then the approval holds, and was told so.
    # Whether the command had begun then is another question, and a new one.
    rows = daemon.agentctl("pending", "--json").rows
    still_open = [row["id"] for row in rows if row["gates"] != ["unknown outcome"]]
    assert still_open == ([] if approved.code == 0 else [opened["id"]])
    if still_open:
        assert daemon.agentctl("approve", str(opened["id"])).code == 0
    for row in rows:
        if row["gates"] == ["unknown outcome"]:
            daemon.agentctl("deny", str(row["id"]))
    end = ended(daemon, str(opened["session"]))
    assert end.stop == "end"
    if not still_open:
        # Begun and then not told how it ended: it is not run again, and the model is told that nobody knows.
        assert "unknown" in end.text
    names = [name for name, _ in events_of(daemon, str(opened["session"]))]
    assert names.count("question.answered") == names.count("question.opened")


def test_a_start_on_a_full_disk_says_so(daemon: RealDaemon) -> None:
    daemon.stop()
    ballast = fill(daemon)
    with daemon.launch(stderr=subprocess.PIPE) as started:
        err = started.communicate(timeout=30)[1].decode()
    by_client = daemon.agentctl("daemon", "start")
    ballast.unlink()
    later = daemon.agentctl("daemon", "start")

    assert started.returncode == 1
    assert "No space left on device" in err
    assert [line[:11] for line in err.splitlines()[:3]] == ["agentd: can", "  because: ", "  to do:   "]
    assert by_client.code == 3
    assert later.code == 0, later.err
