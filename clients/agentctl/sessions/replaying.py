"""`sessions replay ID`: the machine over the recorded outcomes, or with `--model` the same messages to another model.

The first is the daemon's own work and changes nothing. The second is a session of its own in a scratch worktree:
questions are denied unless a rule allows, and at the end both runs stand side by side, with the difference of their files.
"""

from __future__ import annotations

import sys

import click

from agentclient.blocking import BlockingClient
from agentctl.exits import DAMAGED, DONE, FAILED, INTERRUPTED
from agentctl.faults import three_lines
from agentctl.follow import Interrupts
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.safe import one_line
from agentctl.render.table import show
from agentctl.sessions import contest, rerun
from agentctl.sessions.naming import named
from agentproto.api import session
from agentproto.revisions import ReplayParams, ReplayResult

__all__ = ["command"]

_SHOWN = 10
_ENTRY = 400


@click.command("replay")
@click.argument("id")
@click.option("--strict", is_flag=True, help="Fail on differences also when an older machine recorded it.")
@click.option("--model", metavar="NAME", help="Ask the same of another model, in a scratch worktree.")
@click.option("--keep", is_flag=True, help="With --model: leave the worktree.")
@click.option("--allow", metavar="RULE", multiple=True, help="With --model: allow, e.g. 'shell(make test)'.")
@json_option
def command(id: str, strict: bool, model: str | None, keep: bool, allow: tuple[str, ...], as_json: bool) -> int:
    """Run the turn machine over what session ID recorded; `identical` when every entry comes out the same."""
    if model is None and (keep or allow):
        raise click.UsageError("--keep and --allow go with --model.")
    if model is not None and strict:
        raise click.UsageError("--strict is about the machine; --model compares models.")
    interrupts = Interrupts()
    with dial(give_variables=model is not None) as client:
        id = named(client, id)
        if model is None:
            return _machine(client, id, strict, as_json)
        with interrupts.watched():
            return _model(client, rerun.Wish(id, model, allow, keep), interrupts, as_json)


def _machine(client: BlockingClient, id: str, strict: bool, as_json: bool) -> int:
    damage = client.call("session.read", session.ReadParams(id), session.ReadResult).summary.damage
    if damage:
        # What can still be read may well come out the same; to call that identical would be a lie.
        what = "it can't be replayed: its log is damaged"
        sys.stderr.write(three_lines((DAMAGED, what, damage, f"agentctl sessions verify {id}, then: agentd repair")))
        return DAMAGED
    found = client.call("session.replay", ReplayParams(id), ReplayResult)
    older = found.recorded_by != found.machine
    if as_json:
        sys.stdout.write(json_text(found))
    elif found.identical:
        sys.stdout.write("identical\n")
    else:
        for one in found.differences[:_SHOWN]:
            sys.stdout.write(
                f"#{one.seq}\n  recorded  {one_line(one.recorded, _ENTRY) or '(nothing)'}\n"
                f"  replayed  {one_line(one.replayed, _ENTRY) or '(nothing)'}\n"
            )
        if len(found.differences) > _SHOWN:
            sys.stderr.write(f"- {len(found.differences) - _SHOWN} more: --json\n")
    version = f"machine {found.machine}" + (f", recorded by {found.recorded_by}" if older else "")
    events = f", events {found.events_hash}" if found.events_hash else ""
    sys.stderr.write(f"- {found.entries} entries, {version}{events}\n")
    if found.identical:
        return DONE
    if older and not strict:
        sys.stderr.write("- another version of the machine decides otherwise here; that is no fault (--strict fails)\n")
        return DONE
    return FAILED


def _model(client: BlockingClient, wish: rerun.Wish, interrupts: Interrupts, as_json: bool) -> int:
    done = rerun.run(client, wish, interrupts, lambda line: sys.stderr.write(f"- {line}\n"))
    if as_json:
        sys.stdout.write(json_text(done))
    else:
        show(contest.HEADERS, contest.rows_of(done.turns), empty="There was nothing to ask.")
        sys.stdout.write("\nfiles, from what the session made to what the replay made:\n")
        sys.stdout.write(done.files or "  no difference\n")
        for path, why in done.not_compared.items():
            sys.stdout.write(f"  not compared: {one_line(path)}: {why}\n")
    sys.stderr.write(f"- the replay is session {done.replay}\n")
    if done.kept:
        sys.stderr.write(f"- its worktree stays: {done.kept}; when done: git worktree remove --force {done.kept}\n")
    if interrupts.count:
        return INTERRUPTED
    bad = any(pair.replayed is None or pair.replayed.stop == "error" for pair in done.turns)
    return FAILED if bad else DONE
