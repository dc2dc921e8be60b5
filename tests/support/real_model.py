"""A real model server for tests: llama.cpp's own, on a small model that is made here, or any that is named.

In this order: the server at AGENTD_TEST_MODEL_URL (its model's name in AGENTD_TEST_MODEL, its window in
AGENTD_TEST_MODEL_WINDOW); else the script at AGENTD_TEST_REALLLM, else `../shared/tools/realllm.py` beside the
checkout, run by AGENTD_TEST_REALLLM_PYTHON, else by an environment of its own that is made once below the user's
temporary folder. Where none can be had, the test is skipped with what is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.own_environment import python_with
from support.skips import need

__all__ = ["RealModel", "real_model"]

PACKAGES = ("xllamacpp", "gguf", "numpy", "httpx")
ROOT = Path(__file__).resolve().parents[2]
HOW = "set AGENTD_TEST_REALLLM to a realllm.py, or AGENTD_TEST_MODEL_URL to any server with chat completions"
START_SECONDS = 120  # the model is computed at the first start
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class RealModel:
    """`url` is up to and with `/v1`; `window` in tokens. `ours`: the babbling model, whose habits are known."""

    url: str
    model: str
    window: int
    ours: bool

    def get(self, path: str) -> bytes:
        """What the server answers at a path beside `/v1`."""
        with DIRECT.open(self.url.removesuffix("/v1") + path, timeout=10) as response:
            return bytes(response.read())

    def falls_idle(self, seconds: float = 10) -> bool:
        """Whether no answer is being made any more, waiting for it; always true where the server does not tell."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                slots = json.loads(self.get("/slots"))
            except (urllib.error.URLError, ValueError):
                return True
            if not any(slot["is_processing"] for slot in slots):
                return True
            time.sleep(0.02)
        return False


@contextlib.contextmanager
def real_model(window: int = 2_048) -> Iterator[RealModel]:
    """The server, for as long as the block lasts. Two requests at a time, each with `window` tokens."""
    named = os.environ.get("AGENTD_TEST_MODEL_URL")
    if named:
        told = int(os.environ.get("AGENTD_TEST_MODEL_WINDOW", "8192"))
        yield RealModel(named.rstrip("/"), os.environ.get("AGENTD_TEST_MODEL", "default"), told, ours=False)
        return
    script = Path(os.environ.get("AGENTD_TEST_REALLLM") or ROOT.parent / "shared" / "tools" / "realllm.py")
    need(script.is_file(), "a real model server", HOW)
    with _served(_python(), script, window) as url:
        yield RealModel(url, "babbler", window, ours=True)


def _python() -> str:
    """An interpreter that has what the server needs."""
    found = os.environ.get("AGENTD_TEST_REALLLM_PYTHON") or python_with("realllm", PACKAGES)
    need(
        found is not None,
        f"the packages {', '.join(PACKAGES)}",
        "make them installable, or set AGENTD_TEST_REALLLM_PYTHON",
    )
    assert found is not None
    return found


@contextlib.contextmanager
def _served(python: str, script: Path, window: int) -> Iterator[str]:
    with tempfile.TemporaryFile("w+") as log:
        command = [python, str(script), "serve", "--port", "0", "--n-ctx", str(window), "--parallel", "2"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as child:
            try:
                assert child.stdout is not None
                line = child.stdout.readline()  # one JSON line with the address, when it has loaded the model
                url = line.partition('"url": "')[2].partition('"')[0]
                if not url or not _is_healthy(url, child):
                    log.seek(0)
                    raise AssertionError(f"the real model server did not come up:\n{line}{log.read()[-2_000:]}")
                yield f"{url}/v1"
            finally:
                child.kill()


def _is_healthy(url: str, child: subprocess.Popen[str]) -> bool:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        try:
            with DIRECT.open(f"{url}/health", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False
