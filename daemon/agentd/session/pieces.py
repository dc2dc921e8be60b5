"""A session's entries -> the pieces that a search finds: prompts, answers, tool results, titles.

It decides what is searched and what is not: what people and models said and what calls gave, each once. Streamed parts,
thinking and a turn's repeated final text are left out. What was taken back (`turn.withdrawn`, `session.reverted`) was
said all the same and is found. Pure: an entry after the other goes through `gather`, which hands on what later ones
need. Caller: `session.search_jobs`.
"""

from __future__ import annotations

import msgspec

from agentd.search.pieces import Piece
from agentd.session.asking import Answered
from agentd.session.entries import Begun, Broke, Changed, Done, Judged, Opened, Replied, Requested, Started, Steered
from agentproto.content import text_of

__all__ = ["INDEX_FILE", "TELLING", "TOOL_CHARS", "Gathered", "Telling", "gather"]

Telling = Opened | Requested | Steered | Answered | Replied | Broke | Started | Judged | Begun | Done | Changed

INDEX_FILE = "sessions.sqlite"
"""Below `cache/`. Its side files have the endings of `search.index.INDEX_FILES`; all may be deleted at any time."""

TELLING: frozenset[str] = frozenset(
    str(entry.__struct_config__.tag)
    for entry in (Opened, Requested, Steered, Answered, Replied, Broke, Started, Judged, Begun, Done, Changed)
)
"""Tags of the entries that `gather` takes; all others hold nothing to find and need not be decoded."""

TOOL_CHARS = 4_000
"""Of a result's text: its head and its end. A listing of a whole tree would drown what was said about it."""

_TOOL_END = 1_000
_TARGET_CHARS = 500
_TITLE_CHARS = 80
"""As in the list of sessions, for one that nobody has named."""


class Gathered(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known after some entries. `targets` are (call, what it is about) of calls that have not ended."""

    workspace: str = ""
    title: str | None = None
    targets: tuple[tuple[str, str], ...] = ()


def gather(known: Gathered, seq: int, at_ms: int, entry: Telling) -> tuple[Gathered, list[Piece]]:
    """What is known after `entry`, and its pieces: none or one."""
    match entry:
        case Opened():
            return msgspec.structs.replace(known, workspace=entry.workspace, title=entry.title), _one(
                seq, at_ms, "title", entry.title or ""
            )
        case Changed():
            if entry.title is None:
                return known, []
            return msgspec.structs.replace(known, title=entry.title), _one(seq, at_ms, "title", entry.title)
        case Requested():
            title = known.title if known.title is not None else " ".join(entry.prompt.split())[:_TITLE_CHARS]
            files = "\n".join(path for path, _, _ in entry.files)
            return msgspec.structs.replace(known, title=title), _one(seq, at_ms, "prompt", f"{entry.prompt}\n\n{files}")
        case Steered() | Answered():
            return known, _one(seq, at_ms, "prompt", entry.text)
        case Replied():
            return known, _one(seq, at_ms, "answer", text_of(entry.blocks) if entry.purpose == "turn" else "")
        case Broke():
            # Tried again, its text comes with the next reply.
            return known, _one(seq, at_ms, "answer", "" if entry.again else entry.kept)
        case Started():
            return msgspec.structs.replace(known, targets=()), []
        case Judged() | Begun():
            if not entry.target:
                return known, []
            others = tuple(pair for pair in known.targets if pair[0] != entry.call)
            mine = (entry.call, entry.target[:_TARGET_CHARS])
            return msgspec.structs.replace(known, targets=(*others, mine)), []
        case Done():
            target = dict(known.targets).get(entry.call, "")
            left = tuple(pair for pair in known.targets if pair[0] != entry.call)
            return msgspec.structs.replace(known, targets=left), _one(seq, at_ms, "tool", _result(entry, target))


def _one(seq: int, at_ms: int, kind: str, text: str) -> list[Piece]:
    text = text.strip()
    return [Piece(seq, at_ms, kind, text)] if text else []


def _result(done: Done, target: str) -> str:
    """A call's tool, what it was about, and what it gave; tool and target once, also where the summary names them."""
    summary = done.summary
    head = " ".join(word for word in (done.tool, target) if word not in summary)
    text = done.text
    if len(text) > TOOL_CHARS:
        text = f"{text[: TOOL_CHARS - _TOOL_END]}\n…\n{text[-_TOOL_END:]}"
    return "\n".join(part for part in (head, summary, text) if part)
