"""The bare ROUTER of `bare/router.py` as a process, and a bare DEALER that talks to it from here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

from bench.ground import SCRIPTS, folder, python
from support.waiting import until

__all__ = ["Bare", "bare_router"]


class Bare:
    """`root` is where the ROUTER's socket and key lie, `pid` its process."""

    def __init__(self, root: Path, pid: int) -> None:
        self.root = root
        self.pid = pid
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def dealer(self) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.rcvhwm = 0
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = (self.root / "bare.key").read_bytes()
        socket.connect(f"ipc://{self.root}/bare.sock")
        return socket

    def close(self) -> None:
        self._context.destroy(0)


@contextmanager
def bare_router() -> Iterator[Bare]:
    with folder() as root:
        process = subprocess.Popen(python(str(SCRIPTS / "router.py"), str(root)))
        until((root / "bare.key").exists, "the bare router binds")
        bare = Bare(root, process.pid)
        try:
            yield bare
        finally:
            bare.close()
            process.kill()
            process.wait()
