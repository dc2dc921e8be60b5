"""`agentctl completion SHELL`: the script that makes the shell complete commands and options (click's own)."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

from agentctl.exits import DONE

__all__ = ["SHELLS", "command"]

SHELLS: dict[str, str] = {
    "bash": "agentctl completion bash > ~/.local/share/bash-completion/completions/agentctl",
    "zsh": "agentctl completion zsh > ~/.zfunc/_agentctl   (with ~/.zfunc in fpath)",
    "fish": "agentctl completion fish > ~/.config/fish/completions/agentctl.fish",
}
"""Shell -> how its script is installed."""


@click.command("completion", short_help="Shell completion.")
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the completion script for SHELL; stderr says where to put it."""
    kind = get_completion_class(shell)
    root = ctx.find_root().command
    if kind is None:
        raise click.UsageError(f"This click has no completion for {shell}.")
    script = kind(root, {}, "agentctl", "_AGENTCTL_COMPLETE")
    sys.stdout.write(script.source_template % script.source_vars() + "\n")
    if sys.stderr.isatty():
        sys.stderr.write(f"# {SHELLS[shell]}\n")
    return DONE
