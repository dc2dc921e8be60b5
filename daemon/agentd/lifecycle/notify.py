"""What the daemon tells the service manager: ready, reloading, stopping, alive, and a line of status.

By one datagram each to the socket that `NOTIFY_SOCKET` names (a path, or an abstract name that begins with `@`); the
protocol is sd_notify(3). It decides nothing about when. Without a socket every call does nothing; a manager that does
not take a message never stops the daemon: the fault stays in `problem`. Caller: `agentd.app`.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

__all__ = ["Notifier", "watchdog_ms"]

_PATIENCE_S = 1.0  # the manager's queue may be full for a moment, and a lost READY would look like a failed start
_LONGEST_STATUS = 500  # characters; it is one line of `systemctl status`


class Notifier:
    """`address`: the value of NOTIFY_SOCKET, or None."""

    def __init__(self, address: str | None) -> None:
        self._address = address or None
        self.problem: str | None = None
        """Why the last message did not arrive."""

    def ready(self, status: str) -> None:
        """The start, or the reload that was announced, is done."""
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={_line(status)}")

    def reloading(self, monotonic_us: int) -> None:
        """Settings are being read; `ready` has to follow. `monotonic_us` is CLOCK_MONOTONIC now, in microseconds
        (`Clock.perf_us` on Linux): rounded to milliseconds it would lie before the request, and not count."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}")

    def stopping(self, status: str = "stopping") -> None:
        self._send("STOPPING=1", f"STATUS={_line(status)}")

    def watchdog(self) -> None:
        """The loop turns."""
        self._send("WATCHDOG=1")

    def main_pid(self, pid: int) -> None:
        """Which process is the daemon, where the manager started another one."""
        self._send(f"MAINPID={pid}")

    def _send(self, *assignments: str) -> None:
        if self._address is None:
            return
        if not self._address.startswith(("/", "@")):
            self.problem = f"NOTIFY_SOCKET is neither a path nor an abstract name: {self._address[:80]}"
            return
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.settimeout(_PATIENCE_S)
                out.sendto("\n".join(assignments).encode("utf-8", "replace"), name)
        except OSError as fault:
            self.problem = f"the service manager did not take {assignments[0]}: {fault}"
        else:
            self.problem = None


def watchdog_ms(environment: Mapping[str, str], pid: int) -> int | None:
    """How often at most `watchdog` has to be sent: half of WATCHDOG_USEC, or None when nobody waits for it (none is
    set, or it is meant for another process)."""
    given = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", "")
    if not given.isascii() or not given.isdigit() or int(given) == 0:
        return None
    if meant and meant != str(pid):
        return None
    return max(1, int(given) // 2_000)


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_STATUS]
