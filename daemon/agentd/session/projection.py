"""Log lines -> the events that clients see: at most one event a line, with the line's number. Pure.

One line, one event: a client that has seen number N can resume after N and gets everything else, once. Entries that
nobody outside needs (assembly, intents of model calls, checkpoints) have none.
"""

from __future__ import annotations

import msgspec

from agentd.chain.frame import Line
from agentd.session.asking import Answered, Asked
from agentd.session.compactions import Compacted
from agentd.session.entries import (
    Begun,
    Broke,
    Changed,
    Done,
    Entry,
    Finished,
    Interrupted,
    Notice,
    Opened,
    Partial,
    Replied,
    Requested,
    Resumed,
    Started,
    Steered,
)
from agentd.session.reminders import Reminded
from agentd.session.revisions import Reverted, Withdrawn
from agentproto.api import question as wire_question
from agentproto.api import session as wire_session
from agentproto.api import turn as wire_turn
from agentproto.revisions import FileRevision, RevertedEvent

__all__ = ["project", "question_of"]


_DEFAULTS = {"chat": "chat", "none": "none", "turn": "turn"}
"""Texts that are a default of the wire's: msgspec leaves a default out when it is the same object, and one that was read
from a log is another, equal one. The same line has to give the same bytes, live and read again."""


def question_of(asked: Asked, session: str, at_ms: int) -> wire_question.Question:
    """An open question as clients see it."""
    return wire_question.Question(
        id=asked.question,
        session=session,
        turn=asked.turn,
        kind=asked.kind,
        tool=asked.tool,
        summary=asked.summary,
        command=asked.command,
        hash=asked.hash,
        gates=asked.gates,
        at_ms=at_ms,
        sandbox=_DEFAULTS.get(asked.sandbox, asked.sandbox),
        origin=asked.origin,
        choices=asked.choices,
        cwd=asked.cwd,
        deadline_at_ms=asked.deadline_at_ms,
        default=asked.default,
    )


def project(session: str, line: Line[Entry]) -> tuple[str, msgspec.Struct] | None:
    """(event name, body) of one line, or None when it has no event."""
    stream, seq, at_ms = session, line.seq, line.at_ms
    match line.entry:
        case Opened() as e:
            return "session.opened", wire_session.OpenedEvent(
                stream,
                seq,
                at_ms,
                e.workspace,
                e.cwd,
                e.mode,
                e.parent[0] if e.parent else None,
                _DEFAULTS.get(e.kind, e.kind),
            )
        case Requested() as e:
            paths = (*(path for path, _, _ in e.files), *(path for path, _ in e.pictures))
            return "turn.queued", wire_turn.QueuedEvent(
                stream, seq, at_ms, e.turn, e.actor.name or e.actor.kind, e.prompt, paths
            )
        case Started() as e:
            return "turn.started", wire_turn.StartedEvent(stream, seq, at_ms, e.turn, e.model, e.mode)
        case Partial() as e:
            return "turn.delta", wire_turn.DeltaEvent(stream, seq, e.turn, e.item, e.kind, e.offset, e.text)
        case Replied() as e:
            return "step.replied", wire_turn.RepliedEvent(
                stream,
                seq,
                at_ms,
                e.turn,
                e.step,
                e.blocks,
                e.stop,
                e.usage,
                e.interrupted,
                _DEFAULTS.get(e.purpose, e.purpose),
            )
        case Broke() as e:
            text = f"{e.text}; {e.next_model} goes on" if e.next_model else e.text
            return "step.retried", wire_turn.RetryEvent(
                stream, seq, at_ms, e.turn, e.step, e.failure, text, e.wait_ms, e.again
            )
        case Asked() as e:
            return "question.opened", wire_question.OpenedEvent(stream, seq, at_ms, question_of(e, session, at_ms))
        case Answered() as e:
            return "question.answered", wire_question.AnsweredEvent(
                stream, seq, at_ms, e.question, e.turn, e.decision, e.actor.name or e.actor.kind, e.scope, e.text
            )
        case Begun() as e:
            return "tool.started", wire_turn.ToolStartedEvent(
                stream, seq, at_ms, e.turn, e.call, e.tool, e.target, e.verdict, e.reason
            )
        case Done() as e:
            return "tool.finished", wire_turn.ToolFinishedEvent(
                stream,
                seq,
                at_ms,
                e.turn,
                e.call,
                e.tool,
                e.status,
                e.summary,
                e.text,
                e.bytes,
                e.duration_ms,
                e.blob,
                e.diff,
            )
        case Steered() as e:
            return "turn.steered", wire_turn.SteeredEvent(
                stream, seq, at_ms, e.turn, e.actor.name or e.actor.kind, e.text
            )
        case Finished() as e:
            return "turn.finished", wire_turn.FinishedEvent(
                stream, seq, at_ms, e.turn, e.stop, e.text, e.steps, e.usage, e.error, e.remedy
            )
        case Notice() as e:
            return "session.notice", wire_session.NoticeEvent(stream, seq, at_ms, e.code, e.text, e.turn)
        case Changed() as e:
            return "session.changed", wire_session.ChangedEvent(
                stream, seq, at_ms, e.actor.name or e.actor.kind, e.mode, e.model, e.title
            )
        case Resumed() as e:
            return "session.notice", wire_session.NoticeEvent(stream, seq, at_ms, "resumed", _resumed_words(e))
        case Withdrawn() as e if e.turn:
            return "turn.withdrawn", wire_turn.WithdrawnEvent(stream, seq, at_ms, e.turn, e.actor.name or e.actor.kind)
        case Reverted() as e:
            files = tuple(FileRevision(f.path, f.action, f.reason, f.before, f.after) for f in e.files)
            return "session.reverted", RevertedEvent(
                stream, seq, at_ms, e.actor.name or e.actor.kind, e.kind, e.turns, files
            )
        case Compacted() as e:
            return "session.notice", wire_session.NoticeEvent(
                stream, seq, at_ms, "compacted", f"{e.reason} (tier {e.tier}, about {e.tokens} tokens)", e.turn
            )
        case Reminded() as e if e.reason:
            return "session.notice", wire_session.NoticeEvent(stream, seq, at_ms, f"told.{e.code}", e.reason, e.turn)
        case Interrupted() as e if e.turn:
            return "session.notice", wire_session.NoticeEvent(
                stream, seq, at_ms, "interrupted", f"interrupted by {e.actor.name or e.actor.kind}: {e.reason}", e.turn
            )
        case _:
            return None


def _resumed_words(e: Resumed) -> str:
    words = f"the session went on after the daemon ended ({e.reason})"
    if e.torn_bytes:
        words += f"; {e.torn_bytes} bytes of an unfinished last line were cut off and kept as {e.saved_as}"
    if e.head_missing:
        words += f"; {e.head_missing} entries that had been written are missing at the end of the log"
    return words
