"""`agentctl cost`: sums as a table or as JSON, and what never ended."""

from __future__ import annotations

import json
import time
from pathlib import Path

from agentproto.api import model
from clients.scene import Ran, ctl, double

COSTS = model.CostsResult(
    (model.Cost("turn", 3, 3000, 200, 1000, 12_345), model.Cost("dream", 1, 100, 10)),
    model.Cost("total", 4, 3100, 210, 1000, 12_345, unsettled=1),
)


def test_sums_are_a_table_with_a_total_and_what_never_ended_is_said(home: Path) -> None:
    with double(home, {"model.costs": lambda call: COSTS}) as served:
        assert ctl(home, "cost") == Ran(
            0,
            "PURPOSE  CALLS  TOKENS IN  CACHED  OUT  USD\n"
            "turn     3      3000       1000    200  0.0123\n"
            "dream    1      100        0       10   0.0000\n"
            "total    4      3100       1000    210  0.0123\n",
            "- 1 call never ended (the daemon died), and counted at the worst case\n",
        )
    assert [call.params for call in served.calls] == [model.CostsParams()]


def test_a_span_of_time_and_the_kind_of_sum_are_asked_for(home: Path) -> None:
    with double(home, {"model.costs": lambda call: COSTS}) as served:
        assert ctl(home, "cost", "--by", "day", "--since", "30d").code == 0
    params = served.calls[0].params
    assert isinstance(params, model.CostsParams)
    asked = time.time() * 1000 - params.since_at_ms
    assert (params.by, 29.9 < asked / 86_400_000 < 30.1) == ("day", True)
    ran = ctl(home, "cost", "--since", "yesterday")
    assert (ran.code, "is no age; say 30d, 6w or 1y." in ran.err) == (2, True)


def test_json_has_the_documented_fields(home: Path) -> None:
    with double(home, {"model.costs": lambda call: COSTS}):
        found = json.loads(ctl(home, "cost", "--json").out)
    assert found["total"]["unsettled"] == 1
    assert [one["name"] for one in found["costs"]] == ["turn", "dream"]


def test_nothing_spent_is_said(home: Path) -> None:
    nothing = model.CostsResult((), model.Cost("total", 0, 0, 0))
    with double(home, {"model.costs": lambda call: nothing}):
        ran = ctl(home, "cost")
    assert (ran.code, ran.err) == (0, "Nothing was spent.\n")
