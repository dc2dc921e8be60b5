"""`agentctl config show|set`: settings, each with the file and line that set it."""

from __future__ import annotations

import sys

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.table import show
from agentproto.api import config

__all__ = ["command"]


@click.group("config", short_help="Settings.")
def command() -> None:
    """Settings, and where each of them is set."""


@command.command("show")
@click.argument("prefix", default="")
@click.option("--why", is_flag=True, help="Also the reason for each default.")
@json_option
def show_(prefix: str, why: bool, as_json: bool) -> int:
    """Settings whose key begins with PREFIX (default: all)."""
    with dial() as client:
        found = client.call("config.show", config.ShowParams(prefix), config.ShowResult).settings
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    rows = [
        (one.key, one.value, one.where + (" (locked)" if one.locked else ""), *((one.why,) if why else ()))
        for one in found
    ]
    show(("key", "value", "set by", *(("why",) if why else ())), rows, empty=f"No setting begins with {prefix!r}.")
    return DONE


@command.command("set")
@click.argument("name")
@click.argument("value")
@json_option
def set_(name: str, value: str, as_json: bool) -> int:
    """Set NAME in your settings file. VALUE is TOML (true, 12, "text"); a bare word is text."""
    with dial() as client:
        params = config.SetParams(key=new_key(), name=name, value=value)
        result = client.call("config.set", params, config.SetResult)
    if as_json:
        sys.stdout.write(json_text(result))
    else:
        sys.stderr.write(f"{name}: {result.old} -> {result.new} ({result.file})\n")
    return DONE
