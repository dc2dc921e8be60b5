"""`agentctl cost`: what was spent, by purpose, session, model or day."""

from __future__ import annotations

import sys
import time

import click

from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.table import show
from agentctl.sessions.ages import as_days
from agentproto.api import model

__all__ = ["command"]

_DAY_MS = 24 * 3600 * 1000


@click.command("cost", short_help="What was spent.")
@click.option(
    "--by", type=click.Choice(["purpose", "session", "model", "day"]), default="purpose", help="Sums of what."
)
@click.option("--since", callback=as_days, metavar="30d", help="Only the latest days, weeks or years.")
@json_option
def command(by: str, since: int | None, as_json: bool) -> int:
    """What was spent: calls, tokens and dollars. Days are those of UTC."""
    with dial() as client:
        since_ms = 0 if since is None else int(time.time() * 1000) - since * _DAY_MS
        found = client.call("model.costs", model.CostsParams(since_ms, by), model.CostsResult)  # type: ignore[arg-type]
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    rows = [_row(one) for one in (*found.costs, *([found.total] if len(found.costs) > 1 else []))]
    heads = (by, "calls", "tokens in", "cached", "out", "usd")
    show(heads, rows, empty="Nothing was spent.")
    if found.total.unsettled:
        calls = "1 call" if found.total.unsettled == 1 else f"{found.total.unsettled} calls"
        sys.stderr.write(f"- {calls} never ended (the daemon died), and counted at the worst case\n")
    return DONE


def _row(cost: model.Cost) -> tuple[str, ...]:
    dollars = f"{cost.usd_micros / 1_000_000:.4f}"
    return cost.name, str(cost.calls), str(cost.input), str(cost.cached), str(cost.output), dollars
