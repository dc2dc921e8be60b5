"""The client's error tree: as drawn, and each leaf says what, why and what to do."""

from __future__ import annotations

import pytest

from agentclient import errors
from agentclient.errors import (
    ClientError,
    DaemonSilentError,
    DaemonStartError,
    HomeError,
    NoDaemonError,
    RefusedError,
)
from agentproto.errors import WireError


def test_the_tree_is_the_one_that_is_drawn() -> None:
    parents = {name: getattr(errors, name).__mro__[1].__name__ for name in errors.__all__}
    assert parents == {
        "ClientError": "Exception",
        "DaemonSilentError": "NoDaemonError",
        "DaemonStartError": "NoDaemonError",
        "HomeError": "ClientError",
        "NoDaemonError": "ClientError",
        "RefusedError": "ClientError",
    }
    drawn = errors.__doc__ or ""
    assert [name for name in errors.__all__ if name not in drawn] == []


def test_a_wire_error_keeps_its_words_and_gets_a_reason_when_it_has_none() -> None:
    bare = RefusedError(WireError("not_found", "client", "there is no session x"))
    assert (bare.what, bare.why, bare.remedy) == (
        "there is no session x",
        "The daemon answered not_found; this one is for the client.",
        "agentctl doctor",
    )
    whole = RefusedError(WireError("busy", "daemon", "too many", why="64 wait", remedy="wait"))
    assert (whole.what, whole.why, whole.remedy, whole.code) == ("too many", "64 wait", "wait", "busy")


@pytest.mark.parametrize("kind", [ClientError, NoDaemonError, DaemonStartError, HomeError])
def test_no_error_without_a_reason_and_a_remedy(kind: type[ClientError]) -> None:
    with pytest.raises(TypeError):
        kind("what")  # type: ignore[call-arg]


def test_a_silent_daemon_is_named_by_its_pid() -> None:
    assert DaemonSilentError("silent", why="w", remedy="r", pid=12).pid == 12
