"""The production network: one pool of kept connections, HTTP/1.1, no redirects, no environment.

It decides how httpx's faults become `NetworkError`s, which deadline ends what, and that a request which met a kept
connection in the moment in which its server closed it is sent again on another: nothing was wrong but the moment. A
request that went out on a connection of its own is never repeated here. It must never follow a redirect,
read a proxy or a certificate path from the environment, or keep a cookie. This is the only importer of httpx in the
daemon; `agentd.world.real` imports it when the first request is sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx

from agentd.errors import NetworkError, TooLargeError
from agentd.world.doors import HttpRequest, HttpResponse

__all__ = ["HttpxHttp", "HttpxResponse", "network_error", "shown"]

_MOST_KEPT = 20
_KEEP = httpx.Limits(max_connections=100, max_keepalive_connections=_MOST_KEPT, keepalive_expiry=60.0)
"""100: the sub-agents of a busy day and then some; kept for 60 s, less than the usual server's patience of 75 s."""

_CONNECTING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)

_CLOSED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""What a connection that its server has closed shows itself by, whenever it is noticed."""

_FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict, OSError, UnicodeError)
"""Everything that httpx raises, and what has been seen to come through it from below."""


def shown(url: str) -> str:
    """A URL for messages: without user, password and query, where keys are put."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def network_error(error: Exception, url: str, phase: str, bytes_seen: int = 0) -> NetworkError:
    """The error as it leaves the door; faults that can only be of connecting say so whenever they come."""
    if isinstance(error, _CONNECTING):
        phase = "connect"
    words = " ".join(str(error).split()) or type(error).__name__
    too_slow = isinstance(error, TimeoutError | httpx.TimeoutException)
    if too_slow:
        words = f"no answer in time ({type(error).__name__})"
    return NetworkError(
        f"{shown(url)} broke at {phase}",
        phase=phase,
        bytes_seen=bytes_seen,
        why=words.replace(url, shown(url)),
        timeout=too_slow,
    )


class HttpxResponse:
    """See `agentd.world.doors.HttpResponse`."""

    def __init__(self, response: httpx.Response, url: str, total_at: float) -> None:
        self._response = response
        self._url = url
        self._total_at = total_at

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return dict(self._response.headers.items())

    async def chunks(self) -> AsyncIterator[bytes]:
        seen = 0
        parts = self._response.aiter_bytes()
        while True:
            with _translated(self._url, "body", seen):
                async with asyncio.timeout_at(self._total_at):
                    part = await anext(parts, b"")
            if not part:
                return
            seen += len(part)
            yield part

    async def read(self, limit: int = 4 * 1024 * 1024) -> bytes:
        body = bytearray()
        async for part in self.chunks():
            body += part
            if len(body) > limit:
                raise TooLargeError(f"the answer of {shown(self._url)} has more than {limit} bytes")
        return bytes(body)


class HttpxHttp:
    """See `agentd.world.doors.Http`. `proxy`: a URL from the settings, or None."""

    def __init__(self, *, proxy: str | None = None) -> None:
        self._proxy = proxy
        self._clients: dict[bool, httpx.AsyncClient] = {}

    @asynccontextmanager
    async def send(self, request: HttpRequest) -> AsyncIterator[HttpResponse]:
        url = request.url
        total_at = asyncio.get_running_loop().time() + request.total_ms / 1_000
        stall = request.stall_ms / 1_000
        connect = request.connect_ms / 1_000
        with _translated(url, "headers"):
            client = self._client(secure=not url.startswith("http:"))
            prepared = client.build_request(
                request.method,
                url,
                headers={"accept-encoding": "identity", **{name.lower(): v for name, v in request.headers.items()}},
                content=request.body or None,
                timeout=httpx.Timeout(connect=connect, read=stall, write=stall, pool=connect),
            )
            async with asyncio.timeout_at(total_at):
                response = await _sent(client, prepared)
        try:
            yield HttpxResponse(response, url, total_at)
        finally:
            with _translated(url, "body"):
                await response.aclose()

    async def close(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    def _client(self, *, secure: bool) -> httpx.AsyncClient:
        """Two pools: the certificates of the world take 30 ms to load, and a local model server needs none. The plain
        pool's context trusts nobody, so it can never make an encrypted connection by mistake."""
        client = self._clients.get(secure)
        if client is None:
            client = httpx.AsyncClient(
                verify=ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                http1=True,
                http2=False,
                follow_redirects=False,
                trust_env=False,
                proxy=self._proxy,
                limits=_KEEP,
                timeout=None,
                headers={"user-agent": "agentd"},
                cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            )
            self._clients[secure] = client
        return client


async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send it; again as long as a kept connection was closed before it answered a byte. Each such failure leaves the pool
    with one connection less, so the last try is on a new one."""
    for left in reversed(range(_MOST_KEPT + 1)):
        way = _Way()
        request.extensions["trace"] = way.took
        try:
            return await client.send(request, stream=True)
        except _CLOSED:
            if way.is_new or way.answered or not left:
                raise
    raise AssertionError("the last try answers or raises")


class _Way:
    """What httpcore says of the way that a request took."""

    def __init__(self) -> None:
        self.is_new = False
        self.answered = False

    async def took(self, name: str, info: Mapping[str, object]) -> None:
        self.is_new |= "connect_tcp" in name
        self.answered |= name == "http11.receive_response_headers.complete"


@contextmanager
def _translated(url: str, phase: str, bytes_seen: int = 0) -> Iterator[None]:
    try:
        yield
    except _FOREIGN as error:
        raise network_error(error, url, phase, bytes_seen) from error
