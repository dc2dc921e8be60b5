"""Whatever is raised becomes an exit code and three lines."""

from __future__ import annotations

import click
import pytest

from agentclient.errors import HomeError, NoDaemonError, RefusedError
from agentctl.faults import Explained, explain, three_lines
from agentproto.errors import ErrorCode, LocalProtocolError, WireError


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (NoDaemonError("none", why="w", remedy="r"), (3, "none", "w", "r")),
        (HomeError("bad", why="w", remedy="r"), (3, "bad", "w", "r")),
        (RefusedError(WireError("not_found", "client", "m", "w", "r")), (1, "m", "w", "r")),
        (RefusedError(WireError("over_budget", "user", "m", "w", "r")), (5, "m", "w", "r")),
        (RefusedError(WireError("damaged", "environment", "m", "w", "r")), (7, "m", "w", "r")),
        (
            LocalProtocolError(ErrorCode.TOO_LARGE, "too much"),
            (1, "too much", "This client and the daemon do not understand each other.", ErrorCode.TOO_LARGE.remedy),
        ),
        (click.UsageError("no such thing"), (2, "no such thing", "`agentctl` does not take that.", "agentctl --help")),
        (
            FileNotFoundError(2, "No such file or directory", "/x"),
            (1, "No such file or directory: /x", "The system refused it.", "agentctl doctor"),
        ),
        (
            ValueError("odd"),
            (1, "agentctl has a bug", "ValueError: odd", "Report it with what AGENTD_DEBUG=1 shows."),
        ),
    ],
)
def test_a_fault_is_explained(fault: Exception, expected: Explained) -> None:
    assert explain(fault) == expected


def test_three_lines_and_a_reason_of_several_lines_stays_one_block() -> None:
    assert three_lines((1, "what\x1b", "one\ntwo", "do")) == ("error: what\\x1b\n  why: one\n       two\n   do: do\n")
