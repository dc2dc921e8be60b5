"""Another model, to which a session's messages are given again: a double's handlers, and a repository to work in."""

from __future__ import annotations

import subprocess
from pathlib import Path

from agentclient.testing import Answer, Call, Event, Handler
from agentproto.api import question, session, turn
from agentproto.revisions import WorkflowResult, WorkflowStep
from clients.scene import USAGE, a_question
from clients.stage import AT, lived, read, summary, two_turns

REPLAY = "s0000000000000009"


def a_repository(home: Path) -> Path:
    """Two files and one commit."""
    place = home / "work"
    place.mkdir()
    (place / "a.py").write_text("one\n")
    (place / "b.py").write_text("b\n")
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "first")):
        subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)
    return place


class Other:
    """The other model's session: it edits a file in the first turn, asks a question there, and ends each as told."""

    def __init__(self, *stops: str) -> None:
        self.cwd = ""
        self._stops = list(stops)
        self._seq = 0
        self._turn = 0

    def handlers(self, repository: Path, *steps: WorkflowStep) -> dict[str, Handler]:
        return lived(
            two_turns(),
            session_read=lambda call: read(summary(workspace=str(repository))),
            session_create=self.created,
            turn_start=self.started,
            question_answer=lambda call: Answer(question.AnswerResult("q1", REPLAY, "r1", 1), self.rest()),
            turn_interrupt=lambda call: Answer(turn.InterruptResult(True), self.rest("interrupted")),
            session_workflow=lambda call: WorkflowResult(steps),
        )

    def created(self, call: Call) -> session.CreateResult:
        assert isinstance(call.params, session.CreateParams)
        self.cwd = call.params.cwd
        return session.CreateResult(REPLAY, self.cwd)

    def _event(self, name: str, kind: type, **fields: object) -> Event:
        self._seq += 1
        return name, kind(stream=REPLAY, seq=self._seq, at_ms=AT, **fields)

    def started(self, call: Call) -> Answer:
        assert isinstance(call.params, turn.StartParams)
        self._turn += 1
        id = f"{REPLAY}.t{self._turn}"
        events = [
            self._event("turn.queued", turn.QueuedEvent, turn=id, actor="me", prompt=call.params.prompt),
            self._event("turn.started", turn.StartedEvent, turn=id, model="small", mode="ask"),
        ]
        if self._turn == 1:
            (Path(self.cwd) / "a.py").write_text("ONE\n")
            opened = a_question(turn_id=id)
            events.append(self._event("question.opened", question.OpenedEvent, question=opened))
            return Answer(turn.StartResult(REPLAY, id, 1, self.cwd), tuple(events))
        return Answer(turn.StartResult(REPLAY, id, 1, self.cwd), (*events, *self.rest()))

    def rest(self, stop: str = "") -> tuple[Event, ...]:
        id = f"{REPLAY}.t{self._turn}"
        stop = stop or self._stops.pop(0)
        return (
            self._event("turn.finished", turn.FinishedEvent, turn=id, stop=stop, text="Because.", steps=1, usage=USAGE),
        )
