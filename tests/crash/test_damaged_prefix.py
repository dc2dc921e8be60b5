"""The sections that a session sent first lie in a blob. When that is damaged or gone, the next request records them anew
and the session goes on."""

from __future__ import annotations

import pytest

from agentd.session.entries import Finished
from agentd.turn.intake import NewTurn
from crash.test_damage import recorded
from support.household import PERSON, Household


@pytest.mark.parametrize("spoiled", [b"", b"{}", b"\x00" * 50, None], ids=["empty", "another", "zeros", "gone"])
def test_a_session_whose_first_sections_are_damaged_takes_its_next_turn_without_a_hand(spoiled: bytes | None) -> None:
    """The recorded prefix lies in a blob; when that can't be had, it is recorded anew."""
    home = recorded()
    (blob,) = home.world.files.list(f"{home.folder}/blobs")[:1]
    if spoiled is None:
        home.world.files.remove(f"{home.folder}/blobs/{blob[0]}")
    else:
        home.world.files.add_file(f"{home.folder}/blobs/{blob[0]}", spoiled)
    house = Household(home.world, ["fine"], sends=True)

    async def next_turn() -> None:
        await house.start()
        await house.sessions.start(home.session, "k9", "h", NewTurn("go on"), PERSON)
        await house.until_quiet(home.session)
        await house.sessions.stop()

    home.world.run(next_turn())
    ends = [line.entry for line in house.heard.lines if isinstance(line.entry, Finished)]
    assert [(end.stop, end.error) for end in ends] == [("end", None)]
