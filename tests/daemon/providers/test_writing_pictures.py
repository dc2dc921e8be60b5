"""Pictures in every protocol: shown where their bytes are, told in words where not, and never the other way afterwards."""

from __future__ import annotations

import dataclasses
import itertools
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Codec, Encoded, ModelMessage, ModelRequest
from agentd.providers.ollama import OllamaChat
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentd.providers.writing import Pictures, image_behind, image_in_words
from agentproto.content import Block, ImageBlock, ResultStatus, TextBlock, ToolResultBlock, ToolUseBlock
from support.histories import HOST, histories, pictures, steps, wishes

CODECS: dict[str, Codec] = {
    "anthropic": AnthropicMessages(HOST),
    "ollama": OllamaChat(8_192),
    "openai-chat": OpenAIChat(),
    "openai-responses": OpenAIResponses(HOST),
}
EVERY = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)

SEEN, UNSEEN = ImageBlock("image/png", "ab", 3, 4), ImageBlock("image/webp", "cd")
DATA = {"ab": b"bytes of a picture"}
BASE64 = b64encode(DATA["ab"]).decode()
URL = f"data:image/png;base64,{BASE64}"
MARK = b',"cache_control":{"type":"ephemeral"}'


def user(*blocks: Block) -> ModelMessage:
    return ModelMessage("user", blocks)


def model(*blocks: Block) -> ModelMessage:
    return ModelMessage("assistant", blocks)


def talk(status: ResultStatus = "ok", text: str = "Two.") -> tuple[ModelMessage, ...]:
    return (
        user(SEEN, TextBlock("What is it?"), UNSEEN),
        model(ToolUseBlock("c1", "read", {}), ToolUseBlock("c2", "read", {})),
        user(
            ToolResultBlock("c1", text, status, (SEEN, UNSEEN)),
            ToolResultBlock("c2", "", images=(SEEN,)),
            TextBlock("?"),
        ),
    )


def sent(codec: Codec, *messages: ModelMessage, images: Mapping[str, bytes] = DATA) -> list[dict[str, Any]]:
    body = json.loads(codec.encode(ModelRequest("m", (), (), messages, 9, images=images)).replace(MARK, b""))
    found = body.get("messages", body.get("input"))
    assert isinstance(found, list)
    return [message for message in found if message.get("role") != "assistant" and "call_id" not in message] + [
        message for message in found if message.get("type") == "function_call_output"
    ]


def test_anthropic_shows_them_in_messages_and_results() -> None:
    shown = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}}
    asked, answered = sent(CODECS["anthropic"], *talk())
    assert asked["content"] == [
        shown,
        {"type": "text", "text": "What is it?"},
        {"type": "text", "text": image_in_words(UNSEEN)},
    ]
    words = {"type": "text", "text": f"Two.\n\n{image_in_words(UNSEEN)}"}
    assert [block.get("content") for block in answered["content"]] == [[words, shown], [shown], None]


def test_a_failed_result_has_words_alone_where_the_format_wants_it() -> None:
    _, answered = sent(CODECS["anthropic"], *talk("error"))
    assert answered["content"][0]["content"] == f"Two.\n\n{image_in_words(SEEN)}\n\n{image_in_words(UNSEEN)}"


def test_the_mark_may_stand_on_a_picture() -> None:
    body = CODECS["anthropic"].encode(ModelRequest("m", (), (), (user(TextBlock("x"), SEEN),), 9, images=DATA))
    assert body.endswith(f'"data":"{BASE64}"}},"cache_control":{{"type":"ephemeral"}}}}]}}]}}'.encode())


def test_chat_shows_those_of_results_in_the_users_message_behind() -> None:
    shown = {"type": "image_url", "image_url": {"url": URL}}
    first, one, two, last = sent(CODECS["openai-chat"], *talk())
    assert first["content"] == [
        shown,
        {"type": "text", "text": "What is it?"},
        {"type": "text", "text": image_in_words(UNSEEN)},
    ]
    assert one["content"] == f"Two.\n\n{image_behind(SEEN, 1)}\n\n{image_in_words(UNSEEN)}"
    assert two["content"] == image_behind(SEEN, 2)
    assert last == {"role": "user", "content": [shown, shown, {"type": "text", "text": "?"}]}
    assert image_behind(SEEN, 2) == "[an image (image/png) of 3x4 pixels: number 2 of those that follow these results]"


def test_chat_makes_a_message_for_them_where_nobody_said_anything() -> None:
    _, result, behind = sent(
        CODECS["openai-chat"],
        user(TextBlock("go")),
        model(ToolUseBlock("c1", "read", {})),
        user(ToolResultBlock("c1", "", images=(SEEN,))),
    )
    assert result["content"] == image_behind(SEEN, 1)
    assert behind == {"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}


def test_responses_shows_them_in_messages_and_outputs() -> None:
    shown = {"type": "input_image", "image_url": URL, "detail": "auto"}
    first, last, one, two = sent(CODECS["openai-responses"], *talk())
    assert first["content"] == [
        shown,
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_text", "text": image_in_words(UNSEEN)},
    ]
    assert last["content"] == [{"type": "input_text", "text": "?"}]
    assert one["output"] == [{"type": "input_text", "text": f"Two.\n\n{image_in_words(UNSEEN)}"}, shown]
    assert two["output"] == [shown]


def test_ollama_lists_them_in_the_users_message() -> None:
    first, one, two, last = sent(CODECS["ollama"], *talk())
    assert first == {"role": "user", "content": f"What is it?\n\n{image_in_words(UNSEEN)}", "images": [BASE64]}
    assert one["content"] == f"Two.\n\n{image_behind(SEEN, 1)}\n\n{image_in_words(UNSEEN)}"
    assert two["content"] == image_behind(SEEN, 2)
    assert last == {"role": "user", "content": "?", "images": [BASE64, BASE64]}


@EVERY
def test_a_type_that_no_server_takes_is_told_in_words(codec: Codec) -> None:
    odd = (user(TextBlock("look"), ImageBlock("image/bmp", "ab")),)
    assert sent(codec, *odd) == sent(codec, *odd, images={})


def plain(body: bytes) -> bytes:
    """The conversation of a body, without what moves in it."""
    start = min(at for name in (b'"messages":[', b'"input":[') if (at := body.find(name)) >= 0)
    return body[start:].replace(MARK, b"").removesuffix(b"]}")


@EVERY
@settings(max_examples=150)
@given(histories(), st.data())
def test_a_picture_that_comes_later_changes_nothing_that_was_sent(
    codec: Codec, request: ModelRequest, data: st.DataObject
) -> None:
    encoded, images = Encoded(), dict[str, bytes]()
    bodies = []
    for step in steps(request):
        images = images | data.draw(pictures())
        bodies.append(codec.encode(dataclasses.replace(step, images=images, encoded=encoded)))
        again = dataclasses.replace(step, images=images | data.draw(pictures()), encoded=encoded)
        assert codec.encode(again) == bodies[-1]
    for shorter, longer in itertools.pairwise(map(plain, bodies)):
        assert longer.startswith(shorter)


@EVERY
@settings(max_examples=150)
@given(wishes())
def test_what_is_kept_never_changes_a_byte(codec: Codec, request: ModelRequest) -> None:
    encoded = Encoded()
    for step in [*steps(request), *reversed(steps(request)), request]:
        assert codec.encode(dataclasses.replace(step, encoded=encoded)) == codec.encode(step)


@EVERY
@settings(max_examples=150)
@given(histories(), st.lists(pictures(), min_size=1, max_size=5))
def test_what_may_not_be_shown_is_never_sent(
    codec: Codec, request: ModelRequest, given_: list[dict[str, bytes]]
) -> None:
    """A picture that is no longer among those of the request: what was kept with it is written anew."""
    encoded = Encoded()
    for step, images in itertools.product(steps(request), given_):
        body = codec.encode(dataclasses.replace(step, images=images, encoded=encoded))
        for blob, data in {"ab": b"first picture", "cd": b"second picture"}.items():
            assert blob in images or b64encode(data) not in body


def test_one_that_was_told_in_words_stays_so_for_the_conversation() -> None:
    encoded = Encoded()
    request = ModelRequest("m", (), (), (user(SEEN),), 9, encoded=encoded)
    assert Pictures(request).data(SEEN) is None
    later = dataclasses.replace(request, images=DATA)
    assert (Pictures(later).data(SEEN), encoded.told) == (None, {"ab"})
    assert Pictures(dataclasses.replace(later, encoded=None)).data(SEEN) == BASE64
    assert Pictures(dataclasses.replace(later, encoded=Encoded())).url(SEEN) == URL
