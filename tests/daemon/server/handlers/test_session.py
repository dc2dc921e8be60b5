"""session.*: making, listing by page and workspace, looking, changing."""

from __future__ import annotations

import pytest

from agentd.errors import BadInputError, MissingFileError, NotFoundError, NotRegularFileError
from agentproto.api import session as api
from support.household import WORKSPACE
from support.reception import Reception, names, receive


def test_a_session_is_made_once_for_its_key_in_the_git_root_s_workspace() -> None:
    async def story(desk: Reception) -> None:
        first = await desk.ask("session.create", key="k", cwd=f"{WORKSPACE}/inner", title="mine")
        again = await desk.ask("session.create", key="k", cwd=f"{WORKSPACE}/inner", title="mine")
        assert isinstance(first, api.CreateResult)
        assert (again, first.workspace) == (first, WORKSPACE)
        read = await desk.ask("session.read", session=first.session)
        assert isinstance(read, api.ReadResult)
        assert (read.summary.title, read.summary.state, read.mode, read.queued) == ("mine", "idle", "ask", 0)

    receive(story)


def test_folders_that_are_not_there_or_no_folders_are_named() -> None:
    async def story(desk: Reception) -> None:
        with pytest.raises(MissingFileError, match="there is no folder /nowhere"):
            await desk.ask("session.create", key="k", cwd="/nowhere")
        with pytest.raises(NotRegularFileError, match=r"a\.txt is not a folder"):
            await desk.ask("session.create", key="k", cwd=f"{WORKSPACE}/a.txt")
        with pytest.raises(BadInputError, match="not an absolute path"):
            await desk.ask("session.create", key="k", cwd="relative")
        assert desk.house.store.ids() == []

    receive(story)


@pytest.mark.parametrize("mode", ["auto", "accept-edits"])
def test_modes_that_are_not_there_yet_say_what_is_missing(mode: str) -> None:
    async def story(desk: Reception) -> None:
        with pytest.raises(BadInputError, match=f"the mode {mode} is not available yet"):
            await desk.ask("session.create", key="k", cwd=WORKSPACE, mode=mode)

    receive(story)


def test_the_list_is_paged_newest_first_and_kept_to_a_workspace() -> None:
    async def story(desk: Reception) -> None:
        desk.house.world.files.make_folder("/other")
        made: list[str] = []
        for n in range(5):
            await desk.house.world.clock.sleep(1000)
            cwd = WORKSPACE if n % 2 == 0 else "/other"
            result = await desk.ask("session.create", key=f"k{n}", cwd=cwd)
            assert isinstance(result, api.CreateResult)
            made.append(result.session)
        page = await desk.ask("session.list", limit=2)
        assert isinstance(page, api.ListResult)
        assert names(page.sessions, "id") == [made[4], made[3]]
        rest = await desk.ask("session.list", limit=3, cursor=page.cursor)
        assert isinstance(rest, api.ListResult)
        assert (names(rest.sessions, "id"), rest.cursor) == ([made[2], made[1], made[0]], None)
        ours = await desk.ask("session.list", workspace=f"{WORKSPACE}/inner")
        assert isinstance(ours, api.ListResult)
        assert names(ours.sessions, "id") == [made[4], made[2], made[0]]
        with pytest.raises(BadInputError):
            await desk.ask("session.list", limit=201)
        with pytest.raises(BadInputError):
            await desk.ask("session.list", cursor="nonsense")

    receive(story)


def test_items_come_in_pages_with_their_numbers() -> None:
    async def story(desk: Reception) -> None:
        started = await desk.ask("turn.start", key="k", prompt="hello", cwd=WORKSPACE)
        session = started.session  # type: ignore[attr-defined]
        await desk.house.until_quiet(session)
        seqs: list[object] = []
        after: int | None = 0
        while after is not None:
            page = await desk.ask("session.items", session=session, after_seq=after, limit=3)
            assert isinstance(page, api.ItemsResult)
            seqs += [event.body["seq"] for event in page.events]
            after = page.next_seq
        whole = await desk.ask("session.items", session=session)
        assert isinstance(whole, api.ItemsResult)
        assert seqs == [event.body["seq"] for event in whole.events]
        assert names(whole.events, "name") == [
            "session.opened",
            "turn.queued",
            "turn.started",
            "step.replied",
            "turn.finished",
        ]

    receive(story)


def test_mode_model_and_title_are_changed_once_a_key() -> None:
    async def story(desk: Reception) -> None:
        made = await desk.ask("session.create", key="k", cwd=WORKSPACE)
        session = made.session  # type: ignore[attr-defined]
        first = await desk.ask("session.set", key="s", session=session, mode="plan", title="new")
        assert await desk.ask("session.set", key="s", session=session, mode="plan", title="new") == first
        read = await desk.ask("session.read", session=session)
        assert isinstance(read, api.ReadResult)
        assert (read.mode, read.summary.title) == ("plan", "new")
        with pytest.raises(BadInputError, match="nothing to change"):
            await desk.ask("session.set", key="t", session=session)
        with pytest.raises(NotFoundError):
            await desk.ask("session.set", key="u", session="s0000000000000000", mode="plan")

    receive(story)


def test_a_turn_s_log_carries_the_loop_s_phases_in_order() -> None:
    async def story(desk: Reception) -> None:
        started = await desk.ask("turn.start", key="k", prompt="read it", cwd=WORKSPACE)
        session = started.session  # type: ignore[attr-defined]
        await desk.house.until_quiet(session)
        read = await desk.ask("session.read", session=session)
        assert isinstance(read, api.ReadResult)
        first = ["prepare", "process", "request", "stream", "tools", "decide", "loop"]
        assert read.state_fields["phases"] == [*first, "process", "request", "stream", "decide", "end"]

    receive(story, (("read", {"path": "a.txt"}),), "done")
