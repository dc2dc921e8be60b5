"""Estimates are never below what a tokenizer of the dear kind would count."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from agentd.context.tokens import BYTES_PER_TOKEN, Shape, estimate, estimate_of, shape_of


def dear(text: str) -> int:
    """What a tokenizer of one token a digit counts: each digit, each stretch between two numbers at least one, words at
    the 3.3 bytes a token that are the least measured for them."""
    numbers = [len(found) for found in re.findall(r"[0-9]+", text)]
    between = [len(found.encode()) for found in re.split(r"[0-9]+", text) if found]
    return sum(numbers) + int(sum(max(1.0, size / 3.3) for size in between))


def test_words_are_three_bytes_a_token() -> None:
    assert estimate(b"") == 1
    assert estimate(b"x" * 3000) == int(3000 / BYTES_PER_TOKEN) + 1


def test_other_scripts_are_counted_by_half_bytes() -> None:
    assert estimate("一".encode() * 100) == 151


def test_a_long_number_is_a_token_a_digit() -> None:
    assert estimate(b"7" * 1000) >= 1000
    assert estimate(b"x" * 1000 + b"7" * 1000) >= 1303


def test_a_table_of_figures_counts_what_stands_between_them_too() -> None:
    row = b"1,2,3,4,5,6,7,8,9,0\n"
    assert estimate(row * 100) >= len(row) * 100


def test_the_few_digits_of_a_text_change_nothing() -> None:
    text = b"one of the 3 files that were changed on that day, and no other one" * 100
    assert estimate(text) == int(len(text) / BYTES_PER_TOKEN) + 1


def test_signs_in_a_row_have_a_token_for_one_to_two_of_them() -> None:
    signs = b"{}[]()<>;:,.!?@#$%^&*-+=/|~`'" * 100
    assert len(signs) / 1.45 < estimate(signs) <= len(signs)


def test_packed_data_has_no_words_in_it() -> None:
    packed = b"Sm9obiBsaXZlcyBoZXJlLCBhbmQgTWFyeSBkb2VzLCB0b28uIFRoZXkgaGF2ZSBhIGRvZy4=" * 40
    assert len(packed) / 1.45 < estimate(packed) <= len(packed)


def test_a_text_is_measured_by_kinds_of_bytes() -> None:
    assert shape_of(b'{"a":"Bc 12\\n\xc3\xa9"}') == Shape(3, 1, 2, 1, 4, 4, 1, 2)
    assert shape_of(b'{"a":"Bc 12\\n\xc3\xa9"}').plain == 15


@given(st.binary(max_size=300))
def test_every_byte_is_of_one_kind(data: bytes) -> None:
    shape = shape_of(data)
    assert shape.plain + shape.foreign == len(data)
    assert estimate(data) == estimate_of(shape)


@given(
    st.lists(st.sampled_from(["\\n", "\\", "n", "Ab 1", '"é', "x" * 700]), min_size=20, max_size=60), st.integers(0, 60)
)
def test_what_was_measured_before_changes_no_measure(pieces: list[str], cut: int) -> None:
    """A body that begins as another does is measured from there; also where the cut is inside a line's end."""
    whole = "".join(pieces).encode() * 4
    parts = (whole, whole[: len(whole) - cut], whole[: len(whole) - cut] + b"n and more", whole)
    for part in parts:
        by_hand = (
            sum(97 <= byte <= 122 for byte in part),
            sum(65 <= byte <= 90 for byte in part),
            sum(48 <= byte <= 57 for byte in part),
            part.count(b" "),
            part.count(b'"'),
            part.count(b"\\n"),
            sum(byte > 127 for byte in part),
        )
        shape = shape_of(part)
        assert (
            shape.small,
            shape.capitals,
            shape.digits,
            shape.spaces,
            shape.quotes,
            shape.lines,
            shape.foreign,
        ) == by_hand
        assert shape.plain + shape.foreign == len(part)


@given(st.lists(st.sampled_from(["7", "1234567890", " ", ", ", "word", "a longer stretch of words"]), max_size=200))
def test_numbers_among_words_are_never_underestimated(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert dear(text) <= estimate(text.encode()) <= len(text) + 1


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_more_bytes_are_not_fewer_tokens(start: bytes, more: bytes) -> None:
    assert estimate(start) <= estimate(start + more)
