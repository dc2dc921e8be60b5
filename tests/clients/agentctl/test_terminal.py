"""The terminal as a device, on a real pseudo-terminal."""

from __future__ import annotations

import io
import os
import pty
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from agentctl.terminal import colours, is_terminal, moves, width


@pytest.fixture
def tty() -> Iterator[TextIO]:
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 40))
    with os.fdopen(follower, "w") as file:
        yield file
    os.close(leader)


def test_a_pipe_is_no_terminal_and_80_wide() -> None:
    pipe = io.StringIO()
    assert (is_terminal(pipe), colours(pipe, {"TERM": "xterm"}), width(pipe)) == (False, False, 80)


def test_a_terminal_knows_its_width(tty: TextIO) -> None:
    assert (is_terminal(tty), width(tty)) == (True, 40)


@pytest.mark.parametrize(
    ("environment", "moving", "coloured"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({}, False, False),
    ],
)
def test_colour_needs_a_terminal_that_has_it_and_an_owner_who_wants_it(
    tty: TextIO, environment: dict[str, str], moving: bool, coloured: bool
) -> None:
    assert (moves(tty, environment), colours(tty, environment)) == (moving, coloured)


def test_a_closed_stream_is_no_terminal() -> None:
    closed = io.StringIO()
    closed.close()
    assert not is_terminal(closed)
