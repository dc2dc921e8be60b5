"""How far the projection of a request is from what its server counts, from a session's eleventh call on.

Sessions that read this repository's own files (Python, Markdown, JSON, TOML), tables of figures, logs and text of other
scripts, through the real codecs and the whole daemon in a simulated world. What counts is none of ours: vocabularies that a
library ships, one that is made of this repository, and a real llama.cpp server, asked what it would count. The yardstick
is the estimate from the bytes alone, which is what a model gets of which nothing is known.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from _pytest.outcomes import Skipped

from agentd.context.tokens import estimate
from bench.rows import Row
from support.counting_server import Habits, Sent
from support.random_talks import KINDS, Plan, tell
from support.random_texts import text_of
from support.real_model import real_model
from support.token_counts import Counter
from support.vocabularies import vocabularies

__all__ = ["measure"]

ROOT = Path(__file__).resolve().parents[2]
_SESSIONS = 8
_WINDOWS = (32_768, 131_072)
_TURNS = 8
_LEARNT = 10
"""Calls of a session that are not looked at."""
_FILES = {
    "daemon": (".py", 16),
    "tests": (".py", 8),
    "docs": (".md", 8),
    "proto": (".py", 4),
    "tests/golden": (".json", 4),
}
_CALM = Habits(
    calls=("page", "page", "page", "page", "grep", "ls", "shell", "write"),
    pages=(30, 60, 120, 200),
    at_once=(1, 1, 1, 2),
    patterns=("def test_", "estimate", "import asyncio", "Money"),
    outputs=("prose", "code", "data", "figures", "log", "foreign"),
    output_chars=(300, 1_500, 4_000),
    breaks=0.0,
)


@dataclass(frozen=True, slots=True)
class _Error:
    """Of one call: (projected - counted) / counted, and the same of the estimate alone."""

    ours: float
    alone: float


class _Noting(Counter):
    """Keeps what the estimate alone says of each body that is counted."""

    estimates: list[int]

    def count(self, body: bytes) -> int:
        self.estimates.append(estimate(body))
        return super().count(body)


class _Served(_Noting):
    """A real server's own count: its chat template's prompt, as its own tokenizer has it. Chat completions only."""

    origin: str

    def count(self, body: bytes) -> int:
        self.estimates.append(estimate(body))
        asked = {name: value for name, value in json.loads(body).items() if name in ("messages", "tools")}
        prompt = httpx.post(f"{self.origin}/apply-template", json=asked, timeout=30).raise_for_status().json()["prompt"]
        said = {"content": prompt, "parse_special": True}
        return len(httpx.post(f"{self.origin}/tokenize", json=said, timeout=30).raise_for_status().json()["tokens"])


def measure() -> list[Row]:
    rows: list[Row] = []
    with vocabularies() as found, _llama_cpp() as served:
        for name, count in found.items():
            counter = _Noting(name, count)
            rows += _rows(name, _errors(counter, KINDS))
        if served is not None:
            rows += _rows("llama.cpp's own server", _errors(served, ("openai-chat",)))
    missing = "vocabularies and a llama.cpp server: neither can be had here"
    return rows or [Row("projected tokens", "-", missing, "-", "p95 <= 3%", False)]


@contextmanager
def _llama_cpp() -> Iterator[_Served | None]:
    try:
        with real_model(window=2_048) as model:
            counter = _Served("llama.cpp", len)
            counter.origin = model.url.removesuffix("/v1")
            yield counter if model.ours else None
    except Skipped:
        yield None


def _errors(counter: _Noting, kinds: Sequence[str]) -> list[_Error]:
    files = _files()
    errors: list[_Error] = []
    for window in _WINDOWS:
        for seed in range(_SESSIONS):
            chance = random.Random(seed)
            says = tuple((text_of(chance, "prose", chance.choice((60, 200, 600))), (), "first") for _ in range(_TURNS))
            steps = tuple(chance.randint(2, 8) for _ in range(70))
            plan = Plan(seed, kinds[seed % len(kinds)], window, window, 0, 0, says, steps, habits=_CALM, files=files)
            counter.estimates = []
            told = tell(plan, (counter,))
            assert not told.wrong, told.wrong
            errors += map(_error, told.sent[_LEARNT:], counter.estimates[_LEARNT:])
    return errors


def _error(sent: Sent, alone: int) -> _Error:
    return _Error(sent.projected / sent.counted - 1, alone / sent.counted - 1)


def _files() -> dict[str, str]:
    """Some of this repository's files, the same as long as it has the same, and what it has none of."""
    chance, found = random.Random(5), {}
    for folder, (kind, count) in _FILES.items():
        paths = sorted(path for path in (ROOT / folder).rglob(f"*{kind}") if path.is_file())
        for path in chance.sample(paths, min(count, len(paths))):
            found[path.relative_to(ROOT).as_posix().replace("/", "_")] = path.read_text("utf-8")
    return found | {f"{kind}.txt": text_of(chance, kind, 20_000) for kind in ("figures", "foreign", "log")}


def _rows(name: str, errors: Sequence[_Error]) -> list[Row]:
    ours, alone = sorted(one.ours for one in errors), sorted(one.alone for one in errors)
    p95, at_least = _at(ours, 0.95), ours[0]
    under = sum(one < 0 for one in ours)
    safe = f"{under} of {len(ours)} too small, by {-at_least:.1%} at most" if under else f"0 of {len(ours)} too small"
    return [
        Row(
            f"projected tokens, p95 of the error from the 11th call on ({name})",
            f"the estimate alone: {_at(alone, 0.95):+.1%}",
            f"{p95:+.1%}",
            f"p50 {_at(ours, 0.5):+.1%}",
            "<= 3%",
            p95 <= 0.03,
        ),
        Row(
            f"the same: how many were too small ({name})",
            f"the estimate alone: {sum(one < 0 for one in alone)}",
            safe,
            "-",
        ),
    ]


def _at(values: Sequence[float], share: float) -> float:
    return values[round((len(values) - 1) * share)]
