"""The request half of Anthropic Messages: exact bytes, marks that move, thinking that goes home, valid histories."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings

from agentd.providers import validate
from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Effort, Encoded, ModelMessage, ModelRequest, ThinkingPiece, ToolDefinition
from agentproto.content import Block, ImageBlock, ProviderPart, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock
from support.histories import HOST, histories, steps, wishes

CODEC = AnthropicMessages(HOST)
MARK = {"type": "ephemeral"}
MARK_BYTES = b',"cache_control":{"type":"ephemeral"}'
TOOL = ToolDefinition("write", "Write a file.", {"type": "object", "properties": {"path": {}, "content": {}}})
THOUGHT = {"type": "thinking", "thinking": "é hm", "signature": "Eq+/="}


def user(*blocks: Block) -> ModelMessage:
    return ModelMessage("user", blocks)


def model(*blocks: Block) -> ModelMessage:
    return ModelMessage("assistant", blocks)


def sent(*messages: ModelMessage) -> list[dict[str, Any]]:
    found = json.loads(CODEC.encode(ModelRequest("m", (), (), messages, 1)))["messages"]
    assert isinstance(found, list)
    return found


def unmarked(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain = copy.deepcopy(messages)
    for message in plain:
        for block in message["content"]:
            block.pop("cache_control", None)
    return plain


def test_the_body_to_the_byte() -> None:
    system = (("identity", "You are."), ("none", " "), ("rules", "Be."))
    body = CODEC.encode(ModelRequest("claude", system, (TOOL,), (user(TextBlock("Grüße")),), 512, 0.2))
    assert body.decode() == (
        '{"model":"claude","max_tokens":512,"stream":true,"temperature":0.2,'
        '"tools":[{"name":"write","description":"Write a file.",'
        '"input_schema":{"type":"object","properties":{"path":{},"content":{}}}}],'
        '"system":[{"type":"text","text":"You are."},'
        '{"type":"text","text":"Be.","cache_control":{"type":"ephemeral"}}],'
        '"messages":[{"role":"user","content":[{"type":"text","text":"Grüße","cache_control":{"type":"ephemeral"}}]}]}'
    )


def test_what_is_not_wanted_is_not_sent() -> None:
    body = json.loads(CODEC.encode(ModelRequest("m", (), (), (), 7)))
    assert body == {"model": "m", "max_tokens": 7, "stream": True, "messages": []}


def test_without_a_system_text_the_last_tool_has_the_mark() -> None:
    body = json.loads(CODEC.encode(ModelRequest("m", (), (TOOL, TOOL), (user(TextBlock("x")),), 7, 1.8)))
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, MARK]
    assert body["temperature"] == 1.0


CALLS = (
    user(TextBlock("go")),
    model(
        ThinkingBlock("not signed"),
        TextBlock("Two files."),
        ToolUseBlock("t1.1.1", "read", {"path": "a b", "n": 1}, "toolu_A"),
        ToolUseBlock("t1.1.2", "read", {}, "not fit"),
    ),
    user(TextBlock("and quickly"), ToolResultBlock("t1.1.1", "A"), ToolResultBlock("t1.1.2", "", "denied")),
)


def test_calls_and_results_are_paired_by_ids_that_fit() -> None:
    assert unmarked(sent(*CALLS)) == [
        {"role": "user", "content": [{"type": "text", "text": "go"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Two files."},
                {"type": "tool_use", "id": "toolu_A", "name": "read", "input": {"path": "a b", "n": 1}},
                {"type": "tool_use", "id": "t1_2e1_2e2", "name": "read", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_A", "content": "A"},
                {"type": "tool_result", "tool_use_id": "t1_2e1_2e2", "is_error": True},
                {"type": "text", "text": "and quickly"},
            ],
        },
    ]


def test_the_last_blocks_of_the_last_two_user_messages_are_marked_and_nothing_else() -> None:
    talk = (*CALLS, model(TextBlock("done")), user(TextBlock("more"), ImageBlock("image/png", "ab")))
    places = [
        (number, place)
        for number, message in enumerate(sent(*talk))
        for place, block in enumerate(message["content"])
        if "cache_control" in block
    ]
    assert places == [(2, 2), (4, 1)]


def thought(host: str = HOST, maker: str = "anthropic", **block: object) -> ThinkingBlock:
    return ThinkingBlock("é hm", ProviderPart(maker, {"host": host, "block": block or THOUGHT}))


def test_thinking_comes_back_as_it_was_streamed() -> None:
    stream = (
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}\n\n'
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\xc3\xa9 hm"}}\n\n'
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Eq+/="}}\n\n'
        b'data: {"type":"content_block_stop","index":0}\n\n'
    )
    [words, kept] = CODEC.decoder().feed(stream)
    assert isinstance(kept, ThinkingPiece)
    assert words == ThinkingPiece("é hm")
    answer = model(ThinkingBlock("é hm", kept.provider), TextBlock("so"))
    assert (
        '[{"type":"thinking","thinking":"é hm","signature":"Eq+/="},{'
        in CODEC.encode(ModelRequest("m", (), (), (user(TextBlock("x")), answer, user(TextBlock("y"))), 1)).decode()
    )


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        ((thought(), TextBlock("x")), True),
        ((thought(type="redacted_thinking", data="Em"), TextBlock("x")), True),
        ((TextBlock("x"), thought(), ToolUseBlock("c", "read", {})), True),
        ((thought("b.host"), TextBlock("x")), False),
        ((thought(maker="openai-responses"), TextBlock("x")), False),
        ((thought(type="text", text="posing"), TextBlock("x")), False),
        ((TextBlock("x"), thought()), False),
        ((thought(), TextBlock(" ")), False),
        ((ToolUseBlock("c", "read", {}), thought(), TextBlock("x")), False),
    ],
)
def test_thinking_goes_only_home_and_only_where_it_may_stand(blocks: tuple[Block, ...], kept: bool) -> None:
    content = sent(user(TextBlock("go")), model(*blocks))[1]["content"]
    assert [block["type"] for block in content if "thinking" in block["type"]] == [
        block.provider.data["block"]["type"]  # type: ignore[index,union-attr]
        for block in blocks
        if kept and isinstance(block, ThinkingBlock)
    ]
    assert content != []


def test_images_are_told_in_words() -> None:
    image = ImageBlock("image/png", "ab", 3, 4)
    words = "[an image (image/png) of 3x4 pixels, which this connection can't show to the model]"
    assert unmarked(sent(user(TextBlock("look"), image, ToolResultBlock("c", "", images=(image,))))) == [
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": words},
                {"type": "text", "text": "look"},
                {"type": "text", "text": words},
            ],
        }
    ]


def test_an_empty_answer_says_so() -> None:
    assert sent(model(ThinkingBlock("hm"), TextBlock("\n"))) == [
        {"role": "assistant", "content": [{"type": "text", "text": "(nothing)"}]}
    ]


def test_the_key_goes_into_one_header() -> None:
    assert CODEC.headers("sesame") == {"anthropic-version": "2023-06-01", "x-api-key": "sesame"}
    assert CODEC.headers(None) == {"anthropic-version": "2023-06-01"}
    assert CODEC.path() == "/v1/messages"


def asked(effort: Effort, name: str, most: int, *messages: ModelMessage) -> dict[str, Any]:
    """What of a request is about thinking."""
    talk = messages or (user(TextBlock("go")),)
    body = json.loads(CODEC.encode(ModelRequest(name, (), (), talk, most, 0.2, effort)))
    return {key: body[key] for key in ("temperature", "thinking", "output_config") if key in body}


UNASKED = {"temperature": 0.2}


@pytest.mark.parametrize(
    ("effort", "name", "most", "fields"),
    [
        ("", "claude-sonnet-4-5", 8_000, UNASKED),
        ("", "claude-opus-5", 8_000, UNASKED),
        ("low", "claude-sonnet-4-5", 8_000, {"thinking": {"type": "enabled", "budget_tokens": 1_024}}),
        ("medium", "claude-opus-4-20250514", 9_000, {"thinking": {"type": "enabled", "budget_tokens": 3_000}}),
        ("high", "anthropic/claude-3-7-sonnet", 9_000, {"thinking": {"type": "enabled", "budget_tokens": 6_000}}),
        ("high", "glm-5", 9_000, {"thinking": {"type": "enabled", "budget_tokens": 6_000}}),
        ("high", "claude-haiku-4-5-20251001", 1_536, {"thinking": {"type": "enabled", "budget_tokens": 1_024}}),
        ("high", "claude-haiku-4-5-20251001", 1_535, UNASKED),
        ("low", "claude-opus-4-6", 100, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ("high", "claude-opus-5-5", 100, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
    ],
)
def test_thinking_is_asked_for_as_the_model_takes_it(
    effort: Effort, name: str, most: int, fields: dict[str, Any]
) -> None:
    assert asked(effort, name, most) == fields


@pytest.mark.parametrize(
    ("blocks", "budget"),
    [
        ((TextBlock("x"),), True),
        ((thought(), TextBlock("x"), ToolUseBlock("c", "read", {})), True),
        ((TextBlock("\n"), thought(), ToolUseBlock("c", "read", {})), True),
        ((ToolUseBlock("c", "read", {}),), False),
        ((TextBlock("x"), thought(), ToolUseBlock("c", "read", {})), False),
        ((thought("b.host"), ToolUseBlock("c", "read", {})), False),
    ],
)
def test_calls_that_began_without_thinking_are_answered_without(blocks: tuple[Block, ...], budget: bool) -> None:
    results = [ToolResultBlock(block.call, "") for block in blocks if isinstance(block, ToolUseBlock)]
    talk = (user(TextBlock("go")), model(*blocks), user(*results, TextBlock("and?")))
    given_ = {"thinking": {"type": "enabled", "budget_tokens": 6_000}}
    assert asked("high", "claude-sonnet-4-5", 9_000, *talk) == (given_ if budget else UNASKED)
    assert asked("high", "claude-opus-5", 9_000, *talk) == {
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
    }


def test_an_answer_of_a_form_is_asked_for_beside_effort() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
    body = json.loads(CODEC.encode(ModelRequest("claude-opus-5", (), (), (), 9, None, "low", schema)))
    asked = {
        "type": "object",
        "required": ["n"],
        "properties": {"n": {"type": "integer", "description": '{"minimum":1}'}},
        "additionalProperties": False,
    }
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": asked}}


@settings(max_examples=300)
@given(wishes())
def test_whatever_is_asked_for_is_a_valid_request(request: ModelRequest) -> None:
    assert validate.messages(CODEC.encode(request)) == ()


@settings(max_examples=300)
@given(histories())
def test_any_history_is_a_valid_request(request: ModelRequest) -> None:
    assert validate.canonical(request) == ()
    assert validate.messages(CODEC.encode(request)) == ()


@settings(max_examples=200)
@given(histories())
def test_a_longer_conversation_begins_with_the_shorter_one_but_for_the_marks(request: ModelRequest) -> None:
    bodies = [CODEC.encode(step) for step in steps(request)]
    for shorter, longer in itertools.pairwise(bodies):
        head = shorter.index(b'"messages":')
        assert longer[:head] == shorter[:head]
        begun, grown = json.loads(shorter)["messages"], json.loads(longer)["messages"]
        assert unmarked(grown)[: len(begun)] == unmarked(begun)
        plain = shorter[head:].replace(MARK_BYTES, b"").removesuffix(b"]}")
        assert longer[head:].replace(MARK_BYTES, b"").startswith(plain)
    for body in bodies:
        users = [message for message in json.loads(body)["messages"] if message["role"] == "user"]
        marks = [[block.get("cache_control") for block in message["content"]] for message in users]
        assert marks == [
            [None] * (len(message["content"]) - 1) + [MARK if number >= len(users) - 2 else None]
            for number, message in enumerate(users)
        ]


def test_up_to_the_older_mark_the_bytes_are_those_of_the_request_before() -> None:
    """What the server has in its cache is found again: nothing before the mark that wrote it has changed."""
    talk = (*CALLS, model(TextBlock("done")), user(TextBlock("more")))
    shorter, longer = (CODEC.encode(ModelRequest("m", (), (), talk[:end], 1)) for end in (3, 5))
    written = shorter.rindex(MARK_BYTES) + len(MARK_BYTES)
    first = shorter.index(MARK_BYTES)
    assert longer[: written - len(MARK_BYTES)] == shorter[:first] + shorter[first + len(MARK_BYTES) : written]


@settings(max_examples=200)
@given(histories())
def test_what_is_kept_never_changes_a_byte(request: ModelRequest) -> None:
    encoded = Encoded()
    for step in [*steps(request), *reversed(steps(request)), request]:
        assert CODEC.encode(dataclasses.replace(step, encoded=encoded)) == CODEC.encode(step)
