"""Session logs on the real disk, written line by line as the daemon writes them: something to read and to search."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

from agentd.chain.frame import FIRST_LINK, encode_line
from agentd.session.actors import Actor
from agentd.session.entries import Begun, Done, Entry, Opened, Replied, Requested
from agentd.session.folders import session_folder, time_of
from agentd.world.ids import session_id
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock

__all__ = ["NOON", "PERSON", "answered", "archive", "asked", "called", "log_path", "name", "opened", "write"]

PERSON = Actor(kind="client", id="c1", role="owner", name="test")
NOON = 1_790_000_000_000
"""Session `name(n)` was made n hours after it, and its line s written s seconds after that."""


def name(number: int) -> str:
    """A session's id; a larger number is a later session."""
    return session_id(NOON + number * 3_600_000, number)


def log_path(data: Path, session: str) -> Path:
    return Path(session_folder(str(data), session)) / "log.jsonl"


def opened(session: str, workspace: str = "/w", title: str | None = None) -> Opened:
    return Opened(
        format=1, machine=1, session=session, kind="chat", product="1", workspace=workspace, cwd=workspace, mode="ask",
        actor=PERSON, title=title,
    )  # fmt: skip


def asked(text: str) -> Requested:
    return Requested(turn="t", actor=PERSON, key="k", hash="h", prompt=text)


def answered(text: str) -> Replied:
    return Replied(turn="t", step="t.1", blocks=(TextBlock(text),), stop="end", usage=TurnUsage())


def called(tool: str, target: str, text: str, call: str = "t.1.1", summary: str = "done") -> tuple[Begun, Done]:
    """A call's beginning and its end."""
    return (
        Begun(turn="t", call=call, tool=tool, target=target),
        Done(turn="t", call=call, tool=tool, status="ok", text=text, summary=summary),
    )


def write(data: Path, session: str, entries: Sequence[Entry], after: bytes = b"") -> bytes:
    """Write the log that `after` and `entries` make, and return it. Its time of change follows from its id and length,
    so that it is the same in every run: a later session changed later."""
    lines = after.splitlines(keepends=True)
    link = lines[-1][-11:-3] if lines else FIRST_LINK
    out = bytearray(after)
    for seq, entry in enumerate(entries, len(lines) + 1):
        raw, link = encode_line(seq, time_of(session) + seq * 1_000, entry, link)
        out += raw
    path = log_path(data, session)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out)
    _date(path, session, len(out))
    return bytes(out)


def archive(data: Path, session: str, members: int = 1) -> Path:
    """Put `log.jsonl.gz` in the place of `log.jsonl`, as so many gzip members in a row."""
    path = log_path(data, session)
    log = path.read_bytes()
    size = -(-len(log) // members)
    packed = b"".join(gzip.compress(log[at : at + size], mtime=0) for at in range(0, len(log), size))
    archived = path.with_name("log.jsonl.gz")
    archived.write_bytes(packed)
    _date(archived, session, len(log))
    path.unlink()
    return archived


def _date(path: Path, session: str, size: int) -> None:
    moment = (time_of(session) + size) * 1_000_000
    os.utime(path, ns=(moment, moment))
