"""What every model connection is: a request goes in, a stream of typed events comes out.

A provider of the network kind is a pure codec (`encode`, `decoder`) and nothing else; `providers.call` alone awaits.
`offline` and `scripted` answer by themselves, behind the same interface. The only thing that can be sent is a
`PreparedCall`, and only `agentd.context.budget` can make one (`providers.prepared`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from agentd.providers.prepared import PreparedCall
from agentproto.content import Block, ImageBlock, ProviderPart

__all__ = [
    "REMINDER_TAG",
    "Codec",
    "Decoder",
    "Effort",
    "Encoded",
    "Ended",
    "Failure",
    "FailureClass",
    "ModelEvent",
    "ModelMessage",
    "ModelRequest",
    "Provider",
    "StopCause",
    "TextPiece",
    "ThinkingPiece",
    "ToolDefinition",
    "ToolUse",
    "Usage",
]

StopCause = Literal["end", "tool_use", "length", "refused", "filtered"]

Effort = Literal["", "low", "medium", "high"]

REMINDER_TAG = "system-reminder"
"""The tag around what the daemon tells a model beside the talk. Nobody else can write it (`context.reminders`)."""

FailureClass = Literal[
    "overflow", "rate_limited", "overloaded", "auth", "bad_request", "refused", "network", "broken_stream", "not_found"
]


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as the model is told of it; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, object]


class ModelMessage(msgspec.Struct, frozen=True, gc=False):
    """One message of the canonical, already normalised conversation. A long one has thousands: they hold no circles, and
    the garbage collector, which stops the loop for each round, need not look at them."""

    role: Literal["user", "assistant"]
    blocks: tuple[Block, ...]


@dataclass(slots=True)
class Encoded:
    """What a codec keeps of one conversation from request to request, so that it has to encode only what is new.

    Whoever owns the conversation makes one, hands it in with each request and drops it when it likes. `kept` is the
    codec's own business: it takes what it knows by its type, and begins anew with anything else. Never changes a byte.
    `told`: blobs of the pictures that were told in words; they stay so, whatever comes later. `shown`: the pictures of
    the latest request whose bytes are in it, each as often as it is there.
    """

    kept: object = None
    told: set[str] = field(default_factory=set)
    shown: list[ImageBlock] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Everything a model is asked. `system` are named sections in their order; `max_output` is in tokens.

    `effort`: how much it may think (empty: as its server likes). `schema`: the JSON Schema that the answer has to fit.
    `images`: blob -> bytes of the pictures that are shown; one that is not among them is told in words. `encoded` is no
    part of what is asked: it spares the codec work.
    """

    model: str
    system: tuple[tuple[str, str], ...]
    tools: tuple[ToolDefinition, ...]
    messages: tuple[ModelMessage, ...]
    max_output: int
    temperature: float | None = None
    effort: Effort = ""
    schema: Mapping[str, object] | None = None
    images: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    encoded: Encoded | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; `cached` and `cache_written` are parts of `input`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class TextPiece:
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingPiece:
    """`provider` comes with the last piece of a thinking block, where there is one."""

    text: str
    provider: ProviderPart | None = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A whole tool call. `arguments` is None when `raw` could not be read as a JSON object."""

    model_id: str
    name: str
    arguments: dict[str, object] | None
    raw: str
    provider: ProviderPart | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream ended as it should."""

    stop: StopCause
    usage: Usage


@dataclass(frozen=True, slots=True)
class Failure:
    """The call failed. The last event of its stream: a provider's stream does not raise for what a server does.

    `kind` chooses the policy (providers.failures); `text` is for people; `retry_after_ms` is what the server asked.
    """

    kind: FailureClass
    text: str
    remedy: str = ""
    status: int | None = None
    retry_after_ms: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)


ModelEvent = TextPiece | ThinkingPiece | ToolUse | Ended | Failure


class Decoder(Protocol):
    """Bytes of one response's body -> events. Fed in pieces cut anywhere; `end` is called when the body ended."""

    def feed(self, data: bytes) -> Iterable[ModelEvent]: ...

    def end(self) -> Iterable[ModelEvent]:
        """What is still owed: `Ended`, or a `Failure` of class broken_stream when the stream stopped too early."""
        ...


class Codec(Protocol):
    """The pure half of a network provider."""

    @property
    def kind(self) -> str: ...

    def path(self) -> str:
        """Appended to the connection's url, e.g. `/chat/completions`."""
        ...

    def headers(self, key: str | None) -> Mapping[str, str]: ...

    def encode(self, request: ModelRequest) -> bytes:
        """The body. Deterministic: equal requests give equal bytes; tools come before messages, messages last, so that
        a longer conversation begins with the bytes of the shorter one."""
        ...

    def decoder(self) -> Decoder: ...

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
        """What a response that is no stream means, from status and body (`now_ms`: a Retry-After may be a date)."""
        ...


class Provider(Protocol):
    """A connection as the turn's runner uses it."""

    name: str
    kind: str

    def encode(self, request: ModelRequest) -> bytes:
        """The request's bytes, for the budget to count and to mint."""
        ...

    def stream(self, call: PreparedCall) -> AsyncGenerator[ModelEvent, None]:
        """Send it. The last event is `Ended` or `Failure`; `aclose()` of the generator closes the connection at once."""
        ...
