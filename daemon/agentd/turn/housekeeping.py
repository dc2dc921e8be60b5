"""Archives and removes sessions as retention decides, by a person's wish or once a day by the settings.

It performs what `session.retention` decided, one session at a time, and never one that is in use when its turn comes:
what can't be done now is reported and left for the next day. Callers: `server.keeping` and, with `keep_house`,
`agentd.app`.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from agentd.errors import AgentdError, NotFoundError
from agentd.session.retention import Action, Candidate, Policy, decide
from agentd.session.store import SessionStore
from agentd.turn.parts import Reporter
from agentd.turn.sessions import Sessions
from agentd.world.doors import World

__all__ = ["Housekeeping", "keep_house"]

_EVERY_MS = 24 * 3600 * 1000
_STAMP = "kept-house"
"""In `state/`: its time is when the settings' retention last ran, whatever became of it."""


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What it takes to do something with a session's files."""

    world: World
    store: SessionStore
    sessions: Sessions

    async def archive(self, session: str) -> tuple[int, int]:
        """(bytes before, bytes after). ConflictError with the reason when it is in use; NotFoundError."""
        if session in self.sessions.loaded() or not self.store.archived(session):
            await self.sessions.put_away(session)
        return await self.store.archive(session)

    async def restore(self, session: str) -> tuple[int, int]:
        """The same, for unpacking."""
        if session in self.sessions.loaded():
            await self.sessions.put_away(session)
        return await self.store.restore(session)

    async def remove(self, session: str) -> None:
        """ConflictError with the reason when it is in use; NotFoundError."""
        if session in self.sessions.loaded():
            try:
                await self.sessions.put_away(session)
            except NotFoundError:
                pass  # nothing in it: what there is goes all the same
        await self.store.remove(session)

    async def plan(self, policy: Policy, wanted: Set[str]) -> tuple[Action, ...]:
        """What retention would do now. `wanted`: sessions that somebody listens to."""
        rows: list[Candidate] = []
        for row in self.store.listed():
            await self.world.clock.sleep(0)  # each row is a look at a folder
            runner = self.sessions.loaded().get(row.id)
            spared = row.problem or ("somebody listens to it" if row.id in wanted else "")
            changed = row.updated_at_ms
            if runner is not None:
                spared = "it is running" if runner.busy else spared
                changed = runner.state.updated_at_ms
            try:
                size = self.store.size_of(row.id)
            except AgentdError:
                continue  # removed meanwhile, or it can't be looked at: nothing is done with it
            rows.append(Candidate(row.id, row.title, changed, size, self.store.archived(row.id), spared))
        return decide(rows, policy, self.world.clock.now_ms())

    async def perform(self, action: Action) -> None:
        if action.action == "archive":
            await self.archive(action.session)
        else:
            await self.remove(action.session)


async def keep_house(
    keeping: Housekeeping, state: str, policy: Policy, wanted: Set[str], reporter: Reporter
) -> tuple[Action, ...]:
    """Once a day, when a setting asks for it; what was done. Call it as often as is convenient, in a task of its own:
    it may take minutes. Every action, and each that failed, is reported."""
    if not policy.asks_for_something:
        return ()
    files, now_ms = keeping.world.files, keeping.world.clock.now_ms()
    stamp = files.info(f"{state}/{_STAMP}")
    if stamp is not None and 0 <= now_ms - stamp.mtime_ns // 1_000_000 < _EVERY_MS:
        return ()
    # Before anything is done: what goes wrong goes wrong once a day.
    files.write_scratch(f"{state}/{_STAMP}", b"")
    done: list[Action] = []
    for action in await keeping.plan(policy, wanted):
        details: dict[str, object] = {"action": action.action, "reason": action.reason, "bytes": action.bytes}
        try:
            await keeping.perform(action)
        except AgentdError as fault:
            text = f"could not {action.action} it: {fault.what}" + (f" ({fault.why})" if fault.why else "")
            reporter.happened("session", "session.not_retained", text, action.session, details)
            continue
        done.append(action)
        text = f"{action.action}d {action.title!r}: {action.reason}"
        reporter.happened("session", "session.retained", text, action.session, details)
    return tuple(done)
