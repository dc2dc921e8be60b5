"""The terminal of `chat`: a prompt that stays at the bottom while the conversation goes on above it.

It reads lines and keys, does slash commands, and draws the status line; what a line does to a session is `talk`'s.
prompt_toolkit and asyncio are loaded with this file, and with no other command.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Coroutine, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import cast

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout

from agentclient.client import connect
from agentclient.errors import ClientError
from agentclient.keys import new_key
from agentctl.chat.files import completions
from agentctl.chat.revising import revise
from agentctl.chat.slash import SLASHES, Slash, Unknown, help_text, parse
from agentctl.chat.talk import Talk
from agentctl.exits import DONE
from agentctl.faults import explain, three_lines
from agentctl.render.markdown import MarkdownWriter
from agentctl.render.plain import Plain, Screen
from agentctl.render.safe import safe
from agentctl.render.table import aligned, moment
from agentctl.terminal import colours, width
from agentproto.api import daemon, model, session, turn

__all__ = ["HISTORY_FILE", "Loop", "converse"]

HISTORY_FILE = "chat-history"


async def converse(
    joined: str | None, *, latest: bool, mode: turn.Mode, model_name: str | None, vi: bool, plain: bool
) -> int:
    """Talk until the person leaves; the exit code. `joined`: a session to go on with; `latest`: this workspace's."""
    async with connect("agentctl chat", give_variables=True) as client:
        with patch_stdout(raw=True):
            coloured = colours(sys.__stdout__ or sys.stdout)
            words = MarkdownWriter(sys.stdout, width(sys.__stdout__ or sys.stdout), colour=coloured, plain=plain)
            screen = Screen(
                out=words,
                err=sys.stdout,
                answer_on_terminal=False,  # the writer makes the words safe itself
                for_person=True,
                colour=coloured,
                width=words.width,
            )
            loop = Loop(vi)
            talk = Talk(client, Plain(screen, prompts=True), words, loop.redraw)
            talk.mode, talk.model = mode, model_name
            return await loop.run(talk, joined, latest)


class _Names(Completer):
    """Slash commands at the start of a line, files after @."""

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if before.startswith("/") and " " not in before:
            for name, (_, line) in SLASHES.items():
                if name.startswith(before[1:]):
                    yield Completion("/" + name, -len(before), display_meta=line)
            return
        word = document.get_word_before_cursor(WORD=True)
        if word.startswith("@"):
            for path in completions(word[1:], os.getcwd()):
                yield Completion("@" + path, -len(word), display=path)


class Loop:
    """The prompt and its keys. `run` once."""

    def __init__(self, vi: bool) -> None:
        self._vi = vi
        self._talk: Talk | None = None
        self._prompt: PromptSession[str] | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._sent: asyncio.Queue[str] = asyncio.Queue()

    def redraw(self) -> None:
        if self._prompt is not None and self._prompt.app.is_running:
            self._prompt.app.invalidate()

    async def run(self, talk: Talk, joined: str | None, latest: bool) -> int:
        self._talk = talk
        state = talk.client.folders.state
        os.makedirs(state, mode=0o700, exist_ok=True)
        self._prompt = PromptSession(
            "> ",
            multiline=True,
            history=_PrivateHistory(os.path.join(state, HISTORY_FILE)),
            completer=_Names(),
            complete_while_typing=False,
            enable_history_search=False,
            key_bindings=self._keys(),
            editing_mode=EditingMode.VI if self._vi else EditingMode.EMACS,
            bottom_toolbar=lambda: talk.status(width(sys.__stdout__ or sys.stdout) - 1),
            prompt_continuation="  ",
            input=_RawInput(sys.stdin),
            refresh_interval=0.5,
        )
        self._prompt.default_buffer.on_text_changed += self._typed
        listening = asyncio.create_task(talk.listen(), name="chat listens")
        try:
            return await self._until_left(talk, listening, joined, latest)
        finally:
            listening.cancel()
            for job in self._jobs:
                job.cancel()
            await asyncio.gather(listening, *self._jobs, return_exceptions=True)

    async def _until_left(self, talk: Talk, listening: asyncio.Task[None], joined: str | None, latest: bool) -> int:
        """The prompt stays open all the time, so that no key is lost between two lines."""
        assert self._prompt is not None
        prompting = asyncio.create_task(self._prompt.prompt_async(), name="chat prompts")
        working = asyncio.create_task(self._work(talk, joined, latest), name="chat works")
        tasks = {prompting, working, listening}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done - {prompting}:
            task.result()
        if talk.session is not None:
            sys.stdout.write(f"- go on: agentctl attach {talk.session}\n")
        return DONE

    async def _work(self, talk: Talk, joined: str | None, latest: bool) -> None:
        """Join the session, then do the lines in the order in which they were sent, until one says to leave."""
        if latest:
            params = session.ListParams(limit=1, workspace=os.getcwd())
            found = (await talk.client.call("session.list", params, session.ListResult)).sessions
            joined = found[0].id if found else None
        if joined is not None:
            await talk.join(joined)
        while True:
            text = await self._sent.get()
            talk.plain.block("> " + safe(text).replace("\n", "\n  ") + "\n")
            try:
                if not await self._line(talk, text):
                    return
            except ClientError as fault:
                talk.plain.block(three_lines(explain(fault)))

    async def _line(self, talk: Talk, text: str) -> bool:
        """Do what a line says; False when it says to leave."""
        match parse(text):
            case None:
                await talk.say(text)
            case Unknown(name, near):
                hint = f" Did you mean {' or '.join('/' + one for one in near)}?" if near else ""
                talk.plain.note(f"There is no /{name}.{hint} /help lists them.", "yellow")
            case Slash("quit"):
                return False
            case Slash(name, argument):
                await self._slash(talk, name, argument)
        return True

    async def _slash(self, talk: Talk, name: str, argument: str) -> None:
        match name:
            case "help":
                talk.plain.block(help_text())
            case "interrupt":
                if not await talk.interrupt():
                    talk.plain.note("no turn is running")
            case "vim":
                self._vi = not self._vi
                assert self._prompt is not None
                self._prompt.editing_mode = EditingMode.VI if self._vi else EditingMode.EMACS
                talk.plain.note(f"vi keys {'on' if self._vi else 'off'}")
            case "mode":
                await _mode(talk, argument)
            case "model":
                await _model(talk, argument)
            case "sessions":
                result = await talk.client.call("session.list", session.ListParams(limit=20), session.ListResult)
                rows = [(one.id, one.state, moment(one.updated_at_ms), one.title) for one in result.sessions]
                talk.plain.block(aligned(("session", "state", "last", "title"), rows))
            case "status":
                status = await talk.client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)
                talk.plain.block(
                    f"  session  {talk.session or '(not begun)'}\n  folder   {talk.workspace or os.getcwd()}\n"
                    f"  daemon   pid {status.pid}, version {status.version}, {status.clients} clients\n"
                    f"  model    {status.model}\n  mode     {talk.mode}\n  sandbox  {status.sandbox}\n"
                )
            case _:
                await revise(talk, name, argument, self._refill)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        talk = self._talk
        assert talk is not None

        @Condition
        def asks() -> bool:
            return talk.takes_keys and self._prompt is not None and not self._prompt.default_buffer.text

        @Condition
        def runs() -> bool:
            return talk.running is not None

        @Condition
        def types_words() -> bool:
            return talk.asked is not None and not talk.asked.letters

        # What was typed before the prompt came up has line feeds where Enter was pressed.
        @keys.add("enter")
        @keys.add("c-j")
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            text = buffer.text.strip()
            if text:
                buffer.append_to_history()
                self._sent.put_nowait(text)
            buffer.reset()

        @keys.add("escape", "enter")
        @keys.add("escape", "c-j")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        for letter in "ysndqYSNDQ":

            @keys.add(letter, filter=asks)
            def _(event: KeyPressEvent) -> None:
                self._job(talk.key(event.data))

        @keys.add("escape", filter=types_words)
        def _(event: KeyPressEvent) -> None:
            self._job(talk.key("\x1b"))

        @keys.add("escape", filter=runs & ~types_words & Condition(lambda: not self._vi))
        @keys.add("c-c", filter=runs)
        def _(event: KeyPressEvent) -> None:
            self._job(self._stop(talk))

        @keys.add("c-c", filter=~runs)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.reset()

        @keys.add("c-d", filter=Condition(lambda: self._prompt is None or not self._prompt.default_buffer.text))
        def _(event: KeyPressEvent) -> None:
            event.app.exit(exception=EOFError)

        return keys

    async def _stop(self, talk: Talk) -> None:
        """Esc and Ctrl-C: take the message back while the model is silent, else stop the turn."""
        try:
            text = await talk.withdraw()
            if text is None:
                await talk.interrupt()
            else:
                talk.plain.note("withdrawn; the message is back in the line")
                self._refill(text)
        except ClientError as fault:
            talk.plain.note(fault.what, "red")

    def _refill(self, text: str) -> None:
        """Put a message back into the line, before what was typed meanwhile."""
        assert self._prompt is not None
        buffer = self._prompt.default_buffer
        rest = f"\n{buffer.text}" if buffer.text else ""
        buffer.document = Document(text + rest, len(text))
        self.redraw()

    def _typed(self, _: object) -> None:
        """A person is here: heartbeats tell the daemon, which is what "idle" means."""
        if self._talk is not None:
            self._talk.client.active_at_ms = time.time_ns() // 1_000_000

    def _job(self, work: Coroutine[object, object, None]) -> None:
        """Do something that a key asked for; it is awaited or cancelled at the end."""
        job: asyncio.Task[None] = asyncio.ensure_future(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)


class _RawInput(Vt100Input):
    """Stays in raw mode while something is printed above the prompt. prompt_toolkit would go back to the terminal's line
    mode for each print, and a key that comes in that moment would be echoed, changed (Enter) or swallowed (Ctrl-D)."""

    def cooked_mode(self) -> AbstractContextManager[None]:
        return nullcontext()


class _PrivateHistory(FileHistory):
    """Prompts may hold anything: the file is ours alone."""

    def store_string(self, string: str) -> None:
        os.close(os.open(os.fspath(self.filename), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        super().store_string(string)


async def _mode(talk: Talk, argument: str) -> None:
    if argument not in ("", "ask", "plan"):
        talk.plain.note("modes are ask and plan; auto and accept-edits are not in this version", "yellow")
        return
    if argument and talk.session is not None:
        params = session.SetParams(key=new_key(), session=talk.session, mode=cast("turn.Mode", argument))
        await talk.client.call("session.set", params, session.SetResult)
    if argument:
        talk.mode = cast("turn.Mode", argument)
    talk.plain.note(f"mode {talk.mode}")


async def _model(talk: Talk, argument: str) -> None:
    if not argument:
        result = await talk.client.call("model.list", model.ListParams(), model.ListResult)
        rows = [("*" if one.in_use else "", one.name, one.kind, one.model, one.reason) for one in result.models]
        talk.plain.block(aligned(("use", "name", "kind", "model", "why"), rows))
        return
    if talk.session is not None:
        params = session.SetParams(key=new_key(), session=talk.session, model=argument)
        await talk.client.call("session.set", params, session.SetResult)
    talk.model = argument
    talk.plain.note(f"model {argument} from the next turn on")
