"""A long conversation is read in pieces, and what is sent is the same as if it had been read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agentd.context.assemble import Assembler, Assembly
from agentd.context.budget import Window
from agentd.context.sections import SessionFacts
from agentd.providers.scripted import Script, ScriptedProvider
from agentd.session.entries import Entry, Replied, Requested, Started
from agentd.session.log import SessionLog
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.long_work import PIECE_BYTES
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock
from support.session_logs import PERSON, name, opened

SESSION = name(1)


def said(number: int, words: str) -> list[Entry]:
    turn = f"{SESSION}.t{number}"
    return [
        Requested(turn=turn, actor=PERSON, key="", hash="", prompt=f"{number} {words}"),
        Started(turn=turn, model="m", mode="ask"),
        Replied(turn=turn, step=f"{turn}.1", blocks=(TextBlock(words),), stop="end", usage=TurnUsage()),
    ]


def log_of(entries: Sequence[Entry]) -> tuple[FakeWorld, SessionStore, SessionLog]:
    world = fake_world()
    store = SessionStore(world, "/data", "/state")
    store.prepare()
    log = store.create(SESSION)
    asyncio.run(log.append([opened(SESSION), *entries], 1))
    return world, store, log


def assembled(assembler: Assembler, world: FakeWorld) -> Assembly:
    return assembler.assemble(
        provider=ScriptedProvider("s", Script(()), world.clock),
        model="m",
        tools=(),
        facts=SessionFacts("/w", "/w", "linux", "bash"),
        limits=Window(10_000_000, 1_000),
        purpose="turn",
        step=f"{SESSION}.t1.1",
    )


def pieces_of(entries: Sequence[Entry]) -> int:
    world, store, log = log_of(entries)
    piecewise = Assembler(log, store)
    pieces = len(list(piecewise.reading()))
    assert assembled(piecewise, world).call.body == assembled(Assembler(log, store), world).call.body
    assert list(piecewise.reading()) == []
    return pieces


def test_a_short_conversation_is_left_to_the_request() -> None:
    assert pieces_of([entry for number in range(1, 11) for entry in said(number, "few words")]) == 0


def test_pieces_end_by_the_number_of_their_entries() -> None:
    assert pieces_of([entry for number in range(1, 401) for entry in said(number, "few words")]) == 9


def test_pieces_end_by_their_bytes() -> None:
    assert pieces_of([entry for number in range(1, 5) for entry in said(number, "w" * PIECE_BYTES)]) == 7
