"""Milestones of a start."""

from __future__ import annotations

from agentd.telemetry.measure import Milestones
from agentd.world.fake import fake_world


def test_each_milestone_has_its_time_and_its_own_part() -> None:
    world = fake_world()

    async def story() -> Milestones:
        milestones = Milestones(world.clock, before_us=40_000)
        await world.clock.advance(12)
        milestones.reached("settings read")
        await world.clock.advance(100)
        milestones.reached("socket bound")
        return milestones

    milestones = world.run(story())
    assert milestones.rows() == [
        ("interpreter", 40_000, 40_000),
        ("settings read", 52_000, 12_000),
        ("socket bound", 152_000, 100_000),
    ]
    assert milestones.report() == (
        "interpreter        40.0 ms     +40.0\n"
        "settings read      52.0 ms     +12.0\n"
        "socket bound      152.0 ms    +100.0  slowest\n"
    )


def test_without_a_milestone_it_says_so() -> None:
    assert Milestones(fake_world().clock).report() == "no milestone was reached\n"
