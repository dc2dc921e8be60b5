"""Whose server a connection leads to: one's own, on this machine or beside it, or a maker's. Pure.

Callers: `connections.room`.
"""

from __future__ import annotations

import ipaddress

from agentd.providers.connection import Connection

__all__ = ["finds_calls_in_text", "is_near"]


def finds_calls_in_text(connection: Connection) -> bool:
    """Whether tool calls are looked for in the model's text: as the setting says, else behind addresses of one's own. A
    maker's server knows its models' form; there such text is only talked about."""
    if connection.calls_in_text is not None:
        return connection.calls_in_text
    return connection.kind in ("openai-chat", "ollama") and is_near(connection.host)


def is_near(host: str) -> bool:
    """Whether a host is this machine or in the same private network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".lan", ".internal")) or "." not in host
