"""Rounds: so many events at a time, everybody in turn, text that many wait for at leisure, numbered events at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentd.server.rounds import EVENTS, PAUSE_MS, Rounds


class Loop:
    """Calls what it is given when it is told to, and notes the waits."""

    def __init__(self) -> None:
        self.waits: list[int] = []
        self.calls: list[Callable[[], None]] = []

    def later(self, ms: int, call: Callable[[], None]) -> None:
        self.waits.append(ms)
        self.calls.append(call)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class Client:
    def __init__(self, rounds: Rounds, owed: int, heard: list[str], name: str) -> None:
        self.rounds = rounds
        self.owed = owed
        self.heard = heard
        self.name = name

    def pump(self, most: int) -> int:
        sent = min(most, self.owed)
        self.owed -= sent
        self.heard.append(self.name)
        if self.owed:
            self.rounds.join(self.pump)
        return sent


def a_line(count: int, owed: int = 1) -> tuple[Loop, Rounds, list[str]]:
    loop, heard = Loop(), list[str]()
    rounds = Rounds(loop.later)
    for number in range(count):
        rounds.join(Client(rounds, owed, heard, f"c{number}").pump)
    return loop, rounds, heard


def test_a_round_sends_so_many_events_and_the_rest_leave_in_the_next() -> None:
    loop, _, heard = a_line(EVENTS + 3)
    loop.turn()
    assert heard == [f"c{number}" for number in range(EVENTS)]
    loop.turn()
    assert heard == [f"c{number}" for number in range(EVENTS + 3)]
    assert loop.calls == []


def test_who_is_owed_more_than_fits_does_not_keep_the_others_waiting() -> None:
    loop, _, heard = a_line(2, owed=EVENTS + 1)
    loop.turn()
    assert heard == ["c0"]
    loop.turn()
    assert heard == ["c0", "c1"]
    loop.turn()
    assert heard == ["c0", "c1", "c0", "c1"]
    assert loop.calls == []


def test_text_that_many_wait_for_leaves_with_pauses() -> None:
    loop, _, heard = a_line(3 * EVENTS)
    while loop.calls:
        loop.turn()
    assert loop.waits == [0, PAUSE_MS, 0]
    assert len(heard) == 3 * EVENTS


def test_what_is_hurried_leaves_without_pauses_and_the_next_text_waits_again() -> None:
    loop, rounds, heard = a_line(3 * EVENTS)
    loop.turn()
    rounds.hurry()
    while loop.calls:
        loop.turn()
    assert (loop.waits, len(heard)) == ([0, PAUSE_MS, 0, 0], 3 * EVENTS)
    for number in range(3 * EVENTS):
        rounds.join(Client(rounds, 1, heard, f"d{number}").pump)
    loop.turn()
    assert loop.waits[-1] == PAUSE_MS


def test_a_bug_in_one_does_not_stop_the_others() -> None:
    loop, rounds, heard = a_line(0)

    def broken(most: int) -> int:
        raise ValueError("a bug")

    rounds.join(broken)
    rounds.join(Client(rounds, 1, heard, "c0").pump)
    with pytest.raises(ValueError, match="a bug"):
        loop.turn()
    loop.turn()
    assert heard == ["c0"]
