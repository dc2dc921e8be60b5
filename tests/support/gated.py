"""A simulated world whose journal can be held: what is written is there, but whoever waits for it waits on."""

from __future__ import annotations

import asyncio
import dataclasses

from agentd.world.doors import Handle
from agentd.world.fake import FakeJournal, FakeWorld, fake_world
from agentd.world.fake_processes import Script
from support.household import WORKSPACE

__all__ = ["GatedJournal", "gated_world"]


class GatedJournal(FakeJournal):
    """Holds the answer of each append whose bytes contain `word`, until `open`."""

    def __init__(self) -> None:
        super().__init__()
        self._word: bytes | None = None
        self._gate = asyncio.Event()
        self._reached = asyncio.Event()

    def hold(self, word: bytes) -> None:
        self._word = word

    def open(self) -> None:
        self._word = None
        self._gate.set()

    async def append(self, handle: Handle, data: bytes, *, sync: bool) -> int:
        offset = await super().append(handle, data, sync=sync)
        if self._word is not None and self._word in data:
            self._reached.set()
            await self._gate.wait()
        return offset

    async def until_held(self) -> None:
        await self._reached.wait()


def gated_world(shell: Script | None = None) -> tuple[FakeWorld, GatedJournal]:
    world = fake_world(seed=3, auto=True)
    world.files.make_folder(WORKSPACE)
    world.files.write_atomic(f"{WORKSPACE}/a.txt", b"one\n")
    world.processes.on("bash", does=shell or Script(output=b"pushed\n"))
    journal = GatedJournal()
    return dataclasses.replace(world, journal=journal), journal
