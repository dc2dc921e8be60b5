"""Which other address may have been meant, and that the one that was given is not tried twice."""

from __future__ import annotations

import pytest

from agentd.connections.addresses import others


@pytest.mark.parametrize(
    ("kind", "url", "found"),
    [
        ("openai-chat", "http://h", ("http://h/v1",)),
        ("openai-chat", "http://h/v1", ("http://h",)),
        ("openai-chat", "http://h/v1/", ("http://h/v1", "http://h")),
        ("openai-chat", "http://h/", ("http://h/v1", "http://h")),
        ("openai-chat", "http://h/v1/v1", ("http://h/v1", "http://h")),
        ("openai-chat", "http://h/v1/chat/completions", ("http://h/v1", "http://h")),
        ("openai-chat", "https://openrouter.ai/api", ("https://openrouter.ai/api/v1",)),
        ("openai-responses", "https://h/v1/responses/", ("https://h/v1", "https://h")),
        ("anthropic", "https://h", ()),
        ("anthropic", "https://h/v1", ()),  # the /v1 too much is taken off already
        ("anthropic", "https://h/v1/", ("https://h",)),
        ("anthropic", "https://h/v1/messages", ("https://h",)),
        ("ollama", "http://h:1/api/chat", ("http://h:1",)),
        ("ollama", "http://h:1/", ("http://h:1",)),
    ],
)
def test_what_may_have_been_meant(kind: str, url: str, found: tuple[str, ...]) -> None:
    assert others(kind, url) == found
