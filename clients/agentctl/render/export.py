"""A session's events -> Markdown for people, or one JSON document for programs. Pure.

Nothing is left out of the JSON; the Markdown shows prompts, answers, tools and questions in order, tools' results cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from agentclient.turn_stream import Change, TurnStream
from agentproto.api import question, session, turn
from agentproto.content import text_of
from agentproto.link import Happened

__all__ = ["as_document", "as_markdown"]

_RESULT_LINES = 20


def as_document(found: session.ReadResult, events: Iterable[session.StreamedEvent]) -> dict[str, object]:
    """The session's state and all its events, each as `{"event": name, ...body}`."""
    return {"session": found.summary, "mode": found.mode, "events": [{"event": one.name, **one.body} for one in events]}


def as_markdown(found: session.ReadResult, events: Iterable[session.StreamedEvent]) -> str:
    summary = found.summary
    lines = [
        f"# {summary.title or summary.id}",
        "",
        f"Session `{summary.id}` in `{summary.workspace}`, {summary.turns} turns, begun {_day(summary.created_at_ms)}.",
    ]
    stream = TurnStream()
    for event in events:
        for change in stream.take(Happened(event.name, event.body)):
            lines += _section(change)
    return "\n".join(lines).rstrip() + "\n"


def _section(change: Change) -> list[str]:
    match change:
        case turn.QueuedEvent():
            files = [f"(with `{file}`)" for file in change.files]
            return ["", f"## {change.actor}, {_day(change.at_ms)}", "", change.prompt.strip(), *files]
        case turn.RepliedEvent():
            text = text_of(change.items).strip()
            return ["", text] if text else []
        case turn.SteeredEvent():
            return ["", f"> {change.actor}: {change.text}"]
        case turn.ToolFinishedEvent():
            bad = "" if change.status == "ok" else f" ({change.status})"
            return ["", f"**{change.tool}**{bad}: {change.summary}", "", *_fenced(change.diff or change.text)]
        case question.OpenedEvent(question=opened):
            return ["", f"**Question** {opened.id}: {opened.summary}", "", *_fenced(opened.command)]
        case question.AnsweredEvent():
            words = f": {change.text}" if change.text else ""
            return ["", f"**{change.decision}** by {change.actor}{words}"]
        case session.NoticeEvent():
            return ["", f"_{change.text}_"]
        case turn.FinishedEvent(stop=stop) if stop != "end":
            return ["", f"_The turn ended: {stop}. {change.error or ''}_".replace(". _", "._")]
        case _:
            return []


def _fenced(text: str) -> list[str]:
    """A code block whose fence is longer than any in the text."""
    lines = text.rstrip().splitlines()
    if not lines:
        return []
    longest = max((len(line) - len(line.lstrip("`")) for line in lines), default=0)
    fence = "`" * max(3, longest + 1)
    cut = [f"... {len(lines) - _RESULT_LINES} more lines"] if len(lines) > _RESULT_LINES else []
    return [fence, *lines[:_RESULT_LINES], *cut, fence]


def _day(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_ms / 1000))
