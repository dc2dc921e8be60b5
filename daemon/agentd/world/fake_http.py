"""A network that is one function: request -> answer, part by part, with pauses and breaks.

It decides how a scripted answer meets the request's deadlines, by the same rules as the production door. Real HTTP
(framing, headers that come byte by byte) is tested against a real server; this is for what a room makes of an answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentd.errors import NetworkError, TooLargeError
from agentd.world.doors import HttpRequest, HttpResponse
from agentd.world.fake_clock import FakeClock
from agentd.world.faults import Points

__all__ = ["Answer", "Answerer", "Break", "FakeHttp", "FakeHttpResponse", "Network", "Pause", "Refused"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing comes for `ms`; `NetworkError` when that is more than the request's `stall_ms`."""

    ms: int


@dataclass(frozen=True, slots=True)
class Break:
    """The connection breaks here."""

    why: str = "connection reset by peer"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and the body as it comes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[bytes | Pause | Break] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody answers; `phase` is connect or headers."""

    why: str = "connection refused"
    phase: str = "connect"


Answerer = Callable[[HttpRequest], Answer | Refused | Awaitable[Answer | Refused]]


@dataclass(slots=True)
class Network:
    """What is out there and what was sent to it: outlives a simulated crash of the daemon."""

    answerer: Answerer | None = None
    sent: list[HttpRequest] = field(default_factory=list)


class FakeHttpResponse:
    """See `agentd.world.doors.HttpResponse`."""

    def __init__(self, answer: Answer, request: HttpRequest, clock: FakeClock, total_at: int) -> None:
        self._answer = answer
        self._request = request
        self._clock = clock
        self._total_at = total_at

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return dict(self._answer.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        seen = 0
        for part in self._answer.parts:
            match part:
                case bytes():
                    # As from a socket, other tasks may run between two parts.
                    await self._clock.sleep(0)
                    seen += len(part)
                    yield part
                case Pause():
                    left = min(self._request.stall_ms, self._total_at - self._clock.monotonic_ms())
                    await self._clock.sleep(min(part.ms, left))
                    if part.ms > left:
                        raise _broken(self._request, "body", "no answer in time", seen)
                case Break():
                    raise _broken(self._request, "body", part.why, seen)

    async def read(self, limit: int = 4 * 1024 * 1024) -> bytes:
        body = b"".join([part async for part in self.chunks()])
        if len(body) > limit:
            raise TooLargeError(f"the answer of {self._request.url} has more than {limit} bytes")
        return body


class FakeHttp:
    """See `agentd.world.doors.Http`. Without an `answerer` every connection is refused."""

    def __init__(self, points: Points, clock: FakeClock, network: Network | None = None) -> None:
        self._points = points
        self._clock = clock
        self.network = network or Network()

    def on(self, answerer: Answerer) -> None:
        self.network.answerer = answerer

    @asynccontextmanager
    async def send(self, request: HttpRequest) -> AsyncIterator[HttpResponse]:
        total_at = self._clock.monotonic_ms() + request.total_ms
        answer: Answer | Refused = Refused()
        try:
            with self._points.call("http.send", request.url):
                self.network.sent.append(request)
                if self.network.answerer is not None:
                    given = self.network.answerer(request)
                    answer = given if isinstance(given, Answer | Refused) else await given
        except OSError as error:
            raise _broken(request, "connect", str(error)) from error
        if isinstance(answer, Refused):
            raise _broken(request, answer.phase, answer.why)
        yield FakeHttpResponse(answer, request, self._clock, total_at)

    async def close(self) -> None:
        return None


def _broken(request: HttpRequest, phase: str, why: str, bytes_seen: int = 0) -> NetworkError:
    what = f"{request.url} broke at {phase}"
    return NetworkError(what, phase=phase, bytes_seen=bytes_seen, why=why, timeout=why.startswith("no answer in time"))
