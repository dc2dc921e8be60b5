"""Start the daemon: double-forked, in a session of its own, with its words in the log and a clean environment.

It decides what a daemon may inherit, and nothing else; whether one is needed is `discover`'s to say. It never waits
for readiness and never kills.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from agentclient.errors import DaemonStartError
from agentproto.homes import LOG_FILE, Folders

__all__ = [
    "DAEMON_COMMAND",
    "INHERITED",
    "INHERITED_PREFIXES",
    "inherited",
    "is_alive",
    "launch",
    "log_size",
    "log_tail",
]

DAEMON_COMMAND: tuple[str, ...] = (sys.executable, "-P", "-m", "agentd", "run")
"""`-P`: the folder it starts in must not be able to shadow a module."""

INHERITED = ("HOME", "PATH", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL")
INHERITED_PREFIXES = ("LC_", "XDG_", "AGENTD_")
"""What a daemon gets of the environment of whoever happened to start it. Keys and the like are sent by each client,
when the daemon asks for them, and live in its memory only."""

_TAIL_BYTES = 4096
_TAIL_LINES = 8


def inherited(environment: Mapping[str, str], home: str | None) -> dict[str, str]:
    """The part of `environment` that a daemon starts with; AGENTD_HOME made absolute, since it starts in /."""
    kept = {
        name: value for name, value in environment.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    return kept | ({"AGENTD_HOME": home} if home is not None else {})


def launch(folders: Folders, environment: Mapping[str, str], command: Sequence[str] = DAEMON_COMMAND) -> int:
    """Start `command` and return its process id. DaemonStartError when not even that works."""
    log = f"{folders.state}/{LOG_FILE}"
    reader, writer = os.pipe()
    try:
        middle = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", os.path.join(os.path.dirname(__file__), "detach.py"), *command],
            inherited(environment, folders.home),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600),
            ],
            setsigmask=(),
            setsigdef=[signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD],
        )
        os.close(writer)
        writer = -1
        said = os.read(reader, 64)
        os.waitpid(middle, 0)
    except OSError as fault:
        raise DaemonStartError(
            "the daemon could not be started",
            why=f"{fault.strerror}: {fault.filename or log}",
            remedy="Check the rights of that file, then: agentd run",
        ) from None
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    if not said.strip().isdigit():
        raise DaemonStartError(
            "the daemon could not be started", why=log_tail(folders, 0) or "nothing was logged", remedy="agentd run"
        )
    return int(said)


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that ended and was not reaped yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except (OSError, IndexError):
        return True


def log_size(folders: Folders) -> int:
    try:
        return os.stat(f"{folders.state}/{LOG_FILE}").st_size
    except OSError:
        return 0


def log_tail(folders: Folders, start: int) -> str:
    """The last lines that were written to the daemon's log after byte `start`."""
    try:
        with open(f"{folders.state}/{LOG_FILE}", "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(start, file.tell() - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])
