"""Session ids: their shape, their order, and that the double makes the same shape from a seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.world.fake import FakeIds
from agentd.world.ids import RealIds, session_id, unit_fraction

TIMES = st.integers(0, 2**45 - 1)
CHANCES = st.integers(0, 2**35 - 1)


@pytest.mark.parametrize(
    ("now_ms", "chance", "text"),
    [
        (0, 0, "s" + "0" * 16),
        (1, 1, "s0000000010000001"),
        (2**45 - 1, 2**35 - 1, "s" + "z" * 16),
        (1_767_603_600_000, 0, "s1ke6p4ym00000000"),
    ],
)
def test_an_id_is_time_then_chance_in_base_32(now_ms: int, chance: int, text: str) -> None:
    assert session_id(now_ms, chance) == text


@given(TIMES, CHANCES, TIMES, CHANCES)
def test_ids_sort_as_their_times_do(time_a: int, chance_a: int, time_b: int, chance_b: int) -> None:
    assert (session_id(time_a, chance_a) < session_id(time_b, chance_b)) == ((time_a, chance_a) < (time_b, chance_b))


def test_real_ids_are_never_the_same() -> None:
    ids = RealIds()
    made = {ids.session(1_000) for _ in range(1_000)}
    assert len(made) == 1_000
    assert {(len(name), name[:10]) for name in made} == {(17, session_id(1_000, 0)[:10])}
    assert len({ids.token(16) for _ in range(1_000)}) == 1_000
    assert {len(ids.token(size)) for size in (0, 1, 32)} == {0, 1, 32}


def test_jitter_is_a_fraction() -> None:
    assert (unit_fraction(bytes(7)), unit_fraction(b"\x80" + bytes(6))) == (0.0, 0.5)
    assert 0.999 < unit_fraction(b"\xff" * 7) < 1
    assert all(0 <= RealIds().jitter() < 1 for _ in range(1_000))


def test_the_double_repeats_itself_by_its_seed() -> None:
    def taken(seed: int) -> tuple[str, bytes, float]:
        ids = FakeIds(seed)
        return ids.session(5), ids.token(8), ids.jitter()

    assert taken(1) == taken(1) != taken(2)
