"""`agentctl models list|add|use|test`: connections to model servers, and why the one in use is in use."""

from __future__ import annotations

import sys
from typing import cast, get_args

import click

from agentclient.blocking import BlockingClient
from agentclient.keys import new_key
from agentctl.exits import DONE, FAILED
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.models import STATES, check_row, notes, row, speed_and_use
from agentctl.render.safe import one_line
from agentctl.render.table import show
from agentctl.terminal import moves, width
from agentproto.api import log, model

__all__ = ["command"]

_LOOK_MS = 200
_KEY = "env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/USER"


@click.group("models", short_help="Connections to model servers.")
def command() -> None:
    """Connections to model servers."""


@command.command("list")
@json_option
def list_(as_json: bool) -> int:
    """All connections: which serves, which can't, and why."""
    with dial(give_variables=True) as client:
        found = client.call("model.list", model.ListParams(), model.ListResult).models
    if as_json:
        sys.stdout.write(json_text(found))
        return DONE
    order = list(STATES)
    found = tuple(sorted(found, key=lambda one: (not one.in_use, not one.roles, order.index(one.state))))
    show(("use", "name", "state", "model", "window", "$/M in, out"), [row(one) for one in found], empty="")
    sys.stdout.write("\n")
    show(("name", "why"), [(one.name, notes(one)) for one in found], empty="")
    return DONE


@command.command("add")
@click.argument("name")
@click.option("--kind", type=click.Choice(get_args(model.ModelKind)), required=True, help="Which dialect it speaks.")
@click.option("--url", required=True, help="Base address, e.g. http://127.0.0.1:11434")
@click.option("--model", "model_name", default="", help="Model on that server; asked of it when it has only one.")
@click.option("--key", "model_key", default="", metavar="REF", help=f"{_KEY}; never the key itself.")
@click.option("--window", type=click.IntRange(min=1), help="Context window in tokens, when the server does not tell.")
@click.option("--price-in", type=click.FloatRange(min=0), help="Dollars a million input tokens.")
@click.option("--price-out", type=click.FloatRange(min=0), help="Dollars a million output tokens.")
@click.option("--fallback", multiple=True, metavar="NAME", help="Who goes on when it can't be reached; in this order.")
@click.option("--effort", type=click.Choice(["low", "medium", "high"]), help="How much it may think.")
@click.option("--images/--no-images", default=None, help="Whether it is shown pictures; else as its server says.")
@click.option("--calls-in-text/--no-calls-in-text", default=None, help="Whether calls are looked for in its text.")
@click.option("--stall-ms", type=click.IntRange(min=1_000), help="No byte for so long is a broken stream.")
@click.option("--send-session-id", is_flag=True, help="Tell its server which session a request belongs to.")
@json_option
def add(
    name: str,
    kind: str,
    url: str,
    model_name: str,
    model_key: str,
    fallback: tuple[str, ...],
    effort: str | None,
    send_session_id: bool,
    as_json: bool,
    window: int | None,
    price_in: float | None,
    price_out: float | None,
    images: bool | None,
    calls_in_text: bool | None,
    stall_ms: int | None,
) -> int:
    """Write a connection called NAME into the settings."""
    if model_key and not model_key.startswith(("env:", "file:", "cmd:", "keyring:")):
        raise click.UsageError(f"--key takes {_KEY}; a key itself would end up in your shell's history.")
    params = model.AddParams(
        key=new_key(),
        name=name,
        kind=cast("model.ModelKind", kind),
        url=url,
        model=model_name,
        model_key=model_key,
        window=window,
        price_in=price_in,
        price_out=price_out,
        fallback=fallback,
        effort=cast("model.Effort", effort or ""),
        images=images,
        calls_in_text=calls_in_text,
        stall_ms=stall_ms,
        send_session_id=send_session_id,
    )
    with dial(give_variables=True) as client:
        result = client.call("model.add", params, model.AddResult)
    return _written(result, as_json, f"written to {result.file}; try it: agentctl models test {name}")


@command.command("use")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(get_args(model.ModelRole)),
    default="main",
    show_default=True,
    help="For new turns; for titles and the like; for summaries of long sessions.",
)
@json_option
def use(name: str, role: str, as_json: bool) -> int:
    """Use connection NAME for new turns, or for one of the lesser roles."""
    params = model.UseParams(key=new_key(), name=name, role=cast("model.ModelRole", role))
    with dial(give_variables=True) as client:
        result = client.call("model.use", params, model.UseResult)
    what = {"main": "serves", "side": "serves side queries", "summary": "writes summaries"}[role]
    return _written(result, as_json, f"{name} {what} from now on; written to {result.file}")


def _written(result: model.AddResult | model.UseResult, as_json: bool, words: str) -> int:
    if as_json:
        sys.stdout.write(json_text(result))
    else:
        sys.stderr.write(words + "\n")
    return DONE


@command.command("test")
@click.argument("name")
@json_option
def test(name: str, as_json: bool) -> int:
    """A real round trip with connection NAME. Exit code 1 when something does not hold."""
    with dial(give_variables=True) as client:
        if moves(sys.stderr):
            result = _watched(client, name)
        else:
            result = client.call("model.test", model.TestParams(name), model.TestResult)
    if as_json:
        sys.stdout.write(json_text(result))
        return DONE if result.ok else FAILED
    show(("result", "check", "seen"), [check_row(check) for check in result.checks], empty="Nothing was checked.")
    for line in speed_and_use(result):
        sys.stderr.write(line + "\n")
    return DONE if result.ok else FAILED


def _is_a_step(body: dict[str, object]) -> bool:
    """Whether it says what a test goes on with."""
    details = body.get("details")
    return body.get("category") == "model" and isinstance(details, dict) and "what" in details


def _watched(client: BlockingClient, name: str) -> model.TestResult:
    """The same, with what is being tried on a line of the terminal that is drawn over."""
    client.call("log.subscribe", log.SubscribeParams(stream=log.DAEMON_STREAM, after_seq=-1), log.SubscribeResult)
    ticket = client.send("model.test", model.TestParams(name))
    try:
        while not client.answered(ticket):
            event = client.next_event(_LOOK_MS)
            if event is not None and _is_a_step(event.body):
                line = one_line(f"testing {event.body.get('text', '')} ...", width(sys.stderr) - 1)
                sys.stderr.write(f"\r\x1b[2K{line}")
                sys.stderr.flush()
    finally:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
    return client.receive(ticket, model.TestResult)
