"""The same messages to another model: a scratch worktree, a new session, each message in turn, and what came of it.

Nobody is asked: a question that no rule answers is denied, and the model is told so. The worktree is removed at the end,
also when something fails or the person stops it, unless it is to be kept. Callers: `replaying`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import msgspec

from agentclient.blocking import BlockingClient
from agentclient.errors import ClientError, RefusedError
from agentclient.keys import new_key
from agentctl.follow import Interrupts
from agentctl.render.safe import one_line
from agentctl.sessions.contest import Pair, last_hashes, pairs
from agentctl.sessions.paging import events_of, steps_of
from agentctl.sessions.scratch import MOST_BYTES, Scratch, content, is_file, is_folder, size
from agentctl.sessions.turns import Turn, turns_of
from agentproto.api import log, question, session, turn
from agentproto.link import Happened

__all__ = ["Rerun", "Wish", "run"]

_WAIT_MS = 500
_WORDS = "This is a replay: nobody is there to be asked, and no rule allows it."
_LAST = ("error", "interrupted", "budget")
"""A turn that ended so is the last: the next ones would end so too, or make no sense."""


class Wish(msgspec.Struct, frozen=True):
    session: str
    model: str
    allow: tuple[str, ...] = ()
    keep: bool = False


class Rerun(msgspec.Struct, frozen=True):
    """`files` is `git diff --stat` from the recorded to the replayed; `kept` the worktree when it was left."""

    session: str
    replay: str
    model: str
    turns: tuple[Pair, ...]
    files: str
    not_compared: Mapping[str, str]
    kept: str | None


def run(client: BlockingClient, wish: Wish, interrupts: Interrupts, tell: Callable[[str], object]) -> Rerun:
    """Do it; `tell` gets a line of progress now and then. ClientError when there is no worktree to be had."""
    found = client.call("session.read", session.ReadParams(wish.session), session.ReadResult)
    events = list(events_of(client, wish.session))
    recorded = turns_of(events)
    if not recorded:
        raise ClientError(
            f"session {wish.session} has no turns", why="There is no message to ask again.", remedy="Name another."
        )
    scratch = Scratch.of(found.summary.workspace)
    try:
        made = client.call("session.create", _creation(wish, found, events, scratch), session.CreateResult)
        client.call("log.subscribe", log.SubscribeParams(stream=made.session), log.SubscribeResult)
        course = _Course(client, made.session, wish, interrupts)
        for one in recorded:
            tell(f"turn {one.number} of {len(recorded)}: {one_line(one.prompt, 60)}")
            if course.ask(one, scratch) in _LAST or interrupts.count:
                break
        contents, unknown = _recorded_files(client, wish.session, scratch)
        return Rerun(
            session=wish.session,
            replay=made.session,
            model=wish.model,
            turns=tuple(pairs(recorded, turns_of(course.events))),
            files=scratch.difference(contents, {scratch.name_of(path) or "" for path in unknown}),
            not_compared=unknown,
            kept=scratch.path if wish.keep else None,
        )
    finally:
        if not wish.keep:
            scratch.remove()


def _creation(
    wish: Wish, found: session.ReadResult, events: list[session.StreamedEvent], scratch: Scratch
) -> session.CreateParams:
    """The new session works where the old one did, seen from its root."""
    opened = next((one.body for one in events if one.name == "session.opened"), {})
    cwd = scratch.inside(str(opened.get("cwd", scratch.workspace))) or scratch.path
    title = f"replay of {wish.session} with {wish.model}"
    return session.CreateParams(
        key=new_key(), cwd=cwd if is_folder(cwd) else scratch.path, mode=found.mode, model=wish.model, title=title
    )


class _Course:
    """One new session, turn after turn; `events` is everything of it that was logged."""

    def __init__(self, client: BlockingClient, id: str, wish: Wish, interrupts: Interrupts) -> None:
        self.events: list[Happened] = []
        self._client = client
        self._id = id
        self._wish = wish
        self._interrupts = interrupts

    def ask(self, one: Turn, scratch: Scratch) -> str:
        """Send one message and wait for its end; how it ended."""
        files = tuple(scratch.inside(file) or file for file in one.files)
        params = turn.StartParams(
            key=new_key(),
            prompt=one.prompt,
            session=self._id,
            allow=self._wish.allow,
            files=tuple(file for file in files if is_file(file)),
        )
        started = self._client.call("turn.start", params, turn.StartResult)
        stopped = False
        while True:
            if self._interrupts.count and not stopped:
                stopped = True
                params_stop = turn.InterruptParams(key=new_key(), session=self._id)
                self._client.call("turn.interrupt", params_stop, turn.InterruptResult)
            event = self._client.next_event(_WAIT_MS)
            if event is None or event.body.get("stream") != self._id or event.name == "turn.delta":
                continue
            self.events.append(event)
            if event.name == "question.opened":
                self._deny(event)
            elif event.name == "session.notice" and event.body.get("code") == "read_only":
                return "error"
            elif event.name == "turn.withdrawn" and event.body.get("turn") == started.turn:
                return "withdrawn"
            elif event.name == "turn.finished" and event.body.get("turn") == started.turn:
                return str(event.body.get("stop"))

    def _deny(self, event: Happened) -> None:
        opened = event.body.get("question")
        id = str(opened.get("id")) if isinstance(opened, dict) else ""
        params = question.AnswerParams(key=new_key(), question=id, decision="deny", text=_WORDS)
        try:
            self._client.call("question.answer", params, question.AnswerResult)
        except RefusedError as fault:
            if fault.code != "conflict":  # somebody else has answered it
                raise


def _recorded_files(
    client: BlockingClient, id: str, scratch: Scratch
) -> tuple[dict[str, bytes | None], dict[str, str]]:
    """(name -> what the session made of it, path -> why that is not known). Only hashes are recorded: the content is
    taken from the workspace or from HEAD, where it still fits its hash."""
    known: dict[str, bytes | None] = {}
    unknown: dict[str, str] = {}
    for path, hash in last_hashes(steps_of(client, id)).items():
        name = scratch.name_of(path)
        if not name:
            unknown[path] = "it lies outside the workspace"
            continue
        if hash is None:
            known[name] = None
        elif size(path) > MOST_BYTES:
            unknown[path] = "it is larger than what is compared"
        else:
            candidates = (content(path), scratch.at_head(name))
            fitting = (one for one in candidates if one is not None and hashlib.sha256(one).hexdigest() == hash)
            data = next(fitting, None)
            if data is None:
                unknown[path] = "it was changed since"
            else:
                known[name] = data
    return known, unknown
