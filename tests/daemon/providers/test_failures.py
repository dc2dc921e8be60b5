"""Status and body to class, Retry-After, and the policy of each class."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.base import FailureClass
from agentd.providers.failure_body import ErrorBody
from agentd.providers.failures import POLICIES, classify, from_error, retry_after_ms, retry_wait
from support.fake_model_server import Reply, failure, overflow, rate_limited

NOW = 1_767_603_600_000  # Mon, 05 Jan 2026 09:00:00 GMT
KINDS: tuple[FailureClass, ...] = get_args(FailureClass)


def kind_of(reply: Reply) -> FailureClass:
    body = b"".join(part for part in reply.parts if isinstance(part, bytes))
    return classify(reply.status, reply.headers, body, NOW).kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, "not_found"),
        (400, "bad_request"),
        (401, "auth"),
        (402, "auth"),
        (403, "auth"),
        (404, "not_found"),
        (408, "network"),
        (409, "overloaded"),
        (413, "overflow"),
        (418, "bad_request"),
        (422, "bad_request"),
        (429, "rate_limited"),
        (500, "overloaded"),
        (501, "bad_request"),
        (502, "overloaded"),
        (503, "overloaded"),
        (504, "overloaded"),
        (529, "overloaded"),
    ],
)
def test_a_status_alone(status: int, kind: str) -> None:
    assert kind_of(failure(status, "")) == kind


def said(status: int, message: str, **more: object) -> Reply:
    return failure(status, {"error": {"message": message, **more}})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (said(500, "image input is not supported - hint: you may need to provide the mmproj"), "bad_request"),
        (overflow("llama.cpp"), "overflow"),
        (overflow("openai"), "overflow"),
        (overflow("vllm"), "overflow"),
        (said(400, "prompt is too long: 210000 tokens > 200000 maximum", type="invalid_request_error"), "overflow"),
        (
            said(400, "input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000, decrease"),
            "overflow",
        ),
        (said(413, "Request exceeds the maximum size", type="request_too_large"), "overflow"),
        (said(400, "Your input exceeds the context window of this model.", code="context_length_exceeded"), "overflow"),
        (failure(400, {"error": "prompt too long; exceeded max context length by 12 tokens"}), "overflow"),
        (failure(500, {"error": "model requires more system memory (9 GiB) than is available"}), "bad_request"),
        (failure(400, {"error": '"x" does not support tools'}), "bad_request"),
        (failure(503, {"error": "server busy, please try again. maximum pending requests exceeded"}), "overloaded"),
        (said(529, "Overloaded", type="overloaded_error"), "overloaded"),
        (said(403, "Your API key may not use this resource", type="permission_error"), "auth"),
        (said(402, "Your credit balance is too low", type="billing_error"), "auth"),
        (said(429, "no", type="rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}), "auth"),
        (said(401, "who are you?", type="invalid_request_error"), "auth"),
        (said(404, "model: claude-9", type="not_found_error"), "not_found"),
        (said(400, "Invalid prompt: your prompt was flagged as potentially violating our policy"), "refused"),
        (said(400, "The input token count (9) exceeds the maximum number of tokens allowed (8)."), "overflow"),
        (
            said(413, "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000"),
            "overflow",
        ),
        (said(429, "You exceeded your current quota, please check your plan.", code="insufficient_quota"), "auth"),
        (said(402, "Insufficient Balance"), "auth"),
        (said(400, "Incorrect API key provided", code="invalid_api_key"), "auth"),
        (rate_limited(), "rate_limited"),
        (said(503, "Loading model", type="unavailable_error", code=503), "overloaded"),
        (said(400, "Overloaded", type="overloaded_error"), "overloaded"),
        (said(404, "The model `gpt-9` does not exist", code="model_not_found"), "not_found"),
        (failure(404, {"object": "error", "message": "The model `x` does not exist.", "code": 404}), "not_found"),
        (failure(404, {"error": "model 'x' not found"}), "not_found"),
        (said(400, "The response was filtered", code="content_filter"), "refused"),
        (failure(400, [{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}]), "rate_limited"),
        (failure(400, {"detail": [{"loc": ["body"], "msg": "field required"}]}), "bad_request"),
        (failure(502, "<html><head><title>502 Bad Gateway</title></head></html>"), "overloaded"),
        (failure(403, "<!DOCTYPE html><body>Access denied</body>"), "auth"),
        (failure(200, "<!DOCTYPE html><title>Welcome</title>"), "not_found"),
    ],
)
def test_a_body_says_more_than_its_status(reply: Reply, kind: str) -> None:
    assert kind_of(reply) == kind


def test_the_whole_failure_is_for_people() -> None:
    found = classify(502, {"retry-after": "7"}, b"<html><title>502 Bad\n Gateway</title></html>", NOW)
    assert (found.kind, found.text, found.status, found.retry_after_ms) == ("overloaded", "502 Bad Gateway", 502, 7_000)
    assert found.remedy != ""
    assert classify(500, {}, b"", NOW).text == "the server answered 500 without a word"
    assert len(classify(500, {}, b"x" * 100_000, NOW).text) <= 600
    assert "https://other/v1" in classify(308, {"location": "https://other/v1"}, b"", NOW).text


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("llama.cpp", {"input": 6007, "window": 2048}),
        ("openai", {"input": 9000, "window": 8192}),
        ("vllm", {"input": 5000, "window": 4096}),
    ],
)
def test_an_overflow_tells_the_window(server: str, told: dict[str, int]) -> None:
    body = b"".join(part for part in overflow(server).parts if isinstance(part, bytes))
    assert classify(400, {}, body, NOW).details == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", {"input": 210_000, "window": 200_000}),
        (
            "input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000, decrease it",
            {"input": 199_000, "window": 200_000},
        ),
    ],
)
def test_what_anthropic_tells_of_the_window(words: str, told: dict[str, int]) -> None:
    body = b"".join(part for part in said(400, words).parts if isinstance(part, bytes))
    assert classify(400, {}, body, NOW).details == told


def test_an_error_inside_a_stream_has_its_code_for_a_status() -> None:
    assert from_error(ErrorBody((), "busy", 503)).kind == "overloaded"
    assert from_error(ErrorBody(("rate_limit_error",), "slow down")).kind == "rate_limited"
    assert from_error(ErrorBody(("invalid_request_error",), "no")).kind == "bad_request"
    assert from_error(ErrorBody(("invalid_request_error",), "no", 401)).kind == "auth"
    assert from_error(ErrorBody(("timeout_error",), "late")).kind == "network"
    assert from_error(ErrorBody()).text == "the server ended its stream with an error"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2_000),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1.5"}, 1_500),
        ({"retry-after": "Mon, 05 Jan 2026 09:00:30 GMT"}, 30_000),
        ({"retry-after": "Monday, 05-Jan-26 09:00:30 GMT"}, 30_000),
        ({"retry-after": "Mon, 05 Jan 2026 08:59:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "2"}, 250),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "999999999999"}, 24 * 3_600_000),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 24 * 3_600_000),
    ],
)
def test_retry_after(headers: dict[str, str], wait: int | None) -> None:
    assert retry_after_ms(headers, NOW) == wait


def test_every_class_has_a_policy_with_a_reason() -> None:
    assert sorted(POLICIES) == sorted(KINDS)
    assert [kind for kind, policy in POLICIES.items() if len(policy.reason) < 20] == []


def test_only_what_may_pass_by_itself_is_retried() -> None:
    assert {kind for kind in KINDS if retry_wait(kind, 1, None, 0.0) is not None} == {
        "rate_limited",
        "overloaded",
        "network",
        "broken_stream",
    }
    assert {kind for kind in KINDS if POLICIES[kind].compact} == {"overflow"}


def test_waits_grow_with_full_jitter_and_end() -> None:
    waits = [retry_wait("network", attempt, None, 0.5) for attempt in range(1, 7)]
    assert waits == [250, 500, 1_000, 2_000, None, None]
    waits = [retry_wait("network", attempt, None, 0.5, reached=True) for attempt in range(1, 15)]
    assert waits == [250, 500, 1_000, 2_000, *[4_000] * 8, None, None]
    assert [retry_wait("network", 1, None, jitter) for jitter in (0.0, 0.999)] == [0, 500]
    assert retry_wait("rate_limited", 6, None, 0.9999) == round(0.9999 * 32_000)


def test_who_can_be_stood_in_for_is_not_waited_for_so_long() -> None:
    tries = {
        kind: [retry_wait(kind, n, None, 0.5, stands_in=True) is not None for n in range(1, 5)] for kind in POLICIES
    }
    assert {kind: sum(one) for kind, one in tries.items() if any(one)} == {
        "rate_limited": 1,
        "overloaded": 2,
        "network": 2,
        "broken_stream": 2,
    }


def test_what_the_server_asked_for_is_never_undercut() -> None:
    assert retry_wait("rate_limited", 1, 20_000, 0.0) == 20_000
    assert retry_wait("rate_limited", 1, 20_000, 0.5) == 20_500


def test_a_wait_beyond_the_total_is_not_begun() -> None:
    assert retry_wait("rate_limited", 1, 300_001, 0.0) is None
    assert retry_wait("overloaded", 2, 1_000, 0.0, waited_ms=119_000) == 1_000
    assert retry_wait("overloaded", 2, 1_001, 0.0, waited_ms=119_000) is None


@given(
    st.sampled_from(KINDS),
    st.integers(1, 100),
    st.none() | st.integers(0, 10**9),
    st.floats(0, 0.999),
    st.integers(0, 10**9),
)
def test_no_wait_breaks_the_policy(
    kind: FailureClass, attempt: int, asked: int | None, jitter: float, waited: int
) -> None:
    wait = retry_wait(kind, attempt, asked, jitter, waited_ms=waited)
    policy = POLICIES[kind]
    if wait is not None:
        assert attempt <= policy.retries
        assert wait >= (asked or 0)
        assert waited + wait <= policy.total_ms


@given(
    st.integers(100, 599),
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from(["retry-after", "location"]), st.text(max_size=20)),
)
def test_nothing_that_a_server_answers_raises(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert classify(status, headers, body, NOW).kind in KINDS
