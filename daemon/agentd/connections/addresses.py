"""Addresses that may have been meant where one does not work: a slash or a `/v1` too much or too little, or an endpoint's
whole path.

It guesses and proves nothing: `models test` takes one only when a model has answered there. Pure. Caller: `trial`.
"""

from __future__ import annotations

__all__ = ["others"]

_ENDPOINTS = ("/chat/completions", "/completions", "/responses", "/messages", "/models", "/api/chat", "/api/generate")
"""What a protocol appends by itself, and people paste."""
_WITH_VERSION = ("openai-chat", "openai-responses")
"""Kinds whose addresses go up to and with `/v1`; those of the others end before it."""


def others(kind: str, url: str) -> tuple[str, ...]:
    """Addresses that would be asked otherwise than `url`, the likeliest first."""
    root = url
    while (shorter := _shorter(root)) != root:
        root = shorter
    likely = (f"{root}/v1", root) if kind in _WITH_VERSION else (root,)
    asked = url if kind in _WITH_VERSION else url.removesuffix("/v1")
    return tuple(one for one in likely if one != asked)


def _shorter(url: str) -> str:
    """Without one of the things that may be too much at its end."""
    if url.endswith("/"):
        return url.rstrip("/")
    return next((url.removesuffix(end) for end in (*_ENDPOINTS, "/v1") if url.endswith(end)), url)
