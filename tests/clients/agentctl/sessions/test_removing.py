"""`sessions rm`: it asks; nothing goes that was not shown; where nobody can be asked it wants --yes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentclient.testing import Call, Handler
from agentproto.api import session
from agentproto.errors import WireError
from agentproto.keeping import RemoveParams, RemoveResult, Retained, RetainResult
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import lived, read, summary
from clients.terminal import terminal

OTHER = "s0000000000000002"
OLD = (Retained(SESSION, "remove", "91 days old", 9000, "a title"), Retained(OTHER, "remove", "95 days old", 90))


def removed(call: Call) -> RemoveResult | WireError:
    assert isinstance(call.params, RemoveParams)
    if call.params.session == OTHER:
        return WireError("conflict", "client", f"{OTHER} runs", "A turn is open.", "Wait for its end.")
    return RemoveResult(call.params.session, 9000)


def handlers() -> dict[str, Handler]:
    def looked_at(call: Call) -> session.ReadResult | WireError:
        assert isinstance(call.params, session.ReadParams)
        if call.params.session == "x":
            return WireError("not_found", "client", "there is no session x", "no log", "agentctl sessions list")
        return read(summary(call.params.session))

    return lived(session_read=looked_at, session_remove=removed, session_retain=lambda call: RetainResult(OLD, True))


def gone(served: list[Call]) -> list[str]:
    return [call.params.session for call in served if isinstance(call.params, RemoveParams)]


def test_without_a_terminal_it_wants_yes(home: Path) -> None:
    with double(home, handlers()) as served:
        refused = ctl(home, "sessions", "rm", SESSION)
        assert served.calls == []
        assert ctl(home, "sessions", "rm", SESSION, "--yes") == Ran(0, f"removed  {SESSION}  8.8 KiB\n", "")
    assert refused == Ran(
        2,
        "",
        "error: rm asks, and nobody can be asked here: give --yes, or --dry-run to see what would go.\n"
        "  why: `agentctl sessions rm` does not take that.\n"
        "   do: agentctl sessions rm --help\n",
    )


@pytest.mark.parametrize(("answer", "code", "removed_"), [("y", 0, [SESSION]), ("", 1, []), ("no", 1, [])])
def test_on_a_terminal_only_yes_removes(home: Path, answer: str, code: int, removed_: list[str]) -> None:
    with (
        double(home, handlers()) as served,
        terminal(home, "agentctl", "sessions", "rm", SESSION) as screen,
    ):
        screen.until(f"{SESSION}  8.8 KiB  a title")
        screen.until("Remove this session for good? There is no way back. [y/N] ")
        screen.type(f"{answer}\r")
        screen.until(f"removed  {SESSION}" if removed_ else "Nothing was removed.")
        assert screen.end() == code
    assert gone(served.calls) == removed_


def test_one_name_that_is_none_removes_nothing(home: Path) -> None:
    with double(home, handlers()) as served:
        ran = ctl(home, "sessions", "rm", SESSION, "x", "--yes")
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (1, "", "error: there is no session x")
    assert gone(served.calls) == []


def test_by_age_exactly_what_was_found_goes_one_by_one(home: Path) -> None:
    with double(home, handlers()) as served:
        dry = ctl(home, "sessions", "rm", "--older-than", "90d", "--dry-run")
        data = json.loads(ctl(home, "sessions", "rm", "--older-than", "90d", "--dry-run", "--json").out)
        assert gone(served.calls) == []
        ran = ctl(home, "sessions", "rm", "--older-than", "90d", "--yes")
        printed = ctl(home, "sessions", "rm", "--older-than", "90d", "--yes", "--json")
    assert dry == Ran(
        0,
        f"would remove  {SESSION}  8.8 KiB  a title  (91 days old)\n"
        f"would remove  {OTHER}  90 B  (no title)  (95 days old)\n",
        "",
    )
    assert data[1] == {"session": OTHER, "title": "", "bytes": 90, "reason": "95 days old"}
    assert ran == Ran(
        1,
        f"removed  {SESSION}  8.8 KiB\n",
        f"error: {OTHER} runs\n  why: A turn is open.\n   do: Wait for its end.\n",
    )
    assert (printed.code, json.loads(printed.out)) == (1, [{"session": SESSION, "bytes": 9000}])
    assert gone(served.calls) == [SESSION, OTHER] * 2


def test_a_damaged_one_can_go_too(home: Path) -> None:
    damaged = WireError("damaged", "environment", "its first line is damaged", "x", "agentd check")
    with double(home, lived(session_read=lambda call: damaged, session_remove=removed)):
        assert ctl(home, "sessions", "rm", SESSION, "--dry-run") == Ran(
            0, f"would remove  {SESSION}  0 B  (damaged)\n", ""
        )
        assert ctl(home, "sessions", "rm", SESSION, "--yes").code == 0


def test_nothing_that_old_is_said_and_asks_nothing(home: Path) -> None:
    with double(home, lived(session_retain=lambda call: RetainResult((), True))):
        assert ctl(home, "sessions", "rm", "--older-than", "90d", "--yes") == Ran(0, "", "Nothing is that old.\n")


@pytest.mark.parametrize("arguments", [(), (SESSION, "--older-than", "3d")])
def test_names_or_an_age_have_to_be_given(home: Path, arguments: tuple[str, ...]) -> None:
    assert ctl(home, "sessions", "rm", *arguments, "--yes").code == 2
