"""Environments of their own for what tests and benches need beside the project's: foreign servers, vocabularies.

None of it belongs among the project's dependencies. An environment is made once below the user's temporary folder, by one
of all the processes that test at a time, and kept.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support.skips import need

__all__ = ["python_with"]

_MAKE_SECONDS = 600


def python_with(name: str, packages: Sequence[str], alone: Sequence[str] = ()) -> str | None:
    """An interpreter that has `packages` with all they need, and those of `alone` without; None where they can't be had."""
    cache = Path(tempfile.gettempdir()) / f"agentd-tests-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    need(cache.stat().st_uid == os.getuid(), f"a folder of our own at {cache}", "remove what is there")
    folder = cache / f"{name}-py{sys.version_info.major}{sys.version_info.minor}"
    python = folder / "bin" / "python"
    install = (str(python), "-m", "pip", "install", "--quiet")
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            made = (
                _run(sys.executable, "-m", "venv", "--clear", str(folder))
                and (not packages or _run(*install, *packages))
                and (not alone or _run(*install, "--no-deps", *alone))
            )
            if not made:
                return None
            (folder / "ready").touch()
    return str(python)


def _run(*command: str) -> bool:
    return subprocess.run(command, timeout=_MAKE_SECONDS, check=False, capture_output=True).returncode == 0
