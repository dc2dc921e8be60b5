"""A model in the household that is asked in a real protocol, by a codec, and what its requests were.

house = Household(world, replies)
model = see(house, AnthropicMessages(), window=32_000)
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from agentd.context.budget import Window
from agentd.providers.base import Codec, Failure, ModelEvent, ModelRequest
from agentd.providers.prepared import PreparedCall
from agentd.turn.parts import ModelChoice
from agentd.turn.sessions import Sessions
from support.household import Household, TalkModel

__all__ = ["SeeingModel", "see"]


@dataclass
class SeeingModel(TalkModel):
    """Answers as `TalkModel` does. `calls`: what was sent; `refuses`: how many of the next calls are told to be too long."""

    codec: Codec | None = None
    calls: list[PreparedCall] = field(default_factory=list)
    refuses: int = 0
    _asked: dict[bytes, ModelRequest] = field(default_factory=dict)

    def encode(self, request: ModelRequest) -> bytes:
        assert self.codec is not None
        body = self.codec.encode(request)
        self._asked[body] = dataclasses.replace(request, images={}, encoded=None)
        return body

    def request_of(self, call: PreparedCall) -> ModelRequest:
        return self._asked[call.body]

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        self.calls.append(call)
        if self.refuses:
            self.refuses -= 1
            yield Failure("overflow", "prompt is too long", status=400)
            return
        async for event in super().stream(call):
            yield event

    @property
    def bodies(self) -> list[bytes]:
        return [call.body for call in self.calls]


class _OneModel:
    def __init__(self, choice: ModelChoice) -> None:
        self.choice = choice

    async def ready(self, name: str) -> None:
        return

    def get(self, name: str) -> ModelChoice:
        return self.choice

    def default(self) -> str:
        return "talk"


def see(
    house: Household, codec: Codec, *, window: int = 200_000, images: bool = True, name: str = "seeing"
) -> SeeingModel:
    """Give the household a model of this protocol; whether it is shown pictures."""
    model = SeeingModel(house.model.replies, house.world, name=name, codec=codec)
    choice = ModelChoice(model, "m", Window(window, 4_000), images=images)
    house.parts = dataclasses.replace(house.parts, models=_OneModel(choice))
    house.sessions = Sessions(house.parts, house.requests)
    return model
