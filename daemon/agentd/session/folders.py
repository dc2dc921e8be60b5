"""Where a session lies below `data/` and `state/`: pure text. The id's own time chooses year and month."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from agentd.errors import NotFoundError

__all__ = ["ALPHABET", "SESSION_ID", "session_folder", "time_of"]

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: sorts as it counts, nothing to misread."""

_AS_PYTHON_COUNTS = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_DAY_MS = 24 * 3600 * 1000

SESSION_ID = re.compile(r"s[0-9a-hjkmnp-tv-z]{16}")


def time_of(session: str) -> int:
    """Milliseconds since the epoch that a session id was made at; NotFoundError when it is no session id."""
    if not SESSION_ID.fullmatch(session):
        raise NotFoundError(
            f"{session[:40]!r} is no session id", remedy="`agentctl sessions list` shows them.", field="session"
        )
    return int(session[1:10].translate(_AS_PYTHON_COUNTS), 32)


def session_folder(data: str, session: str) -> str:
    """`<data>/sessions/<yyyy>/<mm>/<id>`."""
    return f"{data}/sessions/{_month(time_of(session) // _DAY_MS)}/{session}"


@lru_cache(maxsize=1000)
def _month(day: int) -> str:
    """A list of a thousand sessions asks for the same few days again and again."""
    made = datetime.fromtimestamp(day * _DAY_MS / 1000, UTC)
    return f"{made:%Y}/{made:%m}"
