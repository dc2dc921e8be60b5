"""One connection to a model, as a settings table describes it.

It decides which keys a `[models.NAME]` table may have and what they mean, and names what is wrong with one in words
that say how to mend it. It resolves nothing: a key stays a reference (`keys` reads it, late), and no server is asked.
Callers: `registry`, the settings' check, `agentctl models`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import cast, get_args
from urllib.parse import urlsplit

from agentd.errors import SettingsError
from agentd.providers.base import Effort

__all__ = ["DEFAULT_STALL_MS", "FORMS", "Connection", "is_reference", "read_connection"]

FORMS = "env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/USER"
"""The forms of a reference to a key, as people are told them."""

DEFAULT_STALL_MS = 120_000
"""No byte for two minutes is a broken stream; a slow local machine that reads a long prompt may need more."""


@dataclass(frozen=True, slots=True)
class Connection:
    """`url` is up to and with `/v1` for the openai kinds, `file:/absolute/path` for scripted, empty for offline.

    `key` is a reference (`FORMS`) or empty. `window` in tokens, None when the server or the catalog
    is to say it. Prices are dollars a million tokens; None: not known, taken as free only for a local server.
    `stall_ms`: no byte for so long is a broken stream. `effort`: how much the model may think. `images`,
    `calls_in_text`: whether it is shown pictures, and whether calls are looked for in its text; None: by its server.
    `fallback`: names of the connections that stand in for it. `send_session_id`: whether its server is told the session.
    """

    name: str
    kind: str
    url: str = ""
    model: str = ""
    key: str = ""
    window: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    stall_ms: int = DEFAULT_STALL_MS
    send_session_id: bool = False
    effort: Effort = ""
    images: bool | None = None
    calls_in_text: bool | None = None
    fallback: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The url's host, without port; empty when there is none."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine by its address."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


_NAMES = tuple(field.name for field in fields(Connection) if field.name != "name")


def read_connection(name: str, table: Mapping[str, object]) -> Connection:
    """The connection that `[models.<name>]` describes. SettingsError naming the key, what was given, what is allowed."""
    for key in table:
        if key not in _NAMES:
            near = difflib.get_close_matches(key, _NAMES, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise _wrong(name, key, f"is no setting of a model connection{guess}", f"known are {', '.join(_NAMES)}")
    if not table.get("kind"):
        raise _wrong(name, "kind", "is missing", 'say which protocol the server speaks, e.g. kind = "openai-chat"')
    return Connection(
        name,
        kind=_text(name, table, "kind"),
        url=_url(name, table),
        model=_text(name, table, "model"),
        key=_key(name, table),
        window=_whole(name, table, "window", least=256),
        price_in=_price(name, table, "price_in"),
        price_out=_price(name, table, "price_out"),
        stall_ms=_whole(name, table, "stall_ms", least=1_000) or DEFAULT_STALL_MS,
        send_session_id=_switch(name, table, "send_session_id") or False,
        effort=_effort(name, table),
        images=_switch(name, table, "images"),
        calls_in_text=_switch(name, table, "calls_in_text"),
        fallback=_names(name, table, "fallback"),
    )


def is_reference(key: str) -> bool:
    """Whether it has the form of a reference, so that it may be repeated in a message."""
    form, colon, rest = key.partition(":")
    if form == "keyring":
        service, _, user = rest.rpartition("/")
        return bool(service and user)
    return bool(colon and rest) and form in ("env", "file", "cmd")


def _wrong(name: str, key: str, what: str, remedy: str) -> SettingsError:
    return SettingsError(f"models.{name}.{key} {what}", remedy=f"{remedy}.", field=f"models.{name}.{key}")


def _text(name: str, table: Mapping[str, object], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise _wrong(name, key, f"is {value!r}", "it has to be a text in quotes")
    return value


def _url(name: str, table: Mapping[str, object]) -> str:
    url = _text(name, table, "url").strip()
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        raise _wrong(name, "url", f"can't be read: {url!r}", "write it like http://127.0.0.1:8080/v1") from None
    if parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc:
        return url
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_one:
        raise _wrong(name, "url", f"is no address of a server: {url!r}", "write it like http://127.0.0.1:8080/v1")
    if parts.username or parts.password:
        raise _wrong(name, "url", "has a user or a password in it", "put the secret into `key`, by reference")
    if parts.query or parts.fragment:
        raise _wrong(name, "url", "has a ? or a # in it", "end it with the path, like /v1")
    return url.rstrip("/")


def _key(name: str, table: Mapping[str, object]) -> str:
    """The key's reference. A plain secret is refused, and never repeated in the message."""
    key = _text(name, table, "key")
    if key and not is_reference(key):
        raise _wrong(name, "key", "is no reference to a key", f"use {FORMS}; a key itself is never stored")
    return key


def _whole(name: str, table: Mapping[str, object], key: str, *, least: int) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _wrong(name, key, f"is {value!r}", f"it has to be a whole number of at least {least}")
    return value


def _price(name: str, table: Mapping[str, object], key: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1_000_000:
        raise _wrong(name, key, f"is {value!r}", "it has to be dollars a million tokens, like 3.0")
    return float(value)


def _switch(name: str, table: Mapping[str, object], key: str) -> bool | None:
    value = table.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(name, key, f"is {value!r}", "it has to be true or false")


def _effort(name: str, table: Mapping[str, object]) -> Effort:
    value = table.get("effort", "")
    for effort in get_args(Effort):
        if value == effort:
            return cast("Effort", effort)
    raise _wrong(name, "effort", f"is {value!r}", "it has to be low, medium or high")


def _names(name: str, table: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = table.get(key, ())
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
        raise _wrong(name, key, f"is {value!r}", 'it has to be a list of names, like ["other"]')
    return tuple(value)
