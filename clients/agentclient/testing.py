"""DoubleDaemon: a small daemon with a real socket, real keys and a real lock, for tests and for plug-in authors.

It speaks the whole protocol (a `Link("daemon")` for each client) and knows nothing: what it answers is scripted, a
function for each method. Events are pushed by the test, or follow an answer. It can fall silent, vanish as a killed
daemon does, and come back with new keys. `python -m agentclient.testing` runs one as a process, for tests of starting.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from agentclient.discover import folders_of
from agentclient.sockets import Router, new_keypair
from agentproto.__about__ import __version__
from agentproto.api.daemon import StatusResult
from agentproto.codec import encode_map
from agentproto.endpoints import CONNECTION_FILE, LOCK_FILE, Connection
from agentproto.envelope import Hello, Welcome
from agentproto.errors import ProtocolError, WireError
from agentproto.homes import Folders
from agentproto.link import Cancelled, Greeted, Link, Requested
from agentproto.shape import request, to_plain
from agentproto.table import METHODS
from agentproto.versions import CAPABILITIES, WIRE_MAX, WIRE_MIN

__all__ = ["Answer", "Call", "DoubleDaemon", "Event", "Handler", "a_status", "main"]

Event = tuple[str, msgspec.Struct]
"""An event's name and body."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it; `client` is the conversation's id, `params` the typed parameters."""

    client: str
    method: str
    params: msgspec.Struct


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, and events that follow it to the same client."""

    result: msgspec.Struct
    events: tuple[Event, ...] = ()


Handler = Callable[[Call], msgspec.Struct | Answer | None]
"""The result (a WireError for an error); None leaves the request without an answer."""


@dataclass(slots=True)
class _Peer:
    link: Link
    hello: Hello


@dataclass(slots=True)
class DoubleDaemon:
    """`calls` and `hellos` are what came in, in order. Use it in a `with` block; `wait_for` instead of sleeping."""

    folders: Folders
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    role: str = "owner"
    heartbeat_ms: int = 2000
    name: str = "d-double"
    refuse: WireError | None = None
    calls: list[Call] = field(default_factory=list)
    hellos: list[Hello] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    _peers: dict[bytes, _Peer] = field(default_factory=dict)
    _todo: deque[Callable[[], None]] = field(default_factory=deque)
    _router: Router | None = None
    _thread: threading.Thread | None = None
    _lock: int = -1
    _wake: tuple[int, int] = (-1, -1)
    _mute: bool = False
    _over: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> DoubleDaemon:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take the lock, bind with new keys, write the connection file. SystemExit 75 when another holds the home."""
        for folder in (self.folders.run, self.folders.state):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        self._lock = os.open(f"{self.folders.run}/{LOCK_FILE}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise SystemExit(75) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, b"%d\n" % os.getpid(), 0)
        server_public, server_secret = new_keypair()
        client_public, client_secret = new_keypair()
        endpoint = f"ipc://{self.folders.run}/agentd.sock"
        self._over, self._wake = False, os.pipe()
        self._router = Router(endpoint, server_secret)
        connection = Connection(
            endpoint, WIRE_MIN, WIRE_MAX, __version__, os.getpid(), self.name, server_public, client_public,
            client_secret, self.role,
        )  # fmt: skip
        path = f"{self.folders.run}/{CONNECTION_FILE}"
        with open(path + ".new", "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(msgspec.json.encode(connection))
        os.rename(path + ".new", path)
        self._thread = threading.Thread(target=self._serve, name="double daemon")
        self._thread.start()

    def stop(self) -> None:
        """End in good order: the connection file goes first."""
        if self._thread is not None:
            os.unlink(f"{self.folders.run}/{CONNECTION_FILE}")
        self.vanish()

    def vanish(self) -> None:
        """End as a killed daemon does: file and socket stay, the lock is free, nobody answers."""
        if self._thread is None:
            return
        self._over = True
        os.write(self._wake[1], b"!")
        self._thread.join()
        self._thread = None
        for descriptor in (self._lock, *self._wake):
            os.close(descriptor)
        self._peers.clear()

    def fall_silent(self) -> None:
        """Hold the lock and answer nothing from now on."""
        self._mute = True

    # -- talk --------------------------------------------------------------------------------------------------

    def push(self, *events: Event) -> None:
        """Send events to every client."""

        def send() -> None:
            for route, peer in self._peers.items():
                self._send_events(route, peer, events)

        self._todo.append(send)
        os.write(self._wake[1], b"!")

    def wait_for(self, holds: Callable[[], bool], wait_s: float = 10.0) -> None:
        """Until `holds` after something came in. AssertionError when it does not in time."""
        with self._changed:
            if not self._changed.wait_for(holds, wait_s):
                raise AssertionError(f"it did not happen; calls so far: {[call.method for call in self.calls]}")

    def methods(self) -> list[str]:
        """Names of the calls so far."""
        return [call.method for call in self.calls]

    # -- inside ------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        router = self._router
        assert router is not None
        while not self._over:
            router.wait(100, self._wake[0])
            while (came := router.receive()) is not None:
                if not self._mute:
                    self._take(*came)
                with self._changed:
                    self._changed.notify_all()
            while self._todo:
                self._todo.popleft()()
        router.close()

    def _take(self, route: bytes, frames: list[bytes]) -> None:
        peer = self._peers.get(route)
        link = peer.link if peer is not None else Link("daemon", heartbeat_ms=self.heartbeat_ms)
        event = link.receive(frames, time.monotonic_ns() // 1_000_000)
        match event:
            case Greeted(hello):
                self.hellos.append(hello)
                if self.refuse is not None:
                    self._send(route, link.error(0, self.refuse))
                    return
                self._peers[route] = _Peer(link, hello)
                self._send(route, link.welcome(self._welcome()))
            case Requested(id, method, body) if peer is not None:
                self._answer(route, peer, id, method, body)
            case Cancelled(id):
                self.cancelled.append(id)
            case _:
                pass
        for owed in link.take_owed():
            self._send(route, owed)

    def _answer(self, route: bytes, peer: _Peer, id: int, method: str, body: dict[str, object]) -> None:
        try:
            call = Call(peer.hello.client, method, request(body, METHODS[method].params))
            self.calls.append(call)
            handler = self.handlers.get(method)
            if handler is None:
                text = f"the double has no handler for {method}"
                answer: msgspec.Struct | Answer | None = WireError("unknown_method", "client", text)
            else:
                answer = handler(call)
        except ProtocolError as fault:
            answer = fault.to_wire()
        match answer:
            case None:
                pass
            case Answer(result, events):
                self._send(route, peer.link.reply(id, to_plain(result)))
                self._send_events(route, peer, events)
            case WireError():
                self._send(route, peer.link.error(id, answer))
            case _:
                self._send(route, peer.link.reply(id, to_plain(answer)))

    def _send_events(self, route: bytes, peer: _Peer, events: tuple[Event, ...]) -> None:
        for name, body in events:
            self._send(route, peer.link.event(name, encode_map(to_plain(body))))

    def _send(self, route: bytes, frames: list[bytes]) -> None:
        assert self._router is not None
        self._router.send(route, frames)

    def _welcome(self) -> Welcome:
        return Welcome(
            __version__, WIRE_MAX, CAPABILITIES, self.name, self.role, os.getpid(), "none", "offline",
            tuple(sorted(METHODS)), self.variables, self.heartbeat_ms,
        )  # fmt: skip


def a_status(folders: Folders) -> StatusResult:
    """A condition to answer `daemon.status` with: this process, nothing running."""
    return StatusResult(
        pid=os.getpid(),
        version=__version__,
        daemon="d-double",
        home=folders.home or "",
        endpoint=f"ipc://{folders.run}/agentd.sock",
        sandbox="none",
        model="offline",
        sessions=0,
        turns_running=0,
        questions_open=0,
        clients=1,
        started_at_ms=0,
        now_ms=0,
        durability="fsync",
        log_file=f"{folders.state}/agentd.log",
        resident_bytes=0,
    )


def main() -> None:
    """Serve the home of the environment until TERM. With the argument `fail`, say why and end at once."""
    if sys.argv[1:] == ["fail"]:
        sys.stderr.write("agentd: the settings file is damaged\n")
        raise SystemExit(78)
    folders = folders_of(os.environ)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with DoubleDaemon(folders, {"daemon.status": lambda call: a_status(folders)}):
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
