"""Lines of the chat: commands, near misses, and what is for the model."""

from __future__ import annotations

import pytest

from agentctl.chat.slash import SLASHES, Slash, Unknown, help_text, parse


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hello", None),
        ("/help", Slash("help", "")),
        ("/mode  plan ", Slash("mode", "plan")),
        ("/exit", Slash("quit", "")),
        ("/etc/hosts what is in it?", None),
        ("/", None),
        ("/help\nme with this", None),
        ("/modle x", Unknown("modle", ["mode", "model"])),
        ("/zzz", Unknown("zzz", [])),
    ],
)
def test_a_line_means(line: str, expected: object) -> None:
    assert parse(line) == expected


def test_help_names_every_command() -> None:
    assert [name for name in SLASHES if f"/{name}" not in help_text()] == []
