"""A request that meets a kept connection in the moment in which its server closes it goes out again on another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from agentd.errors import NetworkError
from agentd.world.doors import HttpRequest
from agentd.world.http import HttpxHttp
from support.raw_server import RawServer, raw_server

T = TypeVar("T")

OK = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]
CLOSES = [b""]
HALF = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", b""]


def with_server(story: Callable[[HttpxHttp, RawServer], Awaitable[T]], *scripts: list[bytes]) -> T:
    async def whole() -> T:
        async with raw_server(*scripts) as server:
            http = HttpxHttp()
            try:
                return await story(http, server)
            finally:
                await http.close()

    return asyncio.run(whole())


async def post(http: HttpxHttp, server: RawServer, body: bytes = b"body") -> bytes:
    async with http.send(HttpRequest("POST", f"{server.url}/v1/x", {}, body)) as response:
        return await response.read()


def test_a_kept_connection_that_was_just_closed_costs_a_second_one_and_nobody_hears_of_it() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> tuple[list[bytes], int, list[bytes]]:
        answers = [await post(http, server), await post(http, server, b"again")]
        return answers, server.connections, [request[-5:] for request in server.requests]

    answers, connections, bodies = with_server(story, OK, CLOSES, OK)
    assert (answers, connections) == ([b"ok", b"ok"], 2)
    assert bodies == [b"\nbody"[-5:], b"again", b"again"]


def test_so_do_all_that_were_kept() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> tuple[list[bytes], int]:
        first = await asyncio.gather(*(post(http, server) for _ in range(3)))
        return [*first, await post(http, server)], server.connections

    answers, connections = with_server(story, OK, OK, OK, CLOSES, CLOSES, CLOSES, OK)
    assert answers == [b"ok"] * 4
    assert connections <= 4


def test_a_connection_of_its_own_that_is_closed_is_a_fault_and_the_request_is_not_repeated() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> tuple[str, int]:
        with pytest.raises(NetworkError) as caught:
            await post(http, server)
        return caught.value.phase, len(server.requests)

    assert with_server(story, CLOSES, OK) == ("headers", 1)


def test_a_server_that_closes_them_all_is_told_as_it_is() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> tuple[bytes, str, int]:
        first = await post(http, server)
        with pytest.raises(NetworkError) as caught:
            await post(http, server)
        return first, caught.value.phase, len(server.requests)

    assert with_server(story, OK, CLOSES, CLOSES, CLOSES) == (b"ok", "headers", 3)


def test_an_answer_that_has_begun_is_never_asked_for_again() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> tuple[str, int]:
        await post(http, server)
        with pytest.raises(NetworkError) as caught:
            await post(http, server)
        return caught.value.phase, len(server.requests)

    assert with_server(story, OK, HALF, OK) == ("body", 2)
