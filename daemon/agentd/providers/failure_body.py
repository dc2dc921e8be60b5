"""What a server wrote into an error's body, whatever shape it chose: code words, message, further fields.

It decides nothing about the meaning (`failures` does) and never raises: bytes that are neither JSON nor a page are
taken as text. Shapes seen: `{"error": {...}}` (OpenAI, llama.cpp, Anthropic), `{"error": "words"}` (Ollama),
`{"object": "error", "message": ...}` (vLLM), `{"detail": ...}` (FastAPI), a list around one of them (Gemini), an HTML
page of a proxy. Caller: `failures`, and the codecs for errors inside a stream.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

__all__ = ["ErrorBody", "read_body", "read_error"]

_READ_AT_MOST = 64 * 1024
_PAGE = re.compile(r"\s*<(!doctype|html|head|body|\?xml)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """`codes`: the words of `code` and `type`; `status`: a code that is an HTTP status; `text`: for people."""

    codes: tuple[str, ...] = ()
    text: str = ""
    status: int | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    is_page: bool = False


def read_body(body: bytes) -> ErrorBody:
    """Read an error response's body."""
    text = body[:_READ_AT_MOST].decode("utf-8", "replace").strip()
    if _PAGE.match(text):
        found = _TITLE.search(text)
        words = found.group(1) if found else _TAG.sub(" ", _UNSEEN.sub(" ", text))
        return ErrorBody(text=_one_line(html.unescape(words))[:300], is_page=True)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ErrorBody(text=_one_line(text))
    return read_error(value)


def read_error(value: object) -> ErrorBody:
    """Read a decoded JSON error, or the `error` field of one."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        return ErrorBody(text=_one_line(value))
    if not isinstance(value, dict):
        return ErrorBody()
    inner = value.get("error")
    if isinstance(inner, dict | list):
        return read_error(inner)
    fields = {str(name): item for name, item in value.items()}
    codes = tuple(str(fields[name]) for name in ("code", "type", "status") if isinstance(fields.get(name), str))
    details = fields.get("details")  # Anthropic: a finer word than its type
    if isinstance(details, dict) and isinstance(finer := details.get("error_code"), str):
        codes = (finer, *codes)
    number = next((item for name in ("code", "status") if isinstance(item := fields.get(name), int)), None)
    status = number if number is not None and 100 <= number < 600 else None
    return ErrorBody(codes, _one_line(_message(fields, inner)), status, fields)


def _message(fields: Mapping[str, object], inner: object) -> str:
    metadata = fields.get("metadata")  # OpenRouter: the upstream server's own words
    if isinstance(metadata, dict) and isinstance(raw := metadata.get("raw"), str) and raw:
        return f"{fields.get('message', '')}: {raw}"
    for item in (fields.get("message"), inner, fields.get("detail"), fields.get("msg")):
        if isinstance(item, str) and item:
            return item
        if isinstance(item, list | dict) and item:
            return msgspec.json.encode(item).decode()
    return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
