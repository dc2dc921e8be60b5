"""The daemon's sockets: one ROUTER with CURVE and a ZAP door-keeper. The only importer of zmq in the daemon.

Decides nothing about messages. Frames are received one by one and the 17th and later of a message are dropped unread;
a client of which nothing valid is ever heard costs one look-up. Sending never waits and never raises for a peer's
trouble: it answers whether the frames left. Callers: `server.router`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zmq
import zmq.utils.z85

from agentd.errors import HomeError
from agentproto.limits import LIMITS

__all__ = ["Inbox", "KeyPair", "WireSocket", "make_keys"]

_BATCH = 128
"""Messages taken in one go before the loop may do something else."""
_MORE = zmq.NOBLOCK | zmq.SNDMORE


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Z85 text, 40 characters each."""

    public: str
    secret: str


def make_keys() -> KeyPair:
    """A new CURVE key pair (libsodium's own chance)."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


Inbox = Callable[[bytes, Sequence[bytes], str], None]
"""Called with routing id, frames and the role of the sender's key."""


class WireSocket:
    """`roles` maps public keys (Z85) to roles and may be changed while it runs."""

    def __init__(self, endpoint: str, server: KeyPair, roles: dict[str, str], *, uid: int | None) -> None:
        self.endpoint = endpoint
        self._server = server
        self._roles = roles
        self._uid = uid
        self._context = zmq.Context(io_threads=1)
        self._context.set(zmq.MAX_SOCKETS, 4096)
        self._router: zmq.Socket[bytes] | None = None
        self._zap: zmq.Socket[bytes] | None = None
        self._inbox: Inbox | None = None
        self._look_again = False

    def open(self, inbox: Inbox) -> None:
        """Bind and begin to deliver. HomeError when the endpoint can't be bound."""
        loop = asyncio.get_running_loop()
        self._inbox = inbox
        zap = self._context.socket(zmq.REP)
        zap.linger = 0
        zap.bind("inproc://zeromq.zap.01")
        self._zap = zap
        loop.add_reader(zap.FD, self._keep_door)
        router = self._context.socket(zmq.ROUTER)
        router.linger = 200
        router.set(zmq.ROUTER_MANDATORY, 1)
        router.set(zmq.ROUTER_HANDOVER, 1)
        router.set(zmq.SNDHWM, 64)
        router.set(zmq.RCVHWM, 1000)
        router.set(zmq.MAXMSGSIZE, LIMITS.frame_bytes)
        router.set(zmq.HANDSHAKE_IVL, 10_000)
        router.set(zmq.CURVE_SERVER, 1)
        router.curve_secretkey = self._server.secret.encode()
        router.zap_domain = b"agentd"
        if self._uid is not None and self.endpoint.startswith("ipc://"):
            router.set(zmq.IPC_FILTER_UID, self._uid)
        try:
            router.bind(self.endpoint)
        except zmq.ZMQError as fault:
            raise HomeError(
                f"the socket {self.endpoint} can't be bound", why=str(fault), remedy="Look at the run folder's rights."
            ) from None
        self._router = router
        loop.add_reader(router.FD, self._read)
        # The descriptor signals edges, not levels: what came before the reader was added has to be asked for once.
        loop.call_soon(self._read)

    def close(self) -> None:
        """Take nothing more, send what is on its way for 200 ms."""
        loop = asyncio.get_running_loop()
        for socket in (self._router, self._zap):
            if socket is not None:
                loop.remove_reader(socket.FD)
                socket.close()
        self._router = self._zap = None
        self._context.term()

    # -- who may come in ---------------------------------------------------------------------------------------

    def _keep_door(self) -> None:
        """Answer ZAP requests (RFC 27): a known CURVE key gets its role as User-Id, everything else 400."""
        zap = self._zap
        while zap is not None:
            try:
                frames = zap.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            zap.send_multipart(self._admit(frames))
        if self._router is not None:
            self._read()

    def _admit(self, frames: Sequence[bytes]) -> list[bytes]:
        request = frames[1] if len(frames) > 1 else b""
        role = None
        if len(frames) == 7 and frames[0] == b"1.0" and frames[5] == b"CURVE" and len(frames[6]) == 32:
            role = self._roles.get(zmq.utils.z85.encode(frames[6]).decode())
        if role is None:
            return [b"1.0", request, b"400", b"no such key", b"", b""]
        return [b"1.0", request, b"200", b"OK", role.encode(), b""]

    # -- in and out --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self._look_again = False
        router = self._router
        if router is None:
            return
        for _ in range(_BATCH):
            try:
                first = router.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            routing = first.bytes
            try:
                # Of each message anew: a routing id says nothing of the key behind it.
                role = str(first.get("User-Id"))
            except zmq.ZMQError:
                role = ""
            frames: list[bytes] = []
            more = first.more
            while more:
                frame = router.recv(zmq.NOBLOCK, copy=False)
                more = frame.more
                if len(frames) <= LIMITS.frames_per_message:
                    frames.append(frame.bytes)
            assert self._inbox is not None
            try:
                self._inbox(routing, frames, role)
            except BaseException:
                self._read_soon()  # the edge is consumed: what waits behind this one has to be asked for
                raise
        self._read_soon()

    def _read_soon(self) -> None:
        if not self._look_again:
            self._look_again = True
            asyncio.get_running_loop().call_soon(self._read)

    def send(self, routing: bytes, frames: Sequence[bytes]) -> bool:
        """Whether the message left; False when the peer is gone or its pipe is full. Never waits."""
        if self._router is None:
            return False
        try:
            self._router.send(routing, _MORE)
            for frame in frames[:-1]:
                self._router.send(frame, _MORE)
            self._router.send(frames[-1], zmq.NOBLOCK)
        except (zmq.Again, zmq.ZMQError):
            return False
        finally:
            # Sending may consume the descriptor's edge; what has come meanwhile must not wait for the next one. One look
            # serves all that is sent before the loop comes round.
            self._read_soon()
        return True
