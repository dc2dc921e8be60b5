"""Codes: each has an owner and a remedy, none is ever given another meaning."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from agentproto.errors import ErrorCode, LocalProtocolError, Owner, ProtocolError, RemoteProtocolError, WireError
from agentproto.shape import to_plain, typed

RELEASED = {
    "bad_frame": "client",
    "bad_version": "client",
    "not_greeted": "client",
    "unknown_method": "client",
    "unknown_field": "client",
    "bad_input": "client",
    "not_found": "client",
    "conflict": "client",
    "forbidden": "client",
    "too_large": "client",
    "cancelled": "client",
    "bad_setting": "user",
    "over_budget": "user",
    "disk": "environment",
    "no_file": "environment",
    "no_access": "environment",
    "exists": "environment",
    "disk_full": "environment",
    "link_in_path": "environment",
    "not_regular": "environment",
    "read_only": "environment",
    "damaged": "environment",
    "bad_home": "environment",
    "network": "environment",
    "no_program": "environment",
    "busy": "daemon",
    "deadline": "daemon",
    "worker": "daemon",
    "stopping": "daemon",
    "internal": "daemon",
    "model": "model",
    "bad_arguments": "model",
    "tool": "tool",
}
"""Clients compare with these: a code may be added, none may vanish or change its owner."""


def test_no_code_vanishes_or_changes_its_owner() -> None:
    codes = {code.value: code.owner for code in ErrorCode}
    assert {name: codes.get(name) for name in RELEASED} == RELEASED


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_says_whose_fault_it_is_and_what_can_be_done(code: ErrorCode) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)
    assert code.owner in get_args(Owner)
    assert re.fullmatch(r"[A-Z`].{8,}[.]", code.remedy)


def test_the_base_is_never_raised() -> None:
    with pytest.raises(TypeError, match="raise LocalProtocolError or RemoteProtocolError"):
        ProtocolError(ErrorCode.BUSY, "x")


@pytest.mark.parametrize("kind", [LocalProtocolError, RemoteProtocolError])
def test_a_fault_goes_over_the_wire_whole(kind: type[ProtocolError]) -> None:
    fault = kind(ErrorCode.BAD_INPUT, "no", field="a.b")
    assert (str(fault), fault.code, fault.message, fault.field) == ("no", ErrorCode.BAD_INPUT, "no", "a.b")
    error = fault.to_wire()
    assert error == WireError(
        code="bad_input",
        owner="client",
        message="no",
        remedy="Mend the field that is named and send it again.",
        field="a.b",
    )
    assert typed(to_plain(error), WireError) == error


def test_a_code_that_a_client_does_not_know_can_still_be_read() -> None:
    assert typed({"code": "of_tomorrow", "owner": "daemon", "message": "m"}, WireError).code == "of_tomorrow"
