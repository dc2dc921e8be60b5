"""Which session is the latest, and what it is called, is known whether it is loaded or not."""

from __future__ import annotations

from agentd.turn.sessions import NewTurn
from support.gated import gated_world
from support.household import PERSON, WORKSPACE, Household, ask


def test_the_latest_session_stays_the_latest_when_it_is_unloaded() -> None:
    world, _ = gated_world()

    async def main() -> None:
        house = Household(world, ["fine"])
        await house.start()
        older = await ask(house, "one", "k1")
        await house.until_quiet(older)
        await world.clock.sleep(1000)
        newer = await ask(house, "two", "k2")
        await house.until_quiet(newer)
        assert house.sessions.latest_in(WORKSPACE) == newer
        await world.clock.sleep(1000)
        await house.sessions.start(older, "k3", "h", NewTurn("more"), PERSON)
        await house.until_quiet(older)
        await world.clock.sleep(1000)
        await house.sessions.unload_idle(0, frozenset())
        assert house.sessions.loaded() == {}
        assert house.sessions.latest_in(WORKSPACE) == older
        await house.sessions.stop()

    world.run(main())


def test_a_name_is_kept_however_late_it_was_given() -> None:
    world, _ = gated_world()

    async def name() -> None:
        house = Household(world, ["fine"])
        await house.start()
        session = await ask(house, "one")
        await house.until_quiet(session)
        await house.sessions.change(session, "k2", "h", PERSON, None, None, "My own name")

    world.run(name())
    after = world.restart()

    async def look() -> list[str]:
        house = Household(after, ["fine"])
        await house.start()
        return [row.title for row in house.store.listed()]

    assert after.run(look()) == ["My own name"]
