"""Long sessions, made as the daemon makes them (same entries, same log, same checkpoints) but without the turns."""

from __future__ import annotations

from agentd.session.entries import (
    FORMAT,
    Actor,
    Assembled,
    Called,
    Decided,
    Entry,
    Finished,
    Opened,
    Replied,
    Requested,
    Started,
)
from agentd.session.fold import MACHINE
from agentd.session.store import SessionStore
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock

__all__ = ["grow"]
