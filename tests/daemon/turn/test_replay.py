"""Replay: the machine comes to the recorded entries again, and says where it does not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentd.chain.frame import FIRST_LINK, Line, encode_line
from agentd.session.entries import Decided, Entry, Finished, Started
from agentd.turn.replay import replay
from support.golden_story import golden_log

decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def chained(entries: Sequence[Entry]) -> list[Line[Entry]]:
    """The entries as the lines of a whole log."""
    lines: list[Line[Entry]] = []
    link = FIRST_LINK
    for seq, entry in enumerate(entries, 1):
        raw, link = encode_line(seq, seq, entry, link)
        lines.append(Line(seq, seq, entry, 0, len(raw), link))
    return lines


def golden() -> list[Entry]:
    return [decoder.decode(line) for line in golden_log().splitlines()]


def test_a_log_with_a_crash_in_it_is_replayed_to_the_byte_and_always_to_the_same_hash() -> None:
    entries = golden()
    first, second = replay(chained(entries)), replay(chained(entries))
    assert (first.identical, first.entries, first.differences) == (True, len(entries), ())
    assert (first.hash, first.machine) == (second.hash, second.recorded_by)


def test_a_decision_that_comes_out_otherwise_is_named_with_its_number_and_comparing_goes_on_behind_the_turn() -> None:
    entries = golden()
    at = next(n for n, entry in enumerate(entries) if isinstance(entry, Decided))
    entries[at] = msgspec.structs.replace(entries[at], reason="it felt right")
    last = max(n for n, entry in enumerate(entries) if isinstance(entry, Finished))
    entries[last] = msgspec.structs.replace(entries[last], steps=99)
    found = replay(chained(entries))
    assert [one.seq for one in found.differences] == [at + 1, last + 1]
    assert "it felt right" in found.differences[0].recorded
    assert "it felt right" not in found.differences[0].replayed


def test_an_entry_that_nothing_brings_is_a_difference() -> None:
    entries = golden()
    at = next(n for n, entry in enumerate(entries) if isinstance(entry, Started))
    found = replay(chained([*entries[: at + 1], entries[at], *entries[at + 1 :]]))
    assert found.differences[0].seq == at + 2


def test_the_middle_of_a_turn_is_no_difference_when_the_log_ends_there() -> None:
    entries = golden()
    for length in range(1, len(entries)):
        assert replay(chained(entries[:length])).differences == ()


def test_an_empty_log_is_replayed_to_nothing() -> None:
    found = replay([])
    assert (found.identical, found.entries) == (True, 0)
