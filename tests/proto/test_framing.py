"""Frames of one message: what is written, what is refused, and that both ends refuse the same."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentproto.codec import encode_map
from agentproto.envelope import Kind, Message
from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from agentproto.framing import MAGIC, decode_header, from_frames, to_frames
from agentproto.limits import LIMITS, Limits

SMALL = Limits(frames_per_message=4, frame_bytes=64, message_bytes=128, body_bytes=48, string_bytes=48, name_bytes=16)


def header(*values: object, magic: bytes = MAGIC, version: int = 1) -> bytes:
    packed: bytes = msgpack.packb([*values])
    return magic + bytes((version,)) + packed


def code_of(frames: list[bytes], limits: Limits = LIMITS) -> ErrorCode:
    with pytest.raises(RemoteProtocolError) as caught:
        from_frames(frames, limits)
    return caught.value.code


def test_a_request_is_two_frames_of_known_bytes() -> None:
    assert to_frames(Kind.REQUEST, 1, "session.read", {"session": "s1"}) == [
        b"AGD\x01" + b"\x93\x03\x01\xac" + b"session.read",
        b"\x81\xa7session\xa2s1",
    ]


def test_no_body_is_an_empty_map() -> None:
    assert to_frames(Kind.PONG) == [b"AGD\x01\x93\x0a\x00\xa0", b"\x80"]


def test_a_body_that_was_encoded_before_is_sent_as_it_is() -> None:
    body = encode_map({"text": "x"})
    assert to_frames(Kind.EVENT, 0, "turn.delta", body)[1] is body


@given(
    kind=st.sampled_from(Kind),
    id=st.integers(0, 2**63 - 1),
    name=st.text(st.characters(codec="utf-8"), max_size=16),
    body=st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**64 - 1) | st.text(max_size=9), max_size=4),
    blobs=st.lists(st.binary(max_size=20), max_size=14),
)
def test_what_is_sent_is_what_arrives(
    kind: Kind, id: int, name: str, body: dict[str, object], blobs: list[bytes]
) -> None:
    frames = to_frames(kind, id, name, body, blobs)
    assert from_frames(frames) == Message(kind, id, name, body, tuple(blobs), len(frames[1]))


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"AGD",
        b"AGD\x01",
        b"GET / HTTP/1.1",
        header(3, 1, "a", magic=b"AGE"),
        header(3, 1, "a")[:-1],
        header(3, 1, "a") + b"\x00",
        header(3, 1),
        header(3, 1, "a", 0),
        header(True, 1, "a"),
        header(3, True, "a"),
        header(3, 1.0, "a"),
        header(3, float("nan"), "a"),
        header(3, -1, "a"),
        header(3, 2**63, "a"),
        header(3, "1", "a"),
        header(3, 1, b"a"),
        header(3, 1, None),
        header(3, 1, "a" * 65),
        header(3, 1, {}),
        header(3, 1, {"a": 1}),
        header(3, 1, msgpack.ExtType(1, b"x")),
        header(3, 1, msgpack.Timestamp(1)),
        MAGIC + b"\x01\x93\x03\x01\xa1\xff",
        MAGIC + b"\x01\xc1",
        MAGIC + b"\x01" + b"\x91" * 400,
        MAGIC + b"\x01\xdd\xff\xff\xff\xff",
        MAGIC + b"\x01\xdb\xff\xff\xff\xff",
        MAGIC + b"\x01\xc6\xff\xff\xff\xff",
        header(3, 1, "a") + b"\x00" * 600,
    ],
    ids=lambda value: value[:24].hex(),
)
def test_a_first_frame_that_is_no_header_is_refused(first: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_header(first)
    assert caught.value.code is ErrorCode.BAD_FRAME


def test_a_header_of_an_unknown_version_or_kind_can_still_be_answered() -> None:
    assert decode_header(header(99, 5, "x", version=9)) == (9, 99, 5, "x")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([], ErrorCode.BAD_FRAME),
        ([header(3, 1, "a")], ErrorCode.BAD_FRAME),
        ([header(99, 1, "a"), b"\x80"], ErrorCode.BAD_FRAME),
        ([header(0, 1, "a"), b"\x80"], ErrorCode.BAD_FRAME),
        ([header(3, 1, "a", version=2), b"\x80"], ErrorCode.BAD_VERSION),
        ([header(3, 1, "a", version=0), b"\x80"], ErrorCode.BAD_VERSION),
        ([header(3, 1, "a"), b""], ErrorCode.BAD_FRAME),
        ([header(3, 1, "a"), b"\x90"], ErrorCode.BAD_FRAME),
        ([header(3, 1, "a"), b"\x01"], ErrorCode.BAD_FRAME),
        ([header(3, 1, "a"), b"\x80", *[b""] * 15], ErrorCode.TOO_LARGE),
        ([header(3, 1, "a"), b"\x80", b"x" * LIMITS.message_bytes], ErrorCode.TOO_LARGE),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused_with_its_code(frames: list[bytes], code: ErrorCode) -> None:
    assert code_of(frames) is code


@pytest.mark.parametrize("kind", [Kind.HELLO, Kind.WELCOME, Kind.ERROR])
def test_before_a_version_is_agreed_upon_any_is_read(kind: Kind) -> None:
    assert from_frames([header(int(kind), 0, "", version=7), b"\x80"]) == Message(kind, 0, "", {}, (), 1)


def test_sixteen_frames_pass_and_a_seventeenth_does_not() -> None:
    frames = to_frames(Kind.REQUEST, 1, "a", {}, [b"x"] * 14)
    assert (len(frames), len(from_frames(frames).blobs)) == (16, 14)
    assert code_of([*frames, b"x"]) is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"id": -1}, ErrorCode.BAD_INPUT),
        ({"id": 2**63}, ErrorCode.BAD_INPUT),
        ({"name": "n" * 17}, ErrorCode.BAD_INPUT),
        ({"name": "\u65e5" * 6}, ErrorCode.BAD_INPUT),
        ({"name": "\ud800"}, ErrorCode.BAD_INPUT),
        ({"body": {"a": "x" * 48}}, ErrorCode.TOO_LARGE),
        ({"body": b"\x81\xa1a\xd9\x30" + b"x" * 48}, ErrorCode.TOO_LARGE),
        ({"blobs": [b""] * 3}, ErrorCode.TOO_LARGE),
        ({"blobs": [b"x" * 65]}, ErrorCode.TOO_LARGE),
        ({"blobs": [b"x" * 60, b"x" * 60]}, ErrorCode.TOO_LARGE),
    ],
)
def test_a_sender_learns_of_a_limit_before_anything_is_sent(arguments: dict[str, object], code: ErrorCode) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        to_frames(Kind.REQUEST, **{"id": 1, **arguments}, limits=SMALL)  # type: ignore[arg-type]
    assert caught.value.code is code


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_frames_are_a_message_or_a_remote_fault(frames: list[bytes]) -> None:
    try:
        from_frames(frames)
    except RemoteProtocolError:
        return


@given(st.binary(max_size=40))
def test_any_after_bytes_a_good_header_are_a_message_or_a_remote_fault(body: bytes) -> None:
    try:
        message = from_frames([header(3, 1, "a"), body])
    except RemoteProtocolError:
        return
    assert isinstance(message.body, dict)
