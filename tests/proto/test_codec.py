"""The scan: it agrees with msgpack's own decoder on what is valid, and refuses the rest without making anything."""

from __future__ import annotations

import struct
import tracemalloc
from datetime import UTC, datetime

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentproto.codec import decode_map, encode_map, scan
from agentproto.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from agentproto.limits import LIMITS, Limits

MIB = 1024 * 1024

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | TEXTS
    | st.binary(max_size=40)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6),
    max_leaves=12,
)
TAG_SALAD = st.lists(
    st.sampled_from(
        [0, 1, 2, 0x61, *range(0x80, 0x84), *range(0x90, 0x94), *range(0xA0, 0xA4), *range(0xC0, 0xE0), 0xFF]
    ),
    max_size=24,
).map(bytes)
MAPS = st.dictionaries(TEXTS, VALUES, max_size=6) | st.dictionaries(TEXTS, LEAVES, min_size=14, max_size=18)


@st.composite
def wide(draw: st.DrawFn) -> bytes:
    """A map as bytes in which lengths and numbers are written wider than they need to be, as other libraries may."""
    return _wide(draw, draw(MAPS))


def _wide(draw: st.DrawFn, value: object) -> bytes:
    match value:
        case str():
            data = value.encode()
            return draw(st.sampled_from([b"\xda" + struct.pack(">H", len(data)), b"\xdb" + _u32(data)])) + data
        case bytes():
            return draw(st.sampled_from([b"\xc5" + struct.pack(">H", len(value)), b"\xc6" + _u32(value)])) + value
        case list():
            head = draw(st.sampled_from([b"\xdc" + struct.pack(">H", len(value)), b"\xdd" + _u32(value)]))
            return head + b"".join(_wide(draw, item) for item in value)
        case dict():
            head = draw(st.sampled_from([b"\xde" + struct.pack(">H", len(value)), b"\xdf" + _u32(value)]))
            return head + b"".join(_wide(draw, part) for pair in value.items() for part in pair)
        case bool() | None | float():
            return bytes(msgpack.packb(value))
        case int() if -(2**63) <= value < 2**63:
            return b"\xd3" + struct.pack(">q", value)
        case _:
            return bytes(msgpack.packb(value))


def _u32(sized: bytes | list[object] | dict[object, object]) -> bytes:
    return struct.pack(">I", len(sized))


def refusal(data: bytes, limits: Limits = LIMITS) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_map(data, limits)
    return caught.value


def library_takes(data: bytes) -> bool:
    """Whether msgpack's decoder takes it as one value with text keys and no extension but the timestamp."""

    def pairs(items: list[tuple[object, object]]) -> dict[object, object]:
        if not all(isinstance(key, str) for key, _ in items):
            raise ValueError("key")
        return {"pairs": len(items)}

    def extension(code: int, data: bytes) -> object:
        raise ValueError(code)

    try:
        msgpack.unpackb(
            data, unicode_errors="surrogateescape", strict_map_key=False, object_pairs_hook=pairs, ext_hook=extension
        )
    except (ValueError, msgpack.UnpackException):
        return False
    return True


def scan_takes(data: bytes) -> bool:
    try:
        scan(data)
    except RemoteProtocolError:
        return False
    return True


@given(MAPS)
def test_what_msgpack_writes_is_read_as_msgpack_reads_it(value: dict[str, object]) -> None:
    data = msgpack.packb(value)
    assert decode_map(data) == msgpack.unpackb(data) == value


@given(MAPS)
def test_what_is_encoded_is_decoded(value: dict[str, object]) -> None:
    assert decode_map(encode_map(value)) == value


@given(wide())
def test_wider_forms_than_needed_are_read_alike(data: bytes) -> None:
    assert decode_map(data) == msgpack.unpackb(data)


@given(st.binary(max_size=30) | TAG_SALAD | MAPS.map(msgpack.packb).map(lambda data: data[:60]))
@settings(max_examples=500)
def test_scan_and_library_agree_on_any_bytes(data: bytes) -> None:
    # A timestamp with impossible nanoseconds is well-formed; only the decoder sees that.
    timestamp = b"\xd7\xff" in data or b"\xc7\x0c\xff" in data
    assert scan_takes(data) == library_takes(data) or (timestamp and scan_takes(data))


@given(MAPS, st.data())
def test_every_truncation_is_refused(value: dict[str, object], data: st.DataObject) -> None:
    whole = msgpack.packb(value)
    assert refusal(whole[: data.draw(st.integers(0, len(whole) - 1))]).code is ErrorCode.BAD_FRAME


def test_a_value_of_every_form_is_refused_when_cut_at_every_byte() -> None:
    value = {
        "fix": [0, -1, True, None, "x", {"a": []}],
        "numbers": [200, 60_000, 2**31, 2**63, -100, -30_000, -(2**31), -(2**63), 1.5],
        "texts": ["x" * 31, "x" * 200, "x" * 70_000],
        "binaries": [b"x" * 200, b"x" * 300, b"x" * 70_000],
        "times": [msgpack.Timestamp(1), msgpack.Timestamp(1, 1), msgpack.Timestamp(2**40, 1)],
        "arrays": [[0] * 16, [0] * 20],
        "maps": {str(number): number for number in range(20)},
    }
    whole = msgpack.packb(value) + b""
    head = len(whole)
    cuts = [*range(400), *range(400, head, 997), *range(head - 300, head)]
    assert [cut for cut in cuts if scan_takes(whole[:cut])] == []
    assert scan_takes(whole)


@given(MAPS, st.binary(min_size=1, max_size=5))
def test_after_bytes_the_value_are_refused(value: dict[str, object], more: bytes) -> None:
    assert refusal(msgpack.packb(value) + more).code is ErrorCode.BAD_FRAME


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends inside"),
        (b"\xc1", "0xc1"),
        (b"\x81\xa1a\xc1", "0xc1"),
        (b"\x01", "not a map"),
        (b"\x90", "not a map"),
        (b"\xc0", "not a map"),
        (b"\x81\x01\x01", "key is not a text"),
        (b"\x81\xc4\x01a\x01", "key is not a text"),
        (b"\x81\xc0\x01", "key is not a text"),
        (b"\x81\x90\x01", "key is not a text"),
        (b"\x81\xa1a\x81\x01\x01", "key is not a text"),
        (b"\x82\xa1a\x90\x01\x01", "key is not a text"),
        (b"\x81\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x00\x01", "key is not a text"),
        (b"\x82\xa1a\x01\xa1a\x02", "'a' stands twice"),
        (b"\x82\xa1a\x01\xd9\x01a\x02", "'a' stands twice"),
        (b"\x81\xa1x\x82\xa1b\x01\xa1b\x01", "'b' stands twice"),
        (b"\x81\xa1\xff\x01", "can't be read"),
        (b"\x81\xa1a\xa2\xc3\x28", "can't be read"),
        (b"\x81\xa1a\xa3\xed\xa0\x80", "can't be read"),
        (b"\x81\xa1a\xd4\x01x", "extension type 1"),
        (b"\x81\xa1a\xd8\x7f" + b"x" * 16, "extension type 127"),
        (b"\x81\xa1a\xc7\x03\x05xxx", "extension type 5"),
        (b"\x81\xa1a\xc8\x00\x03\xfexxx", "extension type -2"),
        (b"\x81\xa1a\xc9\xff\xff\xff\xff\x05", "extension type 5"),
        (b"\x81\xa1a\xd4\xffx", "extension type -1"),
        (b"\x81\xa1a\xc7\x05\xffxxxxx", "extension type -1"),
        (b"\x81\xa1a\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x01", "can't be read"),
        (b"\x81\xa1a\xdb\x00\x00\x00\x09x", "ends inside"),
        (b"\x81\xa1a\xa3xx", "ends inside"),
        (b"\x81\xa1a", "ends inside"),
        (b"\x81\xa1a\xdd\x00\x00\x00\x09\x01", "claims more values"),
        (b"\x81\xa1a\xdc\xff\xff", "more than 50000 values"),
        (b"\x81\xa1a\xdf\xff\xff\xff\xff", "more than 50000 values"),
        (b"\xdf\x80\x00\x00\x00", "more than 50000 values"),
        (b"\x81\xa1a\xdb\xff\xff\xff\xff", "text in the body has 4294967295 bytes"),
        (b"\x81\xa1a\xc6\xff\xff\xff\xff", "binary value in the body has 4294967295 bytes"),
        (b"\x81\xdb\x00\x30\x00\x00", "text in the body has 3145728 bytes"),
    ],
    ids=lambda value: value.hex()[:30] if isinstance(value, bytes) else value,
)
def test_what_is_wrong_is_named(data: bytes, words: str) -> None:
    assert words in refusal(data).message


@pytest.mark.parametrize("opener", [b"\x91", b"\x81\xa1a", b"\xdc\x00\x01", b"\xdd\x00\x00\x00\x01"])
def test_nesting_ends_at_the_limit(opener: bytes) -> None:
    assert scan_takes(opener * 32 + b"\x01")
    with pytest.raises(RemoteProtocolError, match="nested deeper than 32"):
        scan(opener * 33 + b"\x01")
    with pytest.raises(RemoteProtocolError, match="nested deeper than 32"):
        scan(opener * 100_000)


def test_depth_is_counted_from_the_outermost_container_again_after_one_is_closed() -> None:
    deep = b"\x91" * 31 + b"\x01"
    assert scan_takes(b"\x93" + deep * 3)


@pytest.mark.parametrize(
    ("limits", "fits", "over"),
    [
        (Limits(body_bytes=9), b"\x81\xa1a\xa5xxxxx", b"\x81\xa1a\xa6xxxxxx"),
        (Limits(string_bytes=40), b"\x81\xa1a\xd9\x28" + b"x" * 40, b"\x81\xa1a\xd9\x29" + b"x" * 41),
        (Limits(binary_bytes=40), b"\x81\xa1a\xc4\x28" + b"x" * 40, b"\x81\xa1a\xc4\x29" + b"x" * 41),
        (Limits(elements=6), b"\x81\xa1a\x93\x01\x02\x03", b"\x81\xa1a\x94\x01\x02\x03\x04"),
        (Limits(depth=2), b"\x81\xa1a\x91\x01", b"\x81\xa1a\x91\x91\x01"),
    ],
    ids=["body", "text", "binary", "values", "depth"],
)
def test_each_limit_holds_to_the_byte(limits: Limits, fits: bytes, over: bytes) -> None:
    assert decode_map(fits, limits) == msgpack.unpackb(fits)
    assert refusal(over, limits).code is ErrorCode.TOO_LARGE


def test_timestamps_of_all_three_sizes_are_read_as_seconds() -> None:
    times = [msgpack.Timestamp(1), msgpack.Timestamp(1, 500_000_000), msgpack.Timestamp(2**40, 0)]
    assert decode_map(msgpack.packb({"t": times})) == {"t": [1.0, 1.5, float(2**40)]}


def peak_of(data: bytes) -> int:
    """Bytes that were allocated at most while `data` was read or refused."""
    tracemalloc.start()
    try:
        decode_map(data)
    except RemoteProtocolError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


BODY = LIMITS.body_bytes
BOMBS = {
    "one array of empty arrays": b"\x81\xa1a\xdd" + struct.pack(">I", BODY - 8) + b"\x90" * (BODY - 8),
    "one array of empty maps": b"\x81\xa1a\xdd" + struct.pack(">I", BODY - 8) + b"\x80" * (BODY - 8),
    "many small arrays": b"\x81\xa1a\xdd\x00\x00\xc0\x00" + (b"\x9f" + b"\x90" * 15) * ((BODY - 8) // 16),
    "many small maps": b"\x81\xa1a\xdd\x00\x00\xc0\x00" + b"\x81\xa0\x90" * ((BODY - 8) // 3),
    "arrays in arrays": b"\x91" * BODY,
    "a claimed array": b"\x81\xa1a\xdd\xff\xff\xff\xff" + b"\x90" * (BODY - 8),
    "a claimed map": b"\x81\xa1a\xdf\xff\xff\xff\xff" + b"\xa0\x90" * (BODY // 2 - 4),
    "a claimed text": b"\x81\xa1a\xdb\xff\xff\xff\xff" + b"x" * (BODY - 8),
    "a text beyond the limit": b"\x81\xa1a\xdb" + struct.pack(">I", BODY - 8) + b"x" * (BODY - 8),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_four_mebibytes_is_refused_before_anything_is_made(name: str) -> None:
    bomb = BOMBS[name]
    assert BODY - 16 <= len(bomb) <= BODY
    assert refusal(bomb).code in (ErrorCode.TOO_LARGE, ErrorCode.BAD_FRAME)
    assert peak_of(bomb) < MIB // 4


def test_the_dearest_body_that_passes_costs_a_bounded_amount() -> None:
    rows = [{"": []} for _ in range((LIMITS.elements - 4) // 3)]
    wide_text = ("\U0001f980" + "x" * (LIMITS.string_bytes - 5)) if LIMITS.string_bytes else ""
    assert peak_of(msgpack.packb({"rows": rows})) < 16 * MIB
    assert peak_of(msgpack.packb({"a": wide_text, "b": "x" * (2 * MIB - 100)})) < 24 * MIB


def test_more_than_the_body_limit_is_refused_unread() -> None:
    assert refusal(b"\xc1" * (BODY + 1)).code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"a": object()}, ErrorCode.BAD_INPUT),
        ({"a": 2**64}, ErrorCode.BAD_INPUT),
        ({"a": -(2**63) - 1}, ErrorCode.BAD_INPUT),
        ({"a": "\ud800"}, ErrorCode.BAD_INPUT),
        ({"a": {1: 2}}, ErrorCode.BAD_INPUT),
        ({"a": {b"k": 2}}, ErrorCode.BAD_INPUT),
        ({"a": {None: 2}}, ErrorCode.BAD_INPUT),
        ({"a": msgpack.ExtType(5, b"x")}, ErrorCode.BAD_INPUT),
        ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, ErrorCode.BAD_INPUT),
        ({"a": {1, 2}}, ErrorCode.BAD_INPUT),
        ({"a": "x" * (2 * MIB + 1)}, ErrorCode.TOO_LARGE),
        ({"a": b"x" * (4 * MIB)}, ErrorCode.TOO_LARGE),
        ({"a": [0] * 50_000}, ErrorCode.TOO_LARGE),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_the_peer_would_refuse_is_not_sent(value: dict[str, object], code: ErrorCode) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode_map(value)
    assert caught.value.code is code


@pytest.mark.parametrize(("depth", "code"), [(33, ErrorCode.TOO_LARGE), (5_000, ErrorCode.BAD_INPUT)])
def test_a_value_that_is_nested_too_deep_is_not_sent(depth: int, code: ErrorCode) -> None:
    value: dict[str, object] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    with pytest.raises(LocalProtocolError) as caught:
        encode_map({"a": value})
    assert caught.value.code is code
