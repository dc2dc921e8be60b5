"""Every event that the daemon writes down about itself: name -> category and meaning, in one table.

It decides which names there are; a test compares it with what the code says. The wire's own list of categories is
`agentproto.api.daemon.Category`. Callers: `eventlog`, and the manual's readers of `agentctl events`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentproto.api.daemon import Category

__all__ = ["EVENTS", "Known"]


@dataclass(frozen=True, slots=True)
class Known:
    """An event: where it belongs, and what has happened when it is written."""

    category: Category
    meaning: str


EVENTS: Mapping[str, Known] = {
    "daemon.started": Known("daemon", "It serves: the socket answers."),
    "daemon.notice": Known("daemon", "Something about this home that its owner should know, once at each start."),
    "daemon.swept": Known("daemon", "Processes that a killed daemon had left running were ended."),
    "daemon.stopped": Known("daemon", "It stops; turns that ran are paused and recorded."),
    "settings.changed": Known("settings", "Settings were read anew, and these keys have other values now."),
    "settings.refused": Known("settings", "Settings on disk are wrong; the old ones stay, whole."),
    "session.opened": Known("session", "A session was made, in the workspace that the text names."),
    "session.resumed": Known("session", "A turn that was under way when the daemon ended went on."),
    "session.blob_lost": Known(
        "session", "A kept content was changed or is gone; a fork of the session goes without it."
    ),
    "session.damaged": Known("session", "A session's log is damaged; it is read-only up to there."),
    "session.unreadable": Known("session", "A session could not be opened at all; the others are served."),
    "session.read_only": Known("session", "A session's log takes no more entries: a write failed."),
    "session.stopped": Known("session", "A session's turn could not go on."),
    "session.stuck": Known("session", "Something that a session ran did not end in time when the session was closed."),
    "session.retained": Known("session", "A session was archived or removed by the settings; the text says why."),
    "session.not_retained": Known("session", "The settings ask for a session's archiving or removal; it was not done."),
    "session.hints_lost": Known("session", "Small files that only make a restart quicker could not be written."),
    "permission.decided": Known("permission", "A tool call was judged; the details say by which rule or gate."),
    "model.cost_lost": Known("model", "What a call cost could not be written down; it counts as its worst case."),
    "model.repeats": Known(
        "model", "An answer repeated itself and was stopped; the text says what came again and again."
    ),
    "model.side_query": Known("model", "What became of a small question beside a turn; nothing hangs on it."),
    "model.trying": Known("model", "A test of a connection goes on with what the text names."),
    "model.tested": Known("model", "A test of a connection has ended; the text says whether it holds, or what fails."),
    "tool.image_lost": Known(
        "tool", "What a file held before a write could not be kept; an undo leaves that file alone."
    ),
    "tool.output_lost": Known("tool", "A long output could not be kept whole; the model got what is in the log."),
}
