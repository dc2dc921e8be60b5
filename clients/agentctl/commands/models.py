"""`agentctl models list|add|use|test`: connections to model servers, and why the one in use is in use."""

from __future__ import annotations

import sys
from typing import cast, get_args

import click

from agentclient.keys import new_key
from agentctl.exits import DONE, FAILED
from agentctl.options import dial, json_option
from agentctl.render.machine import json_text
from agentctl.render.table import show
from agentproto.api import model

__all__ = ["command"]

_KEY = "env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/USER"


@click.group("models", short_help="Connections to model servers.")
def command() -> None:
    """Connections to model servers."""


@command.command("list")
@json_option
def list_(as_json: bool) -> int:
    """All connections, which one is in use, and why."""
    with dial(give_variables=True) as client:
        found = client.call("model.list", model.ListParams(), model.ListResult).models
    if as_json:
        sys.stdout.write(json_text(found))
    else:
        rows = [("*" if one.in_use else "", one.name, one.kind, one.model, one.url or "-", one.reason) for one in found]
        show(("use", "name", "kind", "model", "address", "why"), rows, empty="There are no connections.")
    return DONE


@command.command("add")
@click.argument("name")
@click.option("--kind", type=click.Choice(get_args(model.ModelKind)), required=True, help="Which dialect it speaks.")
@click.option("--url", required=True, help="Base address, e.g. http://127.0.0.1:11434")
@click.option("--model", "model_name", default="", help="Model on that server.")
@click.option("--key", "model_key", default="", metavar="REF", help=f"{_KEY}; never the key itself.")
@click.option("--window", type=click.IntRange(min=1), help="Context window in tokens, when the server does not tell.")
@click.option("--price-in", type=click.FloatRange(min=0), help="Dollars a million input tokens.")
@click.option("--price-out", type=click.FloatRange(min=0), help="Dollars a million output tokens.")
@json_option
def add(
    name: str,
    kind: str,
    url: str,
    model_name: str,
    model_key: str,
    window: int | None,
    price_in: float | None,
    price_out: float | None,
    as_json: bool,
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
    )
    with dial() as client:
        result = client.call("model.add", params, model.AddResult)
    return _written(result, as_json, f"written to {result.file}; try it: agentctl models test {name}")


@command.command("use")
@click.argument("name")
@json_option
def use(name: str, as_json: bool) -> int:
    """Use connection NAME for new turns."""
    with dial() as client:
        result = client.call("model.use", model.UseParams(key=new_key(), name=name), model.UseResult)
    return _written(result, as_json, f"{name} serves from now on; written to {result.file}")


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
        result = client.call("model.test", model.TestParams(name), model.TestResult)
    if as_json:
        sys.stdout.write(json_text(result))
    else:
        rows = [("ok" if check.ok else "FAILED", check.what, check.seen) for check in result.checks]
        show(("result", "check", "seen"), rows, empty="Nothing was checked.")
        if result.ok and result.first_token_ms:
            speed = f", {result.tokens_per_second:.1f} tokens/s" if result.tokens_per_second else ""
            sys.stderr.write(f"first token after {result.first_token_ms} ms{speed}\n")
    return DONE if result.ok else FAILED
