"""Where a session lies below `data/` and `state/`: pure text. The id's own time chooses year and month."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from agentd.errors import NotFoundError

__all__ = ["ALPHABET", "SESSION_ID", "session_folder", "time_of"]

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: sorts as it counts, nothing to misread."""

SESSION_ID = re.compile(r"s[0-9a-hjkmnp-tv-z]{16}")


def time_of(session: str) -> int:
    """Milliseconds since the epoch that a session id was made at; NotFoundError when it is no session id."""
    if not SESSION_ID.fullmatch(session):
        raise NotFoundError(
            f"{session[:40]!r} is no session id", remedy="`agentctl sessions list` shows them.", field="session"
        )
    value = 0
    for character in session[1:10]:
        value = value * 32 + ALPHABET.index(character)
    return value


def session_folder(data: str, session: str) -> str:
    """`<data>/sessions/<yyyy>/<mm>/<id>`."""
    made = datetime.fromtimestamp(time_of(session) / 1000, UTC)
    return f"{data}/sessions/{made:%Y}/{made:%m}/{session}"
