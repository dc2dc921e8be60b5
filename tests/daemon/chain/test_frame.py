"""One line: its bytes are as documented, and nothing that was changed passes."""

from __future__ import annotations

import zlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agentd.chain.frame import FIRST_LINK, Damage, Line, decode_line, encode_line, line_crc, split_lines


class Word(msgspec.Struct, frozen=True, tag="word", tag_field="type"):
    text: str


DECODER = msgspec.json.Decoder(Word)


def test_a_line_is_written_as_the_page_says() -> None:
    raw, crc = encode_line(7, 1_790_000_000_000, Word("hé"), b"0badcafe")
    start = '{"seq":7,"at_ms":1790000000000,"type":"word","text":"hé"'.encode()
    expected = b"%08x" % zlib.crc32(b"0badcafe" + start)
    assert (raw, crc) == (start + b',"crc":"' + expected + b'"}\n', expected)
    assert line_crc(b"0badcafe", start) == expected
    assert decode_line(raw, 40, b"0badcafe", 7, DECODER) == Line(7, 1_790_000_000_000, Word("hé"), 40, len(raw), crc)


@given(st.text(max_size=40), st.data())
def test_no_single_change_of_a_line_passes(text: str, data: st.DataObject) -> None:
    raw, _ = encode_line(1, 2, Word(text), FIRST_LINK)
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert isinstance(decode_line(bytes(changed), 0, FIRST_LINK, 1, DECODER), Damage)
    assert isinstance(decode_line(raw[:place], 0, FIRST_LINK, 1, DECODER), Damage)


def test_a_line_of_another_place_is_damage_that_says_so() -> None:
    raw, _ = encode_line(3, 2, Word("x"), FIRST_LINK)
    wrong_number = decode_line(raw, 9, FIRST_LINK, 4, DECODER)
    assert wrong_number == Damage(9, "entry 3 stands where 4 belongs")
    wrong_chain = decode_line(raw, 9, b"00000001", 3, DECODER)
    assert wrong_chain == Damage(9, "the line's checksum does not fit its bytes or the line before")
    assert decode_line(b"nonsense\n", 0, FIRST_LINK, 1, DECODER) == Damage(0, "the line does not end with a checksum")
    assert decode_line(b"", 0, FIRST_LINK, 1, DECODER) == Damage(0, "the line has no end")


@given(st.lists(st.binary(max_size=5).map(lambda b: b.replace(b"\n", b" ")), max_size=6), st.booleans())
def test_splitting_keeps_every_byte_and_its_place(parts: list[bytes], ended: bool) -> None:
    data = b"".join(part + b"\n" for part in parts) + (b"" if ended else b"tail")
    lines = split_lines(data, 100)
    assert b"".join(raw for _, raw in lines) == data
    assert [place for place, _ in lines] == [100 + data.find(raw, place - 100) for place, raw in lines]
