"""What `doctor` looks at: each check is a function from facts to one finding, with what to type when it is a fault.

It looks at this machine and at what the daemon says of itself; it changes nothing and starts nothing. Levels: `ok`;
`note` (worth knowing); `warn` (works, but should not stay so); `broken` (doctor exits 1).
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from agentclient.discover import lock_holder, read
from agentclient.errors import ClientError
from agentproto.__about__ import __version__
from agentproto.api.daemon import StatusResult
from agentproto.homes import Folders

__all__ = [
    "Check",
    "Level",
    "clock",
    "connection",
    "disk",
    "filesystem",
    "folders_rights",
    "lock",
    "model",
    "programs",
    "sandbox",
    "service",
    "versions",
]

Level = Literal["ok", "note", "warn", "broken"]
_MIB = 1024 * 1024
_LOW_BYTES = 1024 * _MIB
_FULL_BYTES = 100 * _MIB
_NETWORK_KINDS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "lustre", "glusterfs")
"""File systems on which locks and syncs do not hold what they promise."""
_CLOCK_OFF_MS = 5000


@dataclass(frozen=True, slots=True)
class Check:
    """`seen` is what was found, `do` what to type (empty when there is nothing to do)."""

    name: str
    level: Level
    seen: str
    do: str = ""


def versions(python: tuple[int, int], daemon: str | None) -> list[Check]:
    text = f"{python[0]}.{python[1]}"
    level: Level = "ok" if python >= (3, 11) else "broken"
    found = [Check("python", level, text, "" if level == "ok" else "Install Python 3.11 or newer.")]
    if daemon is None:
        return [*found, Check("versions", "note", f"agentctl {__version__}; no daemon to compare with")]
    same = daemon == __version__
    seen = f"agentctl {__version__}, agentd {daemon}"
    return [*found, Check("versions", "ok" if same else "warn", seen, "" if same else "agentctl daemon restart")]


def folders_rights(folders: Folders, uid: int) -> list[Check]:
    """Owner, kind and rights of the five folders and of the connection file."""
    found: list[Check] = []
    for name in ("config", "data", "state", "cache", "run"):
        path = str(getattr(folders, name))
        found.append(_rights(f"{name} folder", path, uid, 0o700))
    connection_file = f"{folders.run}/connection.json"
    if os.path.lexists(connection_file):
        found.append(_rights("connection file", connection_file, uid, 0o600))
    return found


def _rights(name: str, path: str, uid: int, mode: int) -> Check:
    try:
        seen = os.lstat(path)
    except FileNotFoundError:
        return Check(name, "ok", f"{path} (not made yet)")
    except OSError as fault:
        return Check(name, "broken", f"{path}: {fault.strerror}", f"ls -ld {path}")
    bits = stat.S_IMODE(seen.st_mode)
    wanted_kind = stat.S_ISDIR if mode == 0o700 else stat.S_ISREG
    if not wanted_kind(seen.st_mode):
        return Check(name, "broken", f"{path} is something else than expected (a link?)", f"ls -ld {path}")
    if seen.st_uid != uid:
        return Check(name, "broken", f"{path} belongs to uid {seen.st_uid}", f"sudo chown -R {uid} {path}")
    if bits & 0o022:
        return Check(name, "broken", f"{path}: others may write ({bits:o})", f"chmod {mode:o} {path}")
    if bits & 0o055:
        return Check(name, "warn", f"{path}: others may read ({bits:o})", f"chmod {mode:o} {path}")
    return Check(name, "ok", path)


def lock(folders: Folders) -> Check:
    held, pid = lock_holder(folders)
    if not held:
        return Check("lock", "note", "free: no daemon runs", "agentctl daemon start")
    return Check("lock", "ok", f"held by pid {pid if pid is not None else 'unknown'}")


def connection(
    folders: Folders, ask: Callable[[], StatusResult], held: bool
) -> tuple[list[Check], StatusResult | None]:
    """The connection file, its socket, and whether somebody answers there, and how fast."""
    try:
        known = read(folders)
    except ClientError as fault:
        return [Check("connection", "broken", f"{fault.what}: {fault.why}", fault.remedy)], None
    if known is None:
        level: Level = "broken" if held else "note"
        return [Check("connection", level, "no connection file", "agentctl daemon restart" if held else "")], None
    found: list[Check] = []
    path = known.endpoint.removeprefix("ipc://")
    if path != known.endpoint:
        there = os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)
        found.append(
            Check("socket", "ok" if there else "broken", path + ("" if there else " is missing"),
                  "" if there else "agentctl daemon restart")
        )  # fmt: skip
    begun = time.monotonic()
    try:
        status = ask()
    except ClientError as fault:
        level = "broken" if held else "note"
        return [*found, Check("answer", level, f"{fault.what}: {fault.why}", fault.remedy)], None
    return [*found, Check("answer", "ok", f"in {(time.monotonic() - begun) * 1000:.1f} ms")], status


def model(status: StatusResult) -> Check:
    if status.model.startswith("offline"):
        return Check("model", "note", f"{status.model}: the built-in engine, no language model", "agentctl models list")
    return Check("model", "ok", status.model)


def clock(now_ms: int, daemon_ms: int | None) -> Check:
    if now_ms < 1_735_689_600_000:  # 2025-01-01: this program did not exist before
        return Check("clock", "broken", "it is set before 2025", "Set the clock: sudo timedatectl set-ntp true")
    if daemon_ms is not None and abs(now_ms - daemon_ms) > _CLOCK_OFF_MS:
        off = f"the daemon's differs by {abs(now_ms - daemon_ms) / 1000:.0f} s"
        return Check("clock", "broken", off, "agentctl daemon restart")
    return Check("clock", "ok", time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now_ms / 1000)))


def disk(path: str, free_bytes: int) -> Check:
    seen = f"{free_bytes // _MIB} MiB free for {path}"
    if free_bytes < _FULL_BYTES:
        return Check("disk", "broken", seen, f"Free some space: df -h {path}")
    if free_bytes < _LOW_BYTES:
        return Check("disk", "warn", seen, f"Free some space: df -h {path}")
    return Check("disk", "ok", seen)


def filesystem(path: str, mounts: Iterable[str]) -> Check:
    """`mounts` are the lines of /proc/mounts; the longest mount point above `path` counts."""
    kind, longest = "unknown", -1
    for line in mounts:
        fields = line.split()
        if len(fields) < 3:
            continue
        place = fields[1].replace("\\040", " ")
        if (path + "/").startswith(place.rstrip("/") + "/") and len(place) > longest:
            kind, longest = fields[2], len(place)
    if kind in _NETWORK_KINDS:
        return Check("file system", "broken", f"{path} lies on {kind}", "Set AGENTD_HOME to a folder on a local disk.")
    return Check("file system", "ok", kind)


_PROGRAMS: tuple[tuple[str, Level, str], ...] = (
    ("bash", "broken", "Install it: the bash tool runs every command with it."),
    ("git", "warn", "Install git: without it there is no history to look at and no workspace root."),
    ("rg", "note", "Install ripgrep: searching large trees is many times faster with it."),
)


def programs(find: Callable[[str], str | None] = shutil.which) -> list[Check]:
    """The programs that tools use, on this shell's PATH (the daemon is given the same one)."""
    found: list[Check] = []
    for name, level, advice in _PROGRAMS:
        path = find(name)
        found.append(Check(name, "ok", path) if path else Check(name, level, "not on PATH", advice))
    return found


def sandbox(level: str) -> Check:
    if level == "none":
        return Check("sandbox", "warn", "NONE: what you approve runs with all your rights", "Read before you approve.")
    return Check("sandbox", "ok", level)


def service(home: str, platform: str = sys.platform) -> Check:
    unit = (
        "Library/LaunchAgents/dev.agentd.agentd.plist"
        if platform == "darwin"
        else ".config/systemd/user/agentd.service"
    )
    if os.path.exists(f"{home}/{unit}"):
        return Check("service", "ok", f"~/{unit}")
    return Check("service", "note", "no unit installed; agentctl starts the daemon when it is needed")
