"""One session as `chat` sees it: what is shown, what runs, what is asked; and what a typed line does.

It knows the client and the plain renderer, and nothing of the terminal: `loop` gives it lines and draws `status`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from agentclient.client import Client
from agentclient.errors import RefusedError
from agentclient.greeting import now_ms
from agentclient.keys import new_key
from agentclient.turn_stream import Added, Change, TurnStream
from agentctl.asking import Asked, Given, Left, described
from agentctl.chat.files import named
from agentctl.render.markdown import MarkdownWriter
from agentctl.render.plain import Plain
from agentctl.render.safe import one_line
from agentproto.api import log, question, turn
from agentproto.link import Happened

__all__ = ["Talk"]

_HOLD_MS = 500
"""A key that was on its way when the question appeared is no answer to it."""


class Talk:
    def __init__(self, client: Client, plain: Plain, words: MarkdownWriter, changed: Callable[[], None]) -> None:
        self.client = client
        self.plain = plain
        self.words = words
        self.session: str | None = None
        self.workspace = ""
        self.mode: turn.Mode = "ask"
        self.model: str | None = None
        self.running: str | None = None
        self._mine: str | None = None
        self._silent = True
        self._withdrawn: set[str] = set()
        self.asked: Asked | None = None
        self._asked_at_ms = 0
        self._waiting = ""
        self._since_ms = 0
        self._open: dict[str, question.Question] = {}
        self._left: set[str] = set()
        self._said: list[str] = []
        self._stream = TurnStream()
        self._changed = changed

    async def join(self, session: str) -> None:
        """Show everything of a session so far, then what comes."""
        params = log.SubscribeParams(stream=session)
        await self.client.call("log.subscribe", params, log.SubscribeResult)
        self.session = session

    async def switch(self, session: str) -> None:
        """Go on in another session, from now on; what runs in the old one runs on."""
        old, self.session = self.session, session
        self.running, self.asked, self._mine = None, None, None
        self._open, self._stream = {}, TurnStream()
        await self.client.call("log.subscribe", log.SubscribeParams(stream=session, after_seq=-1), log.SubscribeResult)
        if old is not None:
            await self.client.call("log.unsubscribe", log.UnsubscribeParams(old), log.UnsubscribeResult)

    async def listen(self) -> None:
        """Show events until cancelled."""
        async for event in self.client.events():
            if self.session is None or event.body.get("stream") == self.session:
                self._take(event)
                self._changed()

    def _take(self, event: Happened) -> None:
        for change in self._stream.take(event):
            self._learn(change)
            if isinstance(change, turn.RepliedEvent | turn.RetryEvent | turn.FinishedEvent):
                self.words.end()
            if not self._own_words(change):
                self.plain.show(change, now_ms())
            if isinstance(change, turn.FinishedEvent) and change.stop not in ("end", "withdrawn"):
                why = f": {change.error}" if change.error else ""
                self.plain.note(f"the turn ended: {change.stop}{why} {change.remedy or ''}".rstrip(), "red")

    def _own_words(self, change: Change) -> bool:
        """What was typed here stands on the screen already."""
        match change:
            case turn.QueuedEvent(prompt=text) | turn.SteeredEvent(text=text) if text in self._said:
                self._said.remove(text)
                if isinstance(change, turn.QueuedEvent):
                    self._mine = change.turn
                return True
            case turn.WithdrawnEvent(turn=id):
                return id in self._withdrawn
            case _:
                return False

    def _learn(self, change: Change) -> None:
        match change:
            case turn.QueuedEvent() | turn.StartedEvent():
                self.running, self._silent = change.turn, True
                self._wait("model")
            case turn.FinishedEvent():
                self.running = None
            case turn.WithdrawnEvent(turn=id):
                self.running = None if self.running == id else self.running
            case Added():
                self._silent = False
            case turn.ToolStartedEvent():
                self._silent = False
                self._wait(f"{change.tool} {change.target}")
            case turn.ToolFinishedEvent() | turn.RepliedEvent():
                self._silent = False
                self._wait("model")
            case turn.RetryEvent():
                self._wait(f"retry in {change.wait_ms // 1000} s")
            case question.OpenedEvent(question=opened):
                self._open[opened.id] = opened
                self._next_question()
            case question.AnsweredEvent(question=id):
                self._open.pop(id, None)
                if self.asked is not None and self.asked.question.id == id:
                    self.asked = None
                self._next_question()
            case _:
                self.mode = getattr(change, "mode", None) or self.mode
                self.model = getattr(change, "model", None) or self.model

    def _wait(self, what: str) -> None:
        self._waiting, self._since_ms = what, now_ms()

    def _next_question(self) -> None:
        if self.asked is not None:
            return
        for opened in self._open.values():
            if opened.id not in self._left:
                self.asked = Asked(opened, new_key())
                self._asked_at_ms = now_ms()
                self.plain.block(described(opened))
                return

    # -- what the person does ----------------------------------------------------------------------------------

    @property
    def takes_keys(self) -> bool:
        """Whether single keys answer a question now."""
        return self.asked is not None and self.asked.letters and now_ms() - self._asked_at_ms > _HOLD_MS

    async def key(self, pressed: str) -> None:
        """A key for the open question."""
        if self.asked is None:
            return
        asked = self.asked
        _, outcome = asked.feed(pressed)
        match outcome:
            case Given(params):
                self.asked = None
                await self._answer(params)
            case Left():
                self.asked = None
                self._left.add(asked.question.id)
                self.plain.note(f"left open; later: agentctl approve {asked.question.id}", "yellow")
                self._next_question()
            case None:
                pass
        self._changed()

    async def _answer(self, params: question.AnswerParams) -> None:
        try:
            await self.client.call("question.answer", params, question.AnswerResult)
        except RefusedError as fault:
            self.plain.note(f"{fault.what} {fault.why}", "yellow")

    async def say(self, text: str) -> None:
        """A line for the model: words for the open question, a word to the running turn, or a new turn."""
        if self.asked is not None and not self.asked.letters:
            await self.key(text.replace("\n", " ") + "\n")
            return
        self._said = [*self._said[-9:], text]
        if self.running is not None and self.session is not None:
            try:
                params = turn.SteerParams(key=new_key(), session=self.session, text=text)
                await self.client.call("turn.steer", params, turn.SteerResult)
                return
            except RefusedError as fault:
                if fault.code != "conflict":
                    raise
                # The turn ended while this was on its way: then it begins the next one.
        cwd = os.getcwd()
        started = await self.client.call(
            "turn.start",
            turn.StartParams(
                key=new_key(),
                prompt=text,
                session=self.session,
                cwd=cwd if self.session is None else None,
                mode=self.mode if self.session is None else None,
                model=self.model,
                files=named(text, cwd),
                subscribe=self.session is None,
            ),
            turn.StartResult,
        )
        self.session, self.workspace = started.session, started.workspace
        self.running = self._mine = started.turn

    async def withdraw(self) -> str | None:
        """Take back the message just sent from here, as long as the model has said nothing; its text. None: it is too
        late for that (or it was somebody else's), and the turn goes on."""
        id = self._mine
        if self.session is None or id is None or id != self.running or not self._silent:
            return None
        self._withdrawn.add(id)
        params = turn.WithdrawParams(key=new_key(), session=self.session, turn=id)
        try:
            return (await self.client.call("turn.withdraw", params, turn.WithdrawResult)).prompt
        except RefusedError:
            self._withdrawn.discard(id)
            return None

    async def interrupt(self) -> bool:
        """Stop the running turn; whether there was one."""
        if self.session is None or self.running is None:
            return False
        params = turn.InterruptParams(key=new_key(), session=self.session)
        return (await self.client.call("turn.interrupt", params, turn.InterruptResult)).interrupted

    # -- the status line ---------------------------------------------------------------------------------------

    def status(self, width: int) -> str:
        """One line: what is going on, or what can be pressed."""
        if self.asked is not None and (self.takes_keys or not self.asked.letters):
            return one_line(self.asked.prompt.strip(), width)
        welcome = self.client.welcome
        sandbox = "no sandbox" if welcome.sandbox == "none" else welcome.sandbox
        facts = f"{self.model or welcome.model} | {self.mode} | {sandbox}"
        if self.running is None:
            return one_line(f"{facts} | {self.session or 'new session'} | /help", width)
        passed = (now_ms() - self._since_ms) // 1000
        tail = self.words.tail.strip()
        doing = f"{self._waiting} {passed} s" if not tail else tail[-max(10, width - len(facts) - 20) :]
        return one_line(f"{facts} | {doing} | Esc stops", width)
