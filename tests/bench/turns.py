"""A turn's own overhead: all but the model, which streams without delay here, and the disk; both are told apart.

The same turns run in a home on the disk and in one whose file system is memory, where a sync costs nothing: the second
is our own time, the difference the disk's.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from agentclient.blocking import BlockingClient
from agentd.providers import canonical
from agentd.providers.base import ModelMessage, ModelRequest
from agentd.providers.scripted import Script, ScriptedReply, choose
from agentproto.api.log import SubscribeParams, SubscribeResult, UnsubscribeParams, UnsubscribeResult
from agentproto.content import TextBlock
from bench.ground import WIDE, daemon, in_memory
from bench.history import grow, seed
from bench.rows import Row, interleaved
from bench.talk import one_turn
from support.daemon import RealDaemon

__all__ = ["measure"]

_ROUNDS = 25
_SIZES = (10, 10_000)
_ENTRIES_OF_A_TURN = 7
_REPLY = {"text": "An answer of some words, as answers are.", "match": "."}


def measure() -> list[Row]:
    with ExitStack() as stack:
        homes = [[stack.enter_context(_home(entries, memory)) for memory in (True, False)] for entries in _SIZES]
        measures: list[Callable[[], float]] = []
        for entries, (memory, disk) in zip(_SIZES, homes, strict=True):
            measures += [_model(entries), _turn_at(memory), _turn_at(disk)]
        found = interleaved(_ROUNDS, *measures, warm=3)
        rows = [row for at, entries in enumerate(_SIZES) for row in _rows(entries, *found[3 * at : 3 * at + 3])]
        return [*rows, _replay(homes[-1][0])]


@contextmanager
def _home(entries: int, memory: bool) -> Iterator[tuple[RealDaemon, BlockingClient, str]]:
    """A daemon with a session of so many entries, and a client of it."""
    with daemon(_REPLY, settings=WIDE, where=in_memory() if memory else None) as home:
        session = seed(home)
        asyncio.run(grow(home, session, entries=entries))
        home.start()
        with home.client("bench") as client:
            yield home, client, session


def _turn_at(place: tuple[RealDaemon, BlockingClient, str]) -> Callable[[], float]:
    home, client, session = place
    return lambda: one_turn(client, str(home.user), session).ms


def _rows(entries: int, models: Sequence[float], memory: Sequence[float], disk: Sequence[float]) -> list[Row]:
    model, whole, synced = statistics.median(models), statistics.median(memory), statistics.median(disk)
    own = whole - model
    return [
        Row(
            f"a turn's own overhead, {entries:,} entries of history, no syncs",
            f"the scripted model itself: {model:.1f} ms",
            f"{own:.1f} ms",
            f"{whole:.1f} ms together",
            "<= 5 ms",
            own <= 5,
        ),
        Row(
            "the same on the disk",
            f"without syncs: {whole:.1f} ms",
            f"{synced:.1f} ms",
            f"+{synced - whole:.1f} ms of syncs",
        ),
    ]


def _model(entries: int) -> Callable[[], float]:
    """What the scripted model itself does with a request of such a history: it reads it and finds its reply."""
    turn = (ModelMessage("user", (TextBlock("go on"),)), ModelMessage("assistant", (TextBlock(str(_REPLY["text"])),)))
    messages = (*(turn * (entries // _ENTRIES_OF_A_TURN)), turn[0])
    body = canonical.encode(ModelRequest(model="", system=(), tools=(), messages=messages, max_output=1))
    script = Script((ScriptedReply(text="x", match="."),), loop=True)

    def read() -> float:
        begun = time.perf_counter()
        assert choose(script, canonical.decode(body), 0) is not None
        return (time.perf_counter() - begun) * 1000

    return read


def _replay(place: tuple[RealDaemon, BlockingClient, str]) -> Row:
    """Every event of the long session, read from its log and sent one by one: none of them can be joined."""
    home, _, session = place
    with home.client("bench") as client:
        one_turn(client, str(home.user), session)  # so that the head is an entry that is an event: not all of them are
        client.call("log.unsubscribe", UnsubscribeParams(session), UnsubscribeResult)
        begun = time.perf_counter()
        head = client.call("log.subscribe", SubscribeParams(stream=session), SubscribeResult).head_seq
        count = 0
        seq = 0
        while seq < head:
            assert time.perf_counter() - begun < 60, f"the log's events stop at {seq} of {head}"
            event = client.next_event(500)
            if event is not None:
                count += 1
                found = event.body.get("seq")
                assert isinstance(found, int)
                seq = max(seq, found)
        took = time.perf_counter() - begun
    return Row(f"events a second from a log of {head:,} entries to one client", "-", f"{count / took:,.0f}", "-")
