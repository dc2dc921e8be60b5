"""`sessions undo ID`: take back the last turn, the files of one call, or the last undo."""

from __future__ import annotations

import sys

import click

from agentclient.blocking import BlockingClient
from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.safe import one_line
from agentctl.sessions.naming import named, this_folder
from agentctl.sessions.paging import steps_of
from agentctl.sessions.reverts import told
from agentctl.sessions.turns import short
from agentproto.revisions import RevertResult, UndoParams

__all__ = ["command"]

_PROMPT = 100


@click.command("undo")
@click.argument("id")
@click.option("--call", metavar="CALL", help="Only the files of that tool call (`show ID --workflow` lists them).")
@click.option("--redo", is_flag=True, help="Take back the last undo or rewind.")
@click.option("--keep-files", is_flag=True, help="Only the conversation; leave files as they are.")
@click.option("--skip-changed", is_flag=True, help="Leave files that somebody else changed since; do the rest.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@json_option
def command(
    id: str, call: str | None, redo: bool, keep_files: bool, skip_changed: bool, dry_run: bool, as_json: bool
) -> int:
    """Take back the last turn of session ID, and the files that it changed. Undo can be undone: --redo."""
    if call is not None and redo:
        raise click.UsageError("--call and --redo exclude each other.")
    if call is not None and keep_files:
        raise click.UsageError("--call takes back nothing but files; --keep-files leaves nothing to do.")
    with dial() as client:
        id = named(client, id)
        whole = _whole(client, id, call) if call is not None else None
        params = UndoParams(
            key=new_key(),
            session=id,
            call=whole,
            redo=redo,
            files="keep" if keep_files else "restore",
            skip_changed=skip_changed,
            dry_run=dry_run,
        )
        result = client.call("session.undo", params, RevertResult)
    if as_json:
        sys.stdout.write(json_text(result))
        return DONE
    sys.stdout.write(told(result, redo=redo, call=whole, dry=dry_run, base=this_folder()))
    if dry_run:
        return DONE
    if redo:
        return DONE
    if result.prompt and call is None:
        sys.stderr.write(f"- the message was: {one_line(result.prompt, _PROMPT)}\n")
    if result.turns or any(one.action != "kept" for one in result.files):
        sys.stderr.write(f"- to bring it back: agentctl sessions undo {id} --redo\n")
    return DONE


def _whole(client: BlockingClient, id: str, call: str) -> str:
    """A call's whole id; `t3.2.1` is looked up, because a fork's calls bear the id of the session they were made in."""
    if call.partition(".")[0] == id:
        return call
    return next((one.id for one in steps_of(client, id) if call in (one.id, short(one.id))), call)
