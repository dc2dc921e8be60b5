"""The worker's own half: its messages, its answers to faults, and what it costs to start."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys

import msgpack
import pytest

from agentd.worker import JOBS, run_job, serve


def framed(*messages: object) -> bytes:
    bodies = [msgpack.packb(message) for message in messages]
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def answers(requests: bytes) -> list[dict[str, object]]:
    out = io.BytesIO()
    serve(io.BytesIO(requests), out)
    data, found = out.getvalue(), []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(msgpack.unpackb(data[4 : 4 + size]))
        data = data[4 + size :]
    return found


def job(number: int, name: str, **arguments: object) -> dict[str, object]:
    return {"id": number, "name": name, "arguments": arguments}


def test_jobs_are_answered_in_order_until_the_end() -> None:
    requests = framed(job(1, "echo", value=[1, b"x"]), job(2, "wait", ms=0))
    assert answers(requests) == [{"id": 1, "result": [1, b"x"]}, {"id": 2, "result": 0}]
    assert answers(b"") == []


def test_faults_are_answers() -> None:
    found = answers(framed(job(1, "none"), job(2, "echo", wrong=1), job(3, "echo", value="fine")))
    assert [found[0], found[2]] == [
        {"id": 1, "error": "LookupError: there is no job 'none'"},
        {"id": 3, "result": "fine"},
    ]
    assert str(found[1]["error"]).startswith("TypeError: ")


def test_a_message_that_is_cut_off_ends_the_worker_quietly() -> None:
    whole = framed(job(1, "echo", value=1), job(2, "echo", value=2))
    for cut in range(len(whole)):
        assert answers(whole[:cut]) == [{"id": 1, "result": 1}][: cut >= len(whole) // 2]


def test_an_unknown_job_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="there is no job 'x'"):
        run_job("x", {})


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_job_is_where_the_table_says(name: str) -> None:
    module, _, function = JOBS[name].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_prints_are_no_answers_and_odd_results_are_faults() -> None:
    code = (
        "import sys, types, agentd.worker as worker\n"
        "noisy = types.ModuleType('noisy'); noisy.shout = lambda: print('loud')\n"
        "noisy.odd = object\n"
        "sys.modules['noisy'] = noisy; worker.JOBS.update(shout='noisy:shout', odd='noisy:odd')\n"
        "worker.main()"
    )
    requests = framed(job(1, "shout"), job(2, "odd"), job(3, "shout"))
    done = subprocess.run([sys.executable, "-c", code], input=requests, capture_output=True, check=True)
    told = [{"id": 1, "result": None}, {"id": 2, "error": "TypeError: can not serialize 'object' object"}]
    assert (done.stdout, done.stderr) == (framed(*told, {"id": 3, "result": None}), b"loud\nloud\n")


def test_it_can_be_run_by_hand() -> None:
    command = [sys.executable, "-m", "agentd.worker"]
    done = subprocess.run(command, input=framed(job(7, "echo", value=1)), capture_output=True, check=True)
    assert done.stdout == framed({"id": 7, "result": 1})


def test_it_starts_with_hardly_anything() -> None:
    """What makes a start slow is never imported: asyncio, msgspec, the tree of errors, the network."""
    code = "import sys, agentd.worker; print(*sorted(sys.modules))"
    names = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"asyncio", "msgspec", "agentd.errors", "httpx", "zmq", "logging", "subprocess"} & set(names) == set()
