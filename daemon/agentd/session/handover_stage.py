"""The stage of a hand-over: a folder of its own in `data/` in which everything is made before it gets its name.

It decides that what lies there at the beginning of a job was left by one that was ended (the worker does one job at a
time), and that a name is given by one rename, durably. Callers: `session.handover_jobs`, `session.handover_intake`.
"""

from __future__ import annotations

from agentd.world.doors import Files

__all__ = ["STAGE", "cleared", "settle"]

STAGE = "handover"


def cleared(files: Files, data: str) -> str:
    """The stage, empty: what lies there was left by a job that was ended."""
    stage = f"{data}/{STAGE}"
    files.make_folder(stage)
    _empty(files, stage)
    return stage


def _empty(files: Files, folder: str) -> None:
    for name, info in files.list(folder):
        if info.kind == "dir":
            _empty(files, f"{folder}/{name}")
        files.remove(f"{folder}/{name}")


def settle(files: Files, data: str, made: str, place: str) -> None:
    """Give what was made its name, durably."""
    month = place.rpartition("/")[0]
    files.make_folder(month)
    files.rename(made, place)
    for folder in (place, month, f"{data}/{STAGE}"):
        files.sync_folder(folder)
