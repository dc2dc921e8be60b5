"""The client of docs/protocol.md, taken from the page as it stands, against a link and against the real daemon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import zmq

from agentproto.api import log, question, turn
from agentproto.codec import encode_map
from agentproto.endpoints import Connection
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.link import Beat, Credited, Greeted, Link, LinkEvent, Requested
from agentproto.shape import request, to_plain
from agentproto.testing import a_welcome

ROOT = Path(__file__).resolve().parents[2]
FOUND = re.search(
    r"<!-- client: begin -->\n```python\n(.+?)```\n<!-- client: end -->",
    (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
SESSION = "s0k3v9w2xq1b7c4d"
PROMPT = "Why? \u65e5\u672c"
DEADLINE_S = 30


@pytest.fixture
def client(home: Path) -> Path:
    assert FOUND is not None
    path = home / "client.py"
    path.write_text(FOUND.group(1), encoding="utf-8")
    return path


def test_the_pages_client_is_short_and_needs_two_packages() -> None:
    assert FOUND is not None
    source = FOUND.group(1)
    assert len(source.splitlines()) <= 75
    assert sorted(set(re.findall(r"^import (.+)$", source, re.MULTILINE))) == [
        "itertools, json, os, sys, time",
        "msgpack, zmq",
    ]


@dataclass
class PageDaemon:
    """A ROUTER with CURVE and a real link. `play` answers what the client asks by queueing events."""

    router: zmq.Socket[bytes]
    play: Callable[[PageDaemon, Requested], None]
    heartbeat_ms: int = 2000
    link: Link = field(default_factory=lambda: Link("daemon"))
    routing: bytes = b""
    waiting: list[tuple[str, bytes]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    credits: int = 0
    beats: int = 0
    silent: bool = False

    def serve(self, process: subprocess.Popen[str]) -> None:
        """Until the client has ended."""
        deadline = time.monotonic() + DEADLINE_S
        while process.poll() is None:
            assert time.monotonic() < deadline, "the client does not end"
            if self.router.poll(50):
                self.routing, *frames = self.router.recv_multipart()
                self._understand(self.link.receive(frames, int(time.monotonic() * 1000)))
            if not self.silent:
                for frames in self.link.take_owed():
                    self._send(frames)
            while self.waiting and self.link.window_open:
                self._send(self.link.event(*self.waiting.pop(0)))

    def _send(self, frames: list[bytes]) -> None:
        self.router.send_multipart([self.routing, *frames])

    def _understand(self, event: LinkEvent) -> None:
        match event:
            case Greeted():
                welcome = msgspec.structs.replace(a_welcome(), heartbeat_ms=self.heartbeat_ms)
                self._send(self.link.welcome(welcome))
            case Requested():
                self.asked.append((event.method, event.body))
                self.play(self, event)
            case Credited():
                self.credits += 1
            case Beat():
                self.beats += 1
            case _:
                raise AssertionError(event)

    def reply(self, id: int, body: msgspec.Struct) -> None:
        self._send(self.link.reply(id, to_plain(body)))

    def refuse(self, id: int, fault: RemoteProtocolError) -> None:
        self._send(self.link.error(id, fault.to_wire()))

    def put(self, name: str, body: msgspec.Struct) -> None:
        self.waiting.append((name, encode_map(to_plain(body))))


def started(daemon: PageDaemon, asked: Requested) -> None:
    params = request(asked.body, turn.StartParams)
    assert (params.prompt, params.subscribe, params.cwd) == (PROMPT, True, "/")
    daemon.reply(asked.id, turn.StartResult(SESSION, "t1", 1, "/"))


def delta(text: str, offset: int, item: str = "1.0") -> turn.DeltaEvent:
    return turn.DeltaEvent(SESSION, 2, "t1", item, "text", offset, text)


def finished(text: str, stop: turn.StopReason = "end", error: str | None = None) -> turn.FinishedEvent:
    return turn.FinishedEvent(SESSION, 9, 1, "t1", stop, text, 1, turn.TurnUsage(), error)


@contextmanager
def running(
    client: Path, home: Path, play: Callable[[PageDaemon, Requested], None], heartbeat_ms: int = 2000
) -> Iterator[tuple[PageDaemon, subprocess.Popen[str]]]:
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    public, secret = zmq.curve_keypair()
    router.curve_server = True
    router.curve_secretkey = secret
    endpoint = f"ipc://{home}/agentd.sock"
    router.bind(endpoint)
    client_public, client_secret = zmq.curve_keypair()
    connection = Connection(
        endpoint, 1, 1, "0.1.0", 1, "d", public.decode(), client_public.decode(), client_secret.decode(), "owner"
    )
    (home / "connection.json").write_bytes(msgspec.json.encode(connection))
    process = _start(client, home / "connection.json", "/", PROMPT)
    try:
        yield PageDaemon(router, play, heartbeat_ms), process
    finally:
        _end(process)
        router.close()
        context.term()


def _start(client: Path, connection: Path, folder: str, prompt: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(client), str(connection), folder, prompt],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # On the page's client nothing of this repository may rub off.
        env={"PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1"},
        cwd="/",
    )


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=DEADLINE_S)
    return process.returncode, out, err


def test_it_prints_the_answer_over_doubled_and_joined_deltas_and_grants_credit(client: Path, home: Path) -> None:
    text = "".join(f"{number} \u00fc\U0001f980 " for number in range(700))

    def play(daemon: PageDaemon, asked: Requested) -> None:
        started(daemon, asked)
        offset = 0
        for character in text:
            daemon.put("turn.delta", delta(character, offset))
            offset += len(character.encode())
            if offset % 11 == 0:  # a late joiner's delta: everything so far, once more
                daemon.put("turn.delta", delta(text.encode()[:offset].decode(), 0))
        daemon.put("event.of_tomorrow", finished("?"))
        daemon.put("turn.finished", finished(text))

    with running(client, home, play) as (daemon, process):
        daemon.serve(process)
        assert outcome(process) == (0, text + "\n", "")
        assert (daemon.waiting, daemon.credits > 10) == ([], True)


def test_it_resumes_after_a_gap(client: Path, home: Path) -> None:
    def play(daemon: PageDaemon, asked: Requested) -> None:
        if asked.method == "turn.start":
            started(daemon, asked)
            daemon.put("turn.delta", delta("never ", 0))
            daemon.put("log.gap", log.GapEvent(SESSION, 5))
        else:
            assert request(asked.body, log.SubscribeParams) == log.SubscribeParams(stream=SESSION, after_seq=5)
            daemon.reply(asked.id, log.SubscribeResult(SESSION, 6))
            daemon.put("turn.delta", delta("never mind", 0))
            daemon.put("turn.finished", finished("never mind"))

    with running(client, home, play) as (daemon, process):
        daemon.serve(process)
        assert outcome(process) == (0, "never mind\n", "")
        assert [name for name, _ in daemon.asked] == ["turn.start", "log.subscribe"]


def test_it_begins_again_when_a_step_is_tried_again(client: Path, home: Path) -> None:
    def play(daemon: PageDaemon, asked: Requested) -> None:
        started(daemon, asked)
        daemon.put("turn.delta", delta("wro", 0))
        daemon.put("step.retried", turn.RetryEvent(SESSION, 3, 1, "t1", "t1.1", "stream broke", "trying again"))
        daemon.put("turn.delta", delta("right", 0))
        daemon.put("turn.finished", finished("right"))

    with running(client, home, play) as (daemon, process):
        daemon.serve(process)
        assert outcome(process) == (0, "wro\n(again)\nright\n", "")


def test_it_prints_an_answer_that_never_streamed(client: Path, home: Path) -> None:
    def play(daemon: PageDaemon, asked: Requested) -> None:
        started(daemon, asked)
        daemon.put("turn.finished", finished("all at once"))

    with running(client, home, play) as (daemon, process):
        daemon.serve(process)
        assert outcome(process) == (0, "all at once\n", "")


def test_it_says_what_it_is_asked_and_leaves_the_question_open(client: Path, home: Path) -> None:
    asking = question.Question("q7", SESSION, "t1", "permission", "bash", "Run make", "make", "ab", ("writes",), 1)

    def play(daemon: PageDaemon, asked: Requested) -> None:
        started(daemon, asked)
        daemon.put("question.opened", question.OpenedEvent(SESSION, 3, 1, asking))

    with running(client, home, play) as (daemon, process):
        daemon.serve(process)
        assert outcome(process) == (1, "", "it asks: Run make (agentctl approve q7)\n")


def test_it_shows_an_error_with_its_remedy(client: Path, home: Path) -> None:
    def play(daemon: PageDaemon, asked: Requested) -> None:
        daemon.refuse(asked.id, RemoteProtocolError(ErrorCode.BUSY, "no room"))

    with running(client, home, play) as (daemon, process):
        daemon.serve(process)
        assert outcome(process) == (1, "", "busy: no room Try again in a moment.\n")


def test_it_beats_as_the_welcome_says_and_gives_up_on_a_daemon_that_falls_silent(client: Path, home: Path) -> None:
    def play(daemon: PageDaemon, asked: Requested) -> None:
        started(daemon, asked)
        daemon.silent = True

    with running(client, home, play, heartbeat_ms=300) as (daemon, process):
        daemon.serve(process)
        assert outcome(process) == (1, "", "the daemon does not answer\n")
        assert daemon.beats >= 1


@contextmanager
def real_daemon(home: Path) -> Iterator[Path]:
    """`agentd run` in a home of its own; gives its connection file once that is there."""
    environment = {"PATH": os.environ.get("PATH", ""), "AGENTD_HOME": str(home / "h"), "PYTHONUTF8": "1"}
    log_file = home / "daemon.log"
    with log_file.open("wb") as log_to:
        process = subprocess.Popen(
            [sys.executable, "-m", "agentd", "run"], env=environment, stdout=log_to, stderr=log_to, cwd=home
        )
    connection = home / "h" / "run" / "connection.json"
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not connection.exists():
            try:
                process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, log_file.read_text()
            else:
                raise AssertionError(f"the daemon ended: {log_file.read_text()}")
        yield connection
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_it_gets_an_answer_from_the_real_daemon_without_any_model(client: Path, home: Path) -> None:
    folder = home / "shop"
    folder.mkdir()
    (folder / "notes.txt").write_text("The login test waits for a clock.\n")
    with real_daemon(home) as connection:
        process = _start(client, connection, str(folder), "What do the notes say about the login test?")
        try:
            code, out, err = outcome(process)
        finally:
            _end(process)
    assert (code, err) == (0, "")
    assert "notes.txt" in out
