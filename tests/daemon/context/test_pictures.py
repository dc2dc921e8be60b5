"""Which pictures are shown, what they are counted for, and a whole session that has some."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.context.calibration import UNKNOWN
from agentd.context.pictures import LEFT, MOST_BYTES, MOST_PICTURES, Album, Weight, newest_that_fit, picture_tokens
from agentd.context.tokens import PLAIN, Pictured, estimate, estimate_of, shape_of, words_of
from agentd.providers import validate
from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Codec
from agentd.providers.ollama import OllamaChat
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentd.session.compactions import Compacted
from agentd.session.entries import Done, Finished
from agentd.session.store import SessionStore
from agentd.turn.intake import NewTurn
from agentd.world.fake import FakeWorld, fake_world
from agentproto.content import ImageBlock
from support.drawn import png
from support.household import PERSON, WORKSPACE, Household, Reply, ask, whole_log
from support.seeing import SeeingModel, see

# -- what a picture is counted for -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "model", "tokens"),
    [
        ((0, 0), "qwen", 16_384),
        ((1, 1), "qwen", 4_200),
        ((2_000, 1_500), "qwen", 75 * 56),
        ((8_000, 8_000), "qwen", 16_384),
        ((1, 1), "claude-opus-5", 1_600),
        ((1_092, 1_092), "anthropic/claude-sonnet-4-5", 41 * 41),
        ((8_000, 8_000), "claude-opus-5", 4_784),
        ((10, 10), "gpt-4o-mini", 48_169),
        ((10, 10), "gpt-4o", 4_200),
    ],
)
def test_tokens_of_a_picture_are_bounded(size: tuple[int, int], model: str, tokens: int) -> None:
    assert picture_tokens(ImageBlock("image/png", "ab", *size), model) == tokens


def test_tokens_are_never_below_what_the_makers_say() -> None:
    for width, height in itertools.product((1, 100, 512, 768, 1_092, 1_568, 2_576, 4_000, 8_000), repeat=2):
        image = ImageBlock("image/png", "ab", width, height)
        scale = min(1.0, 1_568 / max(width, height))
        assert picture_tokens(image, "claude-sonnet-4-5") >= min(1_600, width * height * scale * scale / 750)
        finer = min(1.0, 2_576 / max(width, height))
        assert picture_tokens(image, "claude-opus-5") >= min(4_784, width * height * finer * finer / 750)
        tiles = _tiles(width, height)
        assert picture_tokens(image, "gpt-4o") >= 85 + 170 * tiles
        assert picture_tokens(image, "gpt-4o-mini") >= 2_833 + 5_667 * tiles


def _tiles(width: int, height: int) -> int:
    """How many squares of 512 pixels cover it, made to fit 2,048 squared and then 768 on its short side."""
    scale = min(1.0, 2_048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return -(-int(width * scale) // 512) * -(-int(height * scale) // 512)


def test_base64_is_no_text() -> None:
    words, data = b"x" * 3_000, b64encode(bytes(range(256)) * 40)
    pictured = Pictured(shape_of(data), 5)
    assert estimate_of(words_of(words + data, pictured)) == estimate(words)
    assert UNKNOWN.tokens(words + data, pictured) == estimate(words) + 5
    assert estimate(words + data) > estimate(words) + 4_000


# -- which are shown ---------------------------------------------------------------------------------------------------

WEIGHTS = st.builds(Weight, st.uuids().map(str), st.integers(1, MOST_BYTES + 9), st.integers(1, 12_000))


@given(st.lists(WEIGHTS, max_size=60), st.integers(0, 60_000))
def test_what_is_shown_fits_and_changes_only_when_it_would_not(weights: list[Weight], tokens: int) -> None:
    before: frozenset[str] = frozenset()
    for end in range(1, len(weights) + 1):
        shown = newest_that_fit(weights[:end], tokens)
        kept = [one for one in weights[:end] if one.blob in shown]
        sums = [len(kept), sum(one.bytes for one in kept), sum(one.tokens for one in kept)]
        bounds = [MOST_PICTURES, MOST_BYTES, tokens]
        assert all(one <= bound for one, bound in zip(sums, bounds, strict=True))
        assert shown - before <= {weights[end - 1].blob}  # what was left out once does not come back
        if before - shown and len(kept) > 1:
            assert all(one <= LEFT * bound for one, bound in zip(sums, bounds, strict=True))
        before = shown


# -- a session -----------------------------------------------------------------------------------------------------

CODECS: dict[str, Codec] = {
    "anthropic": AnthropicMessages(),
    "ollama": OllamaChat(32_000),
    "openai-chat": OpenAIChat(),
    "openai-responses": OpenAIResponses(),
}
VALID = {
    "anthropic": validate.messages,
    "openai-chat": validate.chat_completions,
    "openai-responses": validate.responses,
}
NOISE = png(900, 700) + bytes(range(256)) * 2_000  # half a megabyte that does not look like words
Story = Callable[[Household, SeeingModel], Awaitable[str]]


def reads(*names: str) -> Reply:
    return tuple(("read", {"path": name}) for name in names)


def live(
    replies: Sequence[Reply], story: Story, codec: str = "anthropic", **more: Any
) -> tuple[SeeingModel, FakeWorld, str]:
    """A session's model as it was left, its world, its id."""
    world = fake_world(seed=9, auto=True)
    world.files.make_folder(WORKSPACE)
    for number in range(30):
        world.files.write_atomic(f"{WORKSPACE}/{number}.png", png(40 + number, 30))
    world.files.write_atomic(f"{WORKSPACE}/large.png", NOISE)
    world.files.write_atomic(f"{WORKSPACE}/words", b"so many words in a line\n" * 1_000)
    models: list[SeeingModel] = []

    async def main() -> str:
        house = Household(world, replies)
        models.append(see(house, CODECS[codec], **more))
        await house.start()
        session = await story(house, models[0])
        assert house.faults == []
        await house.sessions.stop()
        return session

    session = world.run(main())
    return models[0], world, session


async def one_turn(house: Household, model: SeeingModel) -> str:
    session = await ask(house, "look")
    await house.until_quiet(session)
    return session


def entries(world: FakeWorld, session: str) -> list[object]:
    return [line.entry for line in whole_log(world, session)]


def has(body: bytes, data: bytes) -> int:
    """How often a picture is in it."""
    return body.count(b64encode(data))


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_that_was_read_is_shown_in_each_protocol(codec: str) -> None:
    model, world, session = live([reads("large.png"), reads("1.png"), "I see."], one_turn, codec)
    assert [(has(body, NOISE), has(body, png(41, 30))) for body in model.bodies] == [(0, 0), (1, 0), (1, 1)]
    assert all(VALID[codec](body) == () for body in model.bodies if codec in VALID)
    assert [call.input_tokens < 15_000 for call in model.calls] == [True] * 3
    done = [entry for entry in entries(world, session) if isinstance(entry, Done)]
    store = SessionStore(world, "/home/data", "/home/state")
    assert [store.get_blob(session, image.blob) for entry in done for image in entry.images] == [NOISE, png(41, 30)]
    assert (done[0].images[0].width, done[0].images[0].height) == (900, 700)


@pytest.mark.parametrize("codec", CODECS)
def test_each_request_begins_with_the_one_before_it(codec: str) -> None:
    model, _, _ = live([reads("1.png", "2.png"), reads("1.png"), reads("3.png"), "I see."], one_turn, codec)
    bodies = [body.replace(b',"cache_control":{"type":"ephemeral"}', b"").removesuffix(b"]}") for body in model.bodies]
    assert all(longer.startswith(shorter) for shorter, longer in itertools.pairwise(bodies))


def test_a_connection_that_shows_none_is_told_in_words() -> None:
    model, _, _ = live([reads("large.png"), "I see."], one_turn, images=False)
    assert [has(body, NOISE) for body in model.bodies] == [0, 0]
    assert b"[an image (image/png) of 900x700 pixels, which this connection can't show to the model]" in model.bodies[1]


def test_a_restart_changes_no_byte() -> None:
    bodies = []
    for again in (False, True):

        async def story(house: Household, model: SeeingModel, again: bool = again) -> str:
            session = await one_turn(house, model)
            if again:
                await house.sessions.stop()
                model = see(house, CODECS["anthropic"])
            await house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON)
            await house.until_quiet(session)
            bodies.append(model.bodies[-1])
            return session

        live([reads("1.png", "2.png"), "I see."], story)
    assert bodies[0] == bodies[1]
    assert has(bodies[0], png(42, 30)) == 2  # read in both turns


def test_many_pictures_are_left_out_by_halves() -> None:
    replies = [reads(f"{number}.png") for number in range(28)]
    model, _, _ = live([*replies, "I see."], one_turn)
    counts = [sum(has(body, png(40 + number, 30)) for number in range(28)) for body in model.bodies]
    assert counts == [*range(21), 10, 11, 12, 13, 14, 15, 16, 17]
    assert has(model.bodies[-1], png(67, 30)) == 1


def test_a_window_that_has_no_room_for_a_picture_gets_words() -> None:
    model, world, session = live([reads("large.png"), "I see."], one_turn, window=8_192)
    assert [has(body, NOISE) for body in model.bodies] == [0, 0]
    assert [entry.stop for entry in entries(world, session) if isinstance(entry, Finished)] == ["end"]


def test_what_a_server_finds_too_long_goes_on_without_pictures() -> None:
    async def story(house: Household, model: SeeingModel) -> str:
        session = await one_turn(house, model)
        model.refuses = 1
        await house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON)
        await house.until_quiet(session)
        return session

    model, world, session = live([reads("1.png"), "I see."], story)
    assert [has(body, png(41, 30)) for body in model.bodies] == [
        0,
        1,
        1,
        0,
        1,
    ]  # cleared with its result, and read again
    assert [entry.stop for entry in entries(world, session) if isinstance(entry, Finished)] == ["end", "end"]


def test_old_pictures_are_cleared_with_their_results() -> None:
    """Each is worth 4,200 tokens less its notice; words fill the rest of the window."""
    replies = [
        reads("0.png", "1.png", "2.png"),
        reads("words"),
        reads("words"),
        reads("words"),
        reads("3.png"),
        "Well.",
    ]
    model, world, session = live(replies, one_turn, "openai-chat", window=64_000)
    cuts = [entry for entry in entries(world, session) if isinstance(entry, Compacted)]
    assert [cut.calls for cut in cuts] == [(f"{session}.t1.1.{number}",) for number in (1, 2, 3)]
    assert all(4_100 < cut.tokens <= 4_200 for cut in cuts)
    shown = [[has(body, png(40 + number, 30)) for number in range(4)] for body in model.bodies]
    assert (shown[1], shown[-1]) == ([1, 1, 1, 0], [0, 0, 0, 1])


def test_one_whose_bytes_are_gone_is_told_in_words() -> None:
    async def story(house: Household, model: SeeingModel) -> str:
        session = await one_turn(house, model)
        await house.sessions.stop()
        folder = house.store.folder(session)
        for name, _ in house.world.files.list(f"{folder}/blobs"):
            if house.store.get_blob(session, name) == png(41, 30):
                house.world.files.remove(f"{folder}/blobs/{name}")
        later = see(house, CODECS["anthropic"])
        await house.sessions.start(session, "k2", "h", NewTurn("more"), PERSON)
        await house.until_quiet(session)
        model.calls += later.calls
        return session

    model, _, _ = live([reads("1.png", "2.png"), "I see."], story)
    assert [(has(body, png(41, 30)), has(body, png(42, 30))) for body in model.bodies] == [
        (0, 0),
        (1, 1),
        (0, 1),
        (0, 2),
    ]  # read again: it is there again


def test_one_that_was_told_in_words_is_shown_when_it_is_given_again() -> None:
    image = ImageBlock("image/png", "", 41, 30)

    async def story(house: Household, model: SeeingModel) -> str:
        session = await one_turn(house, model)  # pictures 0 to 9 are told in words in the end
        given = house.world.files.read(f"{WORKSPACE}/1.png")
        digest = house.store.put_blob(session, given)
        picture = ("/work/1.png", ImageBlock(image.media_type, digest, 41, 30), given)
        await house.sessions.start(session, "k2", "h", NewTurn("and this?", pictures=(picture,)), PERSON)
        await house.until_quiet(session)
        return session

    model, _, _ = live([*[reads(f"{number}.png") for number in range(21)], "I see."], story)
    assert [has(body, png(41, 30)) for body in model.bodies[20:23]] == [1, 0, 2]
    assert b'<file path=\\"/work/1.png\\"/>' in model.bodies[22]


def test_a_request_with_pictures_teaches_nothing_about_words() -> None:
    model, _, _ = live([reads("1.png"), "I see."], one_turn)
    assert [call.estimated_tokens > 0 for call in model.calls] == [True, False]
    assert model.calls[0].estimated_tokens == estimate(model.bodies[0])


def test_another_connection_is_shown_what_it_can_see() -> None:
    async def story(house: Household, model: SeeingModel) -> str:
        session = await one_turn(house, model)
        models = house.parts.models
        choice = models.get("x")
        for key, images in (("k2", True), ("k3", False)):
            models.choice = type(choice)(choice.provider, "m", choice.limits, images=images)  # type: ignore[attr-defined]
            await house.sessions.start(session, key, "h", NewTurn("more"), PERSON)
            await house.until_quiet(session)
        return session

    model, _, _ = live([reads("1.png"), "I see."], story, images=False)
    assert [has(body, png(41, 30)) for body in model.bodies] == [0, 0, 1, 2, 0, 0]


def test_an_album_reads_a_blob_once_and_keeps_what_is_shown() -> None:
    world = fake_world(seed=1)
    store = SessionStore(world, "/home/data", "/home/state")
    world.files.make_folder("/home/data")
    session = world.ids.session(0)
    image = ImageBlock("image/png", store.put_blob(session, png(3, 3)), 3, 3)
    album = Album(store)
    begun = len(world.points.calls)
    for _ in range(3):
        assert album.choose(session, (image, image), "m", 40_000) == {image.blob: png(3, 3)}
    assert [call.name for call in world.points.calls[begun:]] == ["files.read"]
    assert album.choose(session, (image,), "m", 100) == {}
    assert album.pictured((), "m") == PLAIN
