"""What retention decides: by age first, then the oldest until all fit; never what is in use, damaged or of today."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.session.retention import MOST_ACTIONS, Action, Candidate, Policy, decide

DAY = 24 * 3600 * 1000
NOW = 1000 * DAY


def row(id: str, days: float, size: int = 100, archived: bool = False, spared: str = "") -> Candidate:
    return Candidate(id, f"title {id}", NOW - int(days * DAY), size, archived, spared)


def decided(*rows: Candidate, **policy: int) -> list[tuple[str, str]]:
    return [(action.session, action.action) for action in decide(rows, Policy(**policy), NOW)]


def test_nothing_is_done_that_nobody_asked_for() -> None:
    assert decided(row("a", 999), row("b", 2)) == []
    assert not Policy().asks_for_something


def test_old_ones_are_archived_and_older_ones_removed_oldest_first() -> None:
    rows = [row("new", 5), row("old", 40), row("packed", 50, archived=True), row("oldest", 400)]
    assert decide(rows, Policy(archive_after_days=30, remove_after_days=365), NOW) == (
        Action("oldest", "remove", "unchanged for 400 days; after 365 a session is removed", 100, "title oldest"),
        Action("old", "archive", "unchanged for 40 days; after 30 a session is archived", 100, "title old"),
    )


def test_a_day_counts_when_it_is_over() -> None:
    assert decided(row("a", 29.99), archive_after_days=30) == []
    assert decided(row("a", 30), archive_after_days=30) == [("a", "archive")]


def test_the_oldest_go_until_all_that_stay_fit() -> None:
    rows = [row(name, days, 100) for name, days in (("a", 9), ("b", 8), ("c", 7), ("d", 6))]
    assert decided(*rows, max_bytes=250) == [("a", "remove"), ("b", "remove")]
    assert decided(*rows, max_bytes=400) == []
    assert decide(rows, Policy(max_bytes=399), NOW)[0].reason == (
        "all sessions have 400 bytes, and 399 are kept; this is the oldest"
    )


def test_what_is_spared_counts_but_stays() -> None:
    rows = [row("a", 9, spared="it is running"), row("b", 8), row("today", 0.9), row("c", 7)]
    assert decided(*rows, max_bytes=100) == [("b", "remove"), ("c", "remove")]
    assert decided(*rows, remove_after_days=1) == [("b", "remove"), ("c", "remove")]


def test_what_is_archived_now_is_thought_small_and_not_removed_in_the_same_run() -> None:
    rows = [row("a", 90, 400), row("b", 2, 100)]
    assert decided(*rows, archive_after_days=30, max_bytes=200) == [("a", "archive")]
    assert decided(*rows, archive_after_days=30, max_bytes=150) == [("a", "archive"), ("b", "remove")]


def test_a_run_has_an_end() -> None:
    rows = [row(f"{n}", 10 + n) for n in range(MOST_ACTIONS + 5)]
    assert len(decided(*rows, remove_after_days=1)) == MOST_ACTIONS


candidates = st.lists(
    st.builds(
        Candidate,
        id=st.text("abc", min_size=1, max_size=6),
        title=st.just(""),
        updated_at_ms=st.integers(NOW - 500 * DAY, NOW + DAY),
        bytes=st.integers(0, 1000),
        archived=st.booleans(),
        spared=st.sampled_from(["", "it is running"]),
    ),
    max_size=12,
    unique_by=lambda row: row.id,
)
limits = st.integers(0, 400)


@given(candidates, limits, limits, st.integers(0, 5000))
def test_it_never_touches_what_is_spared_and_never_more_than_it_must(
    rows: list[Candidate], archive: int, remove: int, most: int
) -> None:
    actions = decide(rows, Policy(archive, remove, most), NOW)
    by_id = {row.id: row for row in rows}
    touched = [by_id[action.session] for action in actions]
    assert all(not row.spared and NOW - row.updated_at_ms >= DAY for row in touched)
    assert len({action.session for action in actions}) == len(actions)
    assert all(action.reason for action in actions)
    assert not any(action.action == "archive" and by_id[action.session].archived for action in actions)
    by_size = [action for action in actions if action.reason.startswith("all sessions")]
    if by_size:
        gone = {action.session for action in actions if action.action == "remove"}
        packed = {action.session for action in actions if action.action == "archive"}
        left = sum(row.bytes // 4 if row.id in packed else row.bytes for row in rows if row.id not in gone)
        assert left + by_size[-1].bytes > most
