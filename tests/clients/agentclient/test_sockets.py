"""Frames over a real socket with real keys: whole messages, a limit on frames, nothing that blocks."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentclient.sockets import Dealer, Router, new_keypair
from agentproto.endpoints import Connection
from agentproto.limits import LIMITS


def connection(home: Path, server_public: str) -> Connection:
    public, secret = new_keypair()
    return Connection(f"ipc://{home}/s", 1, 1, "0", 1, "d", server_public, public, secret, "owner")


@pytest.fixture
def pair(home: Path) -> Iterator[tuple[Dealer, Router]]:
    public, secret = new_keypair()
    router = Router(f"ipc://{home}/s", secret)
    dealer = Dealer(connection(home, public))
    yield dealer, router
    dealer.close()
    router.close()


def arrived(router: Router) -> tuple[bytes, list[bytes]]:
    reader, writer = os.pipe()
    try:
        for _ in range(100):
            router.wait(100, reader)
            came = router.receive()
            if came is not None:
                return came
        raise AssertionError("nothing arrived")
    finally:
        os.close(reader)
        os.close(writer)


def received(dealer: Dealer) -> list[bytes]:
    for _ in range(100):
        dealer.wait(100)
        frames = dealer.receive()
        if frames is not None:
            return frames
    raise AssertionError("nothing was received")


def test_messages_go_both_ways_whole(pair: tuple[Dealer, Router]) -> None:
    dealer, router = pair
    assert dealer.send([b"header", b"body"])
    route, frames = arrived(router)
    assert frames == [b"header", b"body"]
    router.send(route, [b"x"] * 3)
    assert received(dealer) == [b"x"] * 3
    assert dealer.receive() is None


def test_a_message_with_too_many_frames_can_not_pass_for_a_shorter_one(pair: tuple[Dealer, Router]) -> None:
    dealer, router = pair
    dealer.send([b"hello"])
    route, _ = arrived(router)
    router.send(route, [b"f"] * (LIMITS.frames_per_message + 5))
    router.send(route, [b"next"])
    assert received(dealer) == [b"f"] * LIMITS.frames_per_message + [b""]
    assert received(dealer) == [b"next"]


def test_a_wrong_server_key_gets_no_message_through(home: Path) -> None:
    public, secret = new_keypair()
    stranger, _ = new_keypair()
    router = Router(f"ipc://{home}/s", secret)
    dealer, friend = Dealer(connection(home, stranger)), Dealer(connection(home, public))
    try:
        dealer.send([b"from the stranger"])
        friend.send([b"from the friend"])
        assert arrived(router)[1] == [b"from the friend"]
    finally:
        dealer.close()
        friend.close()
        router.close()


def test_waiting_ends_for_another_descriptor_too(pair: tuple[Dealer, Router]) -> None:
    dealer, _ = pair
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert dealer.wait(0, (ours.fileno(),)) == []
        theirs.send(b"!")
        assert dealer.wait(10_000, (ours.fileno(),)) == [ours.fileno()]


def test_sending_to_nobody_never_blocks(home: Path) -> None:
    dealer = Dealer(connection(home, new_keypair()[0]))
    sent = [dealer.send([b"x"]) for _ in range(5000)]
    dealer.close()
    assert sent[0]
    assert not sent[-1]
