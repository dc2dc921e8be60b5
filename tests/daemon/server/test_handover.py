"""session.redact, session.bundle, session.import and redacted items, asked as clients ask: once for each key."""

from __future__ import annotations

import pytest

from agentd.errors import (
    BadInputError,
    ConflictError,
    FileExistsError_,
    NotFoundError,
    NotRegularFileError,
    WorkerError,
)
from agentd.server.handling import body_hash
from agentd.server.handover import redact_events
from agentd.session.handover_jobs import DOING, perform
from agentd.session.requests import Accepted
from agentd.world.fake import FakeWorld
from agentproto import keeping
from agentproto.api import session as api
from support.household import WORKSPACE
from support.reception import Reception, a_world, receive

KEY = "AKIA" + "QWERTYUIOPASDFG7"
OUT = "/out"


def home() -> FakeWorld:
    """A world whose worker does these jobs on its own simulated disk."""
    world = a_world()
    world.files.make_folder(OUT)
    world.files.make_folder("/home/run")
    for name in DOING:
        world.processes.on_job(name, lambda _name=name, **arguments: perform(world.files, _name, arguments))
    return world


async def talk(desk: Reception, prompt: str = f"use {KEY}", key: str = "k") -> str:
    started = await desk.ask("turn.start", key=key, prompt=prompt, cwd=WORKSPACE)
    session: str = started.session  # type: ignore[attr-defined]
    await desk.house.until_quiet(session)
    return session


def test_a_session_is_redacted_once_for_its_key() -> None:
    async def story(desk: Reception) -> None:
        session = await talk(desk)
        first = await desk.ask("session.redact", key="r", session=session)
        assert isinstance(first, keeping.RedactResult)
        assert first.replaced == {"aws-key": 1}
        assert await desk.ask("session.redact", key="r", session=session) == first
        other = await desk.ask("session.redact", key="s", session=session)
        assert isinstance(other, keeping.RedactResult)
        assert other.session != first.session
        assert sorted(desk.house.store.ids()) == sorted([session, first.session, other.session])
        with pytest.raises(ConflictError, match="already used for another request"):
            await desk.ask("session.redact", key="r", session=first.session)

    receive(story, world=home())


def test_the_copy_is_listed_at_once_and_goes_on_like_any_other() -> None:
    async def story(desk: Reception) -> None:
        session = await talk(desk)
        await desk.ask("session.list")
        made = await desk.ask("session.redact", key="r", session=session)
        assert isinstance(made, keeping.RedactResult)
        listed = await desk.ask("session.list")
        assert isinstance(listed, api.ListResult)
        row = next(row for row in listed.sessions if row.id == made.session)
        assert (row.parent, row.title, row.state) == (session, "use [redacted:aws-key#1]", "idle")
        await desk.ask("turn.start", key="k2", prompt="go on", session=made.session)
        await desk.house.until_quiet(made.session)
        read = await desk.ask("session.read", session=made.session)
        assert isinstance(read, api.ReadResult)
        assert read.summary.turns == 2

    receive(story, world=home())


def test_a_copy_that_was_made_before_the_daemon_died_is_answered_for() -> None:
    async def story(desk: Reception) -> None:
        session = await talk(desk)
        first = await desk.ask("session.redact", key="r", session=session)
        assert isinstance(first, keeping.RedactResult)
        known = desk.house.requests.find("r", body_hash(keeping.RedactParams(key="r", session=session)))
        assert known is not None
        # As it was before the answer could be recorded.
        claim = Accepted(key="r", hash=known.hash, method="session.redact", made=first.session)
        await desk.house.requests.record(claim)
        assert await desk.ask("session.redact", key="r", session=session) == first
        assert sorted(desk.house.store.ids()) == sorted([session, first.session])

    receive(story, world=home())


def test_a_bundle_is_written_once_and_taken_in_elsewhere_with_the_same_state() -> None:
    carried: list[tuple[bytes, keeping.BundleResult]] = []

    async def here(desk: Reception) -> None:
        session = await talk(desk)
        made = await desk.ask("session.bundle", key="b", session=session, path=f"{OUT}/x")
        assert isinstance(made, keeping.BundleResult)
        assert await desk.ask("session.bundle", key="b", session=session, path=f"{OUT}/x") == made
        with pytest.raises(FileExistsError_, match="/out/x is there already"):
            await desk.ask("session.bundle", key="c", session=session, path=f"{OUT}/x")
        assert made.replaced == {"aws-key": 1}
        carried.append((desk.house.world.files.read(f"{OUT}/x"), made))

    async def there(desk: Reception) -> None:
        data, made = carried[0]
        desk.house.world.files.write_atomic(f"{OUT}/y", data)
        await desk.ask("session.list")
        taken = await desk.ask("session.import", key="i", path=f"{OUT}/y")
        assert isinstance(taken, keeping.ImportResult)
        assert (taken.entries, taken.state_hash) == (made.entries, made.state_hash)
        assert await desk.ask("session.import", key="i", path=f"{OUT}/y") == taken
        with pytest.raises(ConflictError, match="is here already"):
            await desk.ask("session.import", key="j", path=f"{OUT}/y")
        listed = await desk.ask("session.list")
        assert isinstance(listed, api.ListResult)
        assert [row.id for row in listed.sessions] == [taken.session]
        await desk.ask("turn.start", key="k2", prompt="go on", session=taken.session)
        await desk.house.until_quiet(taken.session)

    receive(here, world=home())
    receive(there, world=home())


def test_the_first_answer_stays_though_the_session_went_since() -> None:
    async def story(desk: Reception) -> None:
        session = await talk(desk)
        first = await desk.ask("session.redact", key="r", session=session)
        await desk.ask("session.remove", key="x", session=first.session)  # type: ignore[attr-defined]
        assert await desk.ask("session.redact", key="r", session=session) == first
        assert desk.house.store.ids() == [session]

    receive(story, world=home())


def test_an_import_that_was_ended_half_way_goes_on_with_its_key() -> None:
    async def story(desk: Reception) -> None:
        session = await talk(desk)
        await desk.ask("session.bundle", key="b", session=session, path=f"{OUT}/x")
        await desk.house.sessions.unload_idle(0, frozenset())
        await desk.ask("session.remove", key="rm", session=session)
        hash = body_hash(keeping.ImportParams(key="i", path=f"{OUT}/x"))
        await desk.house.requests.record(Accepted(key="i", hash=hash, method="session.import", made=session))
        taken = await desk.ask("session.import", key="i", path=f"{OUT}/x")
        assert isinstance(taken, keeping.ImportResult)
        assert (taken.session, desk.house.store.ids()) == (session, [session])

    receive(story, world=home())


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("x", BadInputError, "not an absolute path"),
        ("/out/\0", BadInputError, "not an absolute path"),
        ("/out/", BadInputError, "not an absolute path"),
        ("/nowhere/x", NotRegularFileError, "/nowhere is no folder"),
        ("/home/data/sessions/x", BadInputError, "one of the daemon's own folders"),
        ("/home/run/x", BadInputError, "one of the daemon's own folders"),
    ],
)
def test_places_for_a_bundle_that_are_refused(path: str, error: type[Exception], words: str) -> None:
    async def story(desk: Reception) -> None:
        session = await talk(desk)
        with pytest.raises(error, match=words):
            await desk.ask("session.bundle", key="b", session=session, path=path)

    receive(story, world=home())


def test_what_is_not_there_is_named() -> None:
    async def story(desk: Reception) -> None:
        with pytest.raises(NotFoundError, match="there is no session s0000000000000000"):
            await desk.ask("session.redact", key="r", session="s0000000000000000")
        with pytest.raises(NotFoundError, match="there is no session s0000000000000000"):
            await desk.ask("session.bundle", key="b", session="s0000000000000000", path=f"{OUT}/x")
        desk.house.world.files.write_atomic(f"{OUT}/y", b"no bundle")
        with pytest.raises(BadInputError, match="no session that can be taken in"):
            await desk.ask("session.import", key="i", path=f"{OUT}/y")
        with pytest.raises(BadInputError, match="not an absolute path"):
            await desk.ask("session.import", key="j", path="y")

    receive(story, world=home())


def test_a_running_session_is_refused_and_the_same_key_serves_later() -> None:
    async def story(desk: Reception) -> None:
        started = await desk.ask("turn.start", key="k", prompt="slow", cwd=WORKSPACE)
        session = started.session  # type: ignore[attr-defined]
        with pytest.raises(ConflictError, match="can't be handed over now"):
            await desk.ask("session.bundle", key="b", session=session, path=f"{OUT}/x")
        await desk.house.until_quiet(session)
        made = await desk.ask("session.bundle", key="b", session=session, path=f"{OUT}/x")
        assert isinstance(made, keeping.BundleResult)

    receive(story, "one two three four", slow_ms=1000, world=home())


def test_variables_of_the_caller_and_the_daemon_s_own_keys_are_secrets() -> None:
    async def story(desk: Reception) -> None:
        desk.caller.variables = {"MY_API_KEY": "opensesame", "LANG": "quiteordinary"}
        session = await talk(desk, "say opensesame and quiteordinary")
        page = await desk.ask("session.items", session=session, redacted=True)
        assert isinstance(page, api.ItemsResult)
        prompt = next(event.body["prompt"] for event in page.events if event.name == "turn.queued")
        assert prompt == "say [redacted:known#1] and quiteordinary"

    receive(story, world=home())


def test_redacted_items_have_the_same_marks_on_every_page() -> None:
    async def story(desk: Reception) -> None:
        session = await talk(desk, f"first {KEY} and hunter2xyz", "k1")
        await desk.ask("turn.start", key="k2", prompt='password = "hunter2xyz"', session=session)
        await desk.house.until_quiet(session)
        prompts: list[object] = []
        after: int | None = 0
        while after is not None:
            page = await desk.ask("session.items", session=session, after_seq=after, limit=3, redacted=True)
            assert isinstance(page, api.ItemsResult)
            assert [event.name for event in page.events if event.name == "turn.delta"] == []
            prompts += [event.body["prompt"] for event in page.events if event.name == "turn.queued"]
            after = page.next_seq
        assert prompts == [
            "first [redacted:aws-key#1] and [redacted:password#1]",
            'password = "[redacted:password#1]"',
        ]
        plain = await desk.ask("session.items", session=session)
        assert isinstance(plain, api.ItemsResult)
        assert any(KEY in str(event.body) for event in plain.events)

    receive(story, world=home())


def test_a_fault_that_nobody_knows_is_the_worker_s() -> None:
    world = home()
    world.processes.on_job("redact-events", lambda **arguments: {"fault": ["ValueError", "odd", "because", ""]})

    async def story(desk: Reception) -> None:
        with pytest.raises(WorkerError, match="odd"):
            await redact_events(desk.house.world, [])

    receive(story, world=world)
