"""What the service manager hears, by a real socket in its place."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentd.lifecycle.notify import Notifier, watchdog_ms
from agentd.world.clock import RealClock


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.settimeout(10)
        yield listening


MESSAGES: list[tuple[Callable[[Notifier], None], bytes]] = [
    (lambda n: n.ready("serving /h"), b"READY=1\nSTATUS=serving /h"),
    (lambda n: n.status("two\nlines  in\rone"), b"STATUS=two lines in one"),
    (lambda n: n.reloading(123456), b"RELOADING=1\nMONOTONIC_USEC=123456"),
    (lambda n: n.stopping(), b"STOPPING=1\nSTATUS=stopping"),
    (lambda n: n.watchdog(), b"WATCHDOG=1"),
    (lambda n: n.main_pid(42), b"MAINPID=42"),
]


@pytest.mark.parametrize("abstract", [False, True])
def test_each_message_is_one_datagram(home: Path, abstract: bool) -> None:
    address = f"@agentd-test-{os.getpid()}" if abstract else f"{home}/notify"
    assert not abstract or sys.platform == "linux"
    with manager(address) as listening:
        notifier = Notifier(address)
        for send, wanted in MESSAGES:
            send(notifier)
            assert listening.recv(4096) == wanted
    assert notifier.problem is None


def test_without_a_manager_nothing_happens() -> None:
    for address in (None, ""):
        notifier = Notifier(address)
        for send, _ in MESSAGES:
            send(notifier)
        assert notifier.problem is None


def test_a_manager_that_is_gone_stops_nobody(home: Path) -> None:
    notifier = Notifier(f"{home}/nobody")
    notifier.ready("x")
    assert notifier.problem is not None
    assert notifier.problem.startswith("the service manager did not take READY=1: ")
    with manager(f"{home}/nobody"):
        notifier.ready("x")
    assert notifier.problem is None


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative/path"])
def test_an_address_of_another_kind_is_told(address: str) -> None:
    notifier = Notifier(address)
    notifier.ready("x")
    assert notifier.problem == f"NOTIFY_SOCKET is neither a path nor an abstract name: {address}"


def test_the_clock_for_reloading_is_the_manager_s() -> None:
    """It compares with CLOCK_MONOTONIC at the moment of its request, so not even a millisecond may be lost."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    said = RealClock().perf_us()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert before <= said <= after or sys.platform != "linux"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "100"}, 1),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(environment: dict[str, str], wanted: int | None) -> None:
    assert watchdog_ms(environment, 7) == wanted
