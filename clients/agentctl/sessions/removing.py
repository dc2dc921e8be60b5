"""`sessions rm`: remove sessions for good, by name or by age. What is shown and agreed to is what is removed.

It asks on a terminal; where nobody can be asked it needs `--yes`. With an age the daemon says which sessions are that
old, and exactly those are removed, one by one: none that grew old while the person was reading.
"""

from __future__ import annotations

import sys

import click
import msgspec

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
from agentctl.terminal import is_terminal
from agentproto.api import session
from agentproto.keeping import RemoveParams, RemoveResult

__all__ = ["command"]


class _Doomed(msgspec.Struct, frozen=True):
    session: str
    title: str
    bytes: int
    reason: str = ""


@click.command("rm")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--older-than", callback=as_days, metavar="AGE", help="All that were not used for so long: 90d, 12w, 1y.")
@click.option("--dry-run", is_flag=True, help="Say which; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(ids: tuple[str, ...], older_than: int | None, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Remove sessions, named or older than AGE, with everything that is kept for them. There is no way back."""
    if bool(ids) == (older_than is not None):
        raise click.UsageError("Name sessions, or give --older-than (and not both).")
    if not (yes or dry_run or is_terminal(sys.stdin)):
        raise click.UsageError("rm asks, and nobody can be asked here: give --yes, or --dry-run to see what would go.")
    with dial() as client:
        doomed = _by_age(client, older_than) if older_than is not None else _by_name(client, ids)
        if dry_run and as_json:
            sys.stdout.write(json_text(doomed))
        elif dry_run:
            sys.stdout.write("".join(f"would remove  {_line(one)}\n" for one in doomed))
        if not doomed:
            sys.stderr.write("Nothing is that old.\n")
        if dry_run:
            return DONE
        if doomed and not yes and not _agreed(doomed):
            sys.stderr.write("Nothing was removed.\n")
            return FAILED
        return _remove(client, doomed, as_json)


def _by_age(client: BlockingClient, days: int) -> list[_Doomed]:
    return [_Doomed(one.session, one.title, one.bytes, one.reason) for one in older(client, days, "remove")]


def _by_name(client: BlockingClient, ids: tuple[str, ...]) -> list[_Doomed]:
    """All of them are looked at before any is removed; a name that is none ends it here. A damaged one can still go."""
    found: dict[str, _Doomed] = {}
    for id in ids:
        whole = named(client, id)
        try:
            one = client.call("session.read", session.ReadParams(whole), session.ReadResult).summary
            found[whole] = _Doomed(whole, one.title, one.bytes)
        except RefusedError as fault:
            if fault.code != "damaged":
                raise
            found[whole] = _Doomed(whole, "(damaged)", 0)
    return list(found.values())


def _agreed(doomed: list[_Doomed]) -> bool:
    """Ask on the terminal; anything but y is no."""
    sys.stderr.write("".join(f"  {_line(one)}\n" for one in doomed))
    what = "this session" if len(doomed) == 1 else f"these {len(doomed)} sessions"
    sys.stderr.write(f"Remove {what} for good? There is no way back. [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _line(one: _Doomed) -> str:
    why = f"  ({one_line(one.reason)})" if one.reason else ""
    return f"{one.session}  {size_text(one.bytes)}  {one_line(one.title) or '(no title)'}{why}"


def _remove(client: BlockingClient, doomed: list[_Doomed], as_json: bool) -> int:
    """Each by itself: one that is refused (it runs) stops none of the others."""
    done: list[RemoveResult] = []
    code = DONE
    for one in doomed:
        try:
            gone = client.call("session.remove", RemoveParams(key=new_key(), session=one.session), RemoveResult)
        except RefusedError as fault:
            sys.stderr.write(three_lines(explain(fault)))
            code = FAILED
            continue
        done.append(gone)
        if not as_json:
            sys.stdout.write(f"removed  {gone.session}  {size_text(gone.bytes)}\n")
    if as_json:
        sys.stdout.write(json_text(done))
    return code
