"""`agentctl budget`: what may be spent, and how good the estimates are that keep it."""

from __future__ import annotations

import sys

import click

from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.table import show
from agentproto.api import model

__all__ = ["command"]


@click.command("budget", short_help="What may be spent.")
@json_option
def command(as_json: bool) -> int:
    """Limits in money, what today has cost, and the estimator's error for each model."""
    with dial() as client:
        found = client.call("model.budget", model.BudgetParams(), model.BudgetResult)
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    sys.stdout.write(
        f"a session may spend  {_limit(found.session_usd_micros)}  (budget.session_usd)\n"
        f"a day (UTC) may      {_limit(found.day_usd_micros)}  (budget.day_usd)\n"
        f"spent today          ${found.spent_today_usd_micros / 1_000_000:.4f}, with what is reserved now\n"
    )
    rows = [
        (one.model, str(one.calls), f"{one.least:.3f}", f"{one.greatest:.3f}", f"{one.factor:.3f}")
        for one in found.estimates
    ]
    show(
        ("model", "calls", "counted/projected", "at most", "factor"), rows, empty="No server has counted anything yet."
    )
    return DONE


def _limit(usd_micros: int) -> str:
    return f"${usd_micros / 1_000_000:.2f}" if usd_micros else "no limit"
