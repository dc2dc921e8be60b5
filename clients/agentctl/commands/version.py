"""`agentctl version [--daemon]`: the product's and the wire's versions, of this program and of the daemon."""

from __future__ import annotations

import sys

import click

from agentctl.exits import DONE
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentproto.__about__ import __version__
from agentproto.versions import WIRE_MAX, WIRE_MIN

__all__ = ["command"]


@click.command("version", short_help="Versions.")
@click.option("--daemon", "of_daemon", is_flag=True, help="Also the running daemon's; exit 3 when none runs.")
@json_option
def command(of_daemon: bool, as_json: bool) -> int:
    """Versions of this program and, with --daemon, of the daemon."""
    found: dict[str, object] = {"client": __version__, "wire_lowest": WIRE_MIN, "wire_highest": WIRE_MAX}
    if of_daemon:
        with dial(start=False) as client:
            welcome = client.welcome
        found |= {"daemon": welcome.product, "wire": welcome.wire, "pid": welcome.pid, "model": welcome.model}
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    sys.stdout.write(f"agentctl {__version__} (wire {WIRE_MIN} to {WIRE_MAX})\n")
    if of_daemon:
        sys.stdout.write(f"agentd {found['daemon']} (wire {found['wire']}, pid {found['pid']})\n")
    return DONE
