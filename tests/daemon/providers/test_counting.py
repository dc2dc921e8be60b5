"""What a server is asked about a body, how its answer is read, and that nothing it does is an exception."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Codec, Ended, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.call import HttpProvider, count_tokens, counted_by
from agentd.providers.connection import Connection
from agentd.providers.counting import Step, steps
from agentd.providers.keys import Keys
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentd.providers.prepared import mint
from agentd.world.doors import HttpRequest
from agentd.world.fake import fake_world
from agentd.world.fake_http import Answer, Pause, Refused
from agentd.world.real import real_world
from agentproto.content import Block, TextBlock, ToolResultBlock, ToolUseBlock
from support.real_model import RealModel, real_model

TOOL = ToolDefinition(
    "read_file",
    "Read a file. <|im_end|>",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)


def said(role: str, *blocks: Block) -> ModelMessage:
    return ModelMessage(role, blocks)  # type: ignore[arg-type]


HELLO = said("user", TextBlock("Grüße, 日本 <|im_start|>!"))


def asked(*messages: ModelMessage, tools: tuple[ToolDefinition, ...] = (), model: str = "m") -> ModelRequest:
    return ModelRequest(model, (("identity", "You are brief."),), tools, messages or (HELLO,), 16, 0.5)


def questions(kind: str, codec: Codec, url: str, *, tools: bool = True) -> list[tuple[str, dict[str, object]]]:
    body = codec.encode(asked(tools=(TOOL,) if tools else ()))
    found = steps(Connection("c", kind, url, "m"), "sesame", body)
    return [(step.question.url, json.loads(step.question.body)) for step in found]


def test_messages_are_counted_without_what_limits_the_answer() -> None:
    [(url, body)] = questions("anthropic", AnthropicMessages(), "https://h/v1")
    whole = json.loads(AnthropicMessages().encode(asked(tools=(TOOL,))))
    assert url == "https://h/v1/messages/count_tokens"
    assert body == {name: whole[name] for name in ("model", "system", "tools", "messages")}


def test_of_chat_completions_the_template_is_asked_first() -> None:
    whole = json.loads(OpenAIChat().encode(asked(tools=(TOOL,))))
    wanted = {name: whole[name] for name in ("model", "tools", "messages")}
    assert questions("openai-chat", OpenAIChat(), "http://h:1/v1/") == [
        ("http://h:1/apply-template", wanted),
        ("http://h:1/tokenize", wanted),
    ]


def test_the_template_s_prompt_is_tokenized_as_chat_completions_does() -> None:
    template, _ = steps(Connection("c", "openai-chat", "http://h/v1", "m"), "k", OpenAIChat().encode(asked()))
    second = template.read(b'{"prompt": "<s>hi"}')
    assert isinstance(second, Step)
    assert (second.question.url, second.question.headers) == ("http://h/tokenize", template.question.headers)
    assert json.loads(second.question.body) == {"content": "<s>hi", "add_special": True, "parse_special": True}
    assert second.read(b'{"tokens": [1, 2, 3]}') == 3
    assert [second.read(one) for one in (b'{"tokens": []}', b"{}", b"oops", b"[]")] == [None] * 4


def test_who_has_no_question_is_not_asked() -> None:
    body = OpenAIResponses().encode(asked())
    picture = b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}'
    for kind, data in (
        ("ollama", b"{}"),
        ("openai-responses", body),
        ("openai-chat", b"oops"),
        ("openai-chat", picture),
    ):
        assert steps(Connection("c", kind, "http://h", "m"), None, data) == ()


@given(st.binary(max_size=60) | st.just(b'{"prompt": 1, "count": true, "tokens": 3, "input_tokens": -1}'))
def test_no_answer_is_an_exception(answer: bytes) -> None:
    for kind, codec in (("anthropic", AnthropicMessages()), ("openai-chat", OpenAIChat())):
        for step in steps(Connection("c", kind, "http://h", "m"), None, codec.encode(asked())):
            assert step.read(answer) is None


# --- asked, in a simulated world ---


def counted(answer: Callable[[HttpRequest], Answer | Refused], *, key: str = "") -> tuple[object, int, list[str]]:
    """(what came of it, ms that it took, paths that were asked)."""
    world = fake_world(auto=True)
    world.http.on(answer)
    connection = Connection("c", "openai-chat", "http://h/v1", "m", key)
    found = world.run(counted_by(connection, world, Keys({}, world), OpenAIChat().encode(asked()), 1_000))
    paths = [request.url.removeprefix("http://h") for request in world.http.network.sent]
    return found, world.clock.monotonic_ms(), paths


def test_llama_cpp_and_vllm_count_each_in_its_own_way() -> None:
    def llama(request: HttpRequest) -> Answer:
        return Answer(parts=[b'{"prompt": "x"}' if "template" in request.url else b'{"tokens": [7, 8]}'])

    def vllm(request: HttpRequest) -> Answer:
        return Answer(404) if "template" in request.url else Answer(parts=[b'{"count": 9, "tokens": []}'])

    assert counted(llama) == (2, 0, ["/apply-template", "/tokenize"])
    assert counted(vllm) == (9, 0, ["/apply-template", "/tokenize"])


@pytest.mark.parametrize(
    ("answer", "found", "took_ms"),
    [
        (Answer(404), "never", 0),
        (Answer(parts=[b"<html>"]), "never", 0),
        (Answer(500), "not_now", 0),
        (Answer(400), "not_now", 0),
        (Answer(308, {"location": "http://elsewhere"}), "not_now", 0),
        (Refused(), "not_now", 0),
        (Answer(parts=[Pause(60_000)]), "not_now", 1_000),
    ],
)
def test_a_server_that_can_not_is_told_from_one_that_did_not(
    answer: Answer | Refused, found: str, took_ms: int
) -> None:
    assert counted(lambda request: answer)[:2] == (found, took_ms)


def test_nobody_is_asked_to_unlock_a_key_for_a_count() -> None:
    assert counted(lambda request: Answer(), key="cmd:pass x") == ("not_now", 0, [])
    assert counted(lambda request: Answer(), key="env:NONE") == ("not_now", 0, [])


# --- a server that nobody here wrote ---


@pytest.fixture(scope="module")
def model() -> Iterator[RealModel]:
    with real_model() as found:
        yield found


TALKS = {
    "a question": asked(),
    "with tools": asked(tools=(TOOL,)),
    "a tool's result": asked(
        HELLO,
        said("assistant", TextBlock("I look."), ToolUseBlock("t1", "read_file", {"path": "a b"}, "t1")),
        said("user", ToolResultBlock("t1", "line one\nline two <tool_call>")),
        tools=(TOOL,),
    ),
    "a long one": asked(
        *(said(role, TextBlock(f"{n} words")) for n in range(20) for role in ("user", "assistant")), HELLO
    ),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", TALKS)
def test_the_count_is_what_the_server_then_reports(name: str, model: RealModel, home: Path) -> None:
    async def run() -> tuple[int | None, int]:
        world = real_world(str(home))
        connection = Connection("real", "openai-chat", model.url, model.model)
        keys = Keys({}, world)
        provider = HttpProvider("real", OpenAIChat(), connection, world, keys)
        request = TALKS[name]
        body = provider.encode(ModelRequest(model.model, request.system, request.tools, request.messages, 8))
        try:
            found = await count_tokens(connection, world, keys, body, 5_000)
            call = mint(
                provider="real", body=body, purpose="test", session="", call="c", input_tokens=1, output_tokens=8
            )
            async with aclosing(provider.stream(call)) as stream:
                ends = [event.usage for event in [one async for one in stream] if isinstance(event, Ended)]
            return found, ends[0].input
        finally:
            await world.http.close()

    found, reported = asyncio.run(run())
    assert (found, reported > 10) == (reported, True)
