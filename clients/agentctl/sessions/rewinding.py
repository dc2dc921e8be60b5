"""`sessions rewind ID --to TURN`: take back every turn after one, and the files that they changed."""

from __future__ import annotations

import sys

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.sessions.naming import named, this_folder
from agentctl.sessions.paging import events_of
from agentctl.sessions.reverts import told
from agentctl.sessions.turns import picked, turns_of
from agentproto.revisions import RevertResult, RewindParams

__all__ = ["START", "command"]

START = "start"


@click.command("rewind")
@click.argument("id")
@click.option("--to", required=True, metavar="TURN", help="The last turn that stays: a number, an id, or `start`.")
@click.option("--keep-files", is_flag=True, help="Only the conversation; leave files as they are.")
@click.option("--skip-changed", is_flag=True, help="Leave files that somebody else changed since; do the rest.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@json_option
def command(id: str, to: str, keep_files: bool, skip_changed: bool, dry_run: bool, as_json: bool) -> int:
    """Take back the turns of session ID after TURN, and the files that they changed.

    `sessions show ID --turns` numbers them. It can be undone: sessions undo ID --redo.
    """
    with dial() as client:
        id = named(client, id)
        turn = None if to == START else picked(turns_of(events_of(client, id)), to, id).id
        params = RewindParams(
            key=new_key(),
            session=id,
            to_turn=turn,
            files="keep" if keep_files else "restore",
            skip_changed=skip_changed,
            dry_run=dry_run,
        )
        result = client.call("session.rewind", params, RevertResult)
    if as_json:
        sys.stdout.write(json_text(result))
        return DONE
    sys.stdout.write(told(result, dry=dry_run, base=this_folder()))
    if not dry_run and result.turns:
        sys.stderr.write(f"- to bring them back: agentctl sessions undo {id} --redo\n")
    return DONE
