"""gzip in pieces: every reader of gzip sees the plain bytes, the note is found at the front, no damage goes unseen."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.session.packing import NOTE_BYTES, front, front_end, inflate, member, note_in

NOTE = b'{"size":12,"title":"gr\xc3\xbcn"}'


def packed(*pieces: bytes) -> bytes:
    return front(NOTE) + b"".join(map(member, pieces))


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 5000))
def test_what_is_packed_comes_out_again_however_it_is_read(pieces: list[bytes], size: int) -> None:
    data = packed(*pieces)
    assert b"".join(inflate(cut(data, size))) == gzip.decompress(data) == b"".join(pieces)
    assert b"".join(inflate(cut(data[front_end(data) :], size))) == b"".join(pieces)
    assert note_in(data[:NOTE_BYTES]) == NOTE


def test_unpacking_comes_in_pieces_of_bounded_size() -> None:
    plain = b"a" * 3_000_000
    sizes = [len(piece) for piece in inflate([packed(plain)])]
    assert (sum(sizes), max(sizes)) == (len(plain), 256 * 1024)


def test_equal_input_gives_equal_bytes() -> None:
    assert packed(b"one", b"two") == packed(b"one", b"two")


def test_every_cut_is_seen_but_one_between_two_members() -> None:
    data = packed(b"some words " * 20, b"more words " * 20)
    whole = {len(front(NOTE)), len(packed(b"some words " * 20))}
    for end in range(1, len(data)):
        if end in whole:
            list(inflate([data[:end]]))
        else:
            with pytest.raises(ValueError):
                list(inflate([data[:end]]))


def test_a_changed_byte_is_an_error_or_changes_nothing_that_counts() -> None:
    plain = bytes(range(256)) * 4
    data = packed(plain)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x10
        try:
            got = b"".join(inflate([bytes(changed)]))
        except ValueError:
            continue
        assert got == plain, at


def test_all_that_lies_before_a_damage_is_had() -> None:
    plain = b"".join(b"line %d\n" % number for number in range(2000))
    data = bytearray(packed(plain))
    data[-6] ^= 1  # the last member's checksum
    got: list[bytes] = []
    with pytest.raises(ValueError):
        got.extend(inflate([bytes(data)]))
    assert b"".join(got) == plain


def test_a_damaged_note_is_none_and_does_not_hide_the_rest() -> None:
    data = packed(b"the rest")
    for at in range(len(NOTE) + 12):
        changed = bytearray(data)
        changed[at] ^= 0x20
        assert note_in(bytes(changed)) is None, at
        assert b"".join(inflate([bytes(changed)[front_end(bytes(changed)) :]])) == b"the rest"


def test_what_has_no_front_begins_at_its_beginning() -> None:
    assert (note_in(gzip.compress(b"x")), front_end(gzip.compress(b"x")), note_in(b""), front_end(b"")) == (
        None,
        0,
        None,
        0,
    )


def test_notes_that_do_not_fit_are_refused() -> None:
    for note in (b"a\0b", b"x" * NOTE_BYTES):
        with pytest.raises(ValueError):
            front(note)
