"""`sessions verify`: one or all; damage is exit code 7 and stops the others from nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentclient.testing import Call
from agentproto.errors import WireError
from agentproto.revisions import VerifyParams, VerifyResult
from clients.scene import Ran, ctl, double
from clients.stage import listing, lived, summary

GOOD, BAD, WORSE = "s0000000000000001", "s0000000000000002", "s0000000000000003"


def verified(call: Call) -> VerifyResult | WireError:
    assert isinstance(call.params, VerifyParams)
    match call.params.session:
        case id if id == BAD:
            return VerifyResult(BAD, False, 7, 2048, 1, "", ("byte 17 breaks the chain", "blob\nab is missing"))
        case id if id == WORSE:
            return WireError("damaged", "environment", "its first line is damaged", "It is no entry.", "agentd check")
        case id:
            return VerifyResult(id, True, 9, 9000, 2, "ab" * 32)


OK_LINE = f"ok       {GOOD}  9 entries, 8.8 KiB, 2 blobs  state {'ab' * 32}\n"
BAD_LINES = (
    f"DAMAGED  {BAD}  7 entries, 2.0 KiB, 1 blob  state -\n"
    "  byte 17 breaks the chain\n"
    "  blob ab is missing\n"
    f"DAMAGED  {WORSE}  0 entries, 0 B, 0 blobs  state -\n"
    "  its first line is damaged It is no entry.\n"
)


def test_one_that_is_whole(home: Path) -> None:
    with double(home, lived(session_verify=verified)):
        assert ctl(home, "sessions", "verify", GOOD) == Ran(0, OK_LINE, "")


def test_all_are_read_and_damage_is_exit_7(home: Path) -> None:
    rows = listing(summary(GOOD), summary(BAD), summary(WORSE))
    with double(home, lived(session_list=rows, session_verify=verified)):
        assert ctl(home, "sessions", "verify", "--all") == Ran(
            7, OK_LINE + BAD_LINES, "- 3 sessions verified, 2 damaged\n"
        )
        ran = ctl(home, "sessions", "verify", "--all", "--json")
    assert (ran.code, ran.err) == (7, "")
    assert [(one["session"], one["ok"], one["findings"]) for one in json.loads(ran.out)] == [
        (GOOD, True, []),
        (BAD, False, ["byte 17 breaks the chain", "blob\nab is missing"]),
        (WORSE, False, ["its first line is damaged It is no entry."]),
    ]


def test_another_refusal_is_no_damage(home: Path) -> None:
    error = WireError("not_found", "client", "there is no session x", "no log", "agentctl sessions list")
    with double(home, lived(session_verify=lambda call: error)):
        assert ctl(home, "sessions", "verify", "x").code == 1


@pytest.mark.parametrize("arguments", [(), (GOOD, "--all")])
def test_one_or_all_has_to_be_said(home: Path, arguments: tuple[str, ...]) -> None:
    assert ctl(home, "sessions", "verify", *arguments).code == 2
