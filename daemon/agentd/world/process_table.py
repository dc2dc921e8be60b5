"""Who runs on this machine: start times and sessions of processes, read from /proc or, on macOS, from `ps`.

It decides how a process is known for sure: by its id *and* its start time, because ids are used again. It must never
signal anybody. Used by `agentd.world.groups`, which ends groups.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

__all__ = ["Entry", "entry", "machine", "members", "parse_ps", "parse_stat"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One process. `start` is comparable text for one boot: clock ticks on Linux, a date on macOS."""

    pid: int
    group: int
    session: int
    start: str
    zombie: bool


def machine() -> str:
    """Names this boot and this pid namespace; ids of another one say nothing here."""
    if sys.platform != "linux":
        return "-"  # `ps` gives start times as dates, which no other boot shares
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
        return f"{boot.read().strip()} {os.readlink('/proc/self/ns/pid')}"


def entry(pid: int) -> Entry | None:
    """The process `pid`, or None when there is none."""
    if sys.platform == "linux":
        return _read(str(pid))
    found = parse_ps(_ps("-p", str(pid)))
    return found[0] if found else None


def members(session: int, *, since: int = 0) -> list[Entry]:
    """Living processes of the session or group `session`.

    `since`: the id of a process that is older than all of them. Ids are given in rising order, so that (unless the
    count began anew meanwhile) only larger ones need to be read.
    """
    if sys.platform != "linux":
        everybody = parse_ps(_ps("-A"))
        return [e for e in everybody if (e.session == session or e.group == session) and not e.zombie]
    if _last_pid() < since:
        since = 0
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) >= since:
            one = _read(name)
            if one is not None and not one.zombie and (one.session == session or one.group == session):
                found.append(one)
    return found


def parse_stat(text: bytes) -> Entry:
    """One `/proc/<pid>/stat`; see proc(5). The name may hold spaces and parentheses: fields count from the last ')'."""
    head, _, tail = text.rpartition(b")")
    fields = tail.split()
    return Entry(
        pid=int(head.split(b" ", 1)[0]),
        group=int(fields[2]),
        session=int(fields[3]),
        start=fields[19].decode("ascii"),
        zombie=fields[0] in (b"Z", b"X"),
    )


def parse_ps(text: str) -> list[Entry]:
    """Lines of `ps -o pid=,pgid=,stat=,lstart=`. macOS shows no usable session id; the group's serves for it."""
    found = []
    for line in text.splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4:
            pid, group, state, start = fields
            found.append(Entry(int(pid), int(group), int(group), " ".join(start.split()), state.startswith("Z")))
    return found


def _read(pid: str) -> Entry | None:
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return parse_stat(os.read(descriptor, 4096))
        finally:
            os.close(descriptor)
    except (FileNotFoundError, ProcessLookupError):
        return None


def _last_pid() -> int:
    with open("/proc/loadavg", encoding="ascii") as load:
        return int(load.read().split()[4])


def _ps(*selection: str) -> str:
    command = ["/bin/ps", *selection, "-o", "pid=,pgid=,stat=,lstart="]
    done = subprocess.run(command, capture_output=True, check=False, timeout=5, env={"LC_ALL": "C"})
    return done.stdout.decode("utf-8", "replace")
