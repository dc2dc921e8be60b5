"""Options that several commands share, and how each of them gets its client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import click

from agentclient.blocking import BlockingClient, connect
from agentctl.lazy import load

__all__ = ["dial", "json_option", "session_id"]

F = TypeVar("F", bound=Callable[..., object])


def json_option(function: F) -> F:
    """`--json`: the data as one JSON value, fields as on the wire."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON with the wire's field names.")(function)


def dial(*, start: bool = True, give_variables: bool = False) -> BlockingClient:
    """A client of this home's daemon; use it in a `with` block."""
    context = click.get_current_context(silent=True)
    name = context.command_path if context is not None else "agentctl"
    return connect(name, start=start, give_variables=give_variables)


def session_id(text: str) -> str:
    """The id of the session that a person means by its beginning, its end, or `latest`. A whole one costs nothing."""
    if len(text) == 17 and text.startswith("s"):
        return text
    return cast("Callable[[str], str]", load("agentctl.sessions.naming", "looked_up"))(text)
