"""What was spent and what is reserved: one ledger for all sessions, so that no two calls spend the same money.

Theory. Before a call its worst case is held, in the same moment in which the money left is looked at: whoever looks next
sees less. Then it is booked, durably, before a byte is sent, and settled with what the server counted when the call has
ended. A call that was booked and never settled (the daemon died) counts as its worst case: the server may have billed
it. So does one whose server did not say what it counted, in what limits count; what it cost is estimated. Calls without
a price are settled only, without a sync of their own.

    state/spending.jsonl      chained lines: booked, settled

Decides nothing about limits (`settings`, a turn's own); it adds up. Callers: `turn.runner`, handlers for costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from agentd.chain.file import ChainFile
from agentd.context.calibration import Calibration, Factor
from agentd.context.tokens import Shape
from agentd.world.doors import World
from agentproto.api.turn import TurnUsage

__all__ = ["KEEP_LINES", "LEDGER_FILE", "Booked", "Settled", "Spending", "Spent"]

LEDGER_FILE = "spending.jsonl"
KEEP_LINES = 200_000
"""Lines that are read at a start; older ones are forgotten then. A busy year has fewer."""
_LEARNT_LINES = 256
"""Latest settled lines of which a start learns how models count: what they teach is the same as by thousands."""
_DAY_MS = 24 * 3600 * 1000


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Every line is a tagged map. `call` is the call's id with its attempt."""

    call: str
    session: str
    purpose: str
    model: str
    usd_micros: int = 0


class Booked(_Line, frozen=True, tag="booked"):
    """A call is about to be made; `usd_micros` is its worst case."""


class Settled(_Line, frozen=True, kw_only=True, tag="settled"):
    """A call has ended; `usd_micros` is what it cost, `at_most` what it may have cost where its server did not say: limits
    count that. `estimated_input`: the estimate of its
    bytes, before any calibration; `shape`: what bytes they were."""

    usage: TurnUsage
    at_most: int = 0
    estimated_input: int = 0
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """One settled call, or one that never was (`usage` empty, its worst case)."""

    at_ms: int
    line: Booked | Settled


class Spending:
    """Sums of the ledger. Without `world` (tests, tools) nothing is kept on disk."""

    def __init__(self, world: World | None = None, state_folder: str = "") -> None:
        self._world = world
        self._file: ChainFile[Booked | Settled] | None = None
        if world is not None:
            decoder: msgspec.json.Decoder[Booked | Settled] = msgspec.json.Decoder(Booked | Settled)
            self._file = ChainFile(world, f"{state_folder}/{LEDGER_FILE}", decoder)
        self._spent: list[Spent] = []
        self._open: dict[str, Spent] = {}
        self._held: dict[str, tuple[str, int]] = {}
        self._by_session: dict[str, int] = {}
        self._by_day: dict[int, int] = {}
        self._by_turn: dict[str, int] = {}
        self.calibration = Calibration()

    def load(self) -> list[str]:
        """Open and read it; what a person should know of it."""
        assert self._file is not None
        lines = self._file.load()
        aside, self._file.set_aside = self._file.set_aside, None
        if len(lines) > KEEP_LINES or (aside is not None and lines):
            lines = lines[-KEEP_LINES:]
            self._file.replace([(line.at_ms, line.entry) for line in lines])
        for line in lines:
            self._add(Spent(line.at_ms, line.entry))
        for spent in self._spent[-_LEARNT_LINES:]:
            self._learn(spent.line)
        return [] if aside is None else [f"the record of what was spent was damaged: it is kept as {aside}"]

    def _add(self, spent: Spent) -> None:
        line = spent.line
        if isinstance(line, Booked):
            self._open[line.call] = spent
            return
        booked = self._open.pop(line.call, None)
        day = (booked or spent).at_ms // _DAY_MS
        self._spent.append(spent)
        cost = max(line.usd_micros, line.at_most)
        self._by_session[line.session] = self._by_session.get(line.session, 0) + cost
        self._by_day[day] = self._by_day.get(day, 0) + cost
        self._by_turn[_turn_of(line.call)] = self._by_turn.get(_turn_of(line.call), 0) + cost

    def _learn(self, line: Booked | Settled) -> None:
        if isinstance(line, Settled) and line.shape is not None and not line.usage.estimated:
            self.calibration.learn(line.model, _talk(line.session, line.purpose), line.shape, line.usage.input)

    def factor(self, model: str, session: str, purpose: str) -> Factor:
        """How `model` is known to count, for the next request of the session for this purpose."""
        return self.calibration.factor(model, _talk(session, purpose))

    # -- before and after a call -------------------------------------------------------------------------------

    def of_session(self, session: str) -> int:
        """Micro-dollars that the session has spent, and what is held or open for it."""
        held = sum(usd for owner, usd in self._held.values() if owner == session)
        opened = sum(s.line.usd_micros for s in self._open.values() if s.line.session == session)
        return self._by_session.get(session, 0) + held + opened

    def of_day(self, at_ms: int) -> int:
        """The same for all sessions on the day (UTC) of this moment; what is open counts for today."""
        held = sum(usd for _, usd in self._held.values())
        opened = sum(s.line.usd_micros for s in self._open.values() if s.at_ms // _DAY_MS == at_ms // _DAY_MS)
        return self._by_day.get(at_ms // _DAY_MS, 0) + held + opened

    def of_turn(self, turn: str) -> int:
        """Micro-dollars that a turn has spent so far, its open call included."""
        opened = sum(s.line.usd_micros for s in self._open.values() if _turn_of(s.line.call) == turn)
        return self._by_turn.get(turn, 0) + opened

    def hold(self, call: str, session: str, usd_micros: int) -> None:
        """Reserve the worst case of a call that may be made; what the session held before and did not book is let go."""
        self.let_go(session)
        if usd_micros:
            self._held[call] = (session, usd_micros)

    def let_go(self, session: str) -> None:
        """The session will not make the call that it held money for."""
        self._held = {call: held for call, held in self._held.items() if held[0] != session}

    async def book(self, booked: Booked) -> None:
        """Durable when it returns, if it may cost anything. DiskError: then the call must not be made."""
        if booked.usd_micros:
            await self._append(booked, sync=True)
        self._held.pop(booked.call, None)

    async def settle(self, settled: Settled) -> None:
        await self._append(settled, sync=False)

    async def _append(self, line: Booked | Settled, *, sync: bool) -> None:
        if self._world is None or self._file is None:
            self._add(Spent(0, line))
            self._learn(line)
            return
        now_ms = self._world.clock.now_ms()
        if self._file.closed:  # after a disk that was full
            self._forget()
            self.load()
        await self._file.append([line], now_ms, sync=sync)
        self._add(Spent(now_ms, line))
        self._learn(line)

    def _forget(self) -> None:
        self._spent, self._open, self._by_session, self._by_day, self._by_turn = [], {}, {}, {}, {}

    # -- looking -----------------------------------------------------------------------------------------------

    def since(self, at_ms: int) -> Iterator[Spent]:
        """Everything settled at or after this moment, and what was booked then and never settled, oldest first."""
        rows = [*self._spent, *self._open.values()]
        yield from sorted((spent for spent in rows if spent.at_ms >= at_ms), key=lambda spent: spent.at_ms)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _talk(session: str, purpose: str) -> str:
    """The name of what grows from request to request."""
    return f"{session} {purpose}"


def _turn_of(call: str) -> str:
    """The turn of a call named `<turn>.<step>#<attempt>`."""
    return call.partition("#")[0].rpartition(".")[0]
