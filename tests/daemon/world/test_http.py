"""The network door against a real socket: streams, deadlines, breaks; and the map of every httpx exception."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import pytest

from agentd.errors import NetworkError, TooLargeError
from agentd.world.doors import HttpRequest, HttpResponse
from agentd.world.http import HttpxHttp, network_error, shown
from support.raw_server import RawServer, raw_server

T = TypeVar("T")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: v\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def with_server(
    story: Callable[[HttpxHttp, RawServer], Awaitable[T]], *scripts: list[bytes | None], proxy: bool = False
) -> T:
    async def whole() -> T:
        async with raw_server(*scripts) as server:
            http = HttpxHttp(proxy=server.url if proxy else None)
            try:
                return await story(http, server)
            finally:
                await http.close()

    return asyncio.run(whole())


async def fetch(http: HttpxHttp, request: HttpRequest) -> tuple[int, bytes]:
    async with http.send(request) as response:
        return response.status, await response.read()


def failure_of(*script: bytes | None, **limits: int) -> NetworkError:
    async def story(http: HttpxHttp, server: RawServer) -> NetworkError:
        with pytest.raises(NetworkError) as caught:
            await fetch(http, HttpRequest("GET", server.url, **limits))  # type: ignore[arg-type]
        return caught.value

    return with_server(story, list(script))


def test_a_request_goes_out_and_its_answer_comes_back() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> tuple[int, dict[str, str], bytes, bytes]:
        request = HttpRequest("POST", server.url + "/v1/x?a=b", {"X-Key": "k", "Content-Type": "t/t"}, b"body")
        async with http.send(request) as response:
            return response.status, dict(response.headers), await response.read(), server.requests[0]

    status, headers, body, raw = with_server(story, [OK])
    assert (status, headers, body) == (200, {"content-length": "2", "x-name": "v"}, b"ok")
    line, *lines, _, last = raw.split(b"\r\n")
    sent = dict(line.lower().split(b": ") for line in lines)
    assert (line, last) == (b"POST /v1/x?a=b HTTP/1.1", b"body")
    assert (sent[b"x-key"], sent[b"accept-encoding"], sent[b"user-agent"]) == (b"k", b"identity", b"agentd")


def test_the_body_is_heard_as_it_comes() -> None:
    """The rest of the body is sent only after the first part was heard."""

    async def story(http: HttpxHttp, server: RawServer) -> list[bytes]:
        async with http.send(HttpRequest("GET", server.url)) as response:
            parts = response.chunks()
            first = await anext(parts)
            async with http.send(HttpRequest("GET", server.url)) as second:
                return [first, await second.read()]

    assert with_server(story, [CHUNKED + b"2\r\nab\r\n", None], [OK]) == [b"ab", b"ok"]


def test_connections_are_kept_and_cookies_are_not() -> None:
    cookie = OK.replace(b"X-Name: v", b"Set-Cookie: a=b; Path=/")

    async def story(http: HttpxHttp, server: RawServer) -> tuple[int, bool]:
        for _ in range(3):
            assert await fetch(http, HttpRequest("GET", server.url)) == (200, b"ok")
        return server.connections, any(b"cookie" in request.lower() for request in server.requests)

    assert with_server(story, [cookie], [cookie], [cookie]) == (1, False)


def test_redirects_are_answers_like_others() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    async def story(http: HttpxHttp, server: RawServer) -> tuple[tuple[int, bytes], int]:
        return await fetch(http, HttpRequest("GET", server.url)), len(server.requests)

    assert with_server(story, [moved], [OK]) == ((302, b""), 1)


def test_proxies_come_from_the_settings_and_never_from_the_environment() -> None:
    async def direct(http: HttpxHttp, server: RawServer) -> tuple[int, bytes]:
        os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = "http://127.0.0.1:1"
        return await fetch(http, HttpRequest("GET", server.url))

    async def through(http: HttpxHttp, server: RawServer) -> bytes:
        await fetch(http, HttpRequest("GET", "http://model.invalid/x"))
        return server.requests[0].split(b"\r\n")[0]

    assert with_server(direct, [OK]) == (200, b"ok")
    assert with_server(through, [OK], proxy=True) == b"GET http://model.invalid/x HTTP/1.1"


def test_an_error_status_is_an_answer() -> None:
    busy = b"HTTP/1.1 529 Overloaded\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy"

    async def story(http: HttpxHttp, server: RawServer) -> tuple[int, str, bytes]:
        async with http.send(HttpRequest("GET", server.url)) as response:
            return response.status, response.headers["retry-after"], await response.read()

    assert with_server(story, [busy]) == (529, "3", b"busy")


def test_nobody_listening_is_a_fault_of_connecting() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"

    async def story() -> None:
        http = HttpxHttp()
        with pytest.raises(NetworkError, match="broke at connect") as caught:
            await fetch(http, HttpRequest("GET", url))
        assert (caught.value.phase, caught.value.bytes_seen) == ("connect", 0)
        await http.close()

    asyncio.run(story())


@pytest.mark.parametrize("url", ["ftp://x/", "x", "http://", "http://a:b:c/", "http://\0/", "http://x:99999/"])
def test_a_url_that_cannot_be_used_is_a_fault_of_connecting(url: str) -> None:
    async def story() -> str:
        http = HttpxHttp()
        with pytest.raises(NetworkError) as caught:
            await fetch(http, HttpRequest("GET", url))
        await http.close()
        return caught.value.phase

    assert asyncio.run(story()) == "connect"


def test_encryption_that_fails_is_a_fault_of_connecting() -> None:
    async def story() -> tuple[str, bool]:
        def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"no handshake")
            writer.close()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        http = HttpxHttp()
        with pytest.raises(NetworkError) as caught:
            await fetch(http, HttpRequest("GET", f"https://127.0.0.1:{port}"))
        await http.close()
        server.close()
        return caught.value.phase, "SSL" in caught.value.why

    assert asyncio.run(story()) == ("connect", True)


@pytest.mark.parametrize(
    "script",
    [
        [b""],
        [b"HTTP/1.1 200", b""],
        [b"rubbish\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000],
    ],
)
def test_what_breaks_before_the_body_is_a_fault_of_the_headers(script: list[bytes | None]) -> None:
    error = failure_of(*script)
    assert (error.phase, error.bytes_seen, bool(error.why)) == ("headers", 0, True)


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b""], 3),
        ([CHUNKED + b"2\r\nab\r\n", b""], 2),
        ([CHUNKED + b"2\r\nab\r\nzz\r\n"], 2),
        ([b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"], 0),
    ],
)
def test_a_body_that_breaks_says_how_far_it_came(script: list[bytes | None], seen: int) -> None:
    error = failure_of(*script)
    assert (error.phase, error.bytes_seen) == ("body", seen)


def test_silence_ends_by_the_stall_limit() -> None:
    before = failure_of(None, stall_ms=30)
    within = failure_of(CHUNKED + b"2\r\nab\r\n", None, stall_ms=30)
    assert [(e.phase, e.bytes_seen, "in time" in e.why) for e in (before, within)] == [
        ("headers", 0, True),
        ("body", 2, True),
    ]


def test_everything_ends_by_the_total_limit() -> None:
    before = failure_of(None, total_ms=30)
    within = failure_of(CHUNKED + b"2\r\nab\r\n", None, total_ms=30)
    assert [(e.phase, e.bytes_seen, "in time" in e.why) for e in (before, within)] == [
        ("headers", 0, True),
        ("body", 2, True),
    ]


def test_a_server_that_does_not_take_the_connection_is_given_up() -> None:
    """A full backlog answers nothing at all: connecting waits."""

    async def story() -> tuple[str, bool]:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            address = deaf.getsockname()
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            http = HttpxHttp()
            with pytest.raises(NetworkError) as caught:
                await fetch(http, HttpRequest("GET", f"http://127.0.0.1:{address[1]}", connect_ms=50))
            await http.close()
            for filler in fillers:
                filler.close()
            return caught.value.phase, "in time" in caught.value.why

    assert asyncio.run(story()) == ("connect", True)


@pytest.mark.parametrize("way", ["cancelled", "left"])
def test_the_connection_is_closed_when_the_reader_goes(way: str) -> None:
    async def read_on(response: HttpResponse, heard: asyncio.Event) -> None:
        async for _ in response.chunks():
            heard.set()
            if way == "left":
                return

    async def story(http: HttpxHttp, server: RawServer) -> None:
        heard = asyncio.Event()

        async def reader() -> None:
            async with http.send(HttpRequest("GET", server.url)) as response:
                await read_on(response, heard)

        task = asyncio.ensure_future(reader())
        await asyncio.wait_for(heard.wait(), 20)
        if way == "cancelled":
            task.cancel()
        await asyncio.wait([task])
        await asyncio.wait_for(server.hung_up.wait(), 20)

    with_server(story, [CHUNKED + b"2\r\nab\r\n", None])


def test_a_body_over_the_readers_limit_is_refused() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> bytes:
        async with http.send(HttpRequest("GET", server.url)) as response:
            with pytest.raises(TooLargeError, match="more than 1 bytes"):
                await response.read(1)
        async with http.send(HttpRequest("GET", server.url)) as response:
            return await response.read(2)

    assert with_server(story, [OK], [OK]) == b"ok"


def test_an_exception_of_the_reader_passes_untouched() -> None:
    async def story(http: HttpxHttp, server: RawServer) -> None:
        with pytest.raises(ValueError, match="mine"):
            async with http.send(HttpRequest("GET", server.url)):
                raise ValueError("mine")
        with pytest.raises(OSError, match="mine too"):
            async with http.send(HttpRequest("GET", server.url)):
                raise OSError("mine too")

    with_server(story, [OK], [OK])


def test_messages_never_show_what_is_secret_in_a_url() -> None:
    url = "https://user:password@host:1/path?key=secret"
    error = network_error(httpx.ConnectError(f"cannot reach {url}"), url, "headers")
    assert shown(url) == "https://host:1/path"
    assert (error.what, error.why) == ("https://host:1/path broke at connect", "cannot reach https://host:1/path")


def exception_classes() -> list[type[Exception]]:
    found = [value for value in vars(httpx).values() if inspect.isclass(value) and issubclass(value, Exception)]
    return sorted(found, key=lambda kind: kind.__name__)


def made(kind: type[Exception]) -> Exception:
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("GET", "http://x")
        return kind("words", request=request, response=httpx.Response(500))  # type: ignore[call-arg]
    try:
        return kind("words")
    except TypeError:
        return kind()


CONNECTING = {
    "ConnectError",
    "ConnectTimeout",
    "InvalidURL",
    "PoolTimeout",
    "ProxyError",
    "UnsupportedProtocol",
}


@pytest.mark.parametrize("kind", exception_classes(), ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_leaves_the_door_as_a_network_error(kind: type[Exception]) -> None:
    async def story(http: HttpxHttp, server: RawServer) -> NetworkError:
        async with http.send(HttpRequest("GET", server.url)) as response:
            inner = response._response  # type: ignore[attr-defined]
            inner.stream = Breaking(made(kind))
            with pytest.raises(NetworkError) as caught:
                await response.read()
            return caught.value

    error = with_server(story, [OK])
    assert error.phase == ("connect" if kind.__name__ in CONNECTING else "body")
    assert (error.bytes_seen, type(error.__cause__)) == (3, kind)


@pytest.mark.parametrize("error", [OSError(104, "reset"), ssl.SSLError("x"), UnicodeError("idna"), TimeoutError()])
def test_what_comes_from_below_httpx_is_mapped_too(error: Exception) -> None:
    async def story(http: HttpxHttp, server: RawServer) -> type[BaseException | None]:
        async with http.send(HttpRequest("GET", server.url)) as response:
            response._response.stream = Breaking(error)  # type: ignore[attr-defined]
            with pytest.raises(NetworkError) as caught:
                await response.read()
            return type(caught.value.__cause__)

    assert with_server(story, [OK]) is type(error)


class Breaking(httpx.AsyncByteStream):
    """A body of three bytes that breaks with `error`."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        yield b"abc"
        raise self.error
