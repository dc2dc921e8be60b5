"""`agentctl sessions VERB`: conversations, as the daemon has them in their logs. Each verb is a file of
`agentctl.sessions`, imported when it is called; this file only knows which there are."""

from __future__ import annotations

import click

from agentctl.groups import LazyGroup

__all__ = ["VERBS", "command"]

VERBS: dict[str, tuple[str, str]] = {
    "list": ("listing", "Sessions, newest first."),
    "show": ("showing", "One session: facts, turns, calls, times, forks."),
    "search": ("searching", "Find words in all sessions."),
    "fork": ("forking", "Begin anew from a turn."),
    "rewind": ("rewinding", "Take back turns, and their files."),
    "undo": ("undoing", "Take back the last turn, a call, or an undo."),
    "rename": ("renaming", "Give a session a title."),
    "archive": ("archiving", "Compress sessions; they are read as before."),
    "rm": ("removing", "Remove sessions for good."),
    "redact": ("redacting", "A copy without its secrets."),
    "export": ("exporting", "Markdown, HTML, JSON, or a bundle."),
    "import": ("importing", "Take a session in from a bundle."),
    "replay": ("replaying", "Run it again: the machine, or another model."),
    "verify": ("verifying", "Read every byte of it."),
}
"""Verb -> (its file under sessions/, one line of help)."""


@click.group("sessions", cls=LazyGroup, table=VERBS, place="agentctl.sessions", short_help="Conversations.")
def command() -> None:
    """Conversations and their logs.

    ID is a session's id, a unique beginning or end of one (four characters or more), or `latest`: this workspace's.
    """
