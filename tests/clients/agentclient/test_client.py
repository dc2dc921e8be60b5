"""The asyncio pump: the same conversation, while other things happen."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from agentclient.client import Client, connect
from agentclient.errors import NoDaemonError, RefusedError
from agentproto.api import daemon, model, session, turn
from agentproto.errors import WireError
from clients.scene import Session, answers, double, environment, started
from support.waiting import until


async def status(client: Client) -> daemon.StatusResult:
    return await client.call("daemon.status", daemon.StatusParams(), daemon.StatusResult)


def test_calls_run_side_by_side(home: Path) -> None:
    async def main() -> list[int]:
        async with connect("test", environment=environment(home)) as client:
            return [one.pid for one in await asyncio.gather(*(status(client) for _ in range(20)))]

    with double(home):
        assert asyncio.run(main()) == [os.getpid()] * 20


def test_events_come_in_order(home: Path) -> None:
    whole = Session().answer("Hello there")

    async def main() -> list[str]:
        async with connect("test", environment=environment(home)) as client:
            params = turn.StartParams(key="k" * 16, prompt="hi", subscribe=True)
            assert await client.call("turn.start", params, turn.StartResult) == started()
            names: list[str] = []
            async for event in client.events():
                names.append(event.name)
                if event.name == "turn.finished":
                    break
            return names

    with double(home, {"turn.start": answers(whole)}):
        assert asyncio.run(main()) == [name for name, _ in whole]


def test_an_error_is_raised_where_the_call_was_made(home: Path) -> None:
    async def main() -> int:
        async with connect("test", environment=environment(home)) as client:
            with pytest.raises(RefusedError, match="no such session"):
                await client.call("session.read", session.ReadParams("x"), session.ReadResult)
            return (await status(client)).pid

    with double(home, {"session.read": lambda call: WireError("not_found", "client", "no such session")}):
        assert asyncio.run(main()) == os.getpid()


def test_a_cancelled_call_is_cancelled_at_the_daemon(home: Path) -> None:
    async def main() -> None:
        async with connect("test", environment=environment(home)) as client:
            asking = asyncio.create_task(client.call("model.test", model.TestParams("x"), model.TestResult))
            await asyncio.to_thread(served.wait_for, lambda: served.methods() == ["model.test"])
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.to_thread(served.wait_for, lambda: served.cancelled == [1])

    with double(home, {"model.test": lambda call: None}) as served:
        asyncio.run(main())


def test_a_restarted_daemon_is_met_again_and_the_call_goes_on(home: Path) -> None:
    first = double(home, {"turn.start": lambda call: None})
    second = double(home, {"turn.start": lambda call: started()})
    first.start()

    async def main() -> turn.StartResult:
        async with connect("test", environment=environment(home)) as client:
            params = turn.StartParams(key="k" * 16, prompt="hi")
            asking = asyncio.create_task(client.call("turn.start", params, turn.StartResult))
            await asyncio.to_thread(first.wait_for, lambda: first.methods() == ["turn.start"])
            await asyncio.to_thread(first.stop)
            await asyncio.to_thread(second.start)
            return await asking

    try:
        assert asyncio.run(main()) == started()
    finally:
        second.stop()
    assert first.hellos[0].client == second.hellos[0].client


def test_a_daemon_that_is_gone_for_good_ends_calls_and_events(home: Path) -> None:
    served = double(home, {"turn.start": lambda call: None}, heartbeat_ms=100)
    served.start()

    async def main() -> None:
        async with connect("test", environment=environment(home), ready_ms=300) as client:
            asking = asyncio.create_task(status(client))
            assert (await asking).pid == os.getpid()
            await asyncio.to_thread(served.stop)
            with pytest.raises(NoDaemonError):
                async for _ in client.events():
                    pass
            with pytest.raises(NoDaemonError):
                await status(client)

    asyncio.run(main())


def block_for(seconds: float) -> None:
    """Keep the event loop from everything, as a program does that computes, or a laptop that sleeps."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end, "time passes")


def test_a_loop_that_was_busy_for_long_is_taken_up_again_before_it_asks(home: Path) -> None:
    async def main() -> int:
        async with connect("test", environment=environment(home)) as client:
            block_for(0.2)
            return (await status(client)).pid

    with double(home, heartbeat_ms=40) as served:
        assert asyncio.run(main()) == os.getpid()
        assert [hello.client for hello in served.hellos] == [served.calls[0].client] * 2


def test_a_loop_that_was_busy_for_long_still_gets_its_answers_and_events(home: Path) -> None:
    whole = Session().answer("Hello there")

    async def main() -> tuple[turn.StartResult, str]:
        async with connect("test", environment=environment(home)) as client:
            params = turn.StartParams(key="k" * 16, prompt="hi", subscribe=True)
            asking = asyncio.create_task(client.call("turn.start", params, turn.StartResult))
            await asyncio.to_thread(served.wait_for, lambda: served.methods() == ["turn.start"])
            block_for(0.5)
            result = await asking
            return result, (await anext(client.events())).name

    with double(home, {"turn.start": answers(whole)}, heartbeat_ms=100) as served:
        assert asyncio.run(main()) == (started(), whole[0][0])


def test_an_idle_client_is_not_given_up_whatever_the_heartbeat(home: Path) -> None:
    async def main() -> None:
        async with connect("test", environment=environment(home)) as client:
            await status(client)
            await asyncio.to_thread(block_for, 1.2)
            await status(client)

    with double(home, heartbeat_ms=100) as served:
        asyncio.run(main())
        assert len(served.hellos) == 1
