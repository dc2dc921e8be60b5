"""The worker process: reads jobs on stdin, answers on stdout, one at a time, until stdin ends.

It decides how a job is found, run and answered. A job is a pure function of plain values, named in `JOBS` as
"module:function" and imported when it is first asked for: that is why the process starts in some 20 ms and holds only
what it needs. It must never touch the daemon's state, its log or its sockets. Started by
`agentd.world.worker_client`; by hand: `python -m agentd.worker`.

A message is four bytes of length (big endian) and a msgpack map: `{id, name, arguments}` in, `{id, result}` or
`{id, error}` out.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO

# Not msgspec, and nothing that imports it: it would double the start of this process.
import msgpack

__all__ = ["JOBS", "main", "run_job", "serve"]

JOBS: dict[str, str] = {
    "bundle-session": "agentd.session.handover_jobs:bundle_session",
    "digest": "agentd.turn.digest_jobs:digest",
    "echo": "agentd.world.trial_jobs:echo",
    "glob": "agentd.tools.search_jobs:glob",
    "grep": "agentd.tools.search_jobs:grep",
    "import-session": "agentd.session.handover_jobs:import_session",
    "ls-tree": "agentd.tools.search_jobs:ls_tree",
    "pack": "agentd.session.packing:member",
    "redact-events": "agentd.session.handover_jobs:redact_events",
    "redact-session": "agentd.session.handover_jobs:redact_session",
    "search-sessions": "agentd.session.search_jobs:search_sessions",
    "snapshot-compare": "agentd.tools.snapshot_jobs:snapshot_compare",
    "snapshot-take": "agentd.tools.snapshot_jobs:snapshot_take",
    "session-replay": "agentd.turn.log_jobs:run_replay",
    "session-verify": "agentd.turn.log_jobs:run_verify",
    "session-workflow": "agentd.turn.log_jobs:run_workflow",
    "wait": "agentd.world.trial_jobs:wait",
}
"""name -> "module:function". The function takes the arguments by name and returns a plain value."""

_HEADER = 4


def run_job(name: str, arguments: Mapping[str, object]) -> object:
    """Import and call the job `name`; `LookupError` when there is none of that name."""
    place = JOBS.get(name)
    if place is None:
        raise LookupError(f"there is no job {name!r}")
    module, _, function = place.partition(":")
    job: Callable[..., object] = getattr(importlib.import_module(module), function)
    return job(**arguments)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until `requests` ends. A job's exception is its answer; it never ends the process."""
    while (header := _exactly(requests, _HEADER)) and (body := _exactly(requests, int.from_bytes(header, "big"))):
        request = msgpack.unpackb(body)
        body = _answer(request["id"], request["name"], request["arguments"])
        answers.write(len(body).to_bytes(_HEADER, "big") + body)
        answers.flush()


def _answer(number: int, name: str, arguments: Mapping[str, object]) -> bytes:
    try:
        return _pack({"id": number, "result": run_job(name, arguments)})
    except Exception as error:  # noqa: BLE001 - the caller hears of every fault of a job
        text = f"{type(error).__name__}: {error}"
        return _pack({"id": number, "error": text.encode("utf-8", "replace").decode("utf-8")})


def _pack(value: object) -> bytes:
    packed = msgpack.packb(value)
    assert isinstance(packed, bytes)
    return packed


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes; empty when the stream ended (also in the middle: then the daemon is gone)."""
    data = stream.read(size)
    return data if len(data) == size else b""


def main() -> None:
    """Serve stdin and stdout. What a job prints goes to stderr: stdout belongs to the protocol."""
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
