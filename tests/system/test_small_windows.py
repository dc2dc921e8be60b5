"""Small windows with a real daemon: no request is too long for its server, over real HTTP, in every protocol.

The servers count each in its own way, want room for the answer that was asked for, and refuse in their own words. A sample
goes to a real llama.cpp server too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agentclient.blocking import BlockingClient
from agentproto.api import turn
from support.conversations import ended, start
from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import FakeModelServer
from support.model_dialects import DIALECTS
from support.random_texts import scenery
from support.real_model import RealModel, real_model
from support.strict_model import StrictModel
from support.token_counts import counters

WINDOWS = (4_096, 8_192, 16_384)
CALLS = (
    (("ls", {"path": "."}), ("read", {"path": "small.py"})),
    (("read", {"path": "figures.csv"}),),
    (("grep", {"pattern": "took", "path": "."}), ("read", {"path": "foreign.txt"}), ("read", {"path": "packed.txt"})),
    (("read", {"path": "code.py", "offset": 40, "limit": 300}),),
)
SAID = (
    ("Look around, and tell me what it is about.", ("note.txt",)),
    ("And this: " + "what do these figures mean, 12.5, 13.75 and 99? " * 6, ()),
    ("Все люди рождаются свободными. 人人生而自由。 What is that?", ()),
)


@pytest.fixture
def ground(home: Path) -> Path:
    folder = home / "ground"
    folder.mkdir()
    for name, text in scenery().items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    with real_daemon(home, started=False) as daemon:
        yield daemon


def a_session(
    daemon: RealDaemon, client: BlockingClient, ground: Path, model: str, mode: str
) -> list[turn.FinishedEvent]:
    """Three turns with one model; how each ended."""
    ends: list[turn.FinishedEvent] = []
    session: dict[str, object] = {}
    for prompt, names in SAID:
        files = [str(ground / name) for name in names]
        started = start(client, prompt, ground, model=model, mode=mode, files=files, **session)
        session = {"session": started.session}
        ends.append(ended(daemon, started.session, 30))
    return ends


def is_clear(end: turn.FinishedEvent) -> bool:
    """An answer, or a refusal that says why and what to do."""
    return end.stop == "end" or (end.stop in ("budget", "error") and bool(end.error) and bool(end.remedy))


def test_twenty_sessions_over_http_in_every_protocol_are_never_too_long_for_their_server(
    daemon: RealDaemon, ground: Path
) -> None:
    strict: dict[str, StrictModel] = {}
    sessions: list[str] = []
    tables: list[str] = []
    with ExitStack() as stack:
        for number in range(20):
            kind, window = sorted(DIALECTS)[number % 4], WINDOWS[number % 3]
            name = f"m{number}"
            model = StrictModel(
                DIALECTS[kind], counters()[number % 5], window, CALLS, words=("vllm", "openai", "llama.cpp")
            )
            server = stack.enter_context(FakeModelServer(model.answer, window=window))
            url = server.url if kind.startswith("openai") else server.origin
            tables.append(f'[models.{name}]\nkind = "{kind}"\nurl = "{url}"\nmodel = "m"\nwindow = {window}\n')
            strict[name] = model
            sessions.append(name)
        daemon.settings("".join(tables))
        daemon.start()
        with daemon.client() as client:
            ends = {
                name: a_session(daemon, client, ground, name, "plan" if number % 3 == 0 else "ask")
                for number, name in enumerate(sessions)
            }
    assert {name: model.refused for name, model in strict.items() if model.refused} == {}
    assert [end for found in ends.values() for end in found if not is_clear(end)] == []
    answered = sum(end.stop == "end" for found in ends.values() for end in found)
    assert answered >= 30, ends
    assert sum(len(model.requests) for model in strict.values()) > 3 * answered


@pytest.mark.parametrize("kind", sorted(DIALECTS))
def test_a_server_whose_window_is_smaller_than_it_was_told_is_asked_for_less_or_given_up_with_advice(
    daemon: RealDaemon, ground: Path, kind: str
) -> None:
    """The settings and the server say 16,384; it takes 6,000."""
    model = StrictModel(DIALECTS[kind], counters()[0], 6_000, CALLS, words=("vllm", "openai", "llama.cpp"))
    with FakeModelServer(model.answer, window=16_384) as server:
        url = server.url if kind.startswith("openai") else server.origin
        daemon.settings(f'[models.m]\nkind = "{kind}"\nurl = "{url}"\nmodel = "m"\nwindow = 16384\n')
        daemon.start()
        with daemon.client() as client:
            ends = a_session(daemon, client, ground, "m", "ask")
    assert model.refused
    assert [end for end in ends if not is_clear(end)] == []
    assert len(model.refused) <= 2 * len(model.requests) + 2 * len(ends), "it asks again and again"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("window", [2_048, 8_192])
def test_a_real_server_is_never_asked_for_more_than_its_window(daemon: RealDaemon, ground: Path, window: int) -> None:
    with real_model(window=window) as server:
        daemon.settings(_table(server))
        daemon.start()
        ends: list[turn.FinishedEvent] = []
        sessions: set[str] = set()
        with daemon.client() as client:
            for prompt, names in SAID:
                files = [str(ground / name) for name in names]
                started = start(client, prompt, ground, model="real", mode="plan", files=files, max_steps=3)
                sessions.add(started.session)
                ends.append(ended(daemon, started.session, 120))
        lines = [line for session in sessions for line in daemon.lines(session)]
    assert [line for line in lines if line["type"] == "model.broke" and line["failure"] == "overflow"] == []
    assert [end for end in ends if not is_clear(end) and end.stop != "max_steps"] == []
    assert window == 2_048 or any(end.usage.input for end in ends), "there was room to ask"


def _table(server: RealModel) -> str:
    return f'[models.real]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "{server.model}"\nwindow = {server.window}\n'
