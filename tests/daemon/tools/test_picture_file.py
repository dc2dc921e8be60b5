"""A picture's type and size, of its header alone; whatever the bytes are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.tools.picture_file import MOST_BYTES, MOST_SIDE, Picture, look, too_large
from support.drawn import gif, jpeg, png, webp_extended, webp_lossless, webp_lossy

SIDES = st.integers(1, 16_000)
COMMENT = b"\xff\xfe\x00\x08\xff\xc0hey!"  # what looks like a frame is inside of it


@given(SIDES, SIDES)
def test_the_size_is_read_of_each_type(width: int, height: int) -> None:
    assert look(png(width % 50 + 1, height % 50 + 1)) == Picture("image/png", width % 50 + 1, height % 50 + 1)
    assert look(gif(width, height)) == Picture("image/gif", width, height)
    assert look(jpeg(width, height)) == Picture("image/jpeg", width, height)
    for webp in (webp_lossy, webp_lossless, webp_extended):
        assert look(webp(width, height)) == Picture("image/webp", width, height)


@pytest.mark.parametrize(
    "data",
    [
        jpeg(3, 4, COMMENT),
        jpeg(3, 4, b"\xff\xff\xff" + COMMENT),
        jpeg(3, 4, b"\xff\x01\xff\xd0", b"\xff\xc4\x00\x03\x00"),
        jpeg(3, 4, *[COMMENT] * 1_000),
        jpeg(3, 4, frame=0xC2),
    ],
    ids=["a comment", "fill bytes", "other markers", "many segments", "progressive"],
)
def test_the_frame_of_a_jpeg_is_found_behind_what_comes_before(data: bytes) -> None:
    assert look(data) == Picture("image/jpeg", 3, 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF8",
        b"\x89PNG\r\n\x1a\n123",
        png(2, 2)[:22],
        png(2, 2).replace(b"\0\0\0\x02", b"\0\0\0\0", 1),
        gif(2, 2)[:9],
        jpeg(2, 2)[:-6],
        jpeg(2, 2, b"\xff\xd9"),
        jpeg(2, 2, b"\xff\xda"),
        jpeg(2, 2, b"x"),
        jpeg(2, 2, b"\xff" * 1_000_000),
        webp_lossy(2, 2)[:29],
        webp_lossless(2, 2)[:24],
        webp_extended(2, 2)[:29],
        webp_lossy(2, 2).replace(b"VP8 ", b"ALPH"),
        b"BM" + bytes(60),
        b"plain text",
    ],
)
def test_what_does_not_tell_a_size_is_no_picture(data: bytes) -> None:
    assert look(data) is None


@given(
    st.sampled_from([png(3, 3), gif(3, 3), jpeg(3, 3, COMMENT), webp_lossy(3, 3), webp_extended(3, 3)]),
    st.integers(0, 60),
    st.binary(max_size=20),
)
def test_no_damage_raises(data: bytes, at: int, put: bytes) -> None:
    found = look(data[:at] + put + data[at + len(put) :])
    assert found is None or (found.width > 0 and found.height > 0)


@pytest.mark.parametrize(
    ("size", "sides", "why"),
    [
        (MOST_BYTES, (MOST_SIDE, 1), ""),
        (MOST_BYTES + 1, (1, 1), "pictures of up to 5 MiB are shown"),
        (1, (1, MOST_SIDE + 1), "pictures of up to 8000 pixels a side are shown"),
    ],
)
def test_what_a_server_would_refuse_is_too_large(size: int, sides: tuple[int, int], why: str) -> None:
    assert too_large(bytes(size), Picture("image/png", *sides)) == why
