"""Exit codes: every stop reason has one, and the manual lists each."""

from __future__ import annotations

from typing import get_args

from agentctl import exits
from agentproto.api.turn import StopReason
from agentproto.errors import ErrorCode
from house.tree import ROOT


def test_every_stop_reason_has_a_code() -> None:
    assert sorted(exits.STOP_CODES) == sorted(get_args(StopReason))


def test_error_codes_exist_on_the_wire() -> None:
    assert [code for code in exits.ERROR_CODES if code not in {one.value for one in ErrorCode}] == []


def test_the_manual_lists_each_code_with_its_meaning() -> None:
    manual = (ROOT / "docs" / "commands.md").read_text()
    assert [code for code, words in exits.CODES.items() if f"| {code} | {words} |" not in manual] == []
