"""What servers say about themselves, each in its own fields."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.connection import Connection
from agentd.providers.report import (
    Question,
    Report,
    questions,
    read_answers,
    read_ollama_report,
    read_report,
    shows_pictures,
)

LLAMA = {"default_generation_settings": {"n_ctx": 2048}, "total_slots": 4}


def rows(*more: dict[str, object]) -> dict[str, object]:
    return {"object": "list", "data": [{"id": f"m{n}", **one} for n, one in enumerate(more)]}


@pytest.mark.parametrize(
    ("models", "props", "report"),
    [
        (rows({"meta": {"n_ctx_train": 32768}}), LLAMA, Report(("m0",), 2048, 4)),
        (rows({"max_model_len": 4096}), {}, Report(("m0",), 4096)),
        (rows({}, {"context_length": 9}), {}, Report(("m0", "m1"), 9)),
        (rows({"context_window": 8}, {}), {}, Report(("m0", "m1"))),
        (rows({"context_window": True}), {"total_slots": 0}, Report(("m0",))),
        (rows({"type": "model"}, {"max_input_tokens": 200_000}), {}, Report(("m0", "m1"), 200_000)),
        ({"data": "x"}, {"default_generation_settings": 3}, Report()),
        ([], 3, Report()),
        (rows({}), {"modalities": {"vision": True, "audio": False, "x": 1}}, Report(("m0",), None, None, ("vision",))),
        (rows({}), {"modalities": ["vision"]}, Report(("m0",))),
    ],
)
def test_reports(models: object, props: object, report: Report) -> None:
    assert read_report(json.dumps(models).encode(), json.dumps(props).encode(), model="m1") == report


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_no_bytes_raise(models: bytes, props: bytes) -> None:
    assert isinstance(read_report(models, props, model="m"), Report)
    assert isinstance(read_ollama_report(models, props), Report)


SEES, BLIND = Report(abilities=("completion", "vision")), Report(abilities=("completion",))


@pytest.mark.parametrize(
    ("url", "model", "images", "report", "shown"),
    [
        ("https://api.anthropic.com", "claude-opus-5", None, None, True),
        ("https://api.anthropic.com", "claude-opus-5", False, SEES, False),
        ("https://api.anthropic.com", "claude-2.1", None, None, False),
        ("https://api.openai.com/v1", "gpt-4o-mini", None, None, True),
        ("https://api.openai.com/v1", "gpt-4.1", None, None, True),
        ("https://api.openai.com/v1", "gpt-4-0613", None, None, False),
        ("https://api.openai.com/v1", "o3-mini", None, None, False),
        ("https://elsewhere/v1", "gpt-4o", None, None, False),
        ("https://elsewhere/v1", "gpt-4o", True, None, True),
        ("http://127.0.0.1:11434", "qwen-vl", None, SEES, True),
        ("http://127.0.0.1:11434", "qwen", None, BLIND, False),
        ("http://127.0.0.1:8080/v1", "qwen", True, BLIND, True),
    ],
)
def test_pictures_are_shown_where_the_model_is_known_to_see(
    url: str, model: str, images: bool | None, report: Report | None, shown: bool
) -> None:
    assert shows_pictures(Connection("c", "openai-chat", url, model, images=images), report) is shown


TAGS = {"models": [{"name": "qwen:8b", "model": "qwen:8b"}, {"name": "old"}, "junk", {"model": 3}]}
SHOW = {
    "model_info": {"general.architecture": "qwen", "qwen.context_length": 40_960, "n": 3},
    "capabilities": ["tools", 1],
}


@pytest.mark.parametrize(
    ("tags", "show", "report"),
    [
        (TAGS, SHOW, Report(("qwen:8b", "old"), 40_960, 1, ("tools",))),
        (TAGS, {"model_info": {"a.context_length": True, "b.context_length": 9, "c.context_length": 7}}, Report(("qwen:8b", "old"), 7, 1)),
        ({"models": 3}, {"model_info": [], "capabilities": "tools"}, Report((), None, 1)),
        ([], {"error": "model 'x' not found"}, Report((), None, 1)),
    ],
)  # fmt: skip
def test_what_ollama_says(tags: object, show: object, report: Report) -> None:
    bodies = json.dumps(tags).encode(), json.dumps(show).encode()
    assert read_ollama_report(*bodies) == report
    assert read_answers(Connection("c", "ollama", "http://h", "qwen:8b"), bodies) == report


BEARER = {"authorization": "Bearer sesame"}


@pytest.mark.parametrize(
    ("connection", "asked"),
    [
        (
            Connection("c", "openai-chat", "http://h/v1", "m"),
            [Question("GET", "http://h/v1/models", BEARER), Question("GET", "http://h/props", BEARER)],
        ),
        (
            Connection("c", "openai-chat", "http://h/v1beta/openai", "m"),
            [
                Question("GET", "http://h/v1beta/openai/models", BEARER),
                Question("GET", "http://h/v1beta/openai/props", BEARER),
            ],
        ),
        (Connection("c", "openai-responses", "http://h/v1", "m"), [Question("GET", "http://h/v1/models", BEARER)]),
        (
            Connection("c", "anthropic", "http://h/v1", "m"),
            [Question("GET", "http://h/v1/models", {"anthropic-version": "2023-06-01", "x-api-key": "sesame"})],
        ),
        (
            Connection("c", "ollama", "http://h/v1", "m"),
            [
                Question("GET", "http://h/api/tags", BEARER),
                Question("POST", "http://h/api/show", {**BEARER, "content-type": "application/json"}, b'{"model":"m"}'),
            ],
        ),
        (Connection("c", "ollama", "http://h"), [Question("GET", "http://h/api/tags", BEARER)]),
    ],
)
def test_what_a_server_is_asked_makes_no_model_work(connection: Connection, asked: list[Question]) -> None:
    assert list(questions(connection, "sesame")) == asked
    assert [question for question in questions(connection, None) if "sesame" in str(question.headers)] == []
    assert "sesame" not in repr(questions(connection, "sesame"))


def test_answers_are_read_as_far_as_they_came() -> None:
    models = json.dumps(rows({"max_input_tokens": 9})).encode()
    assert read_answers(Connection("c", "anthropic", "http://h", "m0"), [models]) == Report(("m0",), 9)
    assert read_answers(Connection("c", "openai-chat", "http://h", "m0"), []) == Report()
