"""What a story needs: a real daemon in a private home, and a real git repository to work in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon, repository


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """A daemon that answers."""
    with real_daemon(home) as daemon:
        yield daemon


@pytest.fixture
def idle(home: Path) -> Iterator[RealDaemon]:
    """A home without a daemon."""
    with real_daemon(home, started=False) as daemon:
        yield daemon


@pytest.fixture
def workspace(home: Path) -> Path:
    """A git repository with two files."""
    return repository(home / "work", {"README.md": "A small thing.\n", "src/app.py": "LIMIT = 7\n"})
