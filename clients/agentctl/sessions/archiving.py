"""`sessions archive`: compress sessions by name or by age; `--restore` unpacks them. They are read as before."""

from __future__ import annotations

import sys

import click

from agentclient.blocking import BlockingClient
from agentclient.errors import RefusedError
from agentclient.keys import new_key
from agentctl.exits import DONE, FAILED
from agentctl.faults import explain, three_lines
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.safe import one_line
from agentctl.render.table import size_text
from agentctl.sessions.ages import as_days, older
from agentctl.sessions.naming import named
from agentproto.keeping import ArchiveParams, ArchiveResult

__all__ = ["command"]


@click.command("archive")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--restore", is_flag=True, help="Unpack it for good.")
@click.option("--older-than", callback=as_days, metavar="AGE", help="All that were not used for so long: 30d, 6w, 1y.")
@click.option("--dry-run", is_flag=True, help="With --older-than: say which; change nothing.")
@json_option
def command(ids: tuple[str, ...], restore: bool, older_than: int | None, dry_run: bool, as_json: bool) -> int:
    """Compress the logs of sessions, named or older than AGE. They can be read and gone on with as before."""
    if bool(ids) == (older_than is not None):
        raise click.UsageError("Name sessions, or give --older-than (and not both).")
    if older_than is not None and restore:
        raise click.UsageError("--restore takes ids.")
    if dry_run and older_than is None:
        raise click.UsageError("--dry-run goes with --older-than.")
    with dial() as client:
        if older_than is not None:
            due = older(client, older_than, "archive")
            if dry_run:
                if as_json:
                    sys.stdout.write(json_text(due))
                else:
                    lines = (f"{one.session}  {size_text(one.bytes)}  {one_line(one.title)}".rstrip() for one in due)
                    sys.stdout.write("".join(f"would archive  {line}\n" for line in lines))
                    sys.stderr.write("" if due else "Nothing is that old.\n")
                return DONE
            ids = tuple(one.session for one in due)
            if not ids and not as_json:
                sys.stderr.write("Nothing is that old.\n")
        return _archive(client, [named(client, id) for id in ids], restore, as_json)


def _archive(client: BlockingClient, ids: list[str], restore: bool, as_json: bool) -> int:
    """Each by itself: one that is refused stops none of the others."""
    done: list[ArchiveResult] = []
    code = DONE
    for id in ids:
        params = ArchiveParams(key=new_key(), session=id, restore=restore)
        try:
            one = client.call("session.archive", params, ArchiveResult)
        except RefusedError as fault:
            sys.stderr.write(three_lines(explain(fault)))
            code = FAILED
            continue
        done.append(one)
        if not as_json:
            deed = "restored" if restore else "archived"
            sizes = f"{size_text(one.before_bytes)} -> {size_text(one.after_bytes)}"
            sys.stdout.write(f"{deed}  {one.session}  {sizes}\n")
    if as_json:
        sys.stdout.write(json_text(done))
    return code
