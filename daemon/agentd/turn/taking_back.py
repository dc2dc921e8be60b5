"""Requests that take back: a message, turns with their files, one call's files, or an earlier revert.

Looks at the log and at the files, lets `turn.reverting` decide, and gives the machine one entry that says everything
that will be done. Refuses while something is under way, and where somebody else's bytes are in the way. Callers:
`server.revising`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from agentd.errors import ConflictError, NotFoundError
from agentd.session.actors import Actor
from agentd.session.asking import Asked
from agentd.session.entries import Done, Entry, Requested
from agentd.session.log import SessionLog
from agentd.session.revisions import FileOutcome, FileStep, Reverted, Reverting, Withdrawn
from agentd.session.state import KeyRecord
from agentd.turn.events import Revert, Withdraw
from agentd.turn.parts import Parts
from agentd.turn.restoring import look
from agentd.turn.reverting import Plan, Write, expected, plan, plan_redo, writes_of, written
from agentd.turn.revise import can_be_withdrawn, may_revert
from agentd.turn.runner import Runner
from agentd.turn.sessions import Sessions

__all__ = ["Asking", "TakenBack", "TakingBack"]

_NAMED = 5
"""Files that a refusal names; the others are counted."""
_AFTER_RESTART = 16
"""Entries after the intent of a revert in which its outcome lies, a crash in between or not."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a revert is asked for with: who asks, its key, and what to do about files."""

    key: str
    hash: str
    actor: Actor
    keep_files: bool = False
    skip_changed: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What was done (or, in a dry run, would be). `seq`: the entry of the outcome, 0 in a dry run."""

    seq: int
    turns: tuple[str, ...]
    files: tuple[FileOutcome, ...]
    prompt: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    kind: Literal["undo", "rewind", "redo", "call"]
    turns: tuple[str, ...]
    calls: tuple[str, ...]
    plan: Plan
    prompt: str = ""
    undoes: int = 0


class TakingBack:
    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        self._parts = parts
        self._sessions = sessions

    # -- messages ----------------------------------------------------------------------------------------------

    async def withdraw(self, session: str, turn: str | None, key: str, hash: str, actor: Actor) -> tuple[str, int, str]:
        """(turn, number of the entry, the message). ConflictError when the model has begun to speak, or it is over."""
        runner = await self._sessions.get(session)
        async with runner.intake:
            known = self._sessions.known(runner, key, hash)
            if known is not None and not known.made:
                raise _too_late(turn or "")
            if known is not None:
                return known.made, known.seq, _prompt_of(runner.log, known.made)
            wanted = turn or self._latest(runner)
            meant = "" if self._has_spoken(runner, wanted) else wanted
            lines = await runner.feed(Withdraw(Withdrawn(turn=meant, actor=actor, key=key, hash=hash)))
            seq = next((line.seq for line in lines if isinstance(line.entry, Withdrawn) and line.entry.turn), None)
            if seq is None:
                raise _too_late(wanted)
            return wanted, seq, _prompt_of(runner.log, wanted)

    def _latest(self, runner: Runner) -> str:
        state = runner.state
        if state.queue:
            return state.queue[-1].turn
        return state.turn.id if state.turn is not None and can_be_withdrawn(state.turn) else ""

    def _has_spoken(self, runner: Runner, turn: str) -> bool:
        running = runner.state.turn
        if running is None or running.id != turn:
            return False
        return bool(running.partial) or runner.live is not None

    # -- turns and files ---------------------------------------------------------------------------------------

    async def rewind(self, session: str, to_turn: str | None, asking: Asking) -> TakenBack:
        """Take back every turn after `to_turn` (None: all)."""
        runner = await self._sessions.get(session)
        async with runner.intake:
            known = self._sessions.known_record(runner, asking.key, asking.hash)
            if known is not None:
                return self._again(runner.log, known)
            self._check_free(runner)
            finished = runner.state.finished
            if to_turn is None and runner.state.forgotten:
                raise ConflictError("this session has too many turns to be taken back whole", remedy="Begin a new one.")
            if to_turn is not None and to_turn not in finished:
                raise NotFoundError(
                    f"turn {to_turn} is no finished turn of this conversation",
                    remedy=f"`agentctl sessions show {session}` and its export name the turns.",
                    field="to_turn",
                )
            turns = finished if to_turn is None else finished[finished.index(to_turn) + 1 :]
            return await self._revert(runner, await self._of_turns(runner, "rewind", turns, asking), asking)

    async def undo(self, session: str, call: str | None, redo: bool, asking: Asking) -> TakenBack:
        """Take back the last turn; with `call` one call's files; with `redo` the last revert."""
        runner = await self._sessions.get(session)
        async with runner.intake:
            known = self._sessions.known_record(runner, asking.key, asking.hash)
            if known is not None:
                return self._again(runner.log, known)
            self._check_free(runner)
            if redo:
                wanted = await self._of_redo(runner, asking)
            elif call is not None:
                wanted = await self._of_call(runner, call, asking)
            else:
                wanted = await self._of_turns(runner, "undo", runner.state.finished[-1:], asking)
            return await self._revert(runner, wanted, asking)

    def _check_free(self, runner: Runner) -> None:
        runner.log.check_writable()
        if not may_revert(runner.state):
            raise ConflictError(
                "a turn is open in this session, so nothing can be taken back now",
                remedy="Interrupt it, or wait for its end.",
            )

    async def _of_turns(
        self, runner: Runner, kind: Literal["undo", "rewind"], turns: Sequence[str], asking: Asking
    ) -> _Wanted:
        if not turns:
            raise ConflictError("there is no turn to take back", remedy="`--redo` takes the last undo back.")
        taken = frozenset(turns)
        entries = list(reversed(list(_back_to(runner.log, turns[0]))))
        wrote = [e for e in entries if isinstance(e, Done | Asked) and e.turn in taken and _writes(e)]
        calls = tuple(dict.fromkeys(entry.call for entry in wrote))
        writes = () if asking.keep_files else writes_of(entries, frozenset(calls))
        prompt = next((e.prompt for e in entries if isinstance(e, Requested) and e.turn == turns[0]), "")
        return _Wanted(kind, tuple(turns), calls, await self._plan(runner, writes), prompt)

    async def _of_call(self, runner: Runner, call: str, asking: Asking) -> _Wanted:
        entries: list[Entry] = []
        for entry in _backwards(runner.log):
            entries.append(entry)
            if isinstance(entry, Done) and entry.call == call:
                break
        else:
            raise NotFoundError(f"there is no call {call} in this session", field="call")
        writes = () if asking.keep_files else writes_of(reversed(entries), frozenset((call,)))
        if not writes:
            raise ConflictError(f"call {call} changed no file", remedy="`agentctl sessions show ID --workflow`.")
        return _Wanted("call", (), (call,), await self._plan(runner, writes))

    async def _of_redo(self, runner: Runner, asking: Asking) -> _Wanted:
        undone = runner.state.undone
        if not undone:
            raise ConflictError(
                "there is nothing to bring back", why="nothing was taken back since the last turn began"
            )
        seq, _ = undone[-1]
        entry = runner.log.lines_after(seq - 1, 1)[0].entry
        assert isinstance(entry, Reverted)
        if asking.keep_files:
            return _Wanted("redo", entry.turns, entry.calls, Plan((), (), ()), undoes=seq)
        paths = tuple(one.path for one in entry.files)
        found = plan_redo(entry, await self._look(paths), lambda digest: self._held(runner, digest))
        return _Wanted("redo", entry.turns, entry.calls, found, undoes=seq)

    async def _plan(self, runner: Runner, writes: Sequence[Write]) -> Plan:
        return plan(writes, await self._look(expected(writes)), lambda digest: self._held(runner, digest))

    async def _look(self, paths: Sequence[str]) -> dict[str, str | None]:
        """What each path holds now. Others go on between two files: there may be a thousand."""
        found: dict[str, str | None] = {}
        for path in paths:
            found[path] = await look(self._parts.world, path)
            await self._parts.world.clock.sleep(0)
        return found

    def _held(self, runner: Runner, digest: str) -> bool:
        return self._parts.store.has_blob(runner.state.session, digest)

    async def _revert(self, runner: Runner, wanted: _Wanted, asking: Asking) -> TakenBack:
        refused = wanted.plan.refused
        if refused and not asking.skip_changed:
            names = ", ".join(f"{one.path} ({one.reason})" for one in refused[:_NAMED])
            more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
            raise ConflictError(
                f"nothing was taken back: {names}{more}",
                why="bytes that this session did not write would be lost",
                remedy="Put them somewhere else, or use --skip-changed (takes back the rest) or --keep-files.",
            )
        kept = (*wanted.plan.kept, *refused)
        if asking.dry_run:
            return TakenBack(0, wanted.turns, (*kept, *map(_foreseen, wanted.plan.steps)), wanted.prompt)
        steps = tuple(map(self._with_mode, wanted.plan.steps))
        entry = Reverting(
            kind=wanted.kind,
            actor=asking.actor,
            turns=wanted.turns,
            calls=wanted.calls,
            files=steps,
            kept=kept,
            undoes=wanted.undoes,
            key=asking.key,
            hash=asking.hash,
        )
        lines = await runner.feed(Revert(entry))
        done = next(line for line in lines if isinstance(line.entry, Reverted))
        assert isinstance(done.entry, Reverted)
        return TakenBack(done.seq, wanted.turns, done.entry.files, wanted.prompt)

    def _with_mode(self, step: FileStep) -> FileStep:
        """A file that will be removed has its bits in the entry: after a crash nobody can see them any more."""
        info = self._parts.world.files.info(step.path) if step.then is None else None
        return step if info is None else msgspec.structs.replace(step, mode=info.mode)

    def _again(self, log: SessionLog, known: KeyRecord) -> TakenBack:
        """The first answer once more."""
        for line in log.lines_after(known.seq, _AFTER_RESTART):
            if isinstance(line.entry, Reverted):
                turns = line.entry.turns
                prompt = _prompt_of(log, turns[0]) if turns and line.entry.kind != "redo" else ""
                return TakenBack(line.seq, turns, line.entry.files, prompt)
        raise ConflictError("this revert was begun and has not ended yet", remedy="Ask again.")


def _too_late(turn: str) -> ConflictError:
    if not turn:
        return ConflictError("there is no message to take back", why="none waits, and no model is about to answer one")
    return ConflictError(
        "the message can't be taken back any more",
        why=f"the model has begun to answer turn {turn}, or it is over",
        remedy="Interrupt the turn, then undo it.",
    )


def _writes(entry: Done | Asked) -> bool:
    return bool(entry.modes) or any(before != after for before, after in written(entry).values())


def _foreseen(step: FileStep) -> FileOutcome:
    action: Literal["removed", "restored"] = "removed" if step.then is None else "restored"
    return FileOutcome(step.path, action, "", step.now, step.then)


def _backwards(log: SessionLog) -> Iterator[Entry]:
    for ref in reversed(log.all_refs()):
        yield log.entry_at(ref)


def _back_to(log: SessionLog, turn: str) -> Iterator[Entry]:
    """The conversation's entries, newest first, back to the request of `turn`."""
    for entry in _backwards(log):
        yield entry
        if isinstance(entry, Requested) and entry.turn == turn:
            return


def _prompt_of(log: SessionLog, turn: str) -> str:
    return next((e.prompt for e in _backwards(log) if isinstance(e, Requested) and e.turn == turn), "")
