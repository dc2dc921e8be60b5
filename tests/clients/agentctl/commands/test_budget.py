"""`agentctl budget`: limits, what today has cost, and the estimator's error."""

from __future__ import annotations

import json
from pathlib import Path

from agentproto.api import model
from clients.scene import Ran, ctl, double

BUDGET = model.BudgetResult(2_500_000, 0, 12_345, (model.Estimates("local", 16, 0.81, 0.92, 0.929),))


def test_limits_and_estimates_are_shown(home: Path) -> None:
    with double(home, {"model.budget": lambda call: BUDGET}):
        assert ctl(home, "budget") == Ran(
            0,
            "a session may spend  $2.50  (budget.session_usd)\n"
            "a day (UTC) may      no limit  (budget.day_usd)\n"
            "spent today          $0.0123, with what is reserved now\n"
            "MODEL  CALLS  COUNTED/PROJECTED  AT MOST  FACTOR\n"
            "local  16     0.810              0.920    0.929\n",
            "",
        )


def test_json_has_the_documented_fields(home: Path) -> None:
    with double(home, {"model.budget": lambda call: BUDGET}):
        found = json.loads(ctl(home, "budget", "--json").out)
    assert (found["session_usd_micros"], found["estimates"][0]["factor"]) == (2_500_000, 0.929)
