"""Ends turns that nobody wants any more: their client vanished and had said so before, or the daemon is to stop now.

Callers: `agentd.app`, and the router through it.
"""

from __future__ import annotations

from agentd.errors import AgentdError, ConflictError
from agentd.session.actors import Actor
from agentd.turn.parts import Parts
from agentd.turn.sessions import Sessions
from agentd.turn.taking_back import TakingBack

__all__ = ["Unwanted"]

_VANISHED = Actor(kind="daemon", name="the client vanished")
_STOPPED = Actor(kind="daemon", name="the daemon stops")


class Unwanted:
    def __init__(self, parts: Parts, sessions: Sessions, taking_back: TakingBack) -> None:
        self._parts = parts
        self._sessions = sessions
        self._taking_back = taking_back

    def gone(self, turn: str) -> None:
        """A client that wanted its turn to stop with it has vanished, and nobody else listens."""
        session = turn.partition(".")[0]
        runner = self._sessions.loaded().get(session)
        if runner is None:
            return
        if any(request.turn == turn for request in runner.state.queue):
            self._parts.tasks.start(f"withdraw {turn}", self._withdraw(session, turn))
        elif runner.state.turn is not None and runner.state.turn.id == turn:
            reason = "its client vanished, and it was told to stop then"
            self._parts.tasks.start(f"stop {turn}", self._interrupt(session, turn, reason, _VANISHED))

    async def _withdraw(self, session: str, turn: str) -> None:
        try:
            await self._taking_back.withdraw(session, turn, self._key(), "", _VANISHED)
        except ConflictError:  # it has begun meanwhile
            await self._interrupt(session, turn, "its client vanished, and it was told to stop then", _VANISHED)

    async def end_all(self) -> None:
        """Interrupt every turn that runs; those that wait for them too. What can't be recorded is paused."""
        for session, runner in self._sessions.loaded().items():
            waiting = [request.turn for request in reversed(runner.state.queue)]
            running = runner.state.turn
            try:
                for turn in waiting:
                    await self._taking_back.withdraw(session, turn, self._key(), "", _STOPPED)
                if running is not None:
                    await self._interrupt(session, running.id, "the daemon was told to stop now", _STOPPED)
            except AgentdError as fault:
                self._parts.reporter.happened("session", "session.stopped", fault.what, session)

    async def _interrupt(self, session: str, turn: str, reason: str, actor: Actor) -> None:
        await self._sessions.interrupt(session, self._key(), "", reason, actor, turn)

    def _key(self) -> str:
        return self._parts.world.ids.token(12).hex()
