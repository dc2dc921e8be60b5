"""The one place where something is imported late: a command pays only for what it uses.

Callers: `cli` (commands), and those that draw richer output on a terminal than in a pipe.
"""

from __future__ import annotations

import gc
from importlib import import_module

__all__ = ["load"]


def load(module: str, name: str) -> object:
    """The public `name` of `module`, imported now. Nothing that an import makes is garbage, so it is not searched for
    any meanwhile: that alone is a twentieth of a warm `ask`."""
    gc.disable()
    try:
        return getattr(import_module(module), name)
    finally:
        gc.enable()
