"""Follow a session on a plain screen: show its items, put its questions to the person, stop it on Ctrl-C.

It decides when following ends and with which exit code, and nothing about how things look. Callers: `ask`, `attach`,
`firstrun`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from agentclient.blocking import BlockingClient
from agentclient.errors import RefusedError
from agentclient.greeting import now_ms
from agentclient.keys import new_key
from agentclient.turn_stream import Change, TurnStream
from agentctl.asking import Asked, Given, Left, described
from agentctl.exits import FAILED, INTERRUPTED, QUESTION_OPEN, STOP_CODES
from agentctl.render.plain import Plain
from agentctl.terminal import Keyboard
from agentproto.api import question, turn
from agentproto.api.session import NoticeEvent
from agentproto.link import Happened

__all__ = ["Follower", "Interrupts", "Outcome"]

_TICK_MS = 100


class Interrupts(msgspec.Struct):
    """How often Ctrl-C was pressed. The second one leaves at once, wherever the program is."""

    count: int = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        def pressed(*_: object) -> None:
            self.count += 1
            if self.count > 1:
                raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, pressed)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


class Outcome(msgspec.Struct):
    """How it ended. `finished` is the turn's own end; `question` the one at which nobody could be asked; `stopped`: why
    the session can't go on and no end will come."""

    code: int
    finished: turn.FinishedEvent | None = None
    question: question.Question | None = None
    changes: list[Change] = msgspec.field(default_factory=list)
    stopped: str = ""


class Follower:
    """`may_ask`: somebody sits at a terminal. `no_input`: an open question ends it. `each` gets every event as it came
    (for `--jsonl`), `keep` collects what is logged (for `--json`)."""

    def __init__(
        self,
        client: BlockingClient,
        plain: Plain,
        *,
        may_ask: bool,
        no_input: bool = False,
        each: Callable[[Happened], None] | None = None,
        keep: bool = False,
    ) -> None:
        self._client = client
        self._plain = plain
        self._may_ask = may_ask
        self._no_input = no_input
        self._each = each
        self._keep = keep
        self._stream = TurnStream()
        self._open: dict[str, question.Question] = {}
        self._told: set[str] = set()
        self._asked: Asked | None = None
        self._keyboard: Keyboard | None = None
        self._changes: list[Change] = []
        self._stopped = ""

    def look(self, session: str) -> None:
        """Learn which questions are open already: a turn that has to wait for one of them waits like its own."""
        params = question.ListParams(session)
        for one in self._client.call("question.list", params, question.ListResult).questions:
            self._open[one.id] = one

    def follow(self, session: str, turn_id: str | None, interrupts: Interrupts) -> Outcome:
        """Until `turn_id` has ended (None: until interrupted). Of a turn of one's own, only that turn is shown."""
        try:
            return self._follow(session, turn_id, interrupts)
        finally:
            self._stop_asking()

    def _follow(self, session: str, turn_id: str | None, interrupts: Interrupts) -> Outcome:
        stops = 0
        while True:
            also = (self._keyboard.descriptor,) if self._keyboard is not None else ()
            event = self._client.next_event(_TICK_MS, also)
            if event is not None and event.body.get("stream") == session:
                finished = self._take(event, turn_id)
                if finished is not None:
                    return Outcome(STOP_CODES.get(finished.stop, FAILED), finished, None, self._changes)
                if self._stopped:
                    return Outcome(FAILED, None, None, self._changes, self._stopped)
            if self._asked is None:  # the question's own line is where the person looks
                self._plain.tick(now_ms())
            if interrupts.count and turn_id is None:
                return Outcome(INTERRUPTED, None, None, self._changes)
            if interrupts.count > stops:
                stops = interrupts.count
                self._stop_asking()
                self._plain.stopping(now_ms())
                self._client.send("turn.interrupt", turn.InterruptParams(key=new_key(), session=session))
            elif not stops and (event is None or self._no_input):
                # Events that wait are looked at first: a question may have been answered already.
                if self._no_input and self._open:
                    return Outcome(QUESTION_OPEN, None, next(iter(self._open.values())), self._changes)
                self._questions()

    def _take(self, event: Happened, turn_id: str | None) -> turn.FinishedEvent | None:
        """Show one event of the session; the end of the turn, when this was it."""
        if self._each is not None:
            self._each(event)
        for change in self._stream.take(event):
            self._note_question(change)
            if turn_id is not None and (getattr(change, "turn", None) or turn_id) != turn_id:
                continue
            if self._keep:
                self._changes.append(change)
            self._plain.show(change, now_ms())
            if turn_id is not None and isinstance(change, turn.FinishedEvent):
                return change
            if turn_id is not None and isinstance(change, turn.WithdrawnEvent):
                return _withdrawn(change)
        return None

    def _note_question(self, change: Change) -> None:
        match change:
            case NoticeEvent(code="read_only", text=text):
                self._stopped = text  # nothing more will come
            case question.OpenedEvent(question=opened):
                self._open[opened.id] = opened
            case question.AnsweredEvent(question=id):
                self._open.pop(id, None)
                if self._asked is not None and self._asked.question.id == id:
                    self._stop_asking()
                    self._plain.block("\n")
            case _:
                pass

    def _questions(self) -> None:
        """Put the next question to the person, or go on with the one that is being answered."""
        if self._asked is not None and self._keyboard is not None:
            if self._keyboard.pressed():
                echo, outcome = self._asked.feed(self._keyboard.read())
                self._plain.block(echo)
                if outcome is not None:
                    self._decided(self._asked.question, outcome)
            return
        for opened in self._open.values():
            if opened.id not in self._told:
                self._told.add(opened.id)
                self._plain.block(described(opened))
                if self._may_ask:
                    self._asked = Asked(opened, new_key())
                    self._keyboard = Keyboard()
                    self._keyboard.__enter__()
                    self._plain.block(self._asked.prompt)
                    return
                self._left(opened)

    def _decided(self, opened: question.Question, outcome: Given | Left) -> None:
        self._stop_asking()
        if isinstance(outcome, Left):
            self._left(opened)
            return
        try:
            self._client.call("question.answer", outcome.params, question.AnswerResult)
        except RefusedError as fault:
            # Somebody else was quicker, or the turn is over: the event that says so is on its way.
            self._plain.note(fault.what, "yellow")

    def _left(self, opened: question.Question) -> None:
        self._plain.note(f"question {opened.id} is open: agentctl approve {opened.id}", "yellow")

    def _stop_asking(self) -> None:
        self._asked = None
        if self._keyboard is not None:
            self._keyboard.__exit__()
            self._keyboard = None


def _withdrawn(change: turn.WithdrawnEvent) -> turn.FinishedEvent:
    """A message that was taken back has ended too, with nothing said and nothing used."""
    return turn.FinishedEvent(
        stream=change.stream,
        seq=change.seq,
        at_ms=change.at_ms,
        turn=change.turn,
        stop="withdrawn",
        text="",
        steps=0,
        usage=turn.TurnUsage(),
    )
