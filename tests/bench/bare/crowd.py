"""Many clients in one process: each a CURVE socket that greets a daemon and goes on with its heartbeat.

    crowd.py HOME COUNT SILENT [SESSION]

With SESSION they subscribe to it; SILENT of them read nothing from then on (and still send heartbeats, as a client
does that hangs in a terminal). Prints `ready` when all are in. With `bare` for HOME and a folder for SESSION they are
bare sockets at `router.py`, one echo each. Ends when stdin does.
"""

from __future__ import annotations

import os
import sys
import time

import zmq

from agentclient.conversation import Answered, Conversation, Opened
from agentclient.discover import folders_of, read
from agentproto.envelope import Kind
from agentproto.framing import to_frames
from agentproto.link import Happened


def main(home: str, count: int, silent: int, session: str) -> None:
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, count + 100)
    poller = zmq.Poller()
    poller.register(0, zmq.POLLIN)
    if home == "bare":
        kept = _bare(context, count, session)
        print("ready", flush=True)
        poller.poll()
        assert len(kept) == count
        os._exit(0)
    talks = _enter(context, home, count, session)
    for number, socket in enumerate(talks):
        if number >= silent:
            poller.register(socket, zmq.POLLIN)
    print("ready", flush=True)
    beaten = 0.0
    while True:
        for socket, _ in poller.poll(200):
            if socket == 0:
                os._exit(0)  # closing a thousand sockets one by one takes seconds, and nobody waits for it
            _read(socket, talks[socket])
        now = time.monotonic()
        if now - beaten >= 1:
            beaten = now
            for number, (socket, talk) in enumerate(talks.items()):
                if number < silent:
                    # It hears nothing, so its own conversation counts the daemon as lost; it does not hang up for that.
                    socket.send_multipart(to_frames(Kind.PING))
                else:
                    _flush(socket, talk)


def _bare(context: zmq.Context[zmq.Socket[bytes]], count: int, folder: str) -> list[zmq.Socket[bytes]]:
    with open(f"{folder}/bare.key", "rb") as file:
        server = file.read()
    kept = []
    for _ in range(count):
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = server
        socket.connect(f"ipc://{folder}/bare.sock")
        kept.append(socket)
        socket.send_multipart([b"echo", b"x" * 40])
        socket.recv_multipart()
    return kept


def _enter(
    context: zmq.Context[zmq.Socket[bytes]], home: str, count: int, session: str
) -> dict[zmq.Socket[bytes], Conversation]:
    connection = read(folders_of({"AGENTD_HOME": home}))
    assert connection is not None
    talks: dict[zmq.Socket[bytes], Conversation] = {}
    for number in range(count):
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.curve_serverkey = connection.server_public.encode()
        socket.curve_publickey = connection.client_public.encode()
        socket.curve_secretkey = connection.client_secret.encode()
        socket.connect(connection.endpoint)
        talk = Conversation(f"crowd {number}", f"crowd{number}")
        socket.send_multipart(talk.begin(_now()))
        while not isinstance(talk.receive(socket.recv_multipart(), _now()), Opened):
            pass
        if session:
            ticket = talk.ask("log.subscribe", {"stream": session, "after_seq": -1})
            _flush(socket, talk)
            while True:
                came = talk.receive(socket.recv_multipart(), _now())
                if isinstance(came, Answered) and came.ticket == ticket:
                    break
        talks[socket] = talk
        if number % 100 == 99:  # those who are in already must not seem lost meanwhile
            for waiting, its in talks.items():
                _flush(waiting, its)
    return talks


def _read(socket: zmq.Socket[bytes], talk: Conversation) -> None:
    while True:
        try:
            frames = socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            break
        event = talk.receive(frames, _now())
        if isinstance(event, Happened):
            talk.handled(event)
    _flush(socket, talk)


def _flush(socket: zmq.Socket[bytes], talk: Conversation) -> None:
    for frames in talk.outgoing(_now()):
        try:
            socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return


def _now() -> int:
    return time.monotonic_ns() // 1_000_000


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "")
