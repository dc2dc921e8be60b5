"""All live sessions: which are loaded, how requests reach them once and only once, how a start goes on with them.

Decides: a key that is known gives the first answer again; a session that was open when the daemon died is opened at
start; one that nobody uses for a while is unloaded. Callers: handlers, `agentd.app`.
"""

from __future__ import annotations

import asyncio

from agentd.chain.frame import Line
from agentd.errors import AgentdError, BadInputError, BusyError, ConflictError, NotFoundError
from agentd.session.actors import Actor
from agentd.session.asking import Answered
from agentd.session.entries import FORMAT, Changed, Entry, Interrupted, Opened, Requested, Steered
from agentd.session.fold import MACHINE
from agentd.session.listing import Listed
from agentd.session.moments import moment
from agentd.session.projection import question_of
from agentd.session.requests import Accepted, RequestRecord
from agentd.session.state import KeyRecord
from agentd.turn.events import Answer, Change, Interrupt, SessionMade, Speak, UserSaid
from agentd.turn.intake import NewSession, NewTurn, Taken
from agentd.turn.parts import Parts
from agentd.turn.runner import Runner
from agentd.turn.threshold import Threshold
from agentproto.api.question import Decision, Question, Scope
from agentproto.api.turn import Mode

__all__ = ["Sessions"]


class Sessions:
    def __init__(self, parts: Parts, requests: RequestRecord) -> None:
        self._parts = parts
        self.requests = requests
        self._loaded: dict[str, Runner] = {}
        self._loading: dict[str, asyncio.Lock] = {}
        self.making = asyncio.Lock()
        self._stopping = False
        self._started = asyncio.Event()
        self._started.set()

    # -- loading -----------------------------------------------------------------------------------------------

    async def get(self, session: str) -> Runner:
        """The session's runner, opened when it is not loaded. NotFoundError when there is none, or nothing in it."""
        runner = self._loaded.get(session)
        if runner is not None:
            runner.used_ms = self._parts.world.clock.monotonic_ms()
            return runner
        self._check_running()
        try:
            async with self._loading.setdefault(session, asyncio.Lock()):
                return self._loaded.get(session) or await self._load(session)
        finally:
            self._loading.pop(session, None)

    def _check_running(self) -> None:
        if self._stopping:
            raise BusyError("the daemon is stopping", remedy="Ask the next one: start it, or wait for it.")

    async def _load(self, session: str) -> Runner:
        await self._parts.store.ready(session)
        log = await self._parts.long_work.through(self._parts.store.opening(session))
        if self._stopping or (log.state.seq == 0 and log.problem is None):
            log.close()
            self._check_running()
            self._parts.store.mark_closed(session)
            raise NotFoundError(f"there is nothing in session {session}", why="its log is empty", field="session")
        runner = Runner(self._parts, log)
        self._loaded[session] = runner
        if log.problem is not None:
            self._parts.reporter.happened("session", "session.damaged", log.problem.what, session)
        elif runner.busy or log.torn[0] or log.head_missing or log.head_differs:
            threshold = Threshold(self._started)
            self._parts.tasks.start(f"{session} going on", self._go_on(session, runner, threshold))
            await threshold.reached()
            self._parts.reporter.happened("session", "session.resumed", "went on after a restart", session)
        return runner

    async def _go_on(self, session: str, runner: Runner, threshold: Threshold) -> None:
        try:
            await runner.feed(runner.recovered(), threshold=threshold)
        except BaseException as fault:
            if self._loaded.get(session) is runner:
                # Nothing would ever move its turn: the next one who asks for it opens it anew.
                del self._loaded[session]
                await runner.stop()
            if threshold.failed(fault):
                return
            if not isinstance(fault, AgentdError):
                raise
            if not isinstance(fault, BusyError):  # the daemon stops; a start goes on from the log
                self._parts.reporter.happened("session", "session.stopped", fault.what, session)
        else:
            threshold.reach()

    async def recover_open(self) -> int:
        """At start: open every session that was open; how many could not be. One bad session never stops the others.

        When this returns it is recorded of each that it goes on, and what is owed to a person is asked. Everything else
        is done after that, beside.
        """
        failed = 0
        self._started.clear()
        try:
            for session in self._parts.store.marked_open():
                try:
                    if not self._parts.store.exists(session) or not (await self.get(session)).busy:
                        self._parts.store.mark_closed(session)
                except AgentdError as fault:
                    failed += 1
                    self._parts.reporter.happened("session", "session.unreadable", fault.what, session)
                except Exception as fault:  # noqa: BLE001 - a bug that one log brings out must not keep the daemon down
                    failed += 1
                    self._parts.reporter.bug(f"going on with session {session}", fault)
        finally:
            self._started.set()
        return failed

    async def unload_idle(self, idle_ms: int, wanted: frozenset[str]) -> int:
        """Close sessions that nobody used for `idle_ms` and that nobody listens to (`wanted`); how many."""
        now = self._parts.world.clock.monotonic_ms()
        idle = [
            id
            for id, runner in self._loaded.items()
            if not runner.busy and not runner.held and id not in wanted and now - runner.used_ms >= idle_ms
        ]
        await asyncio.gather(*(self._close(self._loaded.pop(id)) for id in idle))
        return len(idle)

    async def _close(self, runner: Runner) -> None:
        self._parts.store.noted(self.row(runner))
        await runner.stop()
        self._parts.store.release(runner.log)

    async def put_away(self, session: str) -> None:
        """Close a session, opened first so that what a crash left is mended. ConflictError while it is in use."""
        runner = await self.get(session)
        if (runner.busy and runner.log.problem is None) or runner.held:
            asked = runner.state.questions
            why = f"question {asked[0][0].question} is open" if asked else "a turn is open"
            raise ConflictError(f"session {session} is in use", why=why, remedy="Try again when it is at rest.")
        await self._close(self._loaded.pop(session))

    async def stop(self) -> int:
        """Stop everything without recording: a start goes on from the logs. How many turns were running."""
        self._stopping = True
        runners = tuple(self._loaded.values())
        self._loaded.clear()
        running = sum(runner.busy for runner in runners)
        await asyncio.gather(*(self._close(runner) for runner in runners))
        return running

    # -- requests ----------------------------------------------------------------------------------------------

    async def create(self, key: str, hash: str, new: NewSession, actor: Actor) -> Taken:
        """Make a session; with a known key the one it made."""
        async with self.making:
            session = await self.claim(key, hash, "session.create")
            if not await self.is_empty(session):
                return Taken(session, session, 1)
            return await self._make(session, new, actor, None)

    async def start_in_new(self, key: str, hash: str, new: NewSession, turn: NewTurn, actor: Actor) -> Taken:
        """Make a session and start its first turn, in one."""
        async with self.making:
            session = await self.claim(key, hash, "turn.start")
            if await self.is_empty(session):
                return await self._make(session, new, actor, turn.said(f"{session}.t1", key, hash, actor))
        return await self.start(session, key, hash, turn, actor)

    async def start_in_latest(self, session: str, key: str, hash: str, turn: NewTurn, actor: Actor) -> Taken:
        """Start a turn in `session`, the latest one now; sent again it is that session's, whichever is the latest."""
        async with self.making:
            known = self.requests.find(key, hash)
            if known is None:
                await self.requests.record(Accepted(key=key, hash=hash, method="turn.start", made=session))
        return await self.start(session if known is None else known.made, key, hash, turn, actor)

    async def repeated(self, key: str, hash: str, session: str | None) -> Taken | None:
        """What `start`, `start_in_new` or `start_in_latest` made for this key, when it was taken before."""
        async with self.making:
            known = self.requests.find(key, hash)
            where = session if known is None else known.made
            if where is None or (known is not None and await self.is_empty(where)):
                return None
        runner = await self.get(where)
        return self.known(runner, key, hash)

    async def claim(self, key: str, hash: str, method: str) -> str:
        known = self.requests.find(key, hash)
        if known is not None:
            return known.made
        session = self._parts.world.ids.session(self._parts.world.clock.now_ms())
        await self.requests.record(Accepted(key=key, hash=hash, method=method, made=session))
        return session

    async def is_empty(self, session: str) -> bool:
        """Whether nothing of the session is durable yet: a crash may have come between claim and first entry."""
        if not self._parts.store.exists(session):
            return True
        try:
            await self.get(session)
        except NotFoundError:
            return True
        return False

    async def _make(self, session: str, new: NewSession, actor: Actor, said: UserSaid | None) -> Taken:
        self._check_running()
        store = self._parts.store
        log = store.create(session)
        store.settle_folder(session)
        runner = Runner(self._parts, log)
        self._loaded[session] = runner
        opened = Opened(
            format=FORMAT,
            machine=MACHINE,
            session=session,
            kind="chat",
            product=self._parts.product,
            workspace=new.workspace,
            cwd=new.cwd,
            mode=new.mode,
            model=new.model,
            title=new.title,
            actor=actor,
            env=new.env,
        )
        self._parts.reporter.happened("session", "session.opened", f"in {new.workspace}", session)
        if said is None:
            await runner.feed(SessionMade(opened))
            runner.keep_head()
            return Taken(session, session, 1)
        lines = await runner.feed(SessionMade(opened), said)
        return Taken(session, said.entry.turn, _seq_of(lines, Requested))

    async def start(self, session: str, key: str, hash: str, turn: NewTurn, actor: Actor) -> Taken:
        """Start a turn in a session, or queue it; with a known key the one it started."""
        runner = await self.get(session)
        async with runner.intake:
            known = self.known(runner, key, hash)
            if known is not None:
                return known
            said = turn.said(f"{session}.t{runner.state.turns + 1}", key, hash, actor)
            queued = runner.busy
            lines = await runner.feed(said)
            return Taken(session, said.entry.turn, _seq_of(lines, Requested), queued)

    def known_record(self, runner: Runner, key: str, hash: str) -> KeyRecord | None:
        """What the session knows of `key`; ConflictError when it was used for another body."""
        known = runner.state.keys.get(key)
        if known is not None and known.hash != hash:
            raise ConflictError(
                "this key was already used for another request",
                why=f"it made {known.made}",
                remedy="Make a new key for each new request.",
                field="key",
            )
        return known

    def known(self, runner: Runner, key: str, hash: str) -> Taken | None:
        """The first answer of a request that was taken before."""
        known = self.known_record(runner, key, hash)
        if known is None:
            return None
        return Taken(runner.state.session, known.made, known.seq, known.queued)

    async def steer(self, session: str, key: str, hash: str, text: str, actor: Actor) -> Taken:
        """Speak to the running turn. ConflictError when none runs."""
        runner = await self.get(session)
        async with runner.intake:
            known = self.known(runner, key, hash)
            if known is not None:
                return known
            turn = runner.state.turn
            said = None if turn is None else Speak(Steered(turn=turn.id, actor=actor, text=text, key=key, hash=hash))
            lines = [] if said is None else await runner.feed(said)
            if not lines:  # none runs, or it ended before this could reach it
                raise ConflictError(f"no turn is running in session {session}", remedy="Start a turn instead.")
            assert turn is not None
            return Taken(session, turn.id, _seq_of(lines, Steered))

    async def interrupt(
        self, session: str, key: str, hash: str, reason: str, actor: Actor, only: str | None = None
    ) -> bool:
        """Stop the running turn (with `only`: when it is that one); false when there was none to stop."""
        runner = await self.get(session)
        async with runner.intake:
            known = self.known(runner, key, hash)
            if known is not None:
                return bool(known.made)
            turn = runner.state.turn
            meant = turn.id if turn is not None and only in (None, turn.id) else ""
            entry = Interrupted(turn=meant, actor=actor, reason=reason, key=key, hash=hash)
            lines = await runner.feed(Interrupt(entry))
            return any(isinstance(line.entry, Interrupted) and line.entry.turn for line in lines)

    async def answer(
        self, question: str, key: str, hash: str, decision: Decision, scope: Scope, text: str, actor: Actor
    ) -> Taken:
        """Decide an open question. The first answer wins: ConflictError says who decided what and when."""
        session = question.partition(".")[0]
        runner = await self.get(session)
        async with runner.intake:
            known = self.known(runner, key, hash)
            if known is not None:
                return known
            asked = next((q for q, _ in runner.state.questions if q.question == question), None)
            if asked is None:
                raise self._not_open(runner, question)
            if decision == "approve" and scope not in asked.choices:
                allowed = ", ".join(asked.choices)
                raise BadInputError(f"an approval of {question} can't be for {scope}", why=f"it can be for: {allowed}")
            entry = Answered(
                question=question,
                turn=asked.turn,
                decision=decision,
                actor=actor,
                scope=scope,
                text=text,
                key=key,
                hash=hash,
            )
            lines = await runner.feed(Answer(entry))
            if not lines:
                raise self._not_open(runner, question)
            return Taken(session, asked.turn, _seq_of(lines, Answered))

    def _not_open(self, runner: Runner, question: str) -> AgentdError:
        decided = runner.state.answers.get(question)
        if decided is None:
            return NotFoundError(f"there is no question {question}", remedy="`agentctl pending` lists the open ones.")
        return ConflictError(
            f"question {question} is already decided",
            why=f"{decided.actor}: {decided.decision}, at {moment(decided.at_ms)}",
            remedy="Nothing was changed.",
        )

    async def change(
        self, session: str, key: str, hash: str, actor: Actor, mode: Mode | None, model: str | None, title: str | None
    ) -> int:
        """Change mode, model or title; the number of the entry."""
        runner = await self.get(session)
        async with runner.intake:
            known = self.known(runner, key, hash)
            if known is not None:
                return known.seq
            entry = Changed(actor=actor, mode=mode, model=model, title=title, key=key, hash=hash)
            seq = _seq_of(await runner.feed(Change(entry)), Changed)
            runner.keep_head()
            return seq

    # -- looking -----------------------------------------------------------------------------------------------

    def questions(self) -> tuple[Question, ...]:
        """Every open question, oldest first. Sessions with open questions are open, and open ones are loaded."""
        found = [
            question_of(asked, id, at_ms)
            for id, runner in self._loaded.items()
            for asked, at_ms in runner.state.questions
        ]
        return tuple(sorted(found, key=lambda question: (question.at_ms, question.id)))

    def loaded(self) -> dict[str, Runner]:
        """Loaded sessions by id."""
        return dict(self._loaded)

    def latest_in(self, workspace: str) -> str | None:
        """The session of `workspace` that changed last."""
        rows: list[tuple[int, str]] = [
            (row.updated_at_ms, row.id) for row in self._parts.store.listed() if row.workspace == workspace
        ]
        rows += [(r.state.updated_at_ms, id) for id, r in self._loaded.items() if r.state.workspace == workspace]
        return max(rows)[1] if rows else None

    def row(self, runner: Runner) -> Listed:
        """A loaded session as the list shows it."""
        problem = None if runner.log.problem is None else runner.log.problem.what
        return Listed.of(runner.log.session, runner.state, runner.log.size, problem)


def _seq_of(lines: list[Line[Entry]], kind: type) -> int:
    return next((line.seq for line in lines if isinstance(line.entry, kind)), lines[-1].seq if lines else 0)
