"""Replay: the turn machine runs over a session's recorded outcomes and must come to the same entries, byte for byte.

Theory. A log holds two kinds of entries: what came from outside (a message, a reply, a tool's outcome, a verdict, the
bytes of a file) and what the machine decided. The first kind is turned back into the events that the runner fed; the
machine reacts; what it records is compared with what the log has next. Effects that the runner answers at once, before
anything else can happen (preparing, judging, looking before and after, restoring), are answered from the lines that
follow. Nothing outside is asked: no model, no file, no clock. A crash cuts a reaction short: at `session.resumed` what
was still expected is given up, and the replay goes on from the log, as the daemon did.

After a difference the log is believed up to the end of the turn; then comparing goes on. What a fork was given of its
parent is believed too. Pure. Callers:
`turn.replay_jobs`, tests of the machine.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from agentd.chain.frame import FIRST_LINK, Line, encode_line
from agentd.session.entries import Checkpoint, Entry, Finished, Opened, Partial, Requested, Resumed, Started
from agentd.session.fold import MACHINE, fold
from agentd.session.state import SessionState
from agentd.turn.effects import BeginCalls, Effect, JudgeCalls, PrepareCall, ProbeCall, Record, RestoreFiles
from agentd.turn.events import Event
from agentd.turn.machine import react
from agentd.turn.pen import Limits
from agentd.turn.recorded import Ahead, answered, given

__all__ = ["MOST_DIFFERENCES", "Difference", "Replayed", "replay"]

MOST_DIFFERENCES = 50
"""Differences that are told; where there are more, something is wrong with all of it."""
_STARTED_WITHIN = 16
"""Lines in which the start of a turn lies that one reaction leads to."""
_AT_ONCE = (PrepareCall, JudgeCalls, BeginCalls, ProbeCall, RestoreFiles)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the machine comes to something else; `recorded` and `replayed` are lines of JSON, cut."""

    seq: int
    recorded: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """`identical`: every entry came out the same, to the byte. `hash`: sha256 over all lines as replayed."""

    entries: int
    recorded_by: int
    machine: int
    differences: tuple[Difference, ...]
    hash: str

    @property
    def identical(self) -> bool:
        return not self.differences


def replay(lines: Iterable[Line[Entry]]) -> Replayed:
    """Run the machine over `lines`, a log from its first to its last."""
    return _Replay(lines).run()


class _Replay:
    def __init__(self, lines: Iterable[Line[Entry]]) -> None:
        self._ahead = Ahead(iter(lines))
        self._state = SessionState()
        self._expected: deque[Entry] = deque()
        self._owed: deque[Effect] = deque()
        self._link = FIRST_LINK
        self._hash = hashlib.sha256()
        self._differences: list[Difference] = []
        self._believing = False
        self._given = False
        self._entries = 0
        self._recorded_by = MACHINE

    def run(self) -> Replayed:
        while (line := self._ahead.first) is not None:
            self._entries += 1
            if isinstance(line.entry, Opened):
                self._recorded_by = line.entry.machine
            self._take(line)
            self._ahead.drop()
        return Replayed(self._entries, self._recorded_by, MACHINE, tuple(self._differences), self._hash.hexdigest())

    def _take(self, line: Line[Entry]) -> None:
        replayed = line.entry
        if isinstance(line.entry, Resumed):
            self._expected.clear()
            self._owed.clear()
            self._believing = False
        if isinstance(line.entry, Partial) or self._is_given(line.entry):
            pass  # streamed text is what came from outside, as it came
        elif isinstance(line.entry, Checkpoint):
            replayed = self._checkpoint(line.entry)
        elif not self._believing:
            found = self._next(line)
            if found is None:
                self._differs(line, "nothing")
            else:
                replayed = found
        self._compare(line, replayed)
        self._state = fold(self._state, line.seq, line.at_ms, line.entry)
        if self._believing and isinstance(line.entry, Finished):
            self._believing = False

    def _is_given(self, entry: Entry) -> bool:
        """Whether a fork has this of its parent: that is replayed there, where it was decided. Its own begins with the
        first request of its own, or with a restart."""
        if isinstance(entry, Opened):
            self._given = entry.parent is not None
            return False
        own = isinstance(entry, Requested) and entry.turn.startswith(f"{self._state.session}.")
        self._given = self._given and not own and not isinstance(entry, Resumed)
        return self._given

    def _next(self, line: Line[Entry]) -> Entry | None:
        """What the machine records here; None when it records nothing."""
        self._answer(line)
        event = None if self._expected else given(self._state, self._ahead)
        if event is not None:
            self._react(event, line.at_ms)
            self._answer(line)
        return self._expected.popleft() if self._expected else None

    def _answer(self, line: Line[Entry]) -> None:
        """Answer what the runner answers at once, until the machine records something."""
        while not self._expected and self._owed:
            event = answered(self._owed.popleft(), self._state, self._ahead)
            if event is not None:
                self._react(event, line.at_ms)

    def _react(self, event: Event, at_ms: int) -> None:
        _, effects = react(self._state, event, self._limits(), at_ms)
        for effect in effects:
            if isinstance(effect, Record):
                self._expected.extend(effect.entries)
            elif isinstance(effect, _AT_ONCE):
                self._owed.append(effect)

    def _limits(self) -> Limits:
        """Settings are what came from outside: those of the turn that starts next, as its start has them."""
        for line in self._ahead.lines(_STARTED_WITHIN):
            if isinstance(line.entry, Started):
                e = line.entry
                return Limits(e.model, e.max_steps, e.max_faults, e.parallel_calls)
        return Limits()

    def _checkpoint(self, entry: Checkpoint) -> Checkpoint:
        state: dict[str, object] = msgspec.json.decode(msgspec.json.encode(self._state), type=dict[str, object])
        return msgspec.structs.replace(entry, state=state)

    def _compare(self, line: Line[Entry], replayed: Entry) -> None:
        raw, crc = encode_line(line.seq, line.at_ms, replayed, self._link)
        self._hash.update(raw)
        self._link = line.crc
        if crc != line.crc and not self._believing:
            self._differs(line, msgspec.json.encode(replayed).decode())

    def _differs(self, line: Line[Entry], replayed: str) -> None:
        if not self._believing and len(self._differences) < MOST_DIFFERENCES:
            recorded = msgspec.json.encode(line.entry).decode()
            self._differences.append(Difference(line.seq, _cut(recorded, replayed), _cut(replayed, recorded)))
        self._expected.clear()
        self._owed.clear()
        self._believing = True


def _cut(text: str, other: str, size: int = 300) -> str:
    """`text` from a little before the place in which it differs from `other`."""
    same = next((n for n, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
    start = max(0, same - size // 3)
    return ("…" if start else "") + text[start : start + size] + ("…" if len(text) > start + size else "")
