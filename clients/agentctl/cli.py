"""The program `agentctl`: which commands there are, and what becomes of what they return or raise.

Commands are imported when they are called and never before, so that help is there at once. This file imports click and
nothing slow; `faults` (and with it the wire) is loaded only when something went wrong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import NoReturn, cast

import click

from agentctl.exits import DONE, INTERRUPTED, USAGE
from agentctl.groups import LazyGroup
from agentctl.lazy import load

__all__ = ["COMMANDS", "guarded", "main", "program", "run"]

COMMANDS: dict[str, tuple[str, str]] = {
    "ask": ("ask", "One turn: the answer to stdout as it streams."),
    "chat": ("chat", "Talk with it; steer it while it works."),
    "attach": ("attach", "Join a session: what was, then live."),
    "sessions": ("sessions", "Conversations: find, show, take back, keep, hand over."),
    "pending": ("pending", "Questions that wait for an answer."),
    "approve": ("approve", "Allow what a question asks for."),
    "deny": ("deny", "Refuse what a question asks for."),
    "answer": ("answer", "Answer a question in words."),
    "tools": ("tools", "What the model can do; a call's whole output."),
    "models": ("models", "Connections to model servers."),
    "cost": ("cost", "What was spent, by purpose, session, model or day."),
    "budget": ("budget", "What may be spent, and how good the estimates are."),
    "daemon": ("daemon", "Start, stop and look at the daemon."),
    "doctor": ("doctor", "Check everything; say what to type for each fault."),
    "config": ("config", "Settings, and where each is set."),
    "events": ("events", "What happened to the daemon."),
    "completion": ("completion", "Shell completion for bash, zsh and fish."),
    "version": ("version", "Versions of this program and of the daemon."),
}
"""Command -> (its file under commands/, one line of help)."""


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"agentctl {load('agentproto.__about__', '__version__')}")
        ctx.exit()


@click.group(
    cls=LazyGroup, table=COMMANDS, place="agentctl.commands", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="The version."
)
def program() -> None:
    """Talk to agentd, the daemon that stays awake. It is started when it does not run."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; its exit code."""
    narrow = _narrow()
    return guarded(
        lambda: program.main(args=arguments, prog_name="agentctl", standalone_mode=False, terminal_width=narrow)
    )


def _narrow() -> int | None:
    """The width of a terminal that is too narrow for click's own guess, which never goes below 50."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return None
    return max(20, columns - 1) if columns < 52 else None


def guarded(work: Callable[[], object]) -> int:
    """Do `work`; its exit code. Whatever it raises becomes three lines on stderr, and never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    out = sys.stdout
    try:
        code = work()
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as fault:
        sys.stderr.write(fault.format_message() + "\n")
        return USAGE
    except SystemExit:
        if sys.stdout is out:
            raise
        return DONE  # click has met the broken pipe first; it exchanges the stream and exits
    except BrokenPipeError:
        # Whoever reads stdout has seen enough. The interpreter must not stumble over it again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return DONE
    except Exception as fault:  # noqa: BLE001  the last border: everything becomes three lines
        if os.environ.get("AGENTD_DEBUG") == "1":
            cast("Callable[[], None]", load("traceback", "print_exc"))()
        explain = cast("Callable[[BaseException], tuple[int, str, str, str]]", load("agentctl.faults", "explain"))
        lines = cast("Callable[[tuple[int, str, str, str]], str]", load("agentctl.faults", "three_lines"))
        explained = explain(fault)
        sys.stderr.write(lines(explained))
        return explained[0]
    return code if isinstance(code, int) else DONE


def main() -> NoReturn:
    """The console script."""
    sys.exit(run())
