"""Groups of commands that are known by a table and imported one by one, when they are called.

So help, completion and a wrong word cost none of the commands' imports. Callers: `cli` and `commands.sessions`. It
decides only which file a word belongs to, and what a word that is none of them might have meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import click

from agentctl.lazy import load

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """`table`: word -> (its file in the package `place`, one line of help). Each file has `command`."""

    def __init__(self, *, table: Mapping[str, tuple[str, str]], place: str, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self._table = table
        self._place = place

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._table:
            return None
        return cast("click.Command", load(f"{self._place}.{self._table[cmd_name][0]}", "command"))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._table and not args[0].startswith("-"):
            close = cast("Callable[[str, Iterable[str], int], list[str]]", load("difflib", "get_close_matches"))
            near = close(args[0], self._table, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._table.items()])
