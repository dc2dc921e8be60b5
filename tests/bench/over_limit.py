"""Requests that were over their model's window, in a thousand random sessions on small ones. None may be.

The sessions are those of `tests/daemon/turn/test_never_over_the_window.py`, with other seeds: hostile ones, against servers
that count each in its own way and want room for the answer that was asked for.
"""

from __future__ import annotations

from bench.rows import Row
from support.counting_server import Sent
from support.random_talks import a_plan, tell
from support.token_counts import counters

__all__ = ["measure"]

_SESSIONS = 1_000
_WINDOWS = (4_096, 8_192, 32_768)
_FIRST_SEED = 10_000


def measure() -> list[Row]:
    of_all = counters()
    sent: list[Sent] = []
    ends: list[str] = []
    for number in range(_SESSIONS):
        window = _WINDOWS[number % len(_WINDOWS)]
        told = tell(a_plan(_FIRST_SEED + number, window, len(of_all)), of_all)
        assert not told.wrong, told.wrong
        sent += told.sent
        ends += [end.stop for end in told.ends]
    over = sum(one.over for one in sent)
    unsafe = sum(one.counted > one.projected for one in sent)
    fullest = max((one.counted + one.answer) / one.window for one in sent)
    answered = ends.count("end")
    return [
        Row(
            f"requests over the window, {_SESSIONS:,} random sessions on 4k, 8k and 32k ({len(sent):,} requests)",
            f"projected too small: {unsafe}",
            str(over),
            f"the fullest had {fullest:.0%} of its window with its answer",
            "0",
            over == 0,
        ),
        Row(
            f"turns of these that were answered; the others were refused with advice ({len(ends):,})",
            "-",
            f"{answered:,}",
            "-",
        ),
    ]
