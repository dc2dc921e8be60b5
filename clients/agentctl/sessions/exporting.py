"""`sessions export ID`: a whole session as Markdown, one HTML file, JSON, or a bundle that another home can take in.

It never overwrites a file. With `--redacted` the daemon replaces the secrets that its detector finds; of a bundle it
does that unless `--with-secrets` is said.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import cast

import click

from agentclient.keys import new_key
from agentctl.exits import DONE
from agentctl.lazy import load
from agentctl.options import dial, json_option
from agentctl.render.export import as_document, as_markdown, redacted_title
from agentctl.render.machine import json_text
from agentctl.render.table import size_text
from agentctl.sessions.naming import named
from agentctl.sessions.newfile import absolute, check_new, write_new
from agentctl.sessions.paging import events_of
from agentctl.sessions.redacting import counted
from agentproto.api import session
from agentproto.keeping import BundleParams, BundleResult

__all__ = ["command"]

_Page = Callable[[session.ReadResult, Sequence[session.StreamedEvent]], str]


@click.command("export")
@click.argument("id")
@click.option("--format", "form", type=click.Choice(["md", "html", "json", "bundle"]), help="Default: md.")
@click.option("--redacted/--with-secrets", default=None, help="Default: with them; a bundle without them.")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Write a new file instead of stdout.")
@json_option
def command(id: str, form: str | None, redacted: bool | None, output: str | None, as_json: bool) -> int:
    """A whole session, for reading (md, html), for programs (json), or for another home (bundle; needs -o).

    --json is --format json; of a bundle it prints what was written.
    """
    form = form or ("json" if as_json else "md")
    if as_json and form not in ("json", "bundle"):
        raise click.UsageError(f"--json and --format {form} exclude each other.")
    if form == "bundle" and output is None:
        raise click.UsageError("A bundle is a file: give -o FILE.")
    if output is not None:
        check_new(output)
    with dial() as client:
        id = named(client, id)
        if form == "bundle":
            params = BundleParams(key=new_key(), session=id, path=absolute(str(output)), redacted=redacted is not False)
            return _said(client.call("session.bundle", params, BundleResult), params.redacted, as_json)
        found = client.call("session.read", session.ReadParams(id), session.ReadResult)
        events = list(events_of(client, id, redacted=bool(redacted)))
    if redacted:
        found = redacted_title(found, events)
    match form:
        case "json":
            text = json_text(as_document(found, events))
        case "html":
            text = cast("_Page", load("agentctl.render.html", "as_html"))(found, events)
        case _:
            text = as_markdown(found, events)
    if output is None:
        sys.stdout.write(text)
    else:
        write_new(output, text)
    return DONE


def _said(done: BundleResult, redacted: bool, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json_text(done))
    secrets = counted(done.replaced) if redacted else "with its secrets"
    sys.stderr.write(f"- {done.path}: {size_text(done.bytes)}, {done.entries} entries, {secrets}\n")
    return DONE
