"""The request half of Ollama's own protocol: exact bytes, one window for all requests, a prefix that stays."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings

from agentd.providers.base import Effort, Encoded, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.ollama import OllamaChat
from agentproto.content import Block, ImageBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock
from support.histories import histories, steps

CODEC = OllamaChat(num_ctx=16_384)
TOOL = ToolDefinition("write", "Write a file.", {"type": "object", "properties": {"path": {}, "content": {}}})


def user(*blocks: Block) -> ModelMessage:
    return ModelMessage("user", blocks)


def model(*blocks: Block) -> ModelMessage:
    return ModelMessage("assistant", blocks)


def body_of(*messages: ModelMessage) -> dict[str, Any]:
    body = json.loads(CODEC.encode(ModelRequest("m", (), (), messages, 1)))
    assert isinstance(body, dict)
    return body


def test_the_body_to_the_byte() -> None:
    system = (("identity", "You are."), ("none", ""), ("rules", "Be."))
    body = CODEC.encode(ModelRequest("qwen", system, (TOOL,), (user(TextBlock("Grüße")),), 512, 0.2))
    assert body.decode() == (
        '{"model":"qwen","stream":true,"options":{"num_ctx":16384,"num_predict":512,"temperature":0.2},'
        '"tools":[{"type":"function","function":{"name":"write","description":"Write a file.",'
        '"parameters":{"type":"object","properties":{"path":{},"content":{}}}}}],'
        '"messages":[{"role":"system","content":"You are.\\n\\nBe."},{"role":"user","content":"Grüße"}]}'
    )


def test_how_long_a_model_stays_loaded_is_the_servers_unless_it_is_said() -> None:
    said = json.loads(OllamaChat(2_048, "30m").encode(ModelRequest("m", (), (), (), 7)))
    assert said == {
        "model": "m",
        "stream": True,
        "keep_alive": "30m",
        "options": {"num_ctx": 2_048, "num_predict": 7},
        "messages": [],
    }
    assert "keep_alive" not in body_of()


def test_results_follow_their_calls_in_order_under_the_tools_names() -> None:
    body = body_of(
        user(TextBlock("go")),
        model(
            ThinkingBlock("not sent back"),
            TextBlock("Two files."),
            ToolUseBlock("t1.1.1", "read", {"path": "a b", "n": 1}, "call_A"),
            ToolUseBlock("t1.1.2", "ls", {}),
        ),
        user(TextBlock("and quickly"), ToolResultBlock("t1.1.1", "A"), ToolResultBlock("t1.1.2", "B", "error")),
    )
    assert body["messages"] == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": "Two files.",
            "tool_calls": [
                {"function": {"name": "read", "arguments": {"path": "a b", "n": 1}}},
                {"function": {"name": "ls", "arguments": {}}},
            ],
        },
        {"role": "tool", "tool_name": "read", "content": "A"},
        {"role": "tool", "tool_name": "ls", "content": "B"},
        {"role": "user", "content": "and quickly"},
    ]


def test_images_are_told_in_words() -> None:
    image = ImageBlock("image/png", "ab", 3, 4)
    words = "[an image (image/png) of 3x4 pixels, which this connection can't show to the model]"
    assert body_of(user(TextBlock("look"), image, ToolResultBlock("c", "", images=(image,))))["messages"] == [
        {"role": "tool", "tool_name": "", "content": words},
        {"role": "user", "content": f"look\n\n{words}"},
    ]


@pytest.mark.parametrize(
    ("name", "effort", "fields"),
    [
        ("qwen3", "", {}),
        ("qwen3", "low", {"think": True}),
        ("gpt-oss:20b", "low", {"think": "low"}),
        ("hf.co/x/gpt-oss", "high", {"think": "high"}),
    ],
)
def test_thinking_is_asked_for_as_the_model_takes_it(name: str, effort: Effort, fields: dict[str, Any]) -> None:
    body = json.loads(CODEC.encode(ModelRequest(name, (), (), (user(TextBlock("x")),), 9, 0.2, effort)))
    assert {key: body[key] for key in ("think",) if key in body} == fields
    assert body["options"]["temperature"] == 0.2


def test_an_answer_of_a_form_is_asked_for() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {}}}
    body = CODEC.encode(ModelRequest("m", (), (), (), 9, schema=schema))
    assert b'"format":{"type":"object","properties":{"b":{},"a":{}}},"messages":[' in body
    assert "format" not in body_of()


def test_lines_of_json_are_asked_for() -> None:
    assert CODEC.headers("sesame") == {"accept": "application/x-ndjson", "authorization": "Bearer sesame"}
    assert CODEC.headers(None) == {"accept": "application/x-ndjson"}
    assert CODEC.path() == "/api/chat"


@settings(max_examples=200)
@given(histories())
def test_any_history_has_its_calls_answered_in_order_and_one_window(request: ModelRequest) -> None:
    body = json.loads(CODEC.encode(request))
    assert body["options"]["num_ctx"] == 16_384
    owed: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            assert message["tool_name"] == owed.pop(0)
        else:
            assert owed == []
        owed += [call["function"]["name"] for call in message.get("tool_calls", ())]
    assert owed == []
    assert body["messages"][-1]["role"] in ("user", "tool")


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
