"""The entry type of words that the model was told about its own work. A member of `session.entries.Entry`."""

from __future__ import annotations

import msgspec

__all__ = ["Reminded"]


class Reminded(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="turn.reminded"):
    """The model is told `text`, behind what was said before `step`. `code`: about what (`cut`, `repeated`, `stuck`, or a
    budget); `level`: of a budget, the percentage that was crossed. `reason`: the same for a person; empty: they need not
    know."""

    turn: str
    step: str
    code: str
    text: str
    level: int = 0
    reason: str = ""
