"""`sessions verify [ID|--all]`: every byte is read by the daemon; damage is exit code 7."""

from __future__ import annotations

import sys

import click

from agentclient.blocking import BlockingClient
from agentclient.errors import RefusedError
from agentctl.exits import DAMAGED, DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.safe import one_line
from agentctl.render.table import size_text
from agentctl.sessions.naming import named
from agentctl.sessions.paging import sessions_of
from agentctl.terminal import moves
from agentproto.revisions import VerifyParams, VerifyResult

__all__ = ["command"]


@click.command("verify")
@click.argument("id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every session.")
@json_option
def command(id: str | None, everything: bool, as_json: bool) -> int:
    """Check the chain, the numbers, the entries and the blobs of session ID, or of all."""
    if (id is None) != everything:
        raise click.UsageError("Name one session, or --all.")
    found: list[VerifyResult] = []
    with dial() as client:
        ids = [one.id for one in sessions_of(client)] if id is None else [named(client, id)]
        for number, one in enumerate(ids, 1):
            if len(ids) > 1 and moves(sys.stderr):
                sys.stderr.write(f"\r\x1b[K{number} of {len(ids)}")
                sys.stderr.flush()
            found.append(_verified(client, one))
    if len(ids) > 1 and moves(sys.stderr):
        sys.stderr.write("\r\x1b[K")
    if as_json:
        sys.stdout.write(json_text(found))
    else:
        sys.stdout.write("".join(map(_lines, found)))
        bad = sum(not one.ok for one in found)
        if everything:
            count = f"{len(found)} session{'s' if len(found) != 1 else ''}"
            sys.stderr.write(f"- {count} verified, {bad} damaged\n")
    return DONE if all(one.ok for one in found) else DAMAGED


def _verified(client: BlockingClient, id: str) -> VerifyResult:
    """The daemon's word on one session; that it cannot read it at all is a finding too."""
    try:
        return client.call("session.verify", VerifyParams(id), VerifyResult)
    except RefusedError as fault:
        if fault.code != "damaged":
            raise
        return VerifyResult(id, False, 0, 0, 0, "", (f"{fault.what} {fault.why}".strip(),))


def _lines(one: VerifyResult) -> str:
    facts = f"{one.entries} entries, {size_text(one.bytes)}, {one.blobs} blob{'s' if one.blobs != 1 else ''}"
    head = f"{'ok' if one.ok else 'DAMAGED':<7}  {one.session}  {facts}  state {one.state_hash or '-'}\n"
    return head + "".join(f"  {one_line(finding)}\n" for finding in one.findings)
