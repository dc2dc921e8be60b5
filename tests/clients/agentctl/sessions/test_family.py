"""Forks as a tree: above and below, in the order in which they were made, whatever is missing or wrong."""

from __future__ import annotations

from agentctl.render.table import moment
from agentctl.sessions.family import drawn, family
from agentproto.api.session import SessionSummary
from clients.stage import AT, summary

WHEN = moment(AT)


def made(id: str, parent: str | None, at: int) -> SessionSummary:
    return summary(id, parent=parent, title=f"of {id}", created_at_ms=AT + at)


TREE = [
    made("other", None, 0),
    made("leaf", "late", 5),
    made("late", "root", 4),
    made("early", "root", 2),
    made("root", None, 1),
]


def test_the_whole_family_is_drawn_and_the_one_that_was_asked_about_marked() -> None:
    assert drawn(family("late", TREE)) == (
        f"  root  {WHEN}  of root\n"
        f"    early  {WHEN}  of early\n"
        f"*   late  {WHEN}  of late\n"
        f"      leaf  {WHEN}  of leaf\n"
    )


def test_one_without_relatives_is_alone() -> None:
    assert drawn(family("other", TREE)) == f"* other  {WHEN}  of other\n"


def test_a_parent_that_was_removed_keeps_its_place() -> None:
    assert drawn(family("fork", [made("fork", "gone", 1), made("twin", "gone", 2)])) == (
        f"  gone  (removed)\n*   fork  {WHEN}  of fork\n    twin  {WHEN}  of twin\n"
    )


def test_headers_that_lead_in_a_circle_end() -> None:
    assert [(one.id, one.depth) for one in family("a", [made("a", "b", 1), made("b", "a", 2)])] == [("b", 0), ("a", 1)]


def test_one_that_is_not_there_has_none() -> None:
    assert family("nobody", TREE) == []
