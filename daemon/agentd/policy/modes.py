"""The modes a session can be in, as a table: what each means and whether this version has it.

It decides nothing; `decide` reads it, and whoever takes a mode from a person refuses one that is not available.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["MODES", "Mode", "ModeFacts"]

Mode = Literal["ask", "plan", "auto", "accept-edits"]


@dataclass(frozen=True, slots=True)
class ModeFacts:
    """`judged_as`: the mode whose judgement holds. One that is not available is judged as the most careful that asks."""

    sentence: str
    available: bool
    judged_as: Literal["ask", "plan"]


MODES: Mapping[Mode, ModeFacts] = {
    "ask": ModeFacts("Everything that is not read-only or granted is asked.", available=True, judged_as="ask"),
    "plan": ModeFacts("Tools that are not read-only are refused.", available=True, judged_as="plan"),
    "auto": ModeFacts("Not available yet: it needs a sandbox and a classifier.", available=False, judged_as="ask"),
    "accept-edits": ModeFacts("Not available yet: edits are asked as in `ask`.", available=False, judged_as="ask"),
}
