"""What a person sees while a failed call waits to be made again: why, for how long, and what ends it."""

from __future__ import annotations

import io

from agentclient.turn_stream import TurnStream
from agentctl.render.plain import Plain, Screen
from agentproto.api import turn
from agentproto.link import Happened


def shown(wait_ms: int, *, again: bool = True, draws: bool = False, ticks: tuple[int, ...] = ()) -> list[str]:
    """What is written to stderr; each drawing over is a line of its own."""
    err = io.StringIO()
    plain = Plain(Screen(out=io.StringIO(), err=err, draws=draws, for_person=draws))
    body = turn.RetryEvent(
        stream="s",
        seq=1,
        at_ms=50_000,
        turn="s.t1",
        step="s.t1.1",
        reason="rate_limited",
        text="Rate limit reached",
        wait_ms=wait_ms,
        again=again,
    )
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    for change in TurnStream().take(Happened("step.retried", fields)):
        plain.show(change, 50_000)
    for at_ms in ticks:
        plain.tick(at_ms)
    return err.getvalue().replace("\r\x1b[K", "\n").split("\n")


def test_the_reason_the_server_s_words_and_the_wait_are_one_line() -> None:
    assert shown(30_620) == ["- rate limited: Rate limit reached; asked again in 30.6 s", ""]
    assert shown(0) == ["- rate limited: Rate limit reached; asked again at once", ""]
    assert shown(0, again=False) == ["- rate limited: Rate limit reached", ""]


def test_on_a_terminal_the_time_that_is_left_runs_down_and_then_the_new_call_s_runs_up() -> None:
    drawn = shown(30_620, draws=True, ticks=(50_400, 60_400, 80_600, 83_700))
    assert [line[2:] for line in drawn[1:] if line] == [
        "asking the model again in 31 s; Ctrl-C stops the turn",
        "asking the model again in 21 s; Ctrl-C stops the turn",
        "asking the model again in 1 s; Ctrl-C stops the turn",
        "asking the model again 3 s",
    ]
