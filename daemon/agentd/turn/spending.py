"""What was spent and what is reserved: one ledger for all sessions, so that no two calls spend the same money.

Theory. Before a call its worst case is held, in the same moment in which the money left is looked at: whoever looks next
sees less. Then it is booked, durably, before a byte is sent, and settled with what the server counted when the call has
ended. A call that was booked and never settled (the daemon died) counts as its worst case: the server may have billed
it. So does one whose server did not say what it counted, in what limits count; what it cost is estimated. Calls without
a price are settled only, without a sync of their own. What a local model does costs tokens and time in
place of money; where those are limited, a call's worst case is held and booked in the same way.

    state/spending.jsonl      chained lines: booked, settled

Decides nothing about limits (`settings`, a turn's own); it adds up. Callers: `turn.runner`, handlers for costs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import msgspec

from agentd.chain.file import ChainFile
from agentd.context.calibration import Calibration, Factor
from agentd.context.purposes import BACKGROUND
from agentd.context.tokens import Shape
from agentd.errors import AgentdError
from agentd.world.doors import World
from agentproto.api.turn import TurnUsage

__all__ = ["KEEP_LINES", "LEDGER_FILE", "NOTHING", "Amount", "Booked", "Settled", "Spending", "Spent"]

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


class Booked(_Line, frozen=True, kw_only=True, tag="booked"):
    """A call is about to be made; `usd_micros` is its worst case, `tokens` and `ms` that of a local model's."""

    tokens: int = 0
    ms: int = 0


class Settled(_Line, frozen=True, kw_only=True, tag="settled"):
    """A call has ended; `usd_micros` is what it cost, `at_most` what it may have cost where its server did not say: limits
    count that. `estimated_input`: the estimate of its bytes, before any calibration; `shape`: what bytes they were; `ms`:
    how long it took; `local`: by a model that costs no money."""

    usage: TurnUsage
    at_most: int = 0
    estimated_input: int = 0
    shape: Shape | None = None
    ms: int = 0
    local: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """One settled call, or one that never was (`usage` empty, its worst case)."""

    at_ms: int
    line: Booked | Settled


@dataclass(frozen=True, slots=True)
class Amount:
    """What calls cost, or may cost: micro-dollars, and of local models tokens and milliseconds."""

    usd_micros: int = 0
    tokens: int = 0
    ms: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.usd_micros + other.usd_micros, self.tokens + other.tokens, self.ms + other.ms)


NOTHING = Amount()

_Owner = tuple[str, str | int]
"""Whose sum: ("session", id), ("day", days since 1970), ("turn", id), ("<purpose>", day)."""


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
        self._held: dict[str, tuple[str, str, Amount]] = {}
        self._sums: dict[_Owner, Amount] = {}
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
        self._spent.append(spent)
        amount = _amount(line)
        for owner in _owners(line, (booked or spent).at_ms):
            self._sums[owner] = self._sums.get(owner, NOTHING) + amount

    def _learn(self, line: Booked | Settled) -> None:
        if isinstance(line, Settled) and line.shape is not None and not line.usage.estimated:
            self.calibration.learn(line.model, _talk(line.session, line.purpose), line.shape, line.usage.input)

    def factor(self, model: str, session: str, purpose: str) -> Factor:
        """How `model` is known to count, for the next request of the session for this purpose."""
        return self.calibration.factor(model, _talk(session, purpose))

    # -- before and after a call -------------------------------------------------------------------------------

    def session(self, session: str) -> Amount:
        """What the session has used, and what is held or open for it."""
        held = (amount for owner, _, amount in self._held.values() if owner == session)
        opened = (_amount(s.line) for s in self._open.values() if s.line.session == session)
        return sum((*held, *opened), self._sums.get(("session", session), NOTHING))

    def day(self, at_ms: int, purposes: Collection[str] | None = None) -> Amount:
        """The same for all sessions on the day (UTC) of this moment, of these purposes (None: of all); what is open counts
        for the day on which it was begun."""
        day = at_ms // _DAY_MS
        held = (amount for _, purpose, amount in self._held.values() if purposes is None or purpose in purposes)
        opened = (
            _amount(s.line)
            for s in self._open.values()
            if s.at_ms // _DAY_MS == day and (purposes is None or s.line.purpose in purposes)
        )
        owners: tuple[_Owner, ...] = (("day", day),) if purposes is None else tuple((name, day) for name in purposes)
        return sum((*held, *opened, *(self._sums.get(owner, NOTHING) for owner in owners)), NOTHING)

    def turn(self, turn: str) -> Amount:
        """What a turn has used so far, its open call included."""
        opened = (_amount(s.line) for s in self._open.values() if _turn_of(s.line.call) == turn)
        return sum(opened, self._sums.get(("turn", turn), NOTHING))

    def of_session(self, session: str) -> int:
        """Micro-dollars of `session`."""
        return self.session(session).usd_micros

    def of_day(self, at_ms: int) -> int:
        """Micro-dollars of `day`."""
        return self.day(at_ms).usd_micros

    def of_turn(self, turn: str) -> int:
        """Micro-dollars of `turn`."""
        return self.turn(turn).usd_micros

    def hold(self, call: str, session: str, purpose: str, amount: Amount) -> None:
        """Reserve the worst case of a call that may be made; what the session's turn held before and did not book is let
        go."""
        if purpose not in BACKGROUND:
            self.let_go(session)
        if amount != NOTHING:
            self._held[call] = (session, purpose, amount)

    def let_go(self, session: str) -> None:
        """The session's turn will not make the call that it held something for; what goes on beside it may."""
        self._held = {call: held for call, held in self._held.items() if held[0] != session or held[1] in BACKGROUND}

    async def book(self, booked: Booked) -> None:
        """Durable when it returns, if it may cost anything. DiskError: then the call must not be made. Who is cancelled
        here makes no call either, and settles it."""
        try:
            if booked.usd_micros or booked.tokens or booked.ms:
                await self._append(booked, sync=True)
        finally:
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
        try:
            await self._file.append([line], now_ms, sync=sync)
        except AgentdError:
            raise
        except BaseException:  # cancelled: the journal has it, and will write it, whoever waits for it
            self._add(Spent(now_ms, line))
            raise
        self._add(Spent(now_ms, line))
        self._learn(line)

    def _forget(self) -> None:
        self._spent, self._open, self._sums = [], {}, {}

    # -- looking -----------------------------------------------------------------------------------------------

    def since(self, at_ms: int) -> Iterator[Spent]:
        """Everything settled at or after this moment, and what was booked then and never settled, oldest first."""
        rows = [*self._spent, *self._open.values()]
        yield from sorted((spent for spent in rows if spent.at_ms >= at_ms), key=lambda spent: spent.at_ms)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _amount(line: Booked | Settled) -> Amount:
    match line:
        case Booked():
            return Amount(line.usd_micros, line.tokens, line.ms)
        case Settled():
            cost = max(line.usd_micros, line.at_most)
            return Amount(cost, line.usage.input + line.usage.output, line.ms) if line.local else Amount(cost)


def _owners(line: Booked | Settled, at_ms: int) -> tuple[_Owner, ...]:
    day = at_ms // _DAY_MS
    return ("session", line.session), ("day", day), (line.purpose, day), ("turn", _turn_of(line.call))


def _talk(session: str, purpose: str) -> str:
    """The name of what grows from request to request."""
    return f"{session} {purpose}"


def _turn_of(call: str) -> str:
    """The turn of a call named `<turn>.<step>#<attempt>`."""
    return call.partition("#")[0].rpartition(".")[0]
