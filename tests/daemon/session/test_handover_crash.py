"""A hand-over is whole or not there: the process dies, or the disk fails, at each of its calls; done again, it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from agentd.session.folders import session_folder
from agentd.session.handover_bundle import Bundle
from agentd.session.handover_copy import lines_of
from agentd.session.handover_jobs import perform
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.faults import Crash, Plan, plans
from support.planted_logs import SESSION, Planted

DATA, OUT = "/home/data", "/out"
NEW = "s01k9z3v7qq0zzzzz"
KEY = "AKIA" + "QWERTYUIOPASDFG7"


def a_home() -> FakeWorld:
    plan = Planted()
    plan.open()
    plan.blob(f"an output with {KEY}")
    plan.turn(f"use {KEY}", "I did")
    world = fake_world(seed=1, auto=True)
    folder = session_folder(DATA, SESSION)
    world.files.make_folder(f"{folder}/blobs")
    world.files.make_folder(OUT)
    world.files.add_file(f"{folder}/log.jsonl", plan.raw())
    for name, data in plan.blobs.items():
        world.files.add_file(f"{folder}/blobs/{name}", data)
    return world


def a_home_with_a_bundle() -> FakeWorld:
    world = a_home()
    do_bundle(world)
    data = world.files.read(f"{OUT}/x")
    other = fake_world(seed=2, auto=True)
    other.files.make_folder(DATA)
    other.files.make_folder(OUT)
    other.files.add_file(f"{OUT}/x", data)
    return other


def do_redact(world: FakeWorld) -> object:
    return perform(world.files, "redact-session", {"data": DATA, "session": SESSION, "new": NEW, "known": []})


def do_bundle(world: FakeWorld) -> object:
    arguments = {"session": SESSION, "path": f"{OUT}/x", "redacted": True, "known": [], "product": "0", "again": True}
    return perform(world.files, "bundle-session", {"data": DATA, **arguments})


def do_import(world: FakeWorld) -> object:
    arguments = {"path": f"{OUT}/x", "expected": SESSION, "only_look": False}
    return perform(world.files, "import-session", {"data": DATA, **arguments})


def session_there(session: str) -> Callable[[FakeWorld], bool]:
    def is_there(world: FakeWorld) -> bool:
        path = f"{session_folder(DATA, session)}/log.jsonl"
        if world.files.info(path) is None:
            return False
        handle = world.files.open_read(path)
        whole = [line.offset + line.length for line in lines_of(handle)]
        assert whole[-1] == handle.size()
        handle.close()
        return True

    return is_there


def bundle_there(world: FakeWorld) -> bool:
    if world.files.info(f"{OUT}/x") is None:
        return False
    handle = world.files.open_read(f"{OUT}/x")
    for _, pieces in Bundle(handle).members():
        assert b"".join(pieces)
    handle.close()
    return True


CASES: Mapping[str, tuple[Callable[[], FakeWorld], Callable[[FakeWorld], object], Callable[[FakeWorld], bool]]] = {
    "redact": (a_home, do_redact, session_there(NEW)),
    "bundle": (a_home, do_bundle, bundle_there),
    "import": (a_home_with_a_bundle, do_import, session_there(SESSION)),
}


@pytest.mark.parametrize("case", CASES)
def test_whole_or_not_there_at_every_call(case: str) -> None:
    make, do, is_there = CASES[case]
    world = make()
    before = len(world.points.calls)
    wanted = do(world)
    calls = world.points.calls[before:]
    assert isinstance(wanted, dict)
    assert "fault" not in wanted
    assert is_there(world)
    counted = 0
    for plan in plans(calls):
        ((number, fault),) = plan.faults.items()
        world = make()
        world.points.plan = Plan({len(world.points.calls) + number - before: fault})
        try:
            answer = do(world)
        except Crash:
            answer = None
        assert answer in (None, wanted) or "fault" in answer  # type: ignore[operator]
        after = world.restart(drop_unsynced=True)
        made = is_there(after)  # and whole, when it is there
        assert made or answer != wanted, plan
        assert do(after) == wanted, plan
        assert is_there(after)
        assert after.files.list(f"{DATA}/handover") == []
        assert [name for name, _ in after.files.list(OUT)] == ([] if case == "redact" else ["x"])
        counted += 1
    assert counted > 50
