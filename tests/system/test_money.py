"""A limit in money with a real daemon: the turn stops before the line, and what was spent adds up over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon


def reading(number: int) -> dict[str, object]:
    """A call like no other: equal ones would end the turn."""
    return {"text": "Again.", "tools": [{"name": "read", "arguments": {"path": "README.md", "limit": 2000 - number}}]}


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """The model `dear` reads for ever, at three dollars a million tokens of input and fifteen of output."""
    with real_daemon(home, started=False) as daemon:
        table = daemon.model("dear", *(reading(n) for n in range(50)), loop=True)
        daemon.settings(table.replace('kind = "scripted"', 'kind = "scripted"\nprice_in = 3.0\nprice_out = 15.0'))
        daemon.start()
        yield daemon


def test_a_turn_stops_before_it_costs_more_and_says_so_with_5(daemon: RealDaemon, workspace: Path) -> None:
    ran = daemon.agentctl("ask", "go on", "--model", "dear", "--max-usd", "0.10", "--json", cwd=workspace)
    said = ran.fields
    assert (ran.code, said["stop_reason"]) == (5, "budget")
    assert "are left" in ran.err
    spent = said["cost_usd_micros"]
    assert isinstance(spent, int)
    assert 0 < spent <= 100_000
    before = daemon.agentctl("cost", "--json").fields["total"]
    assert isinstance(before, dict)
    assert before["usd_micros"] == spent
    daemon.kill()
    daemon.start()
    assert daemon.agentctl("cost", "--json").fields["total"] == before
    by_session = daemon.agentctl("cost", "--by", "session", "--json").fields["costs"]
    assert [one["name"] for one in by_session] == [said["session"]]  # type: ignore[attr-defined]


def test_the_day_s_limit_holds_for_every_session(daemon: RealDaemon, workspace: Path) -> None:
    assert daemon.agentctl("config", "set", "budget.day_usd", "0.15").code == 0
    codes = [daemon.agentctl("ask", "go on", "--model", "dear", "--json", cwd=workspace).code for _ in range(2)]
    assert codes == [5, 5]
    budget = daemon.agentctl("budget", "--json").fields
    spent = budget["spent_today_usd_micros"]
    assert isinstance(spent, int)
    assert 0 < spent <= 150_000
