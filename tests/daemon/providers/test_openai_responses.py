"""The request half of OpenAI Responses: exact bytes, reasoning that goes home, valid histories, a prefix that stays."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings

from agentd.providers import validate
from agentd.providers.base import Effort, Encoded, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.openai_responses import OpenAIResponses
from agentproto.content import Block, ImageBlock, ProviderPart, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock
from support.histories import HOST, histories, steps, wishes

CODEC = OpenAIResponses(HOST)
TOOL = ToolDefinition("write", "Write a file.", {"type": "object", "properties": {"path": {}, "content": {}}})
REASONING = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gA/+=="}


def user(*blocks: Block) -> ModelMessage:
    return ModelMessage("user", blocks)


def model(*blocks: Block) -> ModelMessage:
    return ModelMessage("assistant", blocks)


def sent(*messages: ModelMessage) -> list[dict[str, Any]]:
    found = json.loads(CODEC.encode(ModelRequest("m", (), (), messages, 1)))["input"]
    assert isinstance(found, list)
    return found


def test_the_body_to_the_byte() -> None:
    system = (("identity", "You are."), ("none", ""), ("rules", "Be."))
    body = CODEC.encode(ModelRequest("gpt-5", system, (TOOL,), (user(TextBlock("Grüße")),), 512, 0.2))
    assert body.decode() == (
        '{"model":"gpt-5","stream":true,"store":false,"include":["reasoning.encrypted_content"],'
        '"max_output_tokens":512,"temperature":0.2,'
        '"tools":[{"type":"function","name":"write","description":"Write a file.",'
        '"parameters":{"type":"object","properties":{"path":{},"content":{}}},"strict":false}],'
        '"instructions":"You are.\\n\\nBe.",'
        '"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Grüße"}]}]}'
    )


def test_what_is_not_wanted_is_not_sent() -> None:
    body = json.loads(OpenAIResponses(HOST, "s1").encode(ModelRequest("gpt-4o-mini", (), (), (), 7)))
    assert body == {
        "model": "gpt-4o-mini",
        "stream": True,
        "store": False,
        "prompt_cache_key": "s1",
        "max_output_tokens": 16,
        "input": [],
    }


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("gpt-5", True),
        ("o3", True),
        ("gpt-4.1", False),
        ("ft:gpt-4o:me", False),
        ("openai/gpt-4o", False),
        ("qwen", True),
    ],
)
def test_encrypted_reasoning_is_asked_only_of_models_that_reason(name: str, asked: bool) -> None:
    assert (b"encrypted_content" in CODEC.encode(ModelRequest(name, (), (), (), 16))) is asked


def test_calls_and_results_are_items_paired_by_call_id() -> None:
    messages = sent(
        user(TextBlock("go")),
        model(
            ThinkingBlock("not kept"),
            TextBlock("Two files."),
            ToolUseBlock("t1.1.1", "read", {"path": "a b", "n": 1}, "call_A"),
            ToolUseBlock("t1.1.2", "read", {}, ""),
        ),
        user(
            TextBlock("and"), ToolResultBlock("t1.1.1", "A"), ToolResultBlock("t1.1.2", "", "error"), TextBlock("now")
        ),
    )
    assert messages == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
        {"type": "message", "role": "assistant", "content": "Two files."},
        {"type": "function_call", "call_id": "call_A", "name": "read", "arguments": '{"path":"a b","n":1}'},
        {"type": "function_call", "call_id": "t1_2e1_2e2", "name": "read", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_A", "output": "A"},
        {"type": "function_call_output", "call_id": "t1_2e1_2e2", "output": ""},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "and"}, {"type": "input_text", "text": "now"}],
        },
    ]


def thought(host: str = HOST, maker: str = "openai-responses", item: object = REASONING) -> ThinkingBlock:
    return ThinkingBlock("", ProviderPart(maker, {"host": host, "item": item}))


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        ((thought(), TextBlock("x")), 1),
        ((thought(), ToolUseBlock("c", "read", {})), 1),
        ((thought(), thought(), TextBlock("x")), 1),
        ((thought(), thought(item={**REASONING, "id": "rs_2"}), TextBlock("x")), 2),
        ((thought("b.host"), TextBlock("x")), 0),
        ((thought(maker="anthropic"), TextBlock("x")), 0),
        ((thought(item={"type": "message"}), TextBlock("x")), 0),
        ((TextBlock("x"), thought()), 0),
        ((thought(), TextBlock("\n")), 0),
    ],
)
def test_reasoning_goes_only_home_and_only_before_what_it_led_to(blocks: tuple[Block, ...], kept: int) -> None:
    items = sent(user(TextBlock("go")), model(*blocks))
    assert len([item for item in items if item["type"] == "reasoning"]) == kept
    assert [item for item in items if item.get("id") == "rs_1"] == [REASONING][:kept]


def test_a_model_that_does_not_reason_gets_none_also_in_the_middle_of_a_session() -> None:
    talk = (user(TextBlock("a")), model(thought(), TextBlock("b")), user(TextBlock("c")))
    encoded = Encoded()
    asked = [ModelRequest(name, (), (), talk, 16, encoded=encoded) for name in ("gpt-5", "gpt-4o", "gpt-5")]
    assert [b"gA/+==" in CODEC.encode(request) for request in asked] == [True, False, True]


def test_reasoning_comes_back_to_the_byte() -> None:
    stream = b'data: {"type":"response.output_item.done","output_index":0,"item":%b}\n\n'
    item = b'{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"\xc3\xa9"}],"encrypted_content":"gA+/="}'
    [_, kept] = CODEC.decoder().feed(stream % item)
    block = ThinkingBlock("é", kept.provider)  # type: ignore[union-attr]
    body = CODEC.encode(
        ModelRequest("m", (), (), (user(TextBlock("a")), model(block, TextBlock("b")), user(TextBlock("c"))), 16)
    )
    assert item in body


def test_images_are_told_in_words() -> None:
    image = ImageBlock("image/png", "ab", 3, 4)
    words = "[an image (image/png) of 3x4 pixels, which this connection can't show to the model]"
    assert sent(user(image, ToolResultBlock("c", "A", images=(image,)))) == [
        {"type": "function_call_output", "call_id": "c", "output": f"A\n\n{words}"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]},
    ]


def test_the_key_goes_into_one_header() -> None:
    assert CODEC.headers("sesame") == {"authorization": "Bearer sesame"}
    assert CODEC.headers(None) == {}
    assert CODEC.path() == "/responses"


@pytest.mark.parametrize(
    ("name", "effort", "fields"),
    [
        ("gpt-5", "", {"temperature": 0.2}),
        ("gpt-5", "high", {"reasoning": {"effort": "high"}}),
        ("gpt-4o", "high", {"temperature": 0.2}),
    ],
)
def test_how_much_to_think_is_said_to_models_that_reason(name: str, effort: Effort, fields: dict[str, Any]) -> None:
    body = json.loads(CODEC.encode(ModelRequest(name, (), (), (user(TextBlock("x")),), 9, 0.2, effort)))
    assert {key: body[key] for key in ("temperature", "reasoning") if key in body} == fields


@pytest.mark.parametrize("closed", [{}, {"additionalProperties": False}])
def test_an_answer_of_a_form_is_asked_for_strictly_where_it_is_closed(closed: dict[str, object]) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], **closed}
    body = json.loads(CODEC.encode(ModelRequest("gpt-5", (), (), (), 9, schema=schema)))
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": bool(closed)}
    }


@settings(max_examples=300)
@given(wishes())
def test_whatever_is_asked_for_is_a_valid_request(request: ModelRequest) -> None:
    assert validate.responses(CODEC.encode(request)) == ()


@settings(max_examples=300)
@given(histories())
def test_any_history_is_a_valid_request(request: ModelRequest) -> None:
    assert validate.canonical(request) == ()
    assert validate.responses(CODEC.encode(request)) == ()


@settings(max_examples=200)
@given(histories())
def test_a_longer_conversation_begins_with_the_shorter_one(request: ModelRequest) -> None:
    for shorter, longer in itertools.pairwise(CODEC.encode(step) for step in steps(request)):
        assert longer.startswith(shorter.removesuffix(b"]}"))


@settings(max_examples=200)
@given(histories())
def test_what_is_kept_never_changes_a_byte(request: ModelRequest) -> None:
    encoded = Encoded()
    for step in [*steps(request), *reversed(steps(request)), request]:
        assert CODEC.encode(dataclasses.replace(step, encoded=encoded)) == CODEC.encode(step)
