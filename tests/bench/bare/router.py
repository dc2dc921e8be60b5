"""A yardstick: a bare ROUTER with CURVE in a process of its own. No daemon, no protocol, no log.

    router.py FOLDER

Binds FOLDER/bare.sock and writes its public key to FOLDER/bare.key. A message is answered by what it says: `echo` comes
back, `stream N` is answered by N small maps one after the other and an end.
"""

from __future__ import annotations

import os
import sys

import msgpack
import zmq


def main(folder: str) -> None:
    public, secret = zmq.curve_keypair()
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.curve_server = 1
    router.curve_secretkey = secret
    router.router_mandatory = 1
    router.sndhwm = 0
    router.bind(f"ipc://{folder}/bare.sock")
    with open(f"{folder}/bare.key.new", "wb") as file:
        file.write(public)
    os.rename(f"{folder}/bare.key.new", f"{folder}/bare.key")
    while True:
        route, word, body = router.recv_multipart()
        if word == b"echo":
            router.send_multipart([route, word, body])
        else:
            stream(router, route, int(body))


def stream(router: zmq.Socket[bytes], route: bytes, count: int) -> None:
    offset = 0
    for number in range(count):
        text = f"word{number % 10} "
        delta = {
            "stream": "s1",
            "seq": 7,
            "turn": "s1.t1",
            "item": "s1.t1.1.0",
            "kind": "text",
            "offset": offset,
            "text": text,
        }
        offset += len(text)
        router.send_multipart([route, b"delta", msgpack.packb(delta)])
    router.send_multipart([route, b"end", b""])


if __name__ == "__main__":
    main(sys.argv[1])
