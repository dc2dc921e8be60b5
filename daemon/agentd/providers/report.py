"""What a model server says about itself: its models, the window it was started with, how many it serves at a time.

It decides which fields of which server mean the window that is really there (not the one a model was trained with), and
never raises for what a server sends. Pure; `call.ask_server` gets the bodies. Callers: `catalog.limits_of`'s users,
`agentctl models test`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

__all__ = ["Report", "read_report"]

_WINDOW_FIELDS = ("max_model_len", "context_length", "context_window")
"""vLLM; OpenRouter and Together; Groq. llama.cpp's `n_ctx_train` is what the model could have, not what it got."""


@dataclass(frozen=True, slots=True)
class Report:
    """`models`: names, in the server's order. `window`: tokens, of the asked model. `slots`: requests at a time."""

    models: tuple[str, ...] = ()
    window: int | None = None
    slots: int | None = None


def read_report(models: bytes, props: bytes, *, model: str) -> Report:
    """Read the bodies of `/v1/models` and of llama.cpp's `/props`; empty bytes where there was none."""
    rows = tuple(_rows(_read(models)))
    told = _read(props)
    settings = told.get("default_generation_settings")
    window = _count(settings.get("n_ctx")) if isinstance(settings, Mapping) else None
    if window is None:
        mine = next((row for row in rows if row.get("id") == model), rows[0] if len(rows) == 1 else {})
        window = next((found for name in _WINDOW_FIELDS if (found := _count(mine.get(name))) is not None), None)
    return Report(tuple(str(row["id"]) for row in rows), window, _count(told.get("total_slots")))


def _read(body: bytes) -> Mapping[str, object]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _rows(value: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    data = value.get("data")
    for row in data if isinstance(data, list) else ():
        if isinstance(row, dict) and isinstance(row.get("id"), str):
            yield row


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
