"""`sessions archive`: by name or by age, back again, and one that is refused stops none of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentclient.testing import Call
from agentproto.errors import WireError
from agentproto.keeping import ArchiveParams, ArchiveResult, Retained, RetainResult
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import listing, lived, summary

OTHER = "s0000000000000002"
DUE = (Retained(SESSION, "archive", "31 days old", 9000, "a title"), Retained(OTHER, "archive", "40 days old", 90))


def archived(call: Call) -> ArchiveResult | WireError:
    assert isinstance(call.params, ArchiveParams)
    if call.params.session == OTHER:
        return WireError("conflict", "client", f"{OTHER} runs", "A turn is open.", "Wait for its end.")
    before, after = (900, 9000) if call.params.restore else (9000, 900)
    return ArchiveResult(call.params.session, before, after)


@pytest.mark.parametrize(
    ("options", "out"),
    [((), f"archived  {SESSION}  8.8 KiB -> 900 B\n"), (("--restore",), f"restored  {SESSION}  900 B -> 8.8 KiB\n")],
)
def test_there_and_back(home: Path, options: tuple[str, ...], out: str) -> None:
    with double(home, lived(session_archive=archived)):
        assert ctl(home, "sessions", "archive", SESSION, *options) == Ran(0, out, "")


def test_one_that_is_refused_stops_none_of_the_others(home: Path) -> None:
    with double(home, lived(session_archive=archived)):
        assert ctl(home, "sessions", "archive", OTHER, SESSION) == Ran(
            1,
            f"archived  {SESSION}  8.8 KiB -> 900 B\n",
            f"error: {OTHER} runs\n  why: A turn is open.\n   do: Wait for its end.\n",
        )


def test_by_age_with_a_dry_run_first(home: Path) -> None:
    handlers = lived(
        session_list=listing(summary(), summary(OTHER)),
        session_retain=lambda call: RetainResult(DUE, True),
        session_archive=archived,
    )
    with double(home, handlers) as served:
        dry = ctl(home, "sessions", "archive", "--older-than", "30d", "--dry-run")
        data = json.loads(ctl(home, "sessions", "archive", "--older-than", "30d", "--dry-run", "--json").out)
        assert "session.archive" not in served.methods()
        ran = ctl(home, "sessions", "archive", "--older-than", "30d", "--json")
    assert dry == Ran(0, f"would archive  {SESSION}  8.8 KiB  a title\nwould archive  {OTHER}  90 B\n", "")
    assert [(one["session"], one["reason"], one["bytes"]) for one in data] == [
        (SESSION, "31 days old", 9000),
        (OTHER, "40 days old", 90),
    ]
    assert (ran.code, json.loads(ran.out)) == (
        1,
        [{"session": SESSION, "before_bytes": 9000, "after_bytes": 900}],
    )


def test_nothing_that_old_is_said(home: Path) -> None:
    with double(home, lived(session_retain=lambda call: RetainResult((), True))):
        assert ctl(home, "sessions", "archive", "--older-than", "30d") == Ran(0, "", "Nothing is that old.\n")


@pytest.mark.parametrize(
    "arguments",
    [(), (SESSION, "--older-than", "3d"), ("--older-than", "3d", "--restore"), (SESSION, "--dry-run")],
)
def test_what_makes_no_sense_is_wrong_usage(home: Path, arguments: tuple[str, ...]) -> None:
    assert ctl(home, "sessions", "archive", *arguments).code == 2
