"""One number for what a log says: the sha256 of the folded state in its one canonical form. Pure.

The same log gives the same digest on every machine: fields and keys are sorted, so neither the order of a mapping nor that
of a class's fields counts. Callers: verification, `session.handover_jobs`.
"""

from __future__ import annotations

import hashlib

import msgspec

from agentd.session.state import SessionState

__all__ = ["state_hash"]

_encoder = msgspec.json.Encoder(order="sorted")


def state_hash(state: SessionState) -> str:
    """64 lower-case hex digits."""
    return hashlib.sha256(_encoder.encode(state)).hexdigest()
