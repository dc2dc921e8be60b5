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
    """Limits in money, in tokens and in time, what today has cost, and the estimator's error for each model."""
    with dial() as client:
        found = client.call("model.budget", model.BudgetParams(), model.BudgetResult)
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    show(("limit", "most", "used today", "setting"), _limits(found), empty="")
    sys.stdout.write("\n")
    purposes = [
        (one.purpose, _cap(one), f"${one.spent_usd_micros / 1_000_000:.4f}", one.words) for one in found.purposes
    ]
    show(("purpose", "may cost a day", "today", "because of"), purposes, empty="")
    sys.stdout.write("\n")
    rows = [
        (one.model, str(one.calls), f"{one.least:.3f}", f"{one.greatest:.3f}", f"{one.factor:.3f}")
        for one in found.estimates
    ]
    show(
        ("model", "calls", "counted/projected", "at most", "factor"), rows, empty="No server has counted anything yet."
    )
    return DONE


def _cap(one: model.PurposeBudget) -> str:
    return "-" if one.usd_micros is None else f"${one.usd_micros / 1_000_000:.4f}"


def _limits(found: model.BudgetResult) -> list[tuple[str, str, str, str]]:
    spent = f"${found.spent_today_usd_micros / 1_000_000:.4f}"
    tokens, minutes = f"{found.local_tokens_today:,}", f"{found.local_ms_today / 60_000:.1f}"
    return [
        ("a session", _dollars(found.session_usd_micros), "", "budget.session_usd"),
        ("a day (UTC)", _dollars(found.day_usd_micros), spent, "budget.day_usd"),
        ("local models, a session", _count(found.local_session_tokens, "tokens"), "", "budget.local_session_tokens"),
        (
            "local models, a day",
            _count(found.local_day_tokens, "tokens"),
            f"{tokens} tokens",
            "budget.local_day_tokens",
        ),
        (
            "local models, a day",
            _count(found.local_day_ms // 60_000, "minutes"),
            f"{minutes} minutes",
            "budget.local_day_minutes",
        ),
    ]


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}" if number else "no limit"


def _dollars(usd_micros: int) -> str:
    return f"${usd_micros / 1_000_000:.2f}" if usd_micros else "no limit"
