"""A key that its server repeats in every way: in no file, no event and no output of any command is it found again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from agentclient.blocking import BlockingClient
from agentproto.api import log
from agentproto.shape import to_plain
from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import FakeModelServer, Reply, Request, chunk, event, failure, say

KEYS = {
    "env": "Zq7+Mw/4tX9=Kp2&Lr8%vB3nD6",
    "file": "fHs2*Jw/8yT+3mVq=Xk5&Rb7~cG9",
    "cmd": "pNc4?Dz+6gW/1hSj=Fv0&Ta8%eL2",
}
"""No maker's form, so that nothing but the knowledge of the key itself can have taken it out."""

QUIET_MS = 500
CASES = (
    "body", "coded", "words", "cut", "header", "broken-header", "redirect", "page", "stream", "late-stream", "garbage", "quota",
)  # fmt: skip


def echo(request: Request) -> Reply:
    """The key that came, repeated in the way that the request's address names."""
    case = request.path.split("/")[2]
    key = request.headers["authorization"].removeprefix("Bearer ")
    coded = base64.b64encode(f"user:{key}".encode()).decode()
    told = {"error": {"message": f"no such key: {key}", "code": 400, "param": key, key: key}}
    match case:
        case "body":
            return failure(400, told)
        case "coded":
            words = f"{coded}, {base64.b64encode(key.encode()).decode()}, {quote(key)}, {quote(key, safe='')}, {key.encode().hex()}"
            return failure(400, {"error": {"message": f"Basic {words}", "type": coded}})
        case "words":
            return failure(403, f"nobody has the key {key} here")
        case "cut":
            return failure(400, {"error": {"message": "x" * 585 + key}})
        case "header":
            return failure(
                401, {"error": {}}, {"x-echo": key, "www-authenticate": f'Bearer realm="{key}"', "retry-after": key}
            )
        case "broken-header":
            return Reply(headers={f"x {key}": key})
        case "redirect":
            return failure(308, "", {"location": f"https://elsewhere.invalid/{key}?key={quote(key, safe='')}"})
        case "page":
            return failure(200, f"<!doctype html><title>Welcome {key}</title>")
        case "stream":
            return Reply([event(told)])
        case "late-stream":
            return Reply([chunk({"content": "half an answer"}), event(told)])
        case "garbage":
            return Reply([chunk({"content": "half an answer"}), f"data: {{oops {key}\n\n".encode()])
        case _:
            return failure(429, {"error": {"code": "insufficient_quota", "message": f"{key} has no money"}})


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with FakeModelServer(echo) as server:
        yield server


@pytest.fixture
def daemon(home: Path, server: FakeModelServer) -> Iterator[RealDaemon]:
    """One connection for each way of having a key and each way of repeating it."""
    with real_daemon(home, started=False) as daemon:
        safe = home / "safe"
        safe.mkdir(mode=0o700)
        for name in ("file", "cmd"):
            (safe / name).write_text(KEYS[name] + "\n")
            (safe / name).chmod(0o600)
        references = {"env": "env:MY_MODEL", "file": f"file:{safe}/file", "cmd": f"cmd:cat {safe}/cmd"}
        tables = [
            f'[models.{form}-{case}]\nkind = "openai-chat"\nurl = "{server.url}/{case}"\nmodel = "m"\n'
            f'key = "{reference}"\n'
            for form, reference in references.items()
            for case in CASES
        ]
        daemon.settings('[logs]\nlevel = "debug"\n' + "".join(tables))
        daemon.start()
        yield daemon


def traces(key: str) -> list[bytes]:
    """How a key would show: whole or its beginning, as a URL or JSON writes it, and its middle in base64."""
    coded = [base64.b64encode(b"\0" * before + key.encode())[4:-4] for before in range(3)]
    forms = {key, key[:10], key[-10:], quote(key), quote(key, safe=""), json.dumps(key)[1:-1], key.encode().hex()}
    return [*(form.encode() for form in forms), *coded]


def found_in(texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where a key, or a trace of one, is found."""
    wanted = [trace for key in KEYS.values() for trace in traces(key)]
    return [f"{place}: {trace!r}" for place, text in texts for trace in wanted if trace in text]


def files_of(daemon: RealDaemon) -> list[tuple[str, bytes]]:
    files = [path for path in daemon.home.rglob("*") if path.is_file() and not path.is_symlink()]
    return [(str(path), path.read_bytes()) for path in [*files, daemon.said]]


def events_of(client: BlockingClient, streams: Iterable[str]) -> list[tuple[str, bytes]]:
    """Every event of these streams, from the first one on."""
    for stream in streams:
        client.call("log.subscribe", log.SubscribeParams(stream=stream, after_seq=0), log.SubscribeResult)
    found = []
    while (event := client.next_event(QUIET_MS)) is not None:
        found.append((f"event {event.name}", json.dumps(to_plain(event.body), ensure_ascii=False).encode()))
    return found


def outputs_of(daemon: RealDaemon, *commands: tuple[str, ...]) -> list[tuple[str, bytes]]:
    found = []
    for words in commands:
        ran = daemon.agentctl(*words, MY_MODEL=KEYS["env"])
        found.append((f"agentctl {' '.join(words)}", (ran.out + ran.err).encode()))
    return found


def test_no_trace_of_any_key_is_left(daemon: RealDaemon, server: FakeModelServer, workspace: Path) -> None:
    names = [f"{form}-{case}" for form in KEYS for case in CASES]
    sessions = []
    with daemon.client() as client:
        for name in names:
            # Several at a time would be quicker; one by one, what is found has one cause.
            ran = daemon.agentctl(
                "ask", "hi", "--model", name, "--json", cwd=workspace, MY_MODEL=KEYS[name.split("-")[0]]
            )
            assert ran.code == 1, (name, ran)
            assert found_in([(f"ask {name}", (ran.out + ran.err).encode())]) == []
            sessions.append(str(ran.fields["session"]))
        tested = outputs_of(daemon, *(("models", "test", name) for name in names))
        happened = events_of(client, ["daemon", *sessions])
    printed = outputs_of(
        daemon,
        *(("models", "list"), ("models", "list", "--json"), ("events",), ("events", "--json"), ("daemon", "logs", "-n", "9999")),
        *(("config", "show"), ("config", "show", "--why"), ("cost", "--by", "model"), ("doctor",), ("sessions", "list")),
        *(("sessions", "show", session, *view) for session in sessions for view in ((), ("--trace",))),
        *(("sessions", "export", session, "--format", form) for session in sessions[:12] for form in ("md", "html", "json")),
    )  # fmt: skip
    asked = {(request.path.split("/")[2], request.headers.get("authorization")) for request in server.requests}
    assert {(case, f"Bearer {key}") for case in CASES for key in KEYS.values()} <= asked
    assert len(happened) > 5 * len(sessions)
    assert found_in([*tested, *happened, *printed, *files_of(daemon)]) == []
    daemon.stop()
    assert found_in(files_of(daemon)) == []


def test_a_key_that_is_there_would_have_been_found() -> None:
    """The search itself, shown what it has to find."""
    key = KEYS["cmd"]
    shown = {
        "plain": key,
        "cut": key[:11],
        "url": quote(key, safe=""),
        "base64": base64.b64encode(f"u:{key}".encode()).decode(),
    }
    assert {place for place, text in shown.items() if found_in([(place, text.encode())])} == set(shown)
    assert found_in([("none", b"sesame")]) == []


def test_a_key_goes_to_its_own_server_alone(daemon: RealDaemon, workspace: Path) -> None:
    """Also when that server sends elsewhere, to one that would take it."""
    with FakeModelServer(lambda request: say("I have it")) as thief:
        moved = FakeModelServer(lambda request: failure(307, "", {"location": f"{thief.url}/chat/completions"}))
        with moved:
            assert daemon.agentctl(
                *("models", "add", "moved", "--kind", "openai-chat", "--url", moved.url, "--model", "m", "--key", "env:MY_MODEL")
            ).code == 0  # fmt: skip
            ran = daemon.agentctl("ask", "hi", "--model", "moved", cwd=workspace, MY_MODEL=KEYS["env"])
            assert ran.code == 1
            assert "redirects are not followed" in ran.err
            assert {request.headers.get("authorization") for request in moved.requests} == {f"Bearer {KEYS['env']}"}
        assert thief.requests == []
