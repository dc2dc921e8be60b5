"""`agentctl doctor`: everything that can be wrong, and for each fault what to type. Exit 1 when something is broken."""

from __future__ import annotations

import os
import shutil
import sys
import time

import click

from agentclient.discover import folders_of, lock_holder
from agentctl import checks
from agentctl.exits import DONE, FAILED
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.safe import safe
from agentctl.terminal import colours
from agentproto.api import daemon
from agentproto.homes import Folders

__all__ = ["command"]

_MARKS = {"ok": "ok    ", "note": "note  ", "warn": "WARN  ", "broken": "BROKEN"}
_COLOURS = {"ok": "32", "note": "2", "warn": "33", "broken": "31"}


@click.command("doctor", short_help="Check everything.")
@json_option
def command(as_json: bool) -> int:
    """Check everything and say what to type for each fault. Nothing is changed, and no daemon is started."""
    found = _all(folders_of(os.environ))
    if as_json:
        rows = [{"name": one.name, "level": one.level, "seen": one.seen, "do": one.do} for one in found]
        sys.stdout.write(json_text(rows))
    else:
        coloured = colours(sys.stdout)
        for one in found:
            mark = f"\x1b[{_COLOURS[one.level]}m{_MARKS[one.level]}\x1b[0m" if coloured else _MARKS[one.level]
            sys.stdout.write(f"{mark}  {one.name:<15}  {safe(one.seen)}\n")
            if one.do:
                sys.stdout.write(f"{'':<25}-> {safe(one.do)}\n")
    return FAILED if any(one.level == "broken" for one in found) else DONE


def _ask() -> daemon.StatusResult:
    with dial(start=False) as client:
        return client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)


def _all(folders: Folders) -> list[checks.Check]:
    held, _ = lock_holder(folders)
    answers, status = checks.connection(folders, _ask, held)
    data = folders.data
    while not os.path.exists(data):
        data = os.path.dirname(data)
    found = [
        *checks.versions(sys.version_info[:2], status.version if status is not None else None),
        *checks.folders_rights(folders, os.geteuid()),
        checks.disk(data, shutil.disk_usage(data).free),
        checks.clock(time.time_ns() // 1_000_000, status.now_ms if status is not None else None),
        *checks.programs(),
        checks.lock(folders),
        *answers,
    ]
    if os.path.exists("/proc/mounts"):
        with open("/proc/mounts", encoding="utf-8", errors="replace") as mounts:
            found.append(checks.filesystem(os.path.realpath(data), mounts))
    if status is not None:
        found += [checks.model(status), checks.sandbox(status.sandbox)]
        found += [checks.Check("notice", "warn", text) for text in status.notices]
    found.append(checks.service(os.path.expanduser("~")))
    return found
