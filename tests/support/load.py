"""A load on a real daemon that is killed at random moments: clients that ask without rest, and what they were told.

Each ask has a number that its effect writes down, so that what happened twice, or was lost, can be seen afterwards.
Clients start no daemon; they take up their conversation with the next one, as the library does.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agentclient.blocking import BlockingClient
from agentclient.errors import RefusedError
from agentclient.keys import new_key
from agentproto.api import log, question, turn
from agentproto.shape import typed
from support.daemon import RealDaemon
from support.waiting import until

__all__ = ["Load", "Told", "kill_at_random"]

WORDS = " ".join(f"word{number}" for number in range(40))
PATIENCE_S = 60
MOST_TURNS = 7
"""Of one session: the scripted model has a small window."""
UNKNOWN = "unknown outcome"
"""The gate of a question about a call that a kill cut off."""


@dataclass(slots=True)
class Told:
    """One ask: what the client was told of it."""

    number: int
    kind: str
    session: str
    turn: str
    stop: str = ""
    tool: str = ""
    """Status of the ask's tool call, when one ended."""


@dataclass
class Load:
    """`told` and `questions` (ids of questions that were seen open) are what was acknowledged."""

    daemon: RealDaemon
    workspace: Path
    told: list[Told] = field(default_factory=list)
    questions: set[str] = field(default_factory=set)
    faults: list[BaseException] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _numbers: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, clients: int) -> None:
        for _ in range(clients):
            thread = threading.Thread(target=self._client, daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """Let every client finish what it has begun; raise what one of them met."""
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in self._threads), "a client waits for an end that does not come"
        if self.faults:
            raise self.faults[0]

    def _client(self) -> None:
        try:
            session: str | None = None
            with self.daemon.client() as client:
                while not self._over.is_set():
                    with self._lock:
                        self._numbers += 1
                        number = self._numbers
                    told = self._ask(client, number, session)
                    session = told.session
                    if told.kind == "question" or number % 7 == 0 or int(told.turn.rpartition(".t")[2]) >= MOST_TURNS:
                        client.call("log.unsubscribe", log.UnsubscribeParams(session), log.UnsubscribeResult)
                        session = None
        except BaseException as fault:  # noqa: BLE001 - told to the test by `end`
            self.faults.append(fault)

    def _ask(self, client: BlockingClient, number: int, session: str | None) -> Told:
        kind = "question" if number % 11 == 0 else ("run", "write", "stream")[number % 3]
        asks: Mapping[str, Mapping[str, object]] = {
            "run": {"prompt": f"run: echo {number} >> effects", "model": "offline", "allow": ["shell"]},
            "write": {"prompt": f"write out/{number}.txt: {number}", "model": "offline", "allow": ["write"]},
            "stream": {"prompt": f"say {number}", "model": "talk"},
            "question": {"prompt": f"run: echo {number} >> unasked", "model": "offline"},
        }
        where: Mapping[str, object] = {"session": session} if session is not None else {"cwd": str(self.workspace)}
        params = typed({"key": new_key(), "subscribe": True, **asks[kind], **where}, turn.StartParams)
        result = client.call("turn.start", params, turn.StartResult)
        told = Told(number, kind, result.session, result.turn)
        self.told.append(told)
        self._follow(client, told)
        return told

    def _follow(self, client: BlockingClient, told: Told) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            event = client.next_event(200)
            if event is None or event.body.get("stream") != told.session:
                continue
            if event.name == "question.opened":
                asked = typed(event.body, question.OpenedEvent).question
                if told.kind == "question" and UNKNOWN not in asked.gates:
                    self.questions.add(asked.id)
                    return
                # A command was cut off by a kill: nobody knows whether it ran, so it is not run again.
                no = question.AnswerParams(key=new_key(), question=asked.id, decision="deny")
                with suppress(RefusedError):
                    client.call("question.answer", no, question.AnswerResult)
            if event.name == "tool.finished" and event.body["turn"] == told.turn:
                told.tool = str(event.body["status"])
            if event.name == "turn.finished" and event.body["turn"] == told.turn:
                told.stop = str(event.body["stop"])
                return
        raise AssertionError(f"{told} did not end within {PATIENCE_S} s")


def kill_at_random(daemon: RealDaemon, chance: random.Random, most_s: float) -> None:
    """Let it work for a random time, kill it, start it anew; now and then kill it while it is starting too."""
    rest = threading.Event()
    rest.wait(chance.uniform(0, most_s))
    daemon.kill()
    while chance.random() < 0.2:
        daemon.process = daemon.launch()
        rest.wait(chance.uniform(0, 0.5))
        daemon.kill()
    daemon.start()
    until(lambda: daemon.answers, "the daemon answers")
