"""A damaged head costs nothing but the finding of a cut: cut short, with flipped bits, with bytes that are no UTF-8."""

from __future__ import annotations

import random

from agentd.session.store import SessionStore
from crash.test_damage import recorded


def test_a_damaged_head_costs_nothing_but_the_finding_of_a_cut() -> None:
    home, chance = recorded(), random.Random(3)
    store = SessionStore(home.world, "/home/data", "/home/state")
    path = f"/home/state/heads/{home.session}"
    good = home.world.files.read(path)
    expected = store.open(home.session).state
    damaged = [good[:cut] for cut in range(len(good))]
    for _ in range(1_000):
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(bad))
    for data in damaged:
        home.world.files.add_file(path, data)
        log = store.open(home.session)
        assert (log.problem, log.torn, log.state) == (None, (0, ""), expected), data
        log.close()
