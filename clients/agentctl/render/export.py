"""A session's events -> Markdown for people, or one JSON document for programs. Pure.

Nothing is left out of the JSON; the Markdown shows prompts, answers, tools and questions in order, tools' results cut.
Turns bear the numbers by which `sessions rewind` and `fork` know them; those that were taken back say so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import msgspec

from agentclient.turn_stream import Change, TurnStream
from agentctl.sessions.reverts import happened
from agentctl.sessions.turns import turns_of
from agentproto.api import question, session, turn
from agentproto.content import text_of
from agentproto.link import Happened
from agentproto.revisions import RevertedEvent

__all__ = ["as_document", "as_markdown", "day", "heading", "redacted_title", "title_of"]

_RESULT_LINES = 20
_TITLE = 80


def as_document(found: session.ReadResult, events: Sequence[session.StreamedEvent]) -> dict[str, object]:
    """The session's state and all its events, each as `{"event": name, ...body}`."""
    return {"session": found.summary, "mode": found.mode, "events": [{"event": one.name, **one.body} for one in events]}


def as_markdown(found: session.ReadResult, events: Sequence[session.StreamedEvent]) -> str:
    summary = found.summary
    numbers = {one.id: one.number for one in turns_of(events)}
    count = f"{len(numbers)} turn{'s' if len(numbers) != 1 else ''}"
    facts = f"Session `{summary.id}` in `{summary.workspace}`, {count}, begun {day(summary.created_at_ms)}."
    lines = [f"# {title_of(summary)}", "", facts]
    stream = TurnStream()
    for event in events:
        for change in stream.take(Happened(event.name, event.body)):
            lines += _section(change, numbers)
    return "\n".join(lines).rstrip() + "\n"


def title_of(summary: session.SessionSummary) -> str:
    return " ".join(summary.title.split()) or summary.id


def redacted_title(found: session.ReadResult, events: Sequence[session.StreamedEvent]) -> session.ReadResult:
    """`found` with a title made of the redacted events: the list's own title is not redacted."""
    given = [str(one.body["title"]) for one in events if one.name == "session.changed" and one.body.get("title")]
    asked = [str(one.body.get("prompt", "")) for one in events if one.name == "turn.queued"]
    title = given[-1] if given else " ".join(asked[0].split())[:_TITLE] if asked else ""
    return msgspec.structs.replace(found, summary=msgspec.structs.replace(found.summary, title=title), questions=())


def heading(change: turn.QueuedEvent, numbers: Mapping[str, int]) -> str:
    """Who asked when: `3. somebody, 2026-01-31 12:00`, or that it was taken back."""
    number = numbers.get(change.turn)
    words = f"{change.actor}, {day(change.at_ms)}"
    return f"{number}. {words}" if number is not None else f"{words} (taken back)"


def _section(change: Change, numbers: Mapping[str, int]) -> list[str]:
    match change:
        case turn.QueuedEvent():
            files = [f"(with `{file}`)" for file in change.files]
            return ["", f"## {heading(change, numbers)}", "", change.prompt.strip(), *files]
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
        case turn.WithdrawnEvent():
            return ["", f"_{change.actor} withdrew the message before the model spoke._"]
        case RevertedEvent():
            return ["", f"_{happened(change)}._"]
        case turn.FinishedEvent(stop=stop) if stop not in ("end", "withdrawn"):
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


def day(at_ms: int) -> str:
    """A time for people: local, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_ms / 1000))
