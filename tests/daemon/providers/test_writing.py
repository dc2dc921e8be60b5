"""Ids that fit and never meet, and bytes that are written once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.base import Encoded, ModelMessage, ModelRequest
from agentd.providers.writing import CallIds, fitting, image_in_words, joined, kept_part
from agentproto.content import ImageBlock, TextBlock, ToolUseBlock


def use(call: str, model_id: str = "", name: str = "read") -> ToolUseBlock:
    return ToolUseBlock(call, name, {}, model_id)


def read_back(id: str) -> str:
    """The call that an id was made of."""
    data = re.sub(r"_([0-9a-f]{2})|[^_]", lambda one: one.group() if one.group(1) is None else "\\x" + one.group(1), id)
    return data.encode("ascii").decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("call", "id"), [("t1.2.3", "t1_2e2_2e3"), ("a_b-c", "a_5fb-c"), ("é", "_c3_a9"), ("call", "call"), ("", "_")]
)
def test_ids_have_only_what_every_server_takes(call: str, id: str) -> None:
    assert fitting(call) == id


@given(st.text(min_size=1))
def test_what_was_made_to_fit_can_be_read_back(call: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", fitting(call))
    assert read_back(fitting(call)) == call


def test_the_models_own_id_is_used_where_it_can_be() -> None:
    ids = CallIds()
    given = [ids.new(use(f"t.{n}", id)) for n, id in enumerate(["toolu_1", "", "a.b", "x" * 65, "toolu_1", "t_2e1"])]
    assert given == ["toolu_1", "t_2e1", "t_2e2", "t_2e3", "t_2e4", "t_2e5"]
    assert [ids.of(f"t.{n}") for n in range(6)] == given
    assert ids.of("never.called") == "never_2ecalled"


def test_a_model_that_takes_our_names_changes_nothing() -> None:
    ids = CallIds()
    assert [ids.new(use("x", "t_2e1")), ids.new(use("y", "t_2e1-2")), ids.new(use("t.1"))] == [
        "t_2e1",
        "t_2e1-2",
        "t_2e1-3",
    ]


def test_a_long_name_is_cut_and_numbered() -> None:
    ids = CallIds()
    given = [ids.new(use("." * 30 + str(n))) for n in range(3)]
    assert len(set(given)) == 3
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", id) for id in given)


def test_later_ids_see_the_earlier_ones_and_leave_them_alone() -> None:
    before = CallIds()
    before.new(use("t.1", "call_0", "ls"))
    later = CallIds(before)
    assert later.new(use("t.2", "call_0")) == "t_2e2"
    assert (later.of("t.1"), later.name_of("t.1"), later.name_of("t.2"), later.name_of("t.3")) == (
        "call_0",
        "ls",
        "read",
        "",
    )
    assert before.of("t.2") == "t_2e2"
    assert before.name_of("t.2") == ""


def test_what_may_stand_once_can_be_claimed_once() -> None:
    before = CallIds()
    assert [before.claim("rs_1"), before.claim("rs_1"), CallIds(before).claim("rs_1"), before.claim("rs_2")] == [
        True,
        False,
        False,
        True,
    ]


class Writer:
    """Writes a message as its first text, and remembers how many it wrote."""

    def __init__(self) -> None:
        self.written = 0

    def __call__(self, messages: tuple[ModelMessage, ...], ids: CallIds) -> bytes:
        self.written += len(messages)
        return b",".join(message.blocks[0].text.encode() for message in messages)  # type: ignore[union-attr]


def said(*texts: str) -> tuple[ModelMessage, ...]:
    return tuple(ModelMessage("user", (TextBlock(text),)) for text in texts)


def part(messages: tuple[ModelMessage, ...], count: int, encoded: Encoded | None, codec: object = "x") -> bytes:
    return bytes(kept_part(ModelRequest("m", (), (), messages, 1, encoded=encoded), codec, count, WRITER)[0])


WRITER = Writer()


def test_only_what_is_new_is_written() -> None:
    messages, encoded = said("a", "b", "c", "d"), Encoded()
    begun = WRITER.written
    assert [part(messages[:end], end - 1, encoded) for end in (1, 2, 4)] == [b"", b"a", b"a,b,c"]
    assert WRITER.written - begun == 3
    assert part(messages, 3, encoded) == b"a,b,c"
    assert WRITER.written - begun == 3


@pytest.mark.parametrize(
    ("messages", "count", "codec"),
    [
        (said("a", "x", "c"), 2, "x"),  # other messages
        (said("a", "b", "c"), 2, "x"),  # equal ones, but not the same
        (None, 1, "x"),  # fewer
        (None, 2, "y"),  # another codec
    ],
)
def test_everything_else_begins_anew(messages: tuple[ModelMessage, ...] | None, count: int, codec: object) -> None:
    first, encoded = said("a", "b", "c"), Encoded()
    part(first, 2, encoded)
    again = messages or first
    begun = WRITER.written
    assert part(again, count, encoded, codec) == part(again, count, None, codec)
    assert WRITER.written - begun == 2 * count


class RawIds(CallIds):
    """A rule of its own: our name for a call, as it is."""

    def _choose(self, use: ToolUseBlock) -> str:
        return use.call

    def _unwritten(self, call: str) -> str:
        return f"not {call}"


def test_a_codec_may_have_its_own_rule_for_ids() -> None:
    called = (ModelMessage("assistant", (use("t.1", "call_0"),)), *said("x"))
    encoded = Encoded()
    for _ in range(2):  # made, and found again
        request = ModelRequest("m", (), (), called, 1, encoded=encoded)
        data, ids = kept_part(request, "x", 1, lambda messages, ids: ids.new(use("t.1", "call_0")).encode(), RawIds)
        assert (bytes(data), ids.of("t.1"), ids.name_of("t.1"), ids.of("t.2")) == (b"t.1", "t.1", "read", "not t.2")


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        ((), b'{"input":[]}'),
        ((b"", bytearray()), b'{"input":[]}'),
        ((b"1", bytearray(b"2"), b"", b"3"), b'{"input":[1,2,3]}'),
    ],
)
def test_a_body_is_joined_of_what_says_something(parts: tuple[bytes | bytearray, ...], body: bytes) -> None:
    assert joined(b'{"input":[', parts) == body


def test_a_picture_is_told_in_words() -> None:
    assert [image_in_words(ImageBlock("image/png", "ab", *size)) for size in ((3, 4), (0, 0))] == [
        "[an image (image/png) of 3x4 pixels, which this connection can't show to the model]",
        "[an image (image/png), which this connection can't show to the model]",
    ]
