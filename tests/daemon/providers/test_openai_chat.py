"""The request half of the codec: exact bytes, pairing, and a prefix that stays."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.providers import validate
from agentd.providers.base import Effort, Encoded, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.openai_chat import OpenAIChat
from agentproto.content import ImageBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock
from support.histories import wishes

CODEC = OpenAIChat()
TOOL = ToolDefinition("write", "Write a file.", {"type": "object", "properties": {"path": {}, "content": {}}})


def request(*messages: ModelMessage, tools: tuple[ToolDefinition, ...] = (TOOL,)) -> ModelRequest:
    return ModelRequest("qwen", (("identity", "You are."), ("none", ""), ("rules", "Be.")), tools, messages, 512, 0.2)


def sent(*messages: ModelMessage) -> list[dict[str, object]]:
    body = json.loads(CODEC.encode(ModelRequest("m", (), (), messages, 1)))
    found = body["messages"]
    assert isinstance(found, list)
    return found


def user(*blocks: TextBlock | ToolResultBlock | ImageBlock) -> ModelMessage:
    return ModelMessage("user", blocks)


def test_the_body_to_the_byte() -> None:
    body = CODEC.encode(request(user(TextBlock("Grüße"))))
    assert body.decode() == (
        '{"model":"qwen","stream":true,"stream_options":{"include_usage":true},"max_tokens":512,"temperature":0.2,'
        '"tools":[{"type":"function","function":{"name":"write","description":"Write a file.",'
        '"parameters":{"type":"object","properties":{"path":{},"content":{}}}}}],'
        '"messages":[{"role":"system","content":"You are.\\n\\nBe."},{"role":"user","content":"Grüße"}]}'
    )


def test_what_is_not_wanted_is_not_sent() -> None:
    body = json.loads(OpenAIChat("max_completion_tokens").encode(ModelRequest("m", (), (), (), 7)))
    assert body == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 7,
        "messages": [],
    }


NEW = OpenAIChat("max_completion_tokens")


@pytest.mark.parametrize(
    ("codec", "name", "effort", "fields"),
    [
        (CODEC, "qwen", "", {"temperature": 0.2}),
        (CODEC, "gpt-oss", "low", {"temperature": 0.2, "reasoning_effort": "low"}),
        (CODEC, "gpt-4-of-somebody", "high", {"temperature": 0.2, "reasoning_effort": "high"}),
        (NEW, "gpt-5", "", {"temperature": 0.2}),
        (NEW, "gpt-5", "medium", {"reasoning_effort": "medium"}),
        (NEW, "gpt-4o", "medium", {"temperature": 0.2}),
    ],
)
def test_how_much_to_think_is_said_where_it_is_taken(
    codec: OpenAIChat, name: str, effort: Effort, fields: dict[str, object]
) -> None:
    body = json.loads(codec.encode(ModelRequest(name, (), (), (user(TextBlock("x")),), 9, 0.2, effort)))
    assert {key: body[key] for key in ("temperature", "reasoning_effort") if key in body} == fields


@pytest.mark.parametrize("closed", [{}, {"additionalProperties": False}])
def test_an_answer_of_a_form_is_asked_for_strictly_where_it_is_closed(closed: dict[str, object]) -> None:
    schema = {"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "null"}}, "required": ["a", "b"]}
    body = CODEC.encode(dataclasses.replace(request(tools=()), schema=schema | closed))
    said = json.dumps(schema | closed, separators=(",", ":"))
    strict = "true" if closed else "false"
    assert (
        '"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":'
        f'{said},"strict":{strict}}}}},"messages":['
    ) in body.decode()


@settings(max_examples=300)
@given(wishes(), st.sampled_from([CODEC, NEW]))
def test_whatever_is_asked_for_is_a_valid_request(whole: ModelRequest, codec: OpenAIChat) -> None:
    """But for messages of nothing: they stay what they are."""
    faults = validate.chat_completions(codec.encode(whole))
    assert [fault for fault in faults if not fault.endswith("says nothing")] == []


def test_calls_and_results_are_paired_by_the_models_own_ids() -> None:
    messages = sent(
        user(TextBlock("go")),
        ModelMessage(
            "assistant",
            (
                ThinkingBlock("not sent back"),
                TextBlock("Two files."),
                ToolUseBlock("t1.1.1", "read", {"path": "a b", "n": 1}, "id_a"),
                ToolUseBlock("t1.1.2", "read", {}, ""),
            ),
        ),
        user(TextBlock("and quickly"), ToolResultBlock("t1.1.1", "A"), ToolResultBlock("t1.1.2", "B", "error")),
    )
    assert messages == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": "Two files.",
            "tool_calls": [
                {"id": "id_a", "type": "function", "function": {"name": "read", "arguments": '{"path":"a b","n":1}'}},
                {"id": "t1.1.2", "type": "function", "function": {"name": "read", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "id_a", "content": "A"},
        {"role": "tool", "tool_call_id": "t1.1.2", "content": "B"},
        {"role": "user", "content": "and quickly"},
    ]


def test_an_id_that_a_server_gives_twice_is_used_once() -> None:
    called = [ModelMessage("assistant", (ToolUseBlock(f"t1.{n}.1", "read", {}, "call_0"),)) for n in (1, 2)]
    results = [user(ToolResultBlock(f"t1.{n}.1", f"{n}")) for n in (1, 2)]
    messages = sent(called[0], results[0], called[1], results[1])
    assert [message.get("tool_call_id") for message in messages] == [None, "call_0", None, "t1.2.1"]
    assert messages[2]["content"] is None


def test_images_are_told_in_words() -> None:
    image = ImageBlock("image/png", "ab", 3, 4)
    words = "[an image (image/png) of 3x4 pixels, which this connection can't show to the model]"
    assert sent(user(TextBlock("look"), image, ToolResultBlock("c", "", images=(image,)))) == [
        {"role": "tool", "tool_call_id": "c", "content": words},
        {"role": "user", "content": f"look\n\n{words}"},
    ]


def test_an_empty_answer_stays_an_answer() -> None:
    assert sent(ModelMessage("assistant", (ThinkingBlock("hm"),))) == [{"role": "assistant", "content": ""}]


def test_the_key_goes_into_one_header() -> None:
    assert CODEC.headers("sesame") == {"authorization": "Bearer sesame"}
    assert CODEC.headers(None) == {}
    assert CODEC.path() == "/chat/completions"


TEXTS = st.text(max_size=20).map(TextBlock)
USES = st.tuples(st.text(max_size=3), st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5)))


@given(st.lists(st.tuples(TEXTS, st.lists(USES, max_size=3)), min_size=1, max_size=5))
def test_a_longer_conversation_begins_with_the_shorter_one(
    turns: list[tuple[TextBlock, list[tuple[str, dict[str, object]]]]],
) -> None:
    messages: list[ModelMessage] = []
    bodies = []
    for number, (text, uses) in enumerate(turns):
        called = tuple(
            ToolUseBlock(f"t{number}.1.{n}", "tool", given, model_id) for n, (model_id, given) in enumerate(uses)
        )
        results = tuple(ToolResultBlock(use.call, "done") for use in called)
        messages += [
            user(text),
            ModelMessage("assistant", called or (TextBlock("ok"),)),
            *([user(*results)] if results else []),
        ]
        bodies.append(CODEC.encode(request(*messages)))
    for shorter, longer in itertools.pairwise(bodies):
        assert longer.startswith(shorter.removesuffix(b"]}"))
    ids = [call["id"] for message in json.loads(bodies[-1])["messages"] for call in message.get("tool_calls", [])]
    assert len(ids) == len(set(ids))


BLOCKS = st.lists(
    st.one_of(
        st.sampled_from(["", "words", "Grüße"]).map(TextBlock),
        st.builds(ToolResultBlock, st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["", "r"])),
        st.builds(
            lambda call, given, model_id: ToolUseBlock(call, "tool", dict(given), model_id),
            st.sampled_from(["c1", "c2", "c3"]),
            st.permutations([("a", 1), ("b", "x")]),  # equal arguments that are not the same bytes
            st.sampled_from(["", "call_0", "call_1"]),
        ),
        st.just(ThinkingBlock("hm")),
    ),
    max_size=3,
).map(tuple)
MESSAGES = st.builds(ModelMessage, st.sampled_from(["user", "assistant"]), BLOCKS)
CHANGES = st.tuples(st.sampled_from(["more", "fewer", "other", "same"]), MESSAGES, st.integers(0, 10))


@settings(max_examples=300)
@given(st.lists(CHANGES, max_size=12))
def test_what_is_kept_of_a_conversation_never_changes_a_byte(changes: list[tuple[str, ModelMessage, int]]) -> None:
    encoded = Encoded()
    messages: list[ModelMessage] = []
    for change, message, at in changes:
        match change:
            case "more":
                messages.append(message)
            case "fewer":
                del messages[at:]
            case "other" if at < len(messages):
                messages[at] = message
            case _:
                pass
        whole = request(*messages)
        assert CODEC.encode(dataclasses.replace(whole, encoded=encoded)) == CODEC.encode(whole)


def test_only_what_is_new_is_encoded() -> None:
    """Shown by arguments that no longer are what they were: whoever looked at them again would send them."""
    encoded, arguments = Encoded(), {"path": "a"}
    messages = (
        user(TextBlock("go")),
        ModelMessage("assistant", (ToolUseBlock("c1", "read", arguments),)),
        user(ToolResultBlock("c1", "A")),
    )
    first = CODEC.encode(ModelRequest("m", (), (), messages, 1, encoded=encoded))
    arguments["path"] = "b"
    longer = (*messages, ModelMessage("assistant", (TextBlock("done"),)), user(TextBlock("more")))
    second = CODEC.encode(ModelRequest("m", (), (), longer, 1, encoded=encoded))
    assert second.startswith(first.removesuffix(b"]}"))
    assert b'\\"b\\"' not in second


def test_a_message_that_can_not_be_encoded_leaves_nothing_behind() -> None:
    encoded = Encoded()
    use = ModelMessage("assistant", (ToolUseBlock("c1", "read", {}, "call_0"),))
    broken = (use, user(TextBlock("\ud800")), user(TextBlock("x")))
    with pytest.raises(UnicodeEncodeError):
        CODEC.encode(ModelRequest("m", (), (), broken, 1, encoded=encoded))
    sound = ModelRequest("m", (), (), (use, user(TextBlock("x"))), 1)
    assert CODEC.encode(dataclasses.replace(sound, encoded=encoded)) == CODEC.encode(sound)
