"""A question is decided exactly once, whoever answers and however often the daemon dies in between.

Two people answer every question at the same time, in random order, each with a key of their own, over and over, while
the daemon is killed at random door calls. `make test` kills 1,000 times.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from agentd.errors import AgentdError, ConflictError
from agentd.session.actors import Actor
from agentd.session.asking import Answered, Asked
from agentd.session.entries import Done
from agentd.session.moments import moment
from agentd.world.fake import FakeWorld
from agentd.world.faults import Crash, Plan
from agentproto.api.question import Decision
from crash.stories import Story, a_world
from support.household import Household, Reply, ask, whole_log

KILLS = 1_000
MOST = 25
PEOPLE: tuple[tuple[Actor, Decision], ...] = (
    (Actor(kind="client", id="c1", role="owner", name="anna"), "approve"),
    (Actor(kind="client", id="c2", role="owner", name="ben"), "deny"),
)
REPLIES: tuple[Reply, ...] = (
    tuple(("shell", {"command": f"make {name}"}) for name in ("push", "tag")),
    (("shell", {"command": "make clean"}),),
    "all answered",
)


@dataclass
class Told:
    """What the two were told: the first decision of each question, and what the other one heard."""

    seen: set[str] = field(default_factory=set)
    decided: dict[str, tuple[str, Decision]] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


async def both_answer(house: Household, told: Told, chance: random.Random) -> None:
    told.seen |= {question.id for question in house.sessions.questions()}
    for question in sorted(told.seen):
        for actor, decision in chance.sample(PEOPLE, 2):
            key = f"{actor.name}-{question}"
            try:
                await house.sessions.answer(question, key, "h", decision, "once", "", actor)
            except ConflictError as fault:
                told.refused.append((question, fault.what, fault.why))
            else:
                first = told.decided.setdefault(question, (actor.name, decision))
                assert first == (actor.name, decision), f"{question} was decided by {first}, then by {actor.name}"


async def life(world: FakeWorld, told: Told, chance: random.Random) -> str:
    house = Household(world, REPLIES)
    await world.clock.sleep(1)  # no two processes start within one millisecond
    await house.start()
    session = await ask(house, "do all three")
    runner = await house.sessions.get(session)
    while runner.busy:
        if runner.log.problem is not None:
            raise runner.log.problem
        await both_answer(house, told, chance)
        await world.clock.sleep(10)
    await both_answer(house, told, chance)
    assert not house.faults, house.faults
    await house.sessions.stop()
    return session


def kill_until_told(chance: random.Random) -> tuple[int, int]:
    """One turn with three questions, killed up to MOST times: how many kills, how many questions."""
    plan = Plan({chance.randint(30, 110): chance.choice(("crash_before", "crash_after"))})
    world, told, kills = a_world(Story("three questions", REPLIES), plan), Told(), 0
    while True:
        try:
            session = world.run(life(world, told, chance))
        except (Crash, AgentdError):
            kills += 1
            assert kills < 2 * MOST, "it needs a hand"
        else:
            break
        again = Plan({chance.randint(1, 24): chance.choice(("crash_before", "crash_after"))} if kills < MOST else {})
        world = world.restart(drop_unsynced=chance.choice((False, True, chance.randrange(2, 10**6))), plan=again)
    lines = whole_log(world.restart(drop_unsynced=True), session)
    asked = [line.entry.question for line in lines if isinstance(line.entry, Asked)]
    answers = Counter(line.entry.question for line in lines if isinstance(line.entry, Answered))
    assert dict(answers) == dict.fromkeys(asked, 1)
    said = {
        line.entry.question: (line.entry.actor.name, line.entry.decision, line.at_ms)
        for line in lines
        if isinstance(line.entry, Answered)
    }
    assert {question: words[:2] for question, words in said.items()} == told.decided
    for question, what, why in told.refused:
        name, decision, at_ms = said[question]
        assert what == f"question {question} is already decided"
        assert (name in why, f": {decision}, at {moment(at_ms)}" in why) == (True, True), why
    assert {question for question, _, _ in told.refused} == set(asked)
    done = [line.entry.call for line in lines if isinstance(line.entry, Done)]
    assert len(set(done)) == len(done) <= 3
    # Whoever is asked about an unknown outcome may let the call run once more; nothing else may.
    approved = {question for question, words in said.items() if words[1] == "approve"}
    allowed = Counter(
        line.entry.call for line in lines if isinstance(line.entry, Asked) and line.entry.question in approved
    )
    started = Counter(spawn.label for spawn in world.processes.table.started)
    assert [call for call, runs in started.items() if runs > allowed[call]] == [], (started, allowed)
    return kills, len(asked)


def test_each_question_is_decided_once_over_a_thousand_kills_and_the_second_is_told_by_whom_and_when() -> None:
    chance, kills, questions = random.Random(1), 0, 0
    while kills < KILLS:
        more, asked = kill_until_told(chance)
        kills, questions = kills + more, questions + asked
    assert questions > 100
