"""What requests bring to a session and what they get: plain values, and the event that they become.

Callers: handlers make the first two, `turn.sessions` answers with the third.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentd.session.actors import Actor
from agentd.session.entries import Requested
from agentd.turn.events import UserSaid
from agentproto.api.turn import Mode
from agentproto.content import ImageBlock

__all__ = ["NewSession", "NewTurn", "Taken"]


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session is made with. `workspace` and `cwd` are real absolute paths."""

    workspace: str
    cwd: str
    mode: Mode
    model: str | None
    title: str | None
    env: dict[str, str]


@dataclass(frozen=True, slots=True)
class NewTurn:
    """What a turn is started with. `files`: (path, sha256, text); `pictures`: (path, what it is, its bytes)."""

    prompt: str
    files: tuple[tuple[str, str, str], ...] = ()
    mode: Mode | None = None
    model: str | None = None
    max_steps: int = 0
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    max_usd_micros: int = 0
    pictures: tuple[tuple[str, ImageBlock, bytes], ...] = ()

    def said(self, id: str, key: str, hash: str, actor: Actor) -> UserSaid:
        """The event that begins it, as turn `id`."""
        request = Requested(
            turn=id,
            actor=actor,
            key=key,
            hash=hash,
            prompt=self.prompt,
            files=self.files,
            mode=self.mode,
            model=self.model,
            max_steps=self.max_steps,
            allow=self.allow,
            deny=self.deny,
            max_usd_micros=self.max_usd_micros,
            pictures=tuple((path, image) for path, image, _ in self.pictures),
        )
        return UserSaid(request, tuple(data for _, _, data in self.pictures))


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that is durable: its session, what it made (a turn's id), the number of its entry."""

    session: str
    made: str
    seq: int
    queued: bool = False
