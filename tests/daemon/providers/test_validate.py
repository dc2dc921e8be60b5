"""Each rule of each format: a good request has no faults, and each way to break it is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.providers import validate
from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentproto.content import (
    Block,
    ImageBlock,
    ProviderPart,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)

READ = ToolDefinition("read", "Reads.", {"type": "object"})


def user(*blocks: Block) -> ModelMessage:
    return ModelMessage("user", blocks)


def model(*blocks: Block) -> ModelMessage:
    return ModelMessage("assistant", blocks)


def use(call: str, name: str = "read") -> ToolUseBlock:
    return ToolUseBlock(call, name, {"path": "a"})


def asked(*messages: ModelMessage, tools: tuple[ToolDefinition, ...] = (READ,), most: int = 100) -> ModelRequest:
    return ModelRequest("m", (("identity", "You are."),), tools, messages, most)


SAID = user(TextBlock("look"))
GOOD = asked(
    SAID,
    model(ThinkingBlock("hm"), TextBlock("yes"), use("s.t1.1"), use("s.t1.2")),
    user(ToolResultBlock("s.t1.1", "a"), ToolResultBlock("s.t1.2", "", "error"), TextBlock("and quick")),
    model(TextBlock("done")),
    user(TextBlock("thanks"), ImageBlock("image/png", "ab")),
)

CANONICAL: dict[str, tuple[ModelRequest, tuple[str, ...]]] = {
    "good": (GOOD, ()),
    "a text of its maker's alone": (asked(SAID, model(TextBlock("", ProviderPart("x", {}))), SAID), ()),
    "nothing": (asked(), ("there are no messages",)),
    "no model, no output": (
        ModelRequest("", (), (), (SAID,), 0),
        ("no model is named", "an output of 0 tokens"),
    ),
    "tools": (
        asked(SAID, tools=(READ, READ, ToolDefinition("a b", "", {}))),
        ("two tools have the name read", "tool 2 has the name 'a b'"),
    ),
    "the model first": (
        asked(model(TextBlock("x")), user(TextBlock("y"))),
        (
            "message 0 is the assistant's: they alternate, the user first",
            "message 1 is the user's: they alternate, the user first",
        ),
    ),
    "the model last": (asked(SAID, model(TextBlock("x"))), ("the last message is the assistant's: there is nothing to answer",)),
    "an empty message": (asked(user()), ("message 0 is empty",)),
    "white space": (asked(user(TextBlock(" \n"))), ("message 0 has a text of nothing",)),
    "thinking alone": (asked(SAID, model(ThinkingBlock("hm")), SAID), ("message 1 is thinking and nothing else",)),
    "a name that is none": (
        asked(SAID, model(use("c", "do it!")), user(ToolResultBlock("c", "no"))),
        ("message 1 calls 'do it!', which can't be a tool's name",),
    ),
    "a user's call": (asked(user(use("c")), model(TextBlock("x")), user(ToolResultBlock("c", ""))), (
        "message 0 of the user has a ToolUseBlock",
        "message 1 answers [], the message before it called ['c']",
        "message 2 answers ['c'], the message before it called []",
    )),
    "no answer": (asked(SAID, model(use("c")), SAID), ("message 2 answers [], the message before it called ['c']",)),
    "an orphan": (asked(user(ToolResultBlock("c", "x"))), ("message 0 answers ['c'], the message before it called []",)),
    "another order": (
        asked(SAID, model(use("c"), use("d")), user(ToolResultBlock("d", ""), ToolResultBlock("c", ""))),
        ("message 2 answers ['d', 'c'], the message before it called ['c', 'd']",),
    ),
    "words before the answer": (
        asked(SAID, model(use("c")), user(TextBlock("x"), ToolResultBlock("c", ""))),
        ("message 2 has a tool result behind other blocks",),
    ),
    "an id twice": (
        asked(SAID, model(use("c")), user(ToolResultBlock("c", "")), model(use("c")), user(ToolResultBlock("c", ""))),
        ("message 3 has the call id 'c', which is empty or was used before",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CANONICAL)
def test_our_own_form(name: str) -> None:
    request, faults = CANONICAL[name]
    assert validate.canonical(request) == faults


def test_a_good_request_is_good_in_all_three_formats() -> None:
    assert validate.chat_completions(OpenAIChat().encode(GOOD)) == ()
    assert validate.responses(OpenAIResponses().encode(GOOD)) == ()
    assert validate.messages(AnthropicMessages().encode(GOOD)) == ()


Plain = dict[str, Any]
Change = Callable[[Plain], object]


def put(path: str, value: object) -> Change:
    """Set the value at a path such as `messages.2.content`; None takes the field away."""

    def change(body: Plain) -> None:
        *way, last = path.split(".")
        at: Any = body
        for name in way:
            at = at[int(name)] if isinstance(at, list) else at[name]
        if isinstance(at, list):
            at[int(last)] = value
        elif value is None:
            del at[last]
        else:
            at[last] = value

    return change


def drop(path: str, number: int) -> Change:
    return lambda body: body[path].pop(number)


def insert(path: str, number: int, item: object) -> Change:
    return lambda body: body[path].insert(number, item)


OPEN = {"type": "array", "items": {"anyOf": [{"type": "object", "properties": {"a": {"type": "null"}}}]}}

# messages: 0 system, 1 user, 2 assistant with two calls, 3 and 4 results, 5 user, 6 assistant, 7 user
CHAT: dict[str, tuple[Change, str]] = {
    "no model": (put("model", None), "no model is named"),
    "an output of nothing": (put("max_tokens", 0), "max_tokens is 0"),
    "two limits": (put("max_completion_tokens", 5), "max_tokens and max_completion_tokens are both given"),
    "options of no stream": (put("stream", False), "stream_options without stream"),
    "an effort": (put("reasoning_effort", "much"), "an effort of 'much'"),
    "a format": (put("response_format", {"type": "xml"}), "a format of the type 'xml'"),
    "a format's name": (put("response_format", {"type": "json_schema", "json_schema": {"schema": {}}}), "a format of the name None"),
    "no schema": (put("response_format", {"type": "json_schema", "json_schema": {"name": "a"}}), "the schema of the answer is None"),
    "an open schema": (put("response_format", {"type": "json_schema", "json_schema": {"name": "a", "schema": OPEN, "strict": True}}), "the schema of the answer has an object that is open"),
    "no tools": (put("tools", []), "tools is empty"),
    "a tool's name": (put("tools.0.function.name", "a.b"), "tool 0 has the name 'a.b'"),
    "no messages": (put("messages", []), "there are no messages"),
    "a role": (put("messages.1.role", "human"), "message 1 has the role 'human'"),
    "a late system": (insert("messages", 7, {"role": "system", "content": "x"}), "message 7 is the system's and not in front"),
    "two users": (insert("messages", 2, {"role": "user", "content": "x"}), "message 2 is a user's behind a user's"),
    "an early assistant": (insert("messages", 1, {"role": "assistant", "content": "x"}), "message 1 is the assistant's and answers nothing"),
    "an empty user": (put("messages.1.content", ""), "message 1 says nothing"),
    "a part of another kind": (put("messages.1.content", [{"type": "video"}]), "message 1 has a part of type 'video'"),
    "an empty part": (put("messages.1.content", [{"type": "text", "text": ""}]), "message 1 has an empty part"),
    "a picture nowhere": (put("messages.1.content", [{"type": "image_url", "image_url": {"url": "file:///a"}}]), "message 1: a picture at 'file:///a'"),
    "a picture of another type": (put("messages.1.content", [{"type": "image_url", "image_url": {"url": "data:image/bmp;base64,QQ=="}}]), "message 1: a picture of the type 'image/bmp'"),
    "a picture's bytes": (put("messages.1.content", [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ"}}]), "message 1: a picture whose bytes are no base64"),
    "a result's picture": (put("messages.3.content", [{"type": "image_url", "image_url": {"url": "https://a"}}]), "message 3 has a part of type 'image_url'"),
    "an assistant of nothing": (put("messages.6.content", None), "message 6 says nothing"),
    "no calls": (put("messages.6.tool_calls", []), "message 6 has an empty tool_calls"),
    "a long id": (put("messages.2.tool_calls.0.id", "x" * 41), f"message 2 has the call id {'x' * 41!r}"),
    "a call's type": (put("messages.2.tool_calls.0.type", "tool"), "message 2 has a call of type 'tool'"),
    "a called name": (put("messages.2.tool_calls.0.function.name", ""), "message 2 calls '', which can't be a tool's name"),
    "arguments": (put("messages.2.tool_calls.0.function.arguments", "[1]"), "message 2 calls with arguments that are no JSON object"),
    "an id twice": (put("messages.2.tool_calls.1.id", "s.t1.1"), "message 2 has the call id 's.t1.1', which is empty or was used before"),
    "a missing result": (drop("messages", 4), "message 4 comes before the results of ['s.t1.2']"),
    "a result twice": (put("messages.4.tool_call_id", "s.t1.1"), "message 4 answers 's.t1.1', which was not called just before"),
    "an orphan": (insert("messages", 1, {"role": "tool", "tool_call_id": "q", "content": ""}), "message 1 answers 'q', which was not called just before"),
    "a result of nothing": (put("messages.3.content", None), "message 3 has no content"),
    "the assistant last": (drop("messages", 7), "the last message is of the role assistant: there is nothing to answer"),
    "results never": (lambda body: body.update(messages=body["messages"][:3]), "the results of ['s.t1.1', 's.t1.2'] are missing"),
}  # fmt: skip

# input: 0 user, 1 assistant, 2 and 3 calls, 4 and 5 outputs, 6 user, 7 assistant, 8 user
REASON = {"type": "reasoning", "id": "rs_1", "summary": []}
RESPONSES: dict[str, tuple[Change, str]] = {
    "no model": (put("model", ""), "no model is named"),
    "little output": (put("max_output_tokens", 15), "max_output_tokens is 15"),
    "another format's": (put("messages", []), "messages is a field of another format"),
    "a tool's name": (put("tools.0.name", "a.b"), "tool 0 has the name 'a.b'"),
    "an effort": (put("reasoning", {"effort": "much"}), "an effort of 'much'"),
    "a format": (put("text", {"format": {"type": "xml"}}), "a format of the type 'xml'"),
    "an open schema": (put("text", {"format": {"type": "json_schema", "name": "a", "schema": OPEN, "strict": True}}), "the schema of the answer has an object that does not require all its fields"),
    "no input": (put("input", []), "input is empty"),
    "an empty input": (put("input", ""), "input is empty"),
    "a type": (put("input.0.type", "text"), "item 0 is of the type 'text'"),
    "a role": (put("input.0.role", "tool"), "item 0 has the role 'tool'"),
    "a user's part": (put("input.0.content", [{"type": "output_text", "text": "x"}]), "message 0 has a part of type 'output_text'"),
    "an assistant's part": (put("input.1.content", [{"type": "input_text", "text": "x"}]), "message 1 has a part of type 'input_text'"),
    "no call id": (put("input.2.call_id", ""), "item 2 has the call_id ''"),
    "a long call id": (put("input.2.call_id", "x" * 65), f"item 2 has the call_id {'x' * 65!r}"),
    "a call id twice": (put("input.3.call_id", "s_2et1_2e1"), "item 3 has the call_id 's_2et1_2e1', which was used before"),
    "a name": (put("input.2.name", None), "message 2 calls None, which can't be a tool's name"),
    "arguments": (put("input.2.arguments", {}), "message 2 calls with arguments that are no JSON object"),
    "a missing output": (drop("input", 4), "there is no output for the call 's_2et1_2e1'"),
    "an output twice": (put("input.5.call_id", "s_2et1_2e1"), "item 5 answers 's_2et1_2e1', which was not called or was answered before"),
    "an output before its call": (lambda body: body["input"].insert(0, body["input"].pop(4)), "item 0 answers 's_2et1_2e1', which was not called or was answered before"),
    "an output of nothing": (put("input.4.output", None), "item 4 has no output"),
    "an output's part": (put("input.4.output", [{"type": "output_text", "text": "x"}]), "message 4 has a part of type 'output_text'"),
    "a picture's bytes": (put("input.4.output", [{"type": "input_image", "image_url": "data:image/png;base64,"}]), "message 4: a picture whose bytes are no base64"),
    "an item's id twice": (lambda body: [body["input"][n].update(id="msg_1") for n in (0, 1)], "message 1 has the call id 'msg_1', which is empty or was used before"),
    "reasoning alone": (insert("input", 8, REASON), "item 9 parts reasoning from what it belongs to"),
    "reasoning last": (insert("input", 9, REASON), "the last item is reasoning without what it belongs to"),
    "reasoning without a summary": (insert("input", 1, {"type": "reasoning", "id": "rs_1"}), "item 1 is reasoning without a summary"),
    "the assistant last": (drop("input", 8), "the last item is the assistant's: there is nothing to answer"),
}  # fmt: skip


def picture(kind: str, data: str) -> Plain:
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


# messages: 0 user, 1 assistant (text, use, use), 2 user (result, result, text), 3 assistant, 4 user
THINK = {"type": "thinking", "thinking": "hm", "signature": "s"}
MARK = {"type": "ephemeral"}
MESSAGES: dict[str, tuple[Change, str]] = {
    "no limit": (put("max_tokens", None), "max_tokens is missing"),
    "a limit of another type": (put("max_tokens", True), "max_tokens is True"),
    "a temperature": (put("temperature", 1.5), "a temperature of 1.5"),
    "a small budget for thinking": (put("thinking", {"type": "enabled", "budget_tokens": 50}), "a thinking budget of 50 tokens"),
    "thinking of another type": (put("thinking", {"type": "on"}), "thinking of the type 'on'"),
    "warm thinking": (lambda body: body.update(thinking={"type": "adaptive"}, temperature=0.5), "a temperature beside thinking"),
    "an effort": (put("output_config", {"effort": "minimal"}), "an effort of 'minimal'"),
    "a format": (put("output_config", {"format": {"type": "xml"}}), "a format of the type 'xml'"),
    "an open schema": (put("output_config", {"format": {"type": "json_schema", "schema": OPEN}}), "the schema of the answer has an object that is open"),
    "tools of one name": (lambda body: body["tools"].append(body["tools"][0]), "two tools have the name read"),
    "an empty system text": (put("system.0.text", " "), "system: a text of nothing"),
    "no messages": (put("messages", []), "there are no messages"),
    "a system message": (put("messages.0.role", "system"), "message 0 is of the role 'system': they alternate, the user first"),
    "the assistant first": (drop("messages", 0), "message 0 is of the role 'assistant': they alternate, the user first"),
    "an empty message": (put("messages.0.content", []), "message 0 is empty"),
    "an empty text": (put("messages.0.content", ""), "message 0: a text of nothing"),
    "a text of white space": (put("messages.3.content.0.text", "\n"), "message 3: a text of nothing"),
    "a user's tool use": (put("messages.4.content.0", {"type": "tool_use", "id": "i", "name": "n", "input": {}}), "message 4: a block of type 'tool_use' of the role 'user'"),
    "an id with a dot": (put("messages.1.content.1.id", "s.1"), "message 1: the id 's.1'"),
    "an id twice": (put("messages.1.content.1.id", "s_2et1_2e2"), "message 1 has the call id 's_2et1_2e2', which is empty or was used before"),
    "a called name": (put("messages.1.content.1.name", "a b"), "message 1: tool 0 has the name 'a b'"),
    "no input": (put("messages.1.content.1.input", "{}"), "message 1: a tool use without an input object"),
    "a missing result": (lambda body: body["messages"][2]["content"].pop(0), "message 2 answers 's_2et1_2e1' never, twice, or without its being called"),
    "a result twice": (put("messages.2.content.1.tool_use_id", "s_2et1_2e1"), "message 2 answers 's_2et1_2e1' never, twice, or without its being called"),
    "an orphan": (put("messages.4.content.0", {"type": "tool_result", "tool_use_id": "q"}), "message 4 answers 'q' never, twice, or without its being called"),
    "a result behind words": (lambda body: body["messages"][2]["content"].insert(0, {"type": "text", "text": "x"}), "message 2 has a tool result behind other blocks"),
    "an empty part of a result": (put("messages.2.content.0.content", [{"type": "text", "text": ""}]), "message 2: a text of nothing"),
    "a picture from nowhere": (put("messages.4.content.0", {"type": "image"}), "message 4: a picture from None"),
    "a picture of another type": (put("messages.4.content.0", picture("image/bmp", "QQ==")), "message 4: a picture of the type 'image/bmp'"),
    "a picture's bytes in a result": (put("messages.2.content.0.content", [picture("image/png", "?")]), "message 2: a picture whose bytes are no base64"),
    "a failed result's picture": (put("messages.2.content.1.content", [picture("image/png", "QQ==")]), "message 2: a failed result with a part of type 'image'"),
    "results never": (lambda body: body.update(messages=body["messages"][:2]), "the results of ['s_2et1_2e1', 's_2et1_2e2'] are missing"),
    "white space at the end": (lambda body: body["messages"].append({"role": "assistant", "content": "so "}), "message 5 is the last, the assistant's, and ends in white space"),
    "thinking unsigned": (put("messages.3.content", [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "y"}]), "message 3: thinking without its signature"),
    "thinking last": (lambda body: body["messages"][3]["content"].append(THINK), "message 3: thinking comes last"),
    "thinking behind a use": (lambda body: body["messages"][1]["content"].insert(2, THINK), "message 1: thinking behind a tool use"),
    "a mark on thinking": (lambda body: body["messages"][3]["content"].insert(0, {**THINK, "cache_control": MARK}), "message 3: a cache mark on thinking"),
    "five marks": (lambda body: [message["content"][0].update(cache_control=MARK) for message in body["messages"]], "more than 4 cache marks"),
    "calls without thinking": (lambda body: body.update(max_tokens=9_000, thinking={"type": "enabled", "budget_tokens": 2_000}, messages=body["messages"][:3]), "message 1 calls tools and does not begin with thinking"),
}  # fmt: skip


def changed(good: bytes, change: Change) -> Plain:
    body: Plain = json.loads(good)
    change(body)
    return body


@pytest.mark.parametrize("name", CHAT)
def test_chat_completions(name: str) -> None:
    change, fault = CHAT[name]
    assert fault in validate.chat_completions(changed(OpenAIChat().encode(GOOD), change))


@pytest.mark.parametrize("name", RESPONSES)
def test_responses(name: str) -> None:
    change, fault = RESPONSES[name]
    assert fault in validate.responses(changed(OpenAIResponses().encode(GOOD), change))


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str) -> None:
    change, fault = MESSAGES[name]
    assert fault in validate.messages(changed(AnthropicMessages().encode(GOOD), change))


def test_what_each_format_allows_is_no_fault() -> None:
    reasoned = changed(OpenAIResponses().encode(GOOD), insert("input", 2, REASON))
    assert validate.responses(reasoned) == ()
    assert validate.responses({"model": "m", "input": "just a text"}) == ()
    signed = changed(AnthropicMessages().encode(GOOD), lambda body: body["messages"][1]["content"].insert(0, THINK))
    signed |= {
        "max_tokens": 9_000,
        "thinking": {"type": "enabled", "budget_tokens": 2_000},
        "messages": signed["messages"][:3],
    }
    assert validate.messages(signed) == ()
    plain = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
    assert validate.messages(plain) == ()
    loose = {"type": "json_schema", "name": "a", "schema": OPEN}
    assert validate.responses({"model": "m", "input": "x", "text": {"format": loose}}) == ()
    assert validate.responses({"model": "m", "input": "x", "text": {"format": {"type": "json_object"}}}) == ()
    assert validate.chat_completions({"model": "m", "messages": [{"role": "user", "content": "x"}]}) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 20) | st.sampled_from(["", "user", "assistant", "tool", "text", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "id", "call_id", "tool_calls", "text", "input", "function"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["model", "messages", "input", "tools", "system", "thinking"]), JSON))
def test_no_body_makes_a_check_raise(body: Plain) -> None:
    for check in (validate.chat_completions, validate.responses, validate.messages):
        assert all(isinstance(fault, str) for fault in check(body))


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_object_are_named(body: bytes) -> None:
    for check in (validate.chat_completions, validate.responses, validate.messages):
        assert check(body) == ("the body is no JSON object",)
