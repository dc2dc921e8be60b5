"""The daily run: only when a setting asks for it, once a day over restarts, everything reported, nothing in use touched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from agentd.session.packing import member
from agentd.session.retention import Policy
from agentd.turn.housekeeping import Housekeeping, keep_house
from agentd.turn.intake import NewTurn
from agentd.world.fake import FakeWorld, fake_world
from support.household import PERSON, WORKSPACE, Household, ask

DAY = 24 * 3600 * 1000
STATE = "/home/state"


def a_world() -> FakeWorld:
    world = fake_world(seed=3, auto=True)
    world.files.make_folder(WORKSPACE)
    world.processes.on_job("pack", member)
    return world


def live(world: FakeWorld, story: Callable[[Household, Housekeeping], Awaitable[None]]) -> Household:
    houses: list[Household] = []

    async def main() -> None:
        house = Household(world, ["fine"])
        houses.append(house)
        await house.start()
        await story(house, Housekeeping(world, house.store, house.sessions))
        assert house.faults == []
        await house.sessions.stop()

    world.run(main())
    return houses[0]


async def talks(house: Household, count: int, first: int = 0) -> list[str]:
    made = []
    for number in range(first, first + count):
        made.append(await ask(house, f"question {number}", f"k{number}"))
        await house.until_quiet(made[-1])
        await house.world.clock.sleep(1000)
    return made


def archived(house: Household) -> list[str]:
    return sorted(row.id for row in house.store.listed() if row.archived)


def test_nothing_is_looked_at_when_no_setting_asks() -> None:
    async def story(house: Household, keeping: Housekeeping) -> None:
        await talks(house, 1)
        before = len(house.world.calls)
        assert await keep_house(keeping, STATE, Policy(), frozenset(), house.parts.reporter) == ()
        assert len(house.world.calls) == before

    live(a_world(), story)


def test_it_runs_once_a_day_and_reports_each_action_over_restarts_too() -> None:
    world = a_world()
    policy = Policy(archive_after_days=10, remove_after_days=20)

    async def first(house: Household, keeping: Housekeeping) -> None:
        made = await talks(house, 2)
        await house.sessions.unload_idle(0, frozenset())
        house.store.listed()
        assert await keep_house(keeping, STATE, policy, frozenset(), house.parts.reporter) == ()
        await world.clock.sleep(11 * DAY)
        done = await keep_house(keeping, STATE, policy, frozenset(), house.parts.reporter)
        assert sorted(action.session for action in done) == sorted(made)
        assert archived(house) == sorted(made)
        names = [name for name, _ in house.heard.happened if name.startswith("session.retain")]
        assert names == ["session.retained"] * 2
        await world.clock.sleep(DAY - 2000)
        assert await keep_house(keeping, STATE, Policy(remove_after_days=2), frozenset(), house.parts.reporter) == ()

    live(world, first)
    after = world.restart()

    async def second(house: Household, keeping: Housekeeping) -> None:
        assert await keep_house(keeping, STATE, Policy(remove_after_days=2), frozenset(), house.parts.reporter) == ()
        await after.clock.sleep(DAY)
        done = await keep_house(keeping, STATE, policy, frozenset(), house.parts.reporter)
        assert done == ()
        await after.clock.sleep(9 * DAY)
        done = await keep_house(keeping, STATE, policy, frozenset(), house.parts.reporter)
        assert [action.action for action in done] == ["remove", "remove"]
        assert house.store.listed() == []

    live(after, second)


def test_what_runs_or_is_listened_to_or_is_of_today_is_left_alone() -> None:
    async def story(house: Household, keeping: Housekeeping) -> None:
        quiet, heard, asking = await talks(house, 3)
        await house.world.clock.sleep(30 * DAY)
        young = (await talks(house, 1, 3))[0]
        await house.sessions.unload_idle(0, frozenset())
        await house.sessions.start(asking, "again", "h", NewTurn("more"), PERSON)
        plan = await keeping.plan(Policy(max_bytes=1), frozenset({heard}))
        assert [action.session for action in plan] == [quiet]
        assert young in [row.id for row in house.store.listed()]
        await house.until_quiet(asking)

    live(a_world(), story)


def test_what_fails_is_reported_and_does_not_stop_the_rest() -> None:
    async def story(house: Household, keeping: Housekeeping) -> None:
        first, second = await talks(house, 2)
        await house.sessions.unload_idle(0, frozenset())
        await house.world.clock.sleep(11 * DAY)
        house.store.listed()
        house.world.files.disk.forbidden.add(f"{house.store.folder(first)}/log.jsonl.gz.packing")
        policy = Policy(archive_after_days=10)
        done = await keep_house(keeping, STATE, policy, frozenset(), house.parts.reporter)
        assert [action.session for action in done] == [second]
        ((_, text),) = [row for row in house.heard.happened if row[0] == "session.not_retained"]
        assert text.startswith("could not archive it: ")
        assert archived(house) == [second]

    live(a_world(), story)
