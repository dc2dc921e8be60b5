"""`agentctl budget`: limits, what today has cost, and the estimator's error."""

from __future__ import annotations

import json
from pathlib import Path

from agentproto.api import model
from clients.scene import Ran, ctl, double

BUDGET = model.BudgetResult(
    2_500_000,
    0,
    12_345,
    (model.Estimates("local", 16, 0.81, 0.92, 0.929),),
    (model.PurposeBudget("turn", None, 12_345), model.PurposeBudget("dream", 50_000, 0, "a share", ("side_query",))),
    local_day_tokens=1_000_000,
    local_tokens_today=1_234,
    local_ms_today=90_000,
)


def test_limits_purposes_and_estimates_are_shown(home: Path) -> None:
    with double(home, {"model.budget": lambda call: BUDGET}):
        assert ctl(home, "budget") == Ran(
            0,
            "LIMIT                    MOST              USED TODAY    SETTING\n"
            "a session                $2.50                           budget.session_usd\n"
            "a day (UTC)              no limit          $0.0123       budget.day_usd\n"
            "local models, a session  no limit                        budget.local_session_tokens\n"
            "local models, a day      1,000,000 tokens  1,234 tokens  budget.local_day_tokens\n"
            "local models, a day      no limit          1.5 minutes   budget.local_day_minutes\n"
            "\n"
            "PURPOSE  MAY COST A DAY  TODAY    BECAUSE OF\n"
            "turn     -               $0.0123\n"
            "dream    $0.0500         $0.0000  a share\n"
            "\n"
            "MODEL  CALLS  COUNTED/PROJECTED  AT MOST  FACTOR\n"
            "local  16     0.810              0.920    0.929\n",
            "",
        )


def test_json_has_the_documented_fields(home: Path) -> None:
    with double(home, {"model.budget": lambda call: BUDGET}):
        found = json.loads(ctl(home, "budget", "--json").out)
    assert (found["session_usd_micros"], found["estimates"][0]["factor"]) == (2_500_000, 0.929)
