"""A checkpoint and its head are hints: whatever call of writing them is the last, the log opens to the same state."""

from __future__ import annotations

import pytest

from agentd.session.entries import Changed, Checkpoint, Entry
from agentd.session.fold import fold
from agentd.session.log import CHECKPOINT_EVERY
from agentd.session.state import SessionState
from agentd.session.store import SessionStore
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Crash, Fault, plans
from crash.harness import LOSSES, Loss
from support.machine_play import PERSON, SESSION, opened


def renamed(count: int) -> list[Entry]:
    return [Changed(actor=PERSON, title=f"title {n}", key=f"k{n}", hash="h") for n in range(count)]


def a_long_log() -> FakeWorld:
    world = fake_world(auto=True)
    store = SessionStore(world, "/home/data", "/home/state")
    world.files.add_folder("/home/data")
    world.files.add_folder("/home/state")
    store.prepare()
    log = store.create(SESSION)
    store.settle_folder(SESSION)
    world.run(log.append([opened(), *renamed(CHECKPOINT_EVERY)], 1))
    return world


async def go_on(world: FakeWorld, acknowledged: list[int]) -> None:
    """What a session does at rest, twice, with a change between."""
    store = SessionStore(world, "/home/data", "/home/state")
    log = store.open(SESSION)
    for _ in range(2):
        checkpoint = log.checkpoint_due()
        if checkpoint is not None:
            await log.append([checkpoint], 2)
        store.keep_head(SESSION, log.head())
        await log.append(renamed(3), 3)
        acknowledged.append(log.state.seq)


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_log_opens_to_the_same_state_whatever_call_was_the_last(loss: Loss, every: int) -> None:
    before, seen = a_long_log(), 0
    rehearsal = before.restart()
    rehearsal.run(go_on(rehearsal, []))
    crashes: tuple[Fault, ...] = ("crash_before", "crash_after")
    chosen = list(plans(rehearsal.points.calls, crashes))[LOSSES.index(loss) :: every]
    for number, plan in enumerate(chosen, 2):
        world, acknowledged = before.restart(plan=plan), [CHECKPOINT_EVERY + 1]
        world.files.disk.reorders = loss == "reordered"
        with pytest.raises(Crash):
            world.run(go_on(world, acknowledged))
        world = world.restart(drop_unsynced={"kept": False, "dropped": True}.get(loss, number))
        store = SessionStore(world, "/home/data", "/home/state")
        log = store.open(SESSION)
        lines = log.lines_after(0, 10_000)
        state = SessionState()
        for line in lines:
            state = fold(state, line.seq, line.at_ms, line.entry)
        assert (log.problem, log.state) == (None, state), (plan, loss)
        assert log.state.seq >= acknowledged[-1], (plan, loss)
        seen += any(isinstance(line.entry, Checkpoint) for line in lines)
        log.close()
    assert 0 < seen <= len(chosen)
