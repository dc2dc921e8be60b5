"""turn.*: what is accepted, what is refused with its field, and where events then go."""

from __future__ import annotations

import hashlib

import pytest

from agentd.errors import BadInputError, ConflictError, MissingFileError, NotFoundError, TooLargeError
from agentd.session.projection import project
from agentproto.api import turn as api
from agentproto.content import ImageBlock, TextBlock
from support.drawn import gif, png
from support.household import WORKSPACE
from support.reception import Reception, receive


def test_a_turn_in_a_new_session_with_its_events() -> None:
    async def story(desk: Reception) -> None:
        desk.caller.variables = {"PATH": "/bin", "OPENAI_API_KEY": "not logged"}
        result = await desk.ask("turn.start", key="k", prompt="hello", cwd=f"{WORKSPACE}/inner", subscribe=True)
        assert isinstance(result, api.StartResult)
        assert (result.turn, result.workspace, result.queued) == (f"{result.session}.t1", WORKSPACE, False)
        assert desk.streams.wanted() == {result.session}
        runner = await desk.house.sessions.get(result.session)
        assert runner.state.env == {"PATH": "/bin"}
        assert runner.state.cwd == f"{WORKSPACE}/inner"
        await desk.house.until_quiet(result.session)

    receive(story)


def test_the_latest_session_of_the_workspace_is_continued() -> None:
    async def story(desk: Reception) -> None:
        first = await desk.ask("turn.start", key="k1", prompt="hello", cwd=WORKSPACE)
        assert isinstance(first, api.StartResult)
        await desk.house.until_quiet(first.session)
        again = await desk.ask("turn.start", key="k2", prompt="more", cwd=f"{WORKSPACE}/inner", continue_latest=True)
        assert isinstance(again, api.StartResult)
        assert again.turn == f"{first.session}.t2"
        await desk.house.until_quiet(first.session)
        desk.house.world.files.make_folder("/elsewhere")
        with pytest.raises(NotFoundError, match="no session of /elsewhere"):
            await desk.ask("turn.start", key="k3", prompt="more", cwd="/elsewhere", continue_latest=True)

    receive(story)


@pytest.mark.parametrize(
    ("fields", "fault", "words"),
    [
        ({"prompt": " \n"}, BadInputError, "the prompt is empty"),
        ({"prompt": "x" * (1024 * 1024 + 1)}, TooLargeError, "the prompt has 1048577 bytes"),
        ({"cwd": None}, BadInputError, "a new session needs cwd"),
        ({"mode": "auto"}, BadInputError, "the mode auto is not available yet"),
        ({"max_steps": 100_000}, BadInputError, "max_steps is 100000"),
        ({"model": "nobody"}, NotFoundError, "there is no model connection 'nobody'"),
        ({"allow": ["shell("]}, BadInputError, "shell"),
        ({"deny": ["nonsense(x)"]}, BadInputError, "nonsense"),
        ({"files": ["relative"]}, BadInputError, "not an absolute path"),
        ({"files": ["/work/none"]}, MissingFileError, "there is no file /work/none"),
        ({"files": ["/work/binary"]}, BadInputError, "/work/binary is not text"),
        ({"files": ["/work/large"]}, TooLargeError, "/work/large has 300000 bytes"),
        ({"files": ["/work/wide.gif"]}, TooLargeError, "/work/wide.gif is a picture of 9000x20 pixels and 35 bytes"),
        ({"files": ["/work/fat.gif"]}, TooLargeError, "/work/fat.gif has 5242915 bytes; 262144 of a text and 5242880"),
        (
            {"files": ["/work/big.gif"] * 5},
            TooLargeError,
            "/work/big.gif is a picture of 20x20 pixels and 5000035 bytes",
        ),
        ({"session": "s0000000000000000"}, NotFoundError, "there is no session"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(
    fields: dict[str, object], fault: type[Exception], words: str
) -> None:
    async def story(desk: Reception) -> None:
        desk.house.world.files.write_atomic("/work/binary", b"\x00\x01\xff")
        desk.house.world.files.write_atomic("/work/large", b"x" * 300_000)
        desk.house.world.files.write_atomic("/work/wide.gif", gif(9_000, 20))
        desk.house.world.files.write_atomic("/work/big.gif", gif(20, 20) + bytes(5_000_000))
        desk.house.world.files.write_atomic("/work/fat.gif", gif(20, 20) + bytes(5 * 1024 * 1024))
        with pytest.raises(fault, match=words):
            await desk.ask("turn.start", **({"key": "k", "prompt": "hello", "cwd": WORKSPACE} | fields))
        assert desk.house.store.ids() == []

    receive(story)


def test_given_files_are_read_once_and_recorded() -> None:
    async def story(desk: Reception) -> None:
        result = await desk.ask("turn.start", key="k", prompt="look", cwd=WORKSPACE, files=["/work/a.txt"])
        assert isinstance(result, api.StartResult)
        await desk.house.until_quiet(result.session)
        blocks = desk.house.model.requests[0].messages[0].blocks
        assert [block.text for block in blocks] == ['<file path="/work/a.txt">\none\n\n</file>', "look"]  # type: ignore[union-attr]

    receive(story)


def test_given_pictures_are_kept_with_the_session_and_shown_as_such() -> None:
    async def story(desk: Reception) -> None:
        files = desk.house.world.files
        files.write_atomic("/work/x.png", png(3, 4))
        result = await desk.ask(
            "turn.start", key="k", prompt="look", cwd=WORKSPACE, files=["/work/x.png", "/work/a.txt"], subscribe=True
        )
        assert isinstance(result, api.StartResult)
        files.remove("/work/x.png")
        await desk.house.until_quiet(result.session)
        text, name, picture, prompt = desk.house.model.requests[0].messages[0].blocks
        digest = hashlib.sha256(png(3, 4)).hexdigest()
        assert picture == ImageBlock("image/png", digest, 3, 4)
        assert name == TextBlock('<file path="/work/x.png"/>')
        assert (type(text), prompt) == (TextBlock, TextBlock("look"))
        assert desk.house.store.get_blob(result.session, digest) == png(3, 4)
        [queued] = [
            found[1] for line in desk.house.heard.lines if (found := project("s", line)) and found[0] == "turn.queued"
        ]
        assert isinstance(queued, api.QueuedEvent)
        assert queued.files == ("/work/a.txt", "/work/x.png")

    receive(story)


def test_steer_and_interrupt_need_a_running_turn() -> None:
    async def story(desk: Reception) -> None:
        result = await desk.ask("turn.start", key="k", prompt="hello", cwd=WORKSPACE)
        assert isinstance(result, api.StartResult)
        await desk.ask("turn.steer", key="s", session=result.session, text="and this")
        stopped = await desk.ask("turn.interrupt", key="i", session=result.session)
        assert stopped == api.InterruptResult(True)
        await desk.house.until_quiet(result.session)
        assert await desk.ask("turn.interrupt", key="j", session=result.session) == api.InterruptResult(False)
        with pytest.raises(ConflictError):
            await desk.ask("turn.steer", key="t", session=result.session, text="late")

    receive(story, "many words that take long", slow_ms=100)


def test_a_client_that_wants_its_turn_to_end_with_it_is_remembered() -> None:
    async def story(desk: Reception) -> None:
        result = await desk.ask("turn.start", key="k", prompt="hello", cwd=WORKSPACE, on_disconnect="stop")
        assert isinstance(result, api.StartResult)
        assert desk.conversation.stop_with == {result.turn}
        await desk.house.until_quiet(result.session)

    receive(story)
