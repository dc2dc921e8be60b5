"""`agentctl daemon start|stop|restart|status|logs`: the process itself.

`logs` reads the file, so that it also works when the daemon does not. Stopping drains: running turns are paused and
recorded.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator

import click

from agentclient.blocking import BlockingClient
from agentclient.discover import folders_of, lock_holder, stamp
from agentclient.errors import ClientError, NoDaemonError
from agentclient.greeting import now_ms
from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.safe import safe
from agentctl.render.table import moment, size_text
from agentproto.api import daemon
from agentproto.homes import LOG_FILE, Folders

__all__ = ["command"]

_STOP_MS = 15_000
"""The daemon drains within 10 s; the rest is for a slow disk."""
_STEP_S = 0.02


@click.group("daemon", short_help="Start, stop and look at the daemon.")
def command() -> None:
    """The daemon's process."""


@command.command("start")
@json_option
def start(as_json: bool) -> int:
    """Start the daemon, if it does not run, and wait until it answers."""
    with dial() as client:
        return _show(_status(client), as_json, "runs")


@command.command("stop")
@click.option("--now", is_flag=True, help="Do not drain: end running turns where they are.")
def stop(now: bool) -> int:
    """Drain and stop the daemon; wait until it is gone. No error when none runs."""
    try:
        _stop(drain=not now)
    except NoDaemonError as fault:
        if lock_holder(folders_of(os.environ))[0]:
            raise
        sys.stderr.write(f"{fault.what}\n")
    return DONE


@command.command("restart")
@json_option
def restart(as_json: bool) -> int:
    """Stop the daemon and start it anew."""
    try:
        _stop(drain=True)
    except NoDaemonError:
        if lock_holder(folders_of(os.environ))[0]:
            raise
    with dial() as client:
        return _show(_status(client), as_json, "runs anew")


@command.command("status")
@json_option
def status(as_json: bool) -> int:
    """The daemon's condition. Exit 3 when none runs; none is started."""
    with dial(start=False) as client:
        return _show(_status(client), as_json, "runs")


@command.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=50, help="Last lines to show (default 50).")
def logs(follow: bool, lines: int) -> int:
    """The daemon's log, read from its file."""
    path = f"{folders_of(os.environ).state}/{LOG_FILE}"
    for line in _tail(path, lines, follow):
        sys.stdout.write(safe(line))
        sys.stdout.flush()
    return DONE


def _tail(path: str, last: int, follow: bool) -> Iterator[str]:
    """The last lines, then what is written; a log that was rotated is read from its new beginning."""
    while True:
        try:
            file = open(path, encoding="utf-8", errors="replace")  # noqa: SIM115  closed by the `with` below
        except FileNotFoundError:
            raise ClientError(
                "there is no log yet", why=f"Nothing has written {path}.", remedy="agentctl daemon start"
            ) from None
        with file:
            yield from deque(file, maxlen=last)
            while follow:
                line = file.readline()
                if line:
                    yield line
                elif _rotated(file.fileno(), path):
                    break
                else:
                    time.sleep(0.2)
        if not follow:
            return
        last = 1000


def _rotated(descriptor: int, path: str) -> bool:
    try:
        return os.fstat(descriptor).st_ino != os.stat(path).st_ino
    except OSError:
        return False


def _status(client: BlockingClient) -> daemon.StatusResult:
    return client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)


def _stop(*, drain: bool) -> None:
    folders = folders_of(os.environ)
    with dial(start=False) as client:
        pid = client.welcome.pid
        paused = client.call("daemon.stop", daemon.StopParams(key=new_key(), drain=drain), daemon.StopResult)
    if paused.turns_paused:
        turns = (
            "1 turn was paused; it goes"
            if paused.turns_paused == 1
            else f"{paused.turns_paused} turns were paused; they go"
        )
        sys.stderr.write(f"{turns} on when the daemon runs again\n")
    _await_end(folders, pid)
    sys.stderr.write(f"stopped (pid {pid})\n")


def _await_end(folders: Folders, pid: int) -> None:
    deadline = now_ms() + _STOP_MS
    while stamp(folders) is not None or lock_holder(folders)[0]:
        if now_ms() > deadline:
            raise ClientError(
                f"the daemon (pid {pid}) does not end",
                why=f"It still holds its lock {_STOP_MS // 1000} s after it was told to stop.",
                remedy=f"agentctl daemon logs; then: kill {pid}",
            )
        time.sleep(_STEP_S)


def _show(found: daemon.StatusResult, as_json: bool, words: str) -> int:
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    facts = (
        ("version", found.version),
        ("home", found.home),
        ("endpoint", found.endpoint),
        ("model", found.model),
        ("sandbox", "NONE: tools run with your own rights" if found.sandbox == "none" else found.sandbox),
        ("acknowledged", found.durability),
        ("sessions", f"{found.sessions} ({found.turns_running} running, {found.questions_open} questions open)"),
        ("clients", str(found.clients)),
        ("since", moment(found.started_at_ms)),
        ("memory", size_text(found.resident_bytes)),
        ("log", found.log_file),
        *((("features", ", ".join(found.features)),) if found.features else ()),
        *(("tools", f"{name}: {where}") for name, where in found.tools.items()),
        *(("notice", text) for text in found.notices),
    )
    sys.stdout.write(f"agentd {words} (pid {found.pid})\n")
    sys.stdout.write("".join(f"  {name:<12}  {safe(value)}\n" for name, value in facts))
    return DONE
