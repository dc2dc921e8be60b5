"""The sockets: frames out, frames in, and waiting. The only importer of zmq among the clients.

A `Dealer` is one connection with CURVE keys from the connection file. It never blocks but in `wait`, and closing it
drops what was not sent (linger 0). It knows nothing of messages. `Router` is the other end, for the shipped double
(`agentclient.testing`) only; the daemon has its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from agentproto.endpoints import Connection
from agentproto.limits import LIMITS

__all__ = ["Dealer", "Router", "new_keypair"]

_RECONNECT_MS = 20
"""libzmq's first retry while the daemon is just binding; its default of 100 ms would be felt at a cold start."""


def _receive(socket: zmq.Socket[bytes]) -> list[bytes] | None:
    """One whole message, or None when there is none. Frames beyond the limit are dropped one by one, and one empty
    frame stands for all of them, so that the message counts as too large and not as a shorter one."""
    try:
        frames = [socket.recv(zmq.NOBLOCK)]
    except zmq.Again:
        return None
    while socket.rcvmore:
        frame = socket.recv(zmq.NOBLOCK)
        if len(frames) < LIMITS.frames_per_message:
            frames.append(frame)
        elif len(frames) == LIMITS.frames_per_message:
            frames.append(b"")
    return frames


class Dealer:
    """A client's socket, connected to the daemon of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.MAXMSGSIZE, LIMITS.frame_bytes)
        self._socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        self._socket.curve_serverkey = connection.server_public.encode()
        self._socket.curve_publickey = connection.client_public.encode()
        self._socket.curve_secretkey = connection.client_secret.encode()
        self._socket.connect(connection.endpoint)

    def send(self, frames: Sequence[bytes]) -> bool:
        """Queue one message; False when the peer takes nothing any more (the link will notice the silence)."""
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[bytes] | None:
        """One whole message, or None when none waits."""
        return _receive(self._socket)

    def wait(self, wait_ms: int, also: Sequence[int] = ()) -> list[int]:
        """Wait until a message or one of the descriptors `also` can be read; returns those descriptors."""
        if not also:
            self._socket.poll(wait_ms)
            return []
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        for descriptor in also:
            poller.register(descriptor, zmq.POLLIN)
        return [found for found, _ in poller.poll(wait_ms) if isinstance(found, int)]

    @property
    def descriptor(self) -> int:
        """For an event loop: readable (edge-triggered) when `receive` is worth a try."""
        return int(self._socket.fd)

    def close(self) -> None:
        self._socket.close(0)
        self._context.term()


def new_keypair() -> tuple[str, str]:
    """(public, secret) CURVE keys as Z85 text."""
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


class Router:
    """The daemon's end of the double: a bound ROUTER with CURVE that lets in whoever knows its public key."""

    def __init__(self, endpoint: str, secret: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.curve_server = 1
        self._socket.curve_secretkey = secret.encode()
        self._socket.bind(endpoint)

    def send(self, route: bytes, frames: Sequence[bytes]) -> None:
        self._socket.send_multipart([route, *frames])

    def receive(self) -> tuple[bytes, list[bytes]] | None:
        frames = _receive(self._socket)
        return None if frames is None else (frames[0], frames[1:])

    def wait(self, wait_ms: int, wake: int) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(wake, zmq.POLLIN)
        poller.poll(wait_ms)

    def close(self) -> None:
        self._socket.close(0)
        self._context.term()
