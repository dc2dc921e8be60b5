"""The scripted network: parts, pauses, breaks, refusals, and what was sent."""

from __future__ import annotations

import pytest

from agentd.errors import NetworkError, TooLargeError
from agentd.world.doors import HttpRequest
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_http import Answer, Answerer, Break, Pause, Refused
from agentd.world.faults import Crash, Plan

ASKED = HttpRequest("POST", "http://model/v1", body=b"q", stall_ms=100, total_ms=1_000)


def world_with(answerer: Answerer | None, plan: Plan | None = None) -> FakeWorld:
    world = fake_world(auto=True, plan=plan)
    if answerer is not None:
        world.http.on(answerer)
    return world


async def fetch(world: FakeWorld, request: HttpRequest = ASKED) -> tuple[int, dict[str, str], bytes]:
    async with world.http.send(request) as response:
        return response.status, dict(response.headers), await response.read()


def failure(answer: Answer | Refused | None, request: HttpRequest = ASKED) -> tuple[str, int, str, int]:
    world = world_with(None if answer is None else lambda _: answer)
    with pytest.raises(NetworkError) as caught:
        world.run(fetch(world, request))
    error = caught.value
    return error.phase, error.bytes_seen, error.why, world.clock.monotonic_ms()


def test_an_answer_comes_part_by_part_in_its_time() -> None:
    answer = Answer(201, {"a": "b"}, (b"one", Pause(90), b"two"))
    world = world_with(lambda _: answer)
    assert world.run(fetch(world)) == (201, {"a": "b"}, b"onetwo")
    assert (world.clock.monotonic_ms(), world.http.network.sent) == (90, [ASKED])


def test_an_answerer_may_wait() -> None:
    async def slow(request: HttpRequest) -> Answer:
        await world.clock.sleep(30)
        return Answer(parts=(request.body,))

    world = world_with(slow)
    assert world.run(fetch(world)) == (200, {}, b"q")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, ("connect", 0, "connection refused", 0)),
        (Refused("no route"), ("connect", 0, "no route", 0)),
        (Refused("bad frame", "headers"), ("headers", 0, "bad frame", 0)),
        (Answer(parts=(b"ab", Break())), ("body", 2, "connection reset by peer", 0)),
        (Answer(parts=(b"ab", Pause(101))), ("body", 2, "no answer in time", 100)),
        (Answer(parts=(Pause(90),) * 20), ("body", 0, "no answer in time", 1_000)),
    ],
)
def test_what_breaks_says_where_and_when(answer: Answer | Refused | None, expected: tuple[str, int, str, int]) -> None:
    assert failure(answer) == expected


def test_a_body_over_the_readers_limit_is_refused() -> None:
    world = world_with(lambda _: Answer(parts=(b"123",)))

    async def story() -> None:
        async with world.http.send(ASKED) as response:
            await response.read(2)

    with pytest.raises(TooLargeError):
        world.run(story())


@pytest.mark.parametrize(("fault", "sent"), [("crash_before", 0), ("crash_after", 1)])
def test_a_crash_at_sending_has_sent_or_has_not(fault: str, sent: int) -> None:
    world = world_with(lambda _: Answer(), Plan({1: fault}))  # type: ignore[dict-item]
    with pytest.raises(Crash):
        world.run(fetch(world))
    assert len(world.restart().http.network.sent) == sent


def test_a_send_that_fails_sent_nothing() -> None:
    world = world_with(lambda _: Answer(), Plan({1: "EIO"}))
    with pytest.raises(NetworkError) as caught:
        world.run(fetch(world))
    assert (caught.value.phase, world.http.network.sent) == ("connect", [])
