"""Roles: what each may, and that a conversation's role only shrinks."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from agentproto.method import ROLES, Count, Key, Method, Offset, Role, may, shrink


class Nothing(msgspec.Struct):
    """No fields."""


def method(role: Role) -> Method:
    return Method("thing.do", Nothing, Nothing, "Does it.", role=role)


def test_a_methods_resource_is_its_first_word() -> None:
    assert method("owner").resource == "thing"


def test_every_role_has_a_rank() -> None:
    assert set(ROLES) == set(get_args(Role))


@pytest.mark.parametrize(
    ("bearer", "allowed"),
    [
        ("owner", {"owner", "editor", "worker", "observer"}),
        ("editor", {"editor", "worker", "observer"}),
        ("worker", {"worker", "observer"}),
        ("observer", {"worker", "observer"}),
        ("", set()),
        ("Owner", set()),
        ("root", set()),
    ],
)
def test_what_a_role_may_call(bearer: str, allowed: set[str]) -> None:
    assert {role for role in get_args(Role) if may(bearer, method(role))} == allowed


@pytest.mark.parametrize(
    ("granted", "asked", "given"),
    [
        ("owner", None, "owner"),
        ("owner", "editor", "editor"),
        ("owner", "observer", "observer"),
        ("owner", "worker", "worker"),
        ("editor", "owner", "editor"),
        ("observer", "owner", "observer"),
        ("observer", "editor", "observer"),
        ("editor", "root", "editor"),
        ("editor", "", "editor"),
    ],
)
def test_a_role_only_shrinks(granted: Role, asked: str | None, given: Role) -> None:
    assert shrink(granted, asked) == given
    assert ROLES[shrink(granted, asked)] <= ROLES[granted]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [(Key, ["k", "k" * 128], ["", "k" * 129]), (Count, [1, 2**60], [0, -1]), (Offset, [0, 5], [-1])],
    ids=["key", "count", "offset"],
)
def test_bounds_of_what_requests_carry(kind: object, good: list[object], bad: list[object]) -> None:
    assert [msgspec.convert(value, kind) for value in good] == good  # type: ignore[call-overload]
    for value in bad:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value, kind)  # type: ignore[call-overload]
