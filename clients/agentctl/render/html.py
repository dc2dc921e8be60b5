"""A session's events -> one HTML file that reads like the conversation. Pure.

Everything of it is in the file: no script, nothing fetched (its own policy forbids both), light and dark by the reader's
wish. Tool calls and thoughts are folded. Every word that came from anywhere is escaped, control characters made visible;
of the model's Markdown only headings, fences, code and bold are drawn, the rest stands as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

import msgspec

from agentclient.turn_stream import Change, TurnStream
from agentctl.render.export import day, heading, title_of
from agentctl.render.safe import safe
from agentctl.sessions.reverts import happened
from agentctl.sessions.turns import turns_of
from agentproto.api import question, session, turn
from agentproto.content import TextBlock, ThinkingBlock, ToolUseBlock
from agentproto.link import Happened
from agentproto.revisions import RevertedEvent

__all__ = ["as_html"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #6b6b6b; --said: #eaf1fb; --add: #116329; --cut: #a40e26 }
@media (prefers-color-scheme: dark) { :root { --dim: #a0a0a0; --said: #1d2937; --add: #5fd27a; --cut: #ff8f8f } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h1 { line-height: 1.2 } h2 { font-size: 1rem; margin: 2.5rem 0 .5rem; color: var(--dim) }
pre, code { font: .875em/1.45 ui-monospace, monospace }
pre { overflow-x: auto; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 6px }
p, .said { white-space: pre-wrap; overflow-wrap: anywhere }
.said { background: var(--said); border-radius: 6px; padding: .6rem .8rem }
.note, .facts { color: var(--dim) } .note { font-style: italic }
details { margin: .5rem 0 } summary { cursor: pointer; overflow-wrap: anywhere }
.add { color: var(--add) } .cut, .bad { color: var(--cut) }
"""
_FENCE = re.compile(r"^(`{3,}+|~{3,}+)[^\n]*+\n(.*?)(?:^\1[`~]*+[ \t]*+$\n?|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(\S.{0,300}?)[ \t]{0,9}#{0,9}$", re.MULTILINE)
_CODE = re.compile(r"(?<!`)(`++)(.{1,2000}?)(?<!`)\1(?!`)")
_BOLD = re.compile(r"\*\*(?=\S)(.{1,2000}?)(?<=\S)\*\*")
"""The bounds keep a hostile text from costing the square of its length; what is longer stands as it was written."""


def as_html(found: session.ReadResult, events: Sequence[session.StreamedEvent]) -> str:
    """The whole file, with a line feed at its end."""
    summary = found.summary
    title = _text(title_of(summary))
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        f'<p class="facts">Session {_text(summary.id)} in {_text(summary.workspace)}, begun '
        f"{day(summary.created_at_ms)}</p>",
    ]
    page = _Page({one.id: one.number for one in turns_of(events)})
    stream = TurnStream()
    for event in events:
        for change in stream.take(Happened(event.name, event.body)):
            parts += page.section(change)
    return "\n".join([*parts, "</body>\n</html>"]) + "\n"


class _Page:
    """What later parts of the page need of earlier events: a call's target and its arguments."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers
        self._targets: dict[str, str] = {}
        self._arguments: dict[str, dict[str, object]] = {}

    def section(self, change: Change) -> list[str]:
        match change:
            case turn.QueuedEvent():
                files = [_note(f"with {file}") for file in change.files]
                words = f'<div class="said">{_text(change.prompt.strip())}</div>'
                return [f"<h2>{_text(heading(change, self._numbers))}</h2>", words, *files]
            case turn.RepliedEvent(items=items):
                self._arguments |= {one.call: one.arguments for one in items if isinstance(one, ToolUseBlock)}
                return [part for one in items for part in _block(one)]
            case turn.ToolStartedEvent(call=call, target=target):
                self._targets[call] = target
                return []
            case turn.ToolFinishedEvent():
                return [self._tool(change)]
            case turn.SteeredEvent():
                return [f'<div class="said">{_text(f"{change.actor}: {change.text}")}</div>']
            case question.OpenedEvent(question=opened):
                return [_note(f"Question {opened.id}: {opened.summary}"), *_pre(opened.command)]
            case question.AnsweredEvent():
                return [_note(f"{change.decision} by {change.actor}" + (f": {change.text}" if change.text else ""))]
            case session.NoticeEvent():
                return [_note(change.text)]
            case turn.WithdrawnEvent():
                return [_note(f"{change.actor} withdrew the message before the model spoke.")]
            case RevertedEvent():
                return [_note(f"{happened(change)}.")]
            case turn.FinishedEvent(stop=stop) if stop not in ("end", "withdrawn"):
                return [_note(f"The turn ended: {stop}. {change.error or ''}".rstrip())]
            case _:
                return []

    def _tool(self, done: turn.ToolFinishedEvent) -> str:
        target = self._targets.pop(done.call, "")
        arguments = self._arguments.pop(done.call, None)
        shown = target if target not in done.summary else ""
        words = " ".join(f"{shown} {done.summary}".split())
        bad = "" if done.status == "ok" else f' <span class="bad">[{_text(done.status)}]</span>'
        head = f'<b>{_text(done.tool)}</b> {_text(words)}{bad} <span class="facts">{done.duration_ms} ms</span>'
        asked = msgspec.json.format(msgspec.json.encode(arguments), indent=2).decode() if arguments else ""
        body = [*_pre(asked), *(_diff(done.diff) if done.diff else _pre(done.text))]
        return "\n".join([f"<details><summary>{head}</summary>", *body, "</details>"])


def _block(one: object) -> list[str]:
    match one:
        case TextBlock(text=text) if text.strip():
            return [_drawn(text.strip())]
        case ThinkingBlock(text=text) if text.strip():
            return [f"<details><summary>thinking</summary>\n<p>{_text(text.strip())}</p>\n</details>"]
        case _:
            return []


def _text(text: str) -> str:
    return escape(safe(text))


def _note(text: str) -> str:
    return f'<p class="note">{_text(text)}</p>'


def _pre(text: str) -> list[str]:
    return [f"<pre>{_text(text.rstrip())}</pre>"] if text.strip() else []


def _diff(diff: str) -> list[str]:
    marks = {"+": "add", "-": "cut"}
    lines = [
        f'<span class="{marks[line[0]]}">{_text(line)}</span>' if line[:1] in marks else _text(line)
        for line in safe(diff).rstrip().split("\n")
    ]
    return ["<pre>" + "\n".join(lines) + "</pre>"]


def _drawn(text: str) -> str:
    """A model's words: fences as blocks, the rest as paragraphs."""
    parts: list[str] = []
    last = 0
    text = safe(text)
    for found in _FENCE.finditer(text):
        parts += [*_words(text[last : found.start()]), *_pre(found[2])]
        last = found.end()
    return "\n".join([*parts, *_words(text[last:])])


def _words(text: str) -> list[str]:
    parts: list[str] = []
    for piece in re.split(r"\n[ \t]*\n", text):
        if not piece.strip():
            continue
        last = 0
        for found in _HEADING.finditer(piece):
            parts += _paragraph(piece[last : found.start()])
            level = min(6, len(found[1]) + 2)
            parts.append(f"<h{level}>{_inline(found[2])}</h{level}>")
            last = found.end()
        parts += _paragraph(piece[last:])
    return parts


def _paragraph(text: str) -> list[str]:
    return [f"<p>{_inline(text.strip(chr(10)))}</p>"] if text.strip() else []


def _inline(text: str) -> str:
    """Code first: nothing inside it is a mark."""
    parts: list[str] = []
    last = 0
    for found in _CODE.finditer(text):
        parts += [_bold(text[last : found.start()]), f"<code>{escape(found[2].strip())}</code>"]
        last = found.end()
    return "".join([*parts, _bold(text[last:])])


def _bold(text: str) -> str:
    return _BOLD.sub(r"<b>\1</b>", escape(text))
