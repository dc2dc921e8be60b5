"""What a failed model call means, and the retry policy: which failure is retried, how often, how long, and why.

`classify` decides the class from status *and* body (a 429 may be an empty account, a 400 may be an over-long prompt);
`POLICIES` decides, for each class, whether the same call is sent again, whether the next model of the configured chain
is asked, or whether the turn stops with an advice; `retry_wait` says how long to wait. Pure: time and chance are
arguments. Nothing here waits, sends or logs. Callers: the codecs (`classify`), the turn's machine (the rest).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from agentd.providers.base import Failure, FailureClass
from agentd.providers.failure_body import ErrorBody, read_body

__all__ = ["POLICIES", "Policy", "classify", "from_error", "retry_after_ms", "retry_wait"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do about one class. Times in milliseconds.

    `retries`: how often the same call is sent again. `base_ms`: the first wait's upper bound, doubled each time up to
    `cap_ms`. `total_ms`: all waits of one call together. `fall_back`: ask the next model of the chain when retries are
    used up. `compact`: the context is made smaller, once, and the call made anew. `reason`: why these numbers.
    `retries_before_next`: retries where somebody stands in: who named one would rather not wait.
    `retries_once_reached`: retries where the server has answered in this turn already: it was there, and will be again.
    """

    retries: int
    base_ms: int
    cap_ms: int
    total_ms: int
    fall_back: bool
    reason: str
    compact: bool = False
    retries_before_next: int = 0
    retries_once_reached: int = 0


def _stop(reason: str, *, fall_back: bool = False, compact: bool = False) -> Policy:
    return Policy(0, 0, 0, 0, fall_back, reason, compact)


POLICIES: Mapping[FailureClass, Policy] = {
    "overflow": _stop("the same bytes will never fit; only a smaller context can help, once", compact=True),
    "rate_limited": Policy(
        6,
        1_000,
        60_000,
        300_000,
        True,
        "limits are counted a minute; five of them outlast every usual window",
        retries_before_next=1,
    ),
    "overloaded": Policy(
        5,
        1_000,
        30_000,
        120_000,
        True,
        "a busy or loading server recovers in seconds or has a real outage",
        retries_before_next=2,
    ),
    "auth": _stop("a key or an account does not mend itself, and another model must not hide that"),
    "bad_request": _stop("the server will refuse the same bytes again, and they are our own fault"),
    "refused": _stop(
        "asking again does not change a refusal, and shopping for a model that says yes is not ours to do"
    ),
    "network": Policy(
        4,
        500,
        8_000,
        90_000,
        True,
        "nothing was answered, so sending again doubles nothing; a local server that crashed is back within a minute",
        retries_before_next=2,
        retries_once_reached=12,
    ),
    "broken_stream": Policy(
        2,
        500,
        4_000,
        60_000,
        True,
        "tokens were paid for already: two more tries, then somebody else",
        retries_before_next=2,
    ),
    "not_found": _stop(
        "a model or address that is not there stays away; the chain may name one that is", fall_back=True
    ),
}

_BY_STATUS: Mapping[int, FailureClass] = {
    400: "bad_request",
    401: "auth",
    402: "auth",
    403: "auth",
    404: "not_found",
    408: "network",
    409: "overloaded",  # a lock at the server, by the OpenAI libraries' own retry rule
    410: "not_found",
    413: "overflow",
    425: "overloaded",
    429: "rate_limited",
    451: "refused",
    501: "bad_request",
}


@dataclass(frozen=True, slots=True)
class _Sign:
    """Words in an error body that say more than the status. `where` is what is searched; `seen_in` who says it."""

    kind: FailureClass
    where: str  # "code" (the error's code or type, whole) or "text" (its message)
    words: re.Pattern[str]
    seen_in: str


def _code(kind: FailureClass, words: str, seen_in: str) -> _Sign:
    return _Sign(kind, "code", re.compile(rf"(?:{words})\Z", re.IGNORECASE), seen_in)


def _text(kind: FailureClass, words: str, seen_in: str) -> _Sign:
    return _Sign(kind, "text", re.compile(words, re.IGNORECASE), seen_in)


# The first that fits wins: codes before words, overflow before rate limits (some servers tell it as one).
_SIGNS = (
    _code("overflow", "context_length_exceeded", "OpenAI, Groq, DeepSeek"),
    _code("overflow", "exceed_context_size_error", "llama.cpp"),
    _code("overflow", "request_too_large", "Anthropic"),
    _code("auth", "insufficient_quota|billing_hard_limit_reached|billing_not_active", "OpenAI: a 429 that never ends"),
    _code("auth", r"billing_error|\w*spend_limit_reached|organization_on_hold", "Anthropic: a 429 too"),
    _code("auth", "invalid_api_key|authentication_error|permission_error|permission_denied", "OpenAI, Anthropic"),
    _code("not_found", "model_not_found|not_found_error|NotFoundError", "OpenAI, Anthropic, vLLM"),
    _code(
        "refused", "content_filter|content_policy_violation|bio_policy|misalignment_policy_violation", "OpenAI, Azure"
    ),
    _code("overloaded", "overloaded_error|server_is_overloaded|unavailable_error|engine_overloaded", "several"),
    _text("overflow", r"max(imum)? context length|max(imum)? model length|max_model_len", "OpenAI, vLLM, DeepSeek"),
    _text("overflow", r"exceeds? the (available )?context (size|window|length)", "llama.cpp, LM Studio, Ollama"),
    _text(
        "overflow",
        r"(prompt|input)( is)? too (long|large)|too many (input|prompt) tokens",
        "Anthropic, Bedrock, Ollama",
    ),
    _text("overflow", r"input length and .{0,3}max_tokens.{0,3} exceed (the )?context limit", "Anthropic"),
    _text("overflow", r"input token count .{0,40}exceeds the maximum", "Gemini"),
    _text("overflow", r"reduce the length of (the|your) (messages|prompt|input)", "Groq, Azure"),
    _text(
        "overflow", r"request too large for model .{0,200}tokens per minute", "Groq, OpenAI: more than a minute holds"
    ),
    _text(
        "auth", r"(exceeded your current quota|insufficient (balance|credit|funds)|credit balance is too low)", "all"
    ),
    _text("refused", r"prompt was flagged as potentially violating", "OpenAI"),
    _text("bad_request", r"image input is not supported", "llama.cpp: a 500 that asking again does not change"),
    _text("bad_request", r"requires more (system )?memory", "Ollama: no retry makes this machine larger"),
    _text("not_found", r"model\W.{0,120}(does not exist|not found|is not (available|supported))", "vLLM, Ollama"),
    _code("rate_limited", "rate_limit_exceeded|rate_limit_error|too_many_requests|resource_exhausted", "several"),
)

# Codes that say less than a status does; they serve where an error inside a stream has none.
_WITHOUT_STATUS = (
    _code("bad_request", "invalid_request_error|invalid_request|invalid_prompt", "Anthropic, OpenAI"),
    _code("network", "timeout_error", "Anthropic"),
)

# NAME is the connection's, which only the caller knows (`call.told`).
_REMEDIES: Mapping[FailureClass, str] = {
    "overflow": "compact the session, or set models.NAME.window to what the server was started with",
    "rate_limited": "wait, or name who stands in for it, in models.NAME.fallback",
    "overloaded": "wait, or name who stands in for it, in models.NAME.fallback",
    "auth": "check models.NAME.key, and the account behind it",
    "bad_request": "prove the connection: agentctl models test NAME",
    "refused": "say it in other words, or use another model",
    "network": "check that its server runs and that models.NAME.url names it",
    "broken_stream": "try again; look at the server's own log when it happens often",
    "not_found": "check models.NAME.model and models.NAME.url: agentctl models test NAME",
}

_LONGEST_TEXT = 600  # characters of a server's words that a person is shown
_LARGEST_WAIT_MS = 24 * 3_600_000  # nobody waits longer; also keeps a nonsense header from overflowing anything


def classify(status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
    """What a response that is no stream means. Header names in lower case; `now_ms` for a Retry-After that is a date."""
    error = read_body(body)
    kind = _kind(status, error)
    if 200 <= status < 300:
        text = "the server answered with a page instead of a model's stream" if error.is_page else error.text
    elif 300 <= status < 400:
        text = f"the server sends elsewhere (to {headers.get('location', 'nowhere')[:200]}); redirects are not followed"
    else:
        text = error.text or f"the server answered {status} without a word"
    return Failure(
        kind,
        text[:_LONGEST_TEXT],
        _REMEDIES[kind],
        status,
        retry_after_ms(headers, now_ms),
        _window_told(error) if kind == "overflow" else {},
    )


def from_error(error: ErrorBody) -> Failure:
    """What an error inside a stream that began with 200 means; its code serves as status where it is a number."""
    status = error.status or 0
    kind = _kind(status if status >= 400 else 0, error)
    text = error.text or "the server ended its stream with an error"
    details = _window_told(error) if kind == "overflow" else {}
    return Failure(kind, text[:_LONGEST_TEXT], _REMEDIES[kind], error.status, None, details)


def _kind(status: int, error: ErrorBody) -> FailureClass:
    for sign in _SIGNS:
        told = error.codes if sign.where == "code" else (error.text,)
        if any(sign.words.search(word) if sign.where == "text" else sign.words.match(word) for word in told):
            return sign.kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return "overloaded"
    if status >= 400:
        return "bad_request"
    if status >= 200:
        return "not_found"  # a page or a redirect where a stream should be: the url is wrong
    for sign in _WITHOUT_STATUS:
        if any(sign.words.match(code) for code in error.codes):
            return sign.kind
    return "overloaded"  # an error inside a running stream without a code: the server's, and worth another try


_TOKENS = (
    re.compile(r"maximum context length (?:is|of) (?P<window>\d+)", re.IGNORECASE),
    re.compile(r"(?:requested|resulted in|passed|has) (?:at least )?(?P<input>\d+) (?:input )?tokens", re.IGNORECASE),
    re.compile(r"\((?P<input>\d+) tokens\) exceeds .{0,40}context size \((?P<window>\d+) tokens\)", re.IGNORECASE),
    re.compile(r"(?P<input>\d+) tokens > (?P<window>\d+) maximum", re.IGNORECASE),
    re.compile(r"context limit: (?P<input>\d+) \+ \d+ > (?P<window>\d+)", re.IGNORECASE),
)


def _window_told(error: ErrorBody) -> Mapping[str, object]:
    """`window` and `input` in tokens, as far as the server told them."""
    found: dict[str, object] = {}
    for name, field in (("input", "n_prompt_tokens"), ("window", "n_ctx")):
        value = error.fields.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            found[name] = value
    for pattern in _TOKENS:
        if match := pattern.search(error.text):
            found |= {name: int(value) for name, value in match.groupdict().items() if name not in found}
    return found


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """What `Retry-After` (seconds or an HTTP date) or `retry-after-ms` asks for; None when nothing readable is there.

    Source: RFC 9110, section 10.2.3.
    """
    exact = _number(headers.get("retry-after-ms", ""))
    if exact is not None:
        return min(round(exact), _LARGEST_WAIT_MS)
    asked = headers.get("retry-after", "").strip()
    seconds = _number(asked)
    if seconds is not None:
        return min(round(seconds * 1_000), _LARGEST_WAIT_MS)
    try:
        until_ms = round(parsedate_to_datetime(asked).timestamp() * 1_000)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0, min(until_ms - now_ms, _LARGEST_WAIT_MS))


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text.strip()) else None


def retry_wait(
    kind: FailureClass,
    attempt: int,
    retry_after_ms: int | None,
    jitter: float,
    *,
    waited_ms: int = 0,
    stands_in: bool = False,
    reached: bool = False,
) -> int | None:
    """How long to wait before the same call is sent again; None: not again (fall back or stop, see the policy).

    `attempt`: how often it has failed, from 1. `jitter`: a number in [0, 1). `waited_ms`: what this call has waited
    already. `stands_in`: another connection would go on; `reached`: the server has answered before. Full jitter spreads clients that failed together; what the server asked for is never undercut.
    """
    policy = POLICIES[kind]
    retries = max(policy.retries, policy.retries_once_reached) if reached else policy.retries
    if attempt > (policy.retries_before_next if stands_in else retries):
        return None
    bound = min(policy.cap_ms, policy.base_ms << min(attempt - 1, 32))
    if retry_after_ms is None:
        wait = round(jitter * bound)
    else:
        wait = retry_after_ms + round(jitter * policy.base_ms)
    return wait if waited_ms + wait <= policy.total_ms else None
