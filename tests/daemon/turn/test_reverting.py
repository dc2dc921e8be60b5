"""What taking back means for files: decided from writes and from what is there now."""

from __future__ import annotations

import hashlib
import random

import pytest

from agentd.session.actors import Actor
from agentd.session.entries import Done, Entry
from agentd.session.revisions import FileOutcome, FileStep, Reverted
from agentd.turn.reverting import CANT_READ, Plan, Write, expected, plan, plan_redo, writes_of

PERSON = Actor("client")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


A, B, C = sha("a"), sha("b"), sha("c")


def always(digest: str) -> bool:
    return True


def test_a_file_goes_back_to_what_it_held_before_the_first_of_a_run_of_writes() -> None:
    writes = [Write("/f", A, B), Write("/f", B, C)]
    assert plan(writes, {"/f": C}, always) == Plan((FileStep("/f", C, A),), (), ())


def test_somebody_elses_bytes_between_two_writes_are_where_it_goes_back_to() -> None:
    writes = [Write("/f", A, B), Write("/f", sha("theirs"), C)]
    assert plan(writes, {"/f": C}, always).steps == (FileStep("/f", C, sha("theirs")),)


def test_a_file_that_was_made_is_removed_and_one_that_was_removed_is_made_again_with_its_mode() -> None:
    writes = [Write("/made", None, A), Write("/gone", B, None, 0o755)]
    found = plan(writes, {"/made": A, "/gone": None}, always)
    assert found.steps == (FileStep("/made", A, None), FileStep("/gone", None, B, 0o755))


@pytest.mark.parametrize("now", [B, None])
def test_a_file_that_is_not_as_the_session_left_it_is_refused(now: str | None) -> None:
    found = plan([Write("/f", A, C)], {"/f": now}, always)
    assert found == Plan((), (), (FileOutcome("/f", "kept", "somebody else changed it since", now, now),))


def test_a_file_that_can_t_be_read_is_left_alone_and_named() -> None:
    found = plan([Write("/f", A, C)], {"/f": CANT_READ}, always)
    assert found == Plan((), (FileOutcome("/f", "kept", "it can't be read", CANT_READ, CANT_READ),), ())


@pytest.mark.parametrize("before", [B, "unknown"])
def test_a_content_that_is_not_held_leaves_the_file_as_it_is(before: str) -> None:
    found = plan([Write("/f", before, C)], {"/f": C}, lambda digest: False)
    assert found == Plan((), (FileOutcome("/f", "kept", "what it held before is not kept", C, C),), ())


def test_a_file_that_is_already_as_it_was_needs_nothing() -> None:
    assert plan([Write("/f", A, B), Write("/f", B, A)], {"/f": A}, always) == Plan((), (), ())


def test_a_redo_is_the_revert_turned_round() -> None:
    undone = Reverted(
        "undo", PERSON, ("t",), ("c",), (FileOutcome("/f", "restored", "", B, A), FileOutcome("/k", "kept"))
    )
    assert plan_redo(undone, {"/f": A}, always) == Plan((FileStep("/f", A, B),), (), ())


def done(call: str, path: str, before: str | None, after: str | None) -> Done:
    return Done(turn="t", call=call, tool="edit", status="ok", text="", summary="", touched={path: (before, after)})


def test_only_writes_of_the_calls_and_of_their_reverts_count() -> None:
    entries: list[Entry] = [
        done("c1", "/f", A, B),
        done("c2", "/f", B, C),
        done("c1", "/read", A, A),
        Reverted("call", PERSON, (), ("c1",), (FileOutcome("/f", "restored", "", C, A), FileOutcome("/g", "kept"))),
    ]
    assert writes_of(entries, frozenset({"c1"})) == (Write("/f", A, B), Write("/f", C, A))
    assert expected(writes_of(entries, frozenset({"c1", "c2"}))) == ("/f",)


class Desk:
    """Some files that a session and a person write to, with everything that either ever wrote kept apart."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.files: dict[str, str] = {}
        self.persons: dict[str, str] = {}
        self.log: list[Entry] = []
        self.calls: list[str] = []
        self.undone: list[Reverted] = []
        self.held: set[str] = set()
        self.number = 0

    def text(self, who: str) -> str:
        self.number += 1
        return f"{who} {self.number}"

    def digest(self, path: str) -> str | None:
        return sha(self.files[path]) if path in self.files else None

    def session_writes(self) -> None:
        path, before = self.chance.choice(["/x", "/y", "/z"]), None
        before = self.digest(path)
        if path in self.files:
            self.held.add(self.files[path])
        self.persons.pop(path, None)  # it has read what was there, and its before-image is kept
        if self.chance.random() < 0.2:
            self.files.pop(path, None)
        else:
            self.files[path] = self.text("model")
        call = f"c{len(self.log)}"
        self.calls.append(call)
        self.log.append(done(call, path, before, self.digest(path)))
        self.undone.clear()

    def person_writes(self) -> None:
        path = self.chance.choice(["/x", "/y", "/z"])
        self.persons[path] = self.files[path] = self.text("person")

    def take_back(self) -> None:
        if self.undone and self.chance.random() < 0.5:
            self.apply(plan_redo(self.undone[-1], self.now(), self.holds), "redo", self.undone.pop().calls)
            return
        calls = tuple(self.chance.sample(self.calls, min(len(self.calls), 1 + self.chance.randrange(3))))
        if calls:
            self.apply(plan(writes_of(self.log, frozenset(calls)), self.now(), self.holds), "call", calls)

    def now(self) -> dict[str, str | None]:
        return {path: self.digest(path) for path in ("/x", "/y", "/z")}

    def holds(self, digest: str) -> bool:
        return any(sha(text) == digest for text in self.held)

    def apply(self, found: Plan, kind: str, calls: tuple[str, ...]) -> None:
        """With `skip_changed`: what is refused stays."""
        before = dict(self.files)
        outcomes = [*found.kept, *found.refused]
        for step in found.steps:
            assert self.digest(step.path) == step.now
            if step.path in self.files:
                self.held.add(self.files[step.path])
            if step.then is None:
                del self.files[step.path]
            else:
                self.files[step.path] = next(text for text in self.held if sha(text) == step.then)
            action = "removed" if step.then is None else "restored"
            outcomes.append(FileOutcome(step.path, action, "", step.now, step.then))  # type: ignore[arg-type]
        entry = Reverted(kind, PERSON, (), calls, tuple(outcomes))  # type: ignore[arg-type]
        self.log.append(entry)
        if kind != "redo":
            self.undone.append(entry)
        for path, text in self.persons.items():
            assert before[path] == text
            assert self.files.get(path) == text, f"{path}: a person's bytes were lost"


@pytest.mark.parametrize("block", range(10))
def test_over_a_thousand_random_scripts_no_person_loses_a_byte(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        desk = Desk(seed)
        acts = (desk.session_writes, desk.session_writes, desk.person_writes, desk.take_back)
        for _ in range(30):
            desk.chance.choice(acts)()
