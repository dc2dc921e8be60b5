"""A yardstick: what any client in this language must at least do. One CURVE socket, 20 pieces of text, nothing else.

dealer.py FOLDER
"""

import sys

import msgpack
import zmq

folder = sys.argv[1]
context = zmq.Context()
socket = context.socket(zmq.DEALER)
socket.linger = 0
socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
with open(f"{folder}/bare.key", "rb") as file:
    socket.curve_serverkey = file.read()
socket.connect(f"ipc://{folder}/bare.sock")
socket.send_multipart([b"stream", b"20"])
while True:
    word, body = socket.recv_multipart()
    if word == b"end":
        break
    sys.stdout.write(msgpack.unpackb(body)["text"])
    sys.stdout.flush()
socket.close(0)
context.term()
