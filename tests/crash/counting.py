"""Counts what the crash harness tried and what it found, and writes it as Markdown. Called by `tests.crash.table`.

The second table's rows are tests: each is run by itself, and a row whose test fails says so. Nothing is written from
memory: a count is one that this run came to, or the number in the name of the test that passed in it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crash.harness import CRASHES, FAILURES, LOSSES, Tally, all_points, run, some_points
from crash.stories import STORIES

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table begins: python -m tests.crash.table --full --write -->", "<!-- table ends -->"
SEEDS = 3


@dataclass(frozen=True)
class Proof:
    """A row of the second table: what the test shows, and how pytest finds its short and its long form."""

    what: str
    tests: str
    short: str
    full: str


PROOFS = (
    Proof(
        "kill -9 of the real daemon at random moments under load: {n} kills",
        "tests/system/test_killed_at_random.py",
        "20",
        "200",
    ),
    Proof(
        "questions answered by two people at once: 1,000 random kills, each decided once",
        "tests/crash/test_questions_decided_once.py",
        "",
        "",
    ),
    Proof(
        "50 random scripts, a death after {n} of their records: no effect twice",
        "tests/crash/test_effects_at_most_once.py",
        "whatever_record",
        "any_record",
    ),
    Proof(
        "the n-th call of the disk fails, n = 1, 2, ... until clean; a disk full at every size",
        "tests/crash/test_every_disk_call.py",
        "",
        "",
    ),
    Proof(
        "a checkpoint and its head, killed at {n} call of writing them: the same state",
        "tests/crash/test_checkpoints.py",
        "6",
        "1",
    ),
    Proof(
        "away over two kills: one hash of the stream for those who stayed and those who came back",
        "tests/crash/test_streams_over_restarts.py",
        "",
        "",
    ),
    Proof("flipped bits in a log: {n} flips, each found", "tests/crash/test_damage.py", "flipped and 5000", "flipped and 100000"),
    Proof(
        "a log cut at every byte, spliced and overwritten; heads, blobs, the record of requests; other sessions work",
        "tests/crash/test_damage.py",
        "not flipped",
        "not flipped",
    ),
    Proof(
        "fuzz over the real socket: {n} messages, clean errors, nobody else waits",
        "tests/system/test_fuzz_the_socket.py",
        "3000",
        "100000",
    ),
    Proof(
        "fuzz of frames in process: {n} messages a seed",
        "tests/proto/test_framing_fuzz.py",
        "thousand",
        "",
    ),
)  # fmt: skip
NUMBERS = {"6": "every sixth", "1": "each", "20": "20", "200": "200", "whatever_record": "every thirtieth", "any_record": "each", "flipped and 5000": "5,000",
           "flipped and 100000": "100,000", "3000": "3,000", "100000": "100,000", "thousand": "5,000", "": "50,000"}  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Print the tables (and write them with `--write`); 1 when anything was violated."""
    logging.disable(logging.CRITICAL)  # tasks of dead processes, which nobody awaits
    full, began = "--full" in arguments, time.monotonic()
    with multiprocessing.Pool(2) as pool:
        tallies = pool.starmap(_tally, [(number, full) for number in range(len(STORIES))], chunksize=1)
    table = _stories(tallies)
    for tally in tallies:
        for words in tally.wrong:
            print(words, file=sys.stderr)
    rows, failed = _proofs(full)
    minutes = (time.monotonic() - began) / 60
    machine = (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    command = "python -m tests.crash.table" + (" --full" if full else "")
    text = "\n".join(
        [*table, "", *rows, "", f"`{command}`, {time.strftime('%Y-%m-%d')}, {minutes:.0f} minutes. {machine}.", ""]
    )
    print(text)
    if "--write" in arguments:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 1 if failed or any(tally.wrong for tally in tallies) else 0


def _tally(number: int, full: bool) -> Tally:
    # What a dead process leaves unawaited is said on stderr, thousands of times.
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stderr = nowhere
        story, tally = STORIES[number], Tally()
        run(all_points(story, SEEDS) if full else some_points(story), tally)
        sys.stderr = sys.__stderr__
    return tally


def _stories(tallies: Sequence[Tally]) -> list[str]:
    kinds = [f"killed, unsynced {loss}" for loss in LOSSES] + [name.replace("_", " ") for name in FAILURES]
    lines = [f"| story | {' | '.join(kinds)} | points | violations |", f"|---|{'---:|' * (len(kinds) + 2)}"]
    sums = [0] * (len(kinds) + 2)
    for story, tally in zip(STORIES, tallies, strict=True):
        counts = [sum(tally.points.get((story.name, f"{fault}, {loss}"), 0) for fault in CRASHES) for loss in LOSSES]
        counts += [tally.points.get((story.name, fault), 0) for fault in FAILURES]
        counts += [tally.count, len(tally.wrong)]
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        lines.append(f"| {story.name} | {' | '.join(f'{count:,}' for count in counts)} |")
    lines.append(f"| **all** | {' | '.join(f'**{count:,}**' for count in sums)} |")
    return lines


def _proofs(full: bool) -> tuple[list[str], bool]:
    lines, failed = ["| what | tests | violations | command |", "|---|---:|---:|---|"], False
    environment = {**os.environ, **({"AGENTD_TEST_FULL": "1"} if full else {})}
    for proof in PROOFS:
        chosen = proof.full if full else proof.short
        selected = ["-k", chosen] if chosen else []
        marked = [] if full else ["-m", "not full"]
        command = [sys.executable, "-m", "pytest", "-q", "--timeout", "3600", proof.tests, *selected, *marked]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        passed, wrong = (
            int(found[1]) if (found := re.search(rf"(\d+) {word}", ran.stdout)) else 0 for word in ("passed", "failed")
        )
        failed = failed or ran.returncode != 0
        if ran.returncode:
            print(ran.stdout[-4_000:], file=sys.stderr)
        what = proof.what.format(n=NUMBERS[chosen] if "{n}" in proof.what else "")
        shown = " ".join(f"'{word}'" if " " in word else word for word in [proof.tests, *selected])
        lines.append(f"| {what} | {passed + wrong} | {wrong if passed or wrong else 'not run'} | `pytest {shown}` |")
    return lines, failed
