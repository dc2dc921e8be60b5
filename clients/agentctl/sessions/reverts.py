"""What was taken back, or would be, in words: turns first, then each file and what became of it. Pure.

Callers: `undoing`, `rewinding`, `chat.revising`, `render.plain`, `render.conversation`.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.render.safe import one_line
from agentctl.sessions.turns import short
from agentproto.revisions import FileRevision, RevertedEvent, RevertResult

__all__ = ["file_line", "happened", "near", "told"]


def told(
    result: RevertResult, *, redo: bool = False, call: str | None = None, dry: bool = False, base: str = ""
) -> str:
    """Lines for a person who asked for it; paths are relative to the folder `base` where they lie in it."""
    deed = f"{'bring' if redo else 'take'} back" if dry else f"{'brought' if redo else 'took'} back"
    if call is not None:
        what = f"the files of call {short(call)}"
    else:
        what = _turns(result.turns)
    head = f"{'would ' if dry else ''}{deed} {what}"
    lines = [f"  {file_line(one, dry=dry, base=base)}" for one in result.files]
    return "\n".join([head, *(lines or ["  no files"])]) + "\n"


def happened(event: RevertedEvent) -> str:
    """One line for those who watch: who took back what, and what became of the files."""
    deed = "brought back" if event.kind == "redo" else "took back"
    what = "what a call wrote" if event.kind == "call" and not event.turns else _turns(event.turns)
    counts = [
        f"{count} file{'s' if count != 1 else ''} {action}"
        for action in ("restored", "removed", "kept")
        if (count := sum(one.action == action for one in event.files))
    ]
    return f"{event.actor} {deed} {what}" + (f": {', '.join(counts)}" if counts else "")


def file_line(one: FileRevision, *, dry: bool = False, base: str = "") -> str:
    action = f"{'would be ' if dry else ''}{one.action}"
    why = f": {one_line(one.reason)}" if one.reason else ""
    return f"{action:<{17 if dry else 8}}  {one_line(near(one.path, base))}{why}"


def near(path: str, base: str) -> str:
    """`path` relative to the folder `base` when it lies in it."""
    inside = base.rstrip("/") + "/"
    return path[len(inside) :] if base and path.startswith(inside) and path != inside else path


def _turns(turns: Sequence[str]) -> str:
    if not turns:
        return "no turn"
    return f"turn{'s' if len(turns) > 1 else ''} {', '.join(short(one) for one in turns)}"
