"""The manual's page of settings is made from the defaults and is not stale."""

from __future__ import annotations

from pathlib import Path

from agentd.config.keys import Keys
from agentd.config.manual import page
from agentd.config.model import FEATURES

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_not_stale() -> None:
    """If this fails: python -m agentd.config.manual > docs/settings.md"""
    assert (ROOT / "docs" / "settings.md").read_text() == page()


def test_every_key_has_a_heading() -> None:
    keys = Keys(FEATURES)
    headings = {line.strip("# `") for line in page().splitlines() if line.startswith("### ")}
    assert headings == {key.name for key in (*keys.fixed(), *keys.connection.values())}
