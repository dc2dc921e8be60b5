"""How a daemon ends: SIGTERM drains, kill -9 does not; children never outlive it, questions and turns always do."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from agentclient.starting import is_alive
from agentproto.api import session
from support.conversations import ended, state_of
from support.daemon import RealDaemon
from support.waiting import until

SLEEPER = "run: echo $$ > pid; sleep 1000 & echo $! > child; wait"


def pids(workspace: Path) -> list[int]:
    """The command's shell and the child in its background, once both have said who they are."""
    files = [workspace / "pid", workspace / "child"]
    until(lambda: all(file.exists() and file.read_text().strip() for file in files), "the command runs")
    return [int(file.read_text()) for file in files]


def test_sigterm_leaves_nothing_behind_but_what_is_recorded(daemon: RealDaemon, workspace: Path) -> None:
    daemon.agentctl("ask", "--no-input", "run: touch made.txt", cwd=workspace)
    before = daemon.agentctl("pending", "--json")
    code = daemon.stop()

    run = Path(daemon.folders.run)
    assert code == 0
    assert [path.name for path in run.iterdir() if path.name in ("connection.json", "agentd.sock")] == []
    assert daemon.pid is None
    daemon.start()
    assert daemon.agentctl("pending", "--json") == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_an_idle_daemon_with_0(daemon: RealDaemon, number: signal.Signals) -> None:
    daemon.signal(number)
    process = daemon.process
    assert process is not None
    assert process.wait(10) == 0


def said_no_to_the_command_in_doubt(daemon: RealDaemon) -> None:
    """Nobody saw whether the command ran to its end, so a person is asked; it is not run again."""
    rows: list[dict[str, object]] = []
    until(lambda: bool(rows.extend(daemon.agentctl("pending", "--json").rows) or rows), "a person is asked")
    assert rows[0]["gates"] == ["unknown outcome"]
    daemon.agentctl("deny", str(rows[0]["id"]))


def test_sigterm_ends_running_commands_and_the_next_start_says_that_their_outcome_is_unknown(
    daemon: RealDaemon, workspace: Path
) -> None:
    id = daemon.agentctl("ask", "--background", "--allow", "shell", SLEEPER, cwd=workspace).out.strip()
    running = pids(workspace)
    code = daemon.stop(10)

    assert (code, [is_alive(pid) for pid in running]) == (0, [False, False])
    daemon.start()
    said_no_to_the_command_in_doubt(daemon)
    end = ended(daemon, id)
    assert end.stop == "end"
    assert "unknown" in end.text
    assert pids(workspace) == running  # it was not run again


def test_the_next_start_ends_what_a_killed_daemon_left_running(daemon: RealDaemon, workspace: Path) -> None:
    id = daemon.agentctl("ask", "--background", "--allow", "shell", SLEEPER, cwd=workspace).out.strip()
    running = pids(workspace)
    daemon.kill()
    alive = [is_alive(pid) for pid in running]
    daemon.start()

    assert alive == [True, True]
    until(lambda: not any(map(is_alive, running)), "the command and its child are ended")
    said_no_to_the_command_in_doubt(daemon)
    end = ended(daemon, id)
    assert (end.stop, "unknown" in end.text) == ("end", True)
    assert pids(workspace) == running


def test_daemon_stop_and_restart_by_the_command_line(daemon: RealDaemon, workspace: Path) -> None:
    id = daemon.agentctl("ask", "--no-input", "--json", "run: touch made.txt", cwd=workspace).fields["session"]
    restarted = daemon.agentctl("daemon", "restart", "--json")
    state = state_of(daemon, str(id))
    stopped = daemon.agentctl("daemon", "stop")
    again = daemon.agentctl("daemon", "stop")

    assert restarted.code == 0
    assert "1 turn was paused" in restarted.err
    assert state == "waiting"
    assert stopped.code == 0
    assert (again.code, again.err) == (0, "no daemon is running\n")
    assert daemon.pid is None


def test_a_message_that_was_queued_is_taken_after_a_restart_in_its_turn(daemon: RealDaemon, workspace: Path) -> None:
    daemon.agentctl("ask", "--no-input", "run: touch made.txt", cwd=workspace)
    (opened,) = daemon.agentctl("pending", "--json").rows
    id = str(opened["session"])
    queued = daemon.agentctl("ask", "--background", "-s", id, "what is in README.md?", cwd=workspace)
    daemon.stop()
    daemon.start()
    with daemon.client() as client:
        found = client.call("session.read", session.ReadParams(id), session.ReadResult)
    daemon.agentctl("deny", str(opened["id"]))
    end = ended(daemon, id)

    assert queued.code == 0
    assert (found.summary.state, found.queued) == ("waiting", 1)
    assert (end.turn, end.stop, "A small thing." in end.text) == (f"{id}.t2", "end", True)


def test_who_comes_while_the_daemon_ends_gets_the_next_one(daemon: RealDaemon, workspace: Path) -> None:
    """A command that ignores TERM makes the end take a moment; nobody is turned away in it."""
    stubborn = "run: trap '' TERM; echo $$ > pid; echo $$ > child; while true; do sleep 0.01; done"
    daemon.agentctl("ask", "--background", "--allow", "shell", stubborn, cwd=workspace)
    pids(workspace)
    before = daemon.pid
    daemon.signal(signal.SIGTERM)
    until(lambda: not Path(daemon.folders.run, "connection.json").exists(), "the daemon is ending")
    ran = daemon.agentctl("daemon", "start", "--json")

    assert ran.code == 0, ran.err
    assert ran.fields["pid"] != before
    assert ran.fields["pid"] == daemon.pid
