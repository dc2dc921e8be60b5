"""What is read out of a whole log in the worker process."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from agentd.session.fold import MACHINE
from agentd.turn.log_jobs import run_replay, run_verify, run_workflow
from support.golden_story import golden_log

SESSION = "s1ke6p4ym0gh6bcfn"


def a_session(tmp_path: Path, data: bytes) -> Path:
    folder = tmp_path / SESSION
    folder.mkdir()
    (folder / "log.jsonl").write_bytes(data)
    return folder


def test_a_whole_log_is_read_archived_or_not(tmp_path: Path) -> None:
    data = golden_log()
    folder = a_session(tmp_path, data)
    replayed, verified = run_replay(str(folder)), run_verify(str(folder))
    entries = data.count(b"\n")
    assert (replayed["entries"], replayed["machine"], replayed["differences"]) == (entries, MACHINE, [])
    assert (verified["entries"], verified["end"], verified["findings"]) == (entries, len(data), [])
    steps = run_workflow(str(folder), "", 100)
    (folder / "log.jsonl.gz").write_bytes(gzip.compress(data))
    (folder / "log.jsonl").unlink()
    assert run_replay(str(folder)) == replayed
    assert run_verify(str(folder))["state_hash"] == verified["state_hash"]
    assert run_workflow(str(folder), "", 100) == steps


def test_steps_come_in_pages(tmp_path: Path) -> None:
    folder = str(a_session(tmp_path, golden_log()))
    steps = run_workflow(folder, "", 100)
    assert len(steps) == 4
    first = run_workflow(folder, "", 3)
    last = first[-1]
    assert isinstance(last, dict)
    assert [*first, *run_workflow(folder, str(last["id"]), 3)] == steps


def test_damage_of_the_log_and_of_a_blob_is_found(tmp_path: Path) -> None:
    data = bytearray(golden_log())
    middle = data.index(b"\n", len(data) // 2) + 1
    data[middle + 20] ^= 1
    folder = a_session(tmp_path, bytes(data))
    blobs = folder / "blobs"
    blobs.mkdir()
    good, bad = hashlib.sha256(b"good").hexdigest(), hashlib.sha256(b"bad").hexdigest()
    (blobs / good).write_bytes(b"good")
    (blobs / bad).write_bytes(b"something else")
    found = run_verify(str(folder))
    assert (found["end"], found["blobs"]) == (middle, 2)
    assert found["findings"] == [
        f"{folder}/log.jsonl: byte {middle}: what follows can't be trusted ({len(data) - middle} bytes)",
        f"{folder}/blobs/{bad}: its bytes do not fit its name: it was changed",
    ]


def test_what_is_not_there_has_nothing_in_it(tmp_path: Path) -> None:
    folder = str(tmp_path / SESSION)
    assert run_replay(folder)["entries"] == 0
    assert (run_verify(folder)["entries"], run_workflow(folder, "", 10)) == (0, [])
