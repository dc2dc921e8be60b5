"""A program, never a library: become a session of its own, start the daemon in it, tell its process id, and end.

`agentclient.starting` runs this file with a bare interpreter (`-I -S`), because a client with socket threads must not
fork. Arguments: the log file's descriptor is stderr, the process id goes to stdout, the rest is the command to run.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main(command: list[str]) -> None:
    os.setsid()
    os.chdir("/")
    child = os.fork()
    if child:
        os.write(1, b"%d\n" % child)
        os._exit(0)
    os.dup2(2, 1)
    os.closerange(3, 1024)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
