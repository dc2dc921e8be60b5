"""Ages: days, weeks, years; and only what the daemon finds by age alone is believed."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from agentclient.blocking import connect
from agentclient.errors import ClientError
from agentctl.sessions.ages import as_days, older
from agentproto.keeping import Retained, RetainParams, RetainResult
from clients.scene import double, environment


def option(text: str | None) -> int | None:
    return as_days(click.Context(click.Command("x")), click.Option(["--older-than"]), text)


@pytest.mark.parametrize(("text", "days"), [("30d", 30), ("30", 30), ("6w", 42), ("1y", 365), (None, None)])
def test_an_age_is_days(text: str | None, days: int | None) -> None:
    assert option(text) == days


@pytest.mark.parametrize("text", ["0d", "", "d", "-1d", "1.5d", "30m", "3 d", "9999999d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        option(text)


@pytest.mark.parametrize(("action", "archive", "remove"), [("archive", 30, 0), ("remove", 0, 30)])
def test_only_the_age_is_asked_about_and_nothing_is_done(home: Path, action: str, archive: int, remove: int) -> None:
    found = (Retained("s1", action, "30 days old", 9),)  # type: ignore[arg-type]
    with (
        double(home, {"session.retain": lambda call: RetainResult(found, True)}) as served,
        connect("test", environment=environment(home)) as client,
    ):
        assert older(client, 30, action) == found  # type: ignore[arg-type]
    asked = served.calls[0].params
    assert isinstance(asked, RetainParams)
    assert asked == RetainParams(
        key=asked.key, dry_run=True, archive_after_days=archive, remove_after_days=remove, max_bytes=0
    )


def test_an_answer_with_another_deed_is_not_believed(home: Path) -> None:
    found = (Retained("s1", "remove", "too many bytes", 9),)
    with (
        double(home, {"session.retain": lambda call: RetainResult(found, True)}),
        connect("test", environment=environment(home)) as client,
        pytest.raises(ClientError, match="would not only archive"),
    ):
        older(client, 30, "archive")
