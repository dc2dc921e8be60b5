"""What a model server says about itself: its models, the window it was started with, how many it serves at a time.

It decides what a server of each kind is asked (nothing that would make a model answer, or load one), which fields of
which server mean the window that is really there (not the one a model was trained with), and never raises for what a
server sends; and by what it says, or is known for, whether its models see pictures. Pure; `call.ask_server` gets the
bodies. Callers: `catalog.limits_of`'s users, `agentctl models test`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.connection import Connection

__all__ = ["Question", "Report", "questions", "read_answers", "read_ollama_report", "read_report", "shows_pictures"]

_WINDOW_FIELDS = ("max_model_len", "context_length", "context_window", "max_input_tokens")
"""vLLM; OpenRouter and Together; Groq; Anthropic. llama.cpp's `n_ctx_train` is what the model could have, not what it
got."""

_SEEING_HOSTS = frozenset({"api.anthropic.com", "api.openai.com"})
"""Makers all of whose models see, but for a few old ones."""

_BLIND = re.compile(r"(ft:)?(gpt-3|gpt-4(-\d.*)?$|o1-mini|o3-mini|claude-(instant|2))")
"""Those few, by the makers' pages about models."""

_OLLAMA_SLOTS = 1
"""Ollama may serve more at a time, but splits its memory for it; its cache is kept best by asking one by one."""


@dataclass(frozen=True, slots=True)
class Report:
    """`models`: names, in the server's order. `window`: tokens, of the asked model. `slots`: requests at a time.
    `abilities`: of the asked model in the server's words, like `tools`, `vision`, `thinking`; empty: it does not say."""

    models: tuple[str, ...] = ()
    window: int | None = None
    slots: int | None = None
    abilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A request that makes no model work. `headers` have the key in them."""

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""


def questions(connection: Connection, key: str | None) -> tuple[Question, ...]:
    """What a server of this kind is asked; `read_answers` takes the bodies in this order."""
    origin = connection.url.removesuffix("/v1")
    bearer = {"authorization": f"Bearer {key}"} if key else {}
    match connection.kind:
        case "anthropic":
            return (Question("GET", f"{origin}/v1/models", AnthropicMessages().headers(key)),)
        case "ollama":
            show = msgspec.json.encode({"model": connection.model})
            asked = Question("POST", f"{origin}/api/show", bearer | {"content-type": "application/json"}, show)
            return (Question("GET", f"{origin}/api/tags", bearer), *([asked] if connection.model else []))
        case "openai-responses":
            return (Question("GET", f"{connection.url}/models", bearer),)
        case _:
            return (Question("GET", f"{connection.url}/models", bearer), Question("GET", f"{origin}/props", bearer))


def read_answers(connection: Connection, bodies: Sequence[bytes]) -> Report:
    """Read the bodies that came to `questions`; empty bytes where there was none."""
    first, second = (*bodies, b"", b"")[:2]
    if connection.kind == "ollama":
        return read_ollama_report(first, second)
    return read_report(first, second, model=connection.model)


def read_report(models: bytes, props: bytes, *, model: str) -> Report:
    """Read the bodies of `/v1/models` and of llama.cpp's `/props`; empty bytes where there was none. Abilities are the
    latter's modalities beside text: `vision`, `audio`."""
    rows = tuple(_rows(_read(models)))
    told = _read(props)
    settings = told.get("default_generation_settings")
    window = _count(settings.get("n_ctx")) if isinstance(settings, Mapping) else None
    if window is None:
        mine = next((row for row in rows if row.get("id") == model), rows[0] if len(rows) == 1 else {})
        window = next((found for name in _WINDOW_FIELDS if (found := _count(mine.get(name))) is not None), None)
    modalities = told.get("modalities")
    abilities = (name for name, has in modalities.items() if has is True) if isinstance(modalities, Mapping) else ()
    return Report(tuple(str(row["id"]) for row in rows), window, _count(told.get("total_slots")), tuple(abilities))


def read_ollama_report(tags: bytes, show: bytes) -> Report:
    """Read the bodies of `/api/tags` and of `/api/show` for the asked model; empty bytes where there was none.

    The window is the largest that the model can have: Ollama gives it the one that a request asks for (`num_ctx`).
    """
    listed = _read(tags).get("models")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    names = [name for row in rows if isinstance(name := row.get("model") or row.get("name"), str)]
    told = _read(show)
    info, abilities = told.get("model_info"), told.get("capabilities")
    lengths = info.items() if isinstance(info, dict) else ()
    windows = [size for name, value in lengths if name.endswith(".context_length") and (size := _count(value))]
    return Report(
        tuple(names),
        min(windows, default=None),
        _OLLAMA_SLOTS,
        tuple(one for one in abilities if isinstance(one, str)) if isinstance(abilities, list) else (),
    )


def shows_pictures(connection: Connection, report: Report | None) -> bool:
    """Whether the model is shown pictures: as the settings say; else by its maker's address or by what its server says of
    it (`report`). A server that says nothing is sent none: most refuse a request with one that they can't show."""
    if connection.images is not None:
        return connection.images
    if connection.host in _SEEING_HOSTS:
        return not _BLIND.match(connection.model)
    return report is not None and "vision" in report.abilities


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
