"""Pages of items stay below what a message may hold."""

from __future__ import annotations

from agentd.turn.sessions import NewTurn
from agentproto.api import session as api
from agentproto.codec import encode_map
from agentproto.limits import LIMITS
from agentproto.shape import to_plain
from support.household import PERSON, WORKSPACE
from support.reception import Reception, receive


def test_a_page_of_long_items_ends_early_and_the_next_goes_on() -> None:
    async def story(desk: Reception) -> None:
        made = await desk.ask("session.create", key="k", cwd=WORKSPACE)
        assert isinstance(made, api.CreateResult)
        for number in range(6):
            turn = NewTurn("x" * 900_000)
            await desk.house.sessions.start(made.session, f"k{number}", "h", turn, PERSON)
        await desk.house.until_quiet(made.session)
        after, pages, queued = 0, 0, 0
        while True:
            page = await desk.ask("session.items", session=made.session, after_seq=after)
            assert isinstance(page, api.ItemsResult)
            assert len(encode_map(to_plain(page))) <= LIMITS.body_bytes
            queued += len([event for event in page.events if event.name == "turn.queued"])
            pages += 1
            if page.next_seq is None:
                break
            after = page.next_seq
        assert (queued, pages > 1) == (6, True)

    receive(story)
