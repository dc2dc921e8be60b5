"""The codec and the caller against a model server that nobody here wrote."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from agentd.providers.base import (
    Ended,
    Failure,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextPiece,
    ToolDefinition,
    ToolUse,
)
from agentd.providers.call import HttpProvider, ask_server
from agentd.providers.connection import Connection
from agentd.providers.keys import Keys
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.prepared import mint
from agentd.providers.report import Report
from agentd.world.real import real_world
from agentproto.content import Block, TextBlock, ToolResultBlock, ToolUseBlock
from support.real_model import RealModel, real_model

pytestmark = pytest.mark.timeout(900)  # the first run makes the server's environment and its model

READ = ToolDefinition(
    "read_file",
    "Read a file. Use it for every question about a file.",
    {
        "type": "object",
        "properties": {"path": {"type": "string", "maxLength": 40}, "limit": {"type": "integer", "minimum": 1}},
        "required": ["path", "limit"],
        "additionalProperties": False,
    },
)
TRIES = 20  # the small model calls a tool in about two turns of three, and sometimes ends its turn at once


@pytest.fixture(scope="module")
def model() -> Iterator[RealModel]:
    with real_model() as found:
        yield found


def asked(
    model: RealModel, *messages: ModelMessage, tools: tuple[ToolDefinition, ...] = (), most: int = 40
) -> ModelRequest:
    return ModelRequest(model.model, (("identity", "You are brief."),), tools, messages, most)


def user(*blocks: Block) -> ModelMessage:
    return ModelMessage("user", blocks)


def send(model: RealModel, home: Path, *requests: ModelRequest, pieces: int | None = None) -> list[list[ModelEvent]]:
    """Each request's events, one after the other; `pieces`: hang up after so many."""

    async def run() -> list[list[ModelEvent]]:
        world = real_world(str(home))
        connection = Connection("real", "openai-chat", model.url, model.model)
        provider = HttpProvider("real", OpenAIChat(), connection, world, Keys({}, world))
        answers: list[list[ModelEvent]] = []
        try:
            for request in requests:
                call = mint(
                    provider="real",
                    body=provider.encode(request),
                    purpose="test",
                    session="s",
                    call="c",
                    input_tokens=1,
                    output_tokens=request.max_output,
                )
                events: list[ModelEvent] = []
                async with aclosing(provider.stream(call)) as stream:
                    async for event in stream:
                        events.append(event)
                        if len(events) == pieces:
                            break
                answers.append(events)
        finally:
            await world.http.close()
        return answers

    return asyncio.run(run())


def send_until(
    model: RealModel, home: Path, request: ModelRequest, seen: Callable[[list[ModelEvent]], bool], **more: int
) -> list[ModelEvent]:
    """The first answer that shows what is looked for: what a model says is its own affair."""
    events: list[ModelEvent] = []
    for _ in range(TRIES):
        [events] = send(model, home, request, **more)
        if seen(events):
            return events
    raise AssertionError(f"{TRIES} answers, and none was as looked for; the last: {events}")


def texts(events: list[ModelEvent]) -> int:
    return sum(isinstance(event, TextPiece) for event in events)


HELLO = user(TextBlock("Say something about classes in Python, at some length."))


def test_a_text_streams_and_is_counted(model: RealModel, home: Path) -> None:
    events = send_until(model, home, asked(model, HELLO), lambda events: texts(events) > 3)
    last = events[-1]
    assert isinstance(last, Ended)
    assert last.stop in ("length", "end")
    assert not last.usage.estimated
    assert last.usage.input > 10
    assert 3 < last.usage.output <= 40


def test_a_longer_conversation_is_read_from_the_servers_cache(model: RealModel, home: Path) -> None:
    rules = user(TextBlock("Rules. " * 60))
    [first] = send(model, home, asked(model, rules, most=4))
    said = "".join(event.text for event in first if isinstance(event, TextPiece))
    longer = asked(model, rules, ModelMessage("assistant", (TextBlock(said),)), user(TextBlock("More.")), most=4)
    [second] = send(model, home, longer)
    ends = [events[-1] for events in (first, second)]
    assert all(isinstance(end, Ended) for end in ends)
    one, two = (end.usage for end in ends if isinstance(end, Ended))
    assert two.cached > one.input // 2 or not model.ours


def test_a_tool_is_called_of_the_models_own_accord_and_its_result_is_taken(model: RealModel, home: Path) -> None:
    request = asked(model, user(TextBlock("What is in the file a.txt? Read it.")), tools=(READ,), most=300)
    events = send_until(model, home, request, lambda events: any(isinstance(event, ToolUse) for event in events))
    use = next(event for event in events if isinstance(event, ToolUse))
    assert isinstance(events[-1], Ended)
    assert (events[-1].stop, use.name) == ("tool_use", "read_file")
    assert use.arguments is not None
    assert (type(use.arguments["path"]), type(use.arguments["limit"])) == (str, int)
    assert use.model_id != ""
    called = ModelMessage("assistant", (ToolUseBlock("t1.1.1", use.name, use.arguments, use.model_id),))
    answered = asked(
        model, *request.messages, called, user(ToolResultBlock("t1.1.1", "One line.")), tools=(READ,), most=8
    )
    [after] = send(model, home, answered)
    assert isinstance(after[-1], Ended)
    assert after[-1].usage.input > events[-1].usage.input


def has_ended(events: list[ModelEvent]) -> bool:
    return isinstance(events[-1], Ended) and events[-1].stop == "end"


def test_an_answer_has_the_form_that_it_was_asked_for(model: RealModel, home: Path) -> None:
    fields = {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}}
    schema = {"type": "object", "properties": fields, "required": ["name", "age"], "additionalProperties": False}
    request = dataclasses.replace(asked(model, user(TextBlock("Who is it?")), most=200), schema=schema)
    events = send_until(model, home, request, has_ended)
    answer = json.loads("".join(event.text for event in events if isinstance(event, TextPiece)))
    assert {name: type(value) for name, value in answer.items()} == {"name": str, "age": int}


def test_a_prompt_that_is_too_long_is_an_overflow(model: RealModel, home: Path) -> None:
    [[event]] = send(model, home, asked(model, user(TextBlock("word " * 3 * model.window))))
    assert isinstance(event, Failure)
    assert (event.kind, event.status) == ("overflow", 400)
    assert not model.ours or event.details["window"] == model.window


def test_closing_the_iterator_ends_the_generation(model: RealModel, home: Path) -> None:
    send_until(model, home, asked(model, HELLO, most=1_500), lambda events: texts(events) == 2, pieces=2)
    assert model.falls_idle()


def test_it_tells_its_window(model: RealModel, home: Path) -> None:
    async def run() -> Report | Failure:
        world = real_world(str(home))
        try:
            connection = Connection("real", "openai-chat", model.url, model.model)
            return await ask_server(connection, world, Keys({}, world))
        finally:
            await world.http.close()

    found = asyncio.run(run())
    assert isinstance(found, Report)
    assert found == Report((model.model,), model.window, 2) or not model.ours


def test_a_wrong_address_is_not_found(model: RealModel, home: Path) -> None:
    wrong = RealModel(model.url + "/nowhere", model.model, model.window, model.ours)
    [[event]] = send(wrong, home, asked(model, HELLO))
    assert isinstance(event, Failure)
    assert event.kind == "not_found"
