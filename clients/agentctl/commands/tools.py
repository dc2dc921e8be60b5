"""`agentctl tools list|show|output`: what the model can do, and the whole output of a call."""

from __future__ import annotations

import sys

import click

from agentctl.exits import DONE
from agentctl.options import dial, json_option, session_id
from agentctl.render.machine import json_text
from agentctl.render.safe import safe
from agentctl.render.table import show
from agentproto.api import tool

__all__ = ["command"]


@click.group("tools", short_help="Tools and their outputs.")
def command() -> None:
    """What the model can do, and the whole output of a call."""


@command.command("list")
@click.option("-s", "--session", metavar="ID", help="As that session has them.")
@json_option
def list_(session: str | None, as_json: bool) -> int:
    """All tools, and why a session does not get one."""
    if session is not None:
        session = session_id(session)
    with dial() as client:
        found = client.call("tool.list", tool.ListParams(session), tool.ListResult).tools
    if as_json:
        sys.stdout.write(json_text(found))
    else:
        rows = [(one.name, "reads" if one.read_only else "changes", one.out or "in", one.summary) for one in found]
        show(("tool", "kind", "in the session", "summary"), rows, empty="There are no tools.")
    return DONE


@command.command("show")
@click.argument("name")
@json_option
def show_(name: str, as_json: bool) -> int:
    """One tool with its schemas."""
    with dial() as client:
        found = client.call("tool.show", tool.ShowParams(name), tool.ToolInfo)
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    facts = (
        ("reads only", "yes" if found.read_only else "no"),
        ("touches", found.access),
        ("after a crash", found.recovery),
        ("time limit", f"{found.timeout_ms / 1000:g} s"),
        ("result", f"at most {found.max_result_chars} characters"),
    )
    lines = [f"{found.name}: {found.summary}", "", found.description.strip(), ""]
    lines += [f"{name:<14} {value}" for name, value in facts]
    lines += ["", "arguments:", json_text(found.input_schema).rstrip()]
    sys.stdout.write(safe("\n".join(lines)) + "\n")
    return DONE


@command.command("output")
@click.argument("call")
def output(call: str) -> int:
    """The whole output of a call, byte for byte. Items and `sessions show` name the calls."""
    at = 0
    with dial() as client:
        while True:
            piece = client.call("tool.output", tool.OutputParams(call, at), tool.OutputResult)
            sys.stdout.buffer.write(piece.data)
            at += len(piece.data)
            if at >= piece.total_bytes or not piece.data:
                break
    sys.stdout.buffer.flush()
    return DONE
