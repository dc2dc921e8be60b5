"""`models test`: a real round trip with a connection, told line by line.

It decides what is tried, in which order, and what each outcome means: an answer (with its speed), a tool call and in
which form it came, an answer in a given form, thinking, who counts, how large the window is and who says so. Where the
address gives nothing, others that may have been meant are tried, and the first at which a model answers is proposed.
It never changes settings (`connections.room` writes a proved address). Every call is `trial_calls`'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from agentd.connections.addresses import others
from agentd.connections.trial_calls import Bench, Tried
from agentd.providers.base import Failure, ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.catalog import limits_of, shipped
from agentd.providers.connection import Connection
from agentd.providers.report import Report
from agentd.turn.parts import ModelChoice
from agentproto.api.model import TestCheck, TestResult
from agentproto.content import TextBlock

__all__ = ["Subject", "Tested", "try_connection"]

_ANSWER_TOKENS = 128
"""Enough for a sentence, a call, a small form, and a little thought before each."""
_QUESTION = "Count from one to twenty in words, separated by commas."
_TOOL_QUESTION = "List the folder `src` with the tool."
_TOOL = ToolDefinition(
    "ls",
    "List a folder.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"], "additionalProperties": False},
)
_FORM_QUESTION = "Name one city and how many people live there, as JSON with the fields `city` and `people`."
_FORM: Mapping[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
_NO_SUCH_WAY = 405
_WHO_SAYS: Mapping[str, str] = {
    "server": "its server says",
    "settings": "the settings say",
    "table": "the table of known models says",
    "guess": "nobody says, so a small one is taken",
    "built_in": "it is built in",
}


class _City(msgspec.Struct, forbid_unknown_fields=True):
    city: str
    people: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tried. `choice`: the connection ready to be asked; `look`: what its server says of itself (None: it has
    none); `count`: tokens of a body as its server counts them."""

    connection: Connection
    choice: Callable[[Connection], ModelChoice]
    look: Callable[[Connection], Awaitable[Report | Failure | None]]
    count: Callable[[Connection, bytes], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Tested:
    """The result, and the address that works where the connection has another."""

    result: TestResult
    url: str = ""


async def try_connection(subject: Subject, bench: Bench) -> Tested:
    """Every check with what was seen; `ok` when all that a turn needs holds."""
    name = subject.connection.name
    bench.trying(name, "an answer")
    subject, plain, mended = await _answer(subject, bench)
    if plain.failure is not None:
        check = TestCheck("answers", False, _words(plain.failure))
        return Tested(_used(TestResult(name=name, ok=False, checks=(check,)), bench))
    told = plain.ended.usage if plain.ended is not None and not plain.ended.usage.estimated else None
    checks = [TestCheck("answers", True, " ".join(plain.text.split())[:80] or "(nothing but thinking)")]
    checks.append(
        TestCheck("counts tokens", True, f"{told.input} in, {told.output} out" if told else "no: usage is estimated")
    )
    bench.trying(name, "counting ahead")
    ahead = await subject.count(subject.connection, plain.body)
    checks.append(TestCheck("counts ahead", True, _ahead(ahead, told.input if told else None)))
    bench.trying(name, "a tool call")
    tools = await bench.ask(subject.choice(subject.connection), _request(subject, _TOOL_QUESTION, tools=(_TOOL,)))
    form = _form_of_call(tools)
    checks.append(TestCheck("calls tools", tools.failure is None, _CALLS[form] if form else _words(tools.failure)))
    bench.trying(name, "an answer in a given form")
    shaped = await bench.ask(subject.choice(subject.connection), _request(subject, _FORM_QUESTION, schema=_FORM))
    fits = shaped.failure is None and _fits(shaped.text)
    checks.append(TestCheck("answers in a form", True, "JSON that fits its schema" if fits else _no_form(shaped)))
    thought = plain.thought or tools.thought or shaped.thought
    effort = f" (effort {subject.connection.effort})" if subject.connection.effort else ""
    checks.append(TestCheck("thinks", True, ("seen" if thought else "no: none was seen") + effort))
    bench.trying(name, "the window")
    said = await subject.look(subject.connection)
    report = said if isinstance(said, Report) else None
    limits = limits_of(subject.connection, report.window if report is not None else None, shipped())
    is_built_in = subject.connection.kind == "offline"
    source: Literal["server", "settings", "table", "guess", "built_in"] = "built_in" if is_built_in else limits.source
    checks.append(TestCheck("window", True, f"{limits.window:,} tokens: {_WHO_SAYS[source]}"))
    slots = report.slots or 0 if report is not None else 0
    if slots:
        checks.append(TestCheck("at a time", True, f"{slots} request{'s' * (slots != 1)}"))
    streaming_us = plain.total_us - plain.first_us
    tokens = plain.usage.output if plain.usage is not None else 0
    result = TestResult(
        name=name,
        ok=all(check.ok for check in checks),
        checks=tuple(checks),
        first_token_ms=plain.first_us // 1000,
        tokens_per_second=round(tokens * 1_000_000 / streaming_us, 1) if streaming_us > 0 and tokens > 1 else 0.0,
        counts=told is not None,
        counts_ahead=ahead is not None,
        tools=form,
        schema=fits,
        thinking=thought,
        window=limits.window,
        window_from=source,
        slots=slots,
    )
    return Tested(_used(result, bench), mended)


async def _answer(subject: Subject, bench: Bench) -> tuple[Subject, Tried, str]:
    """A plain answer, at another address where this one has no model; (the subject as it works, the call, its url)."""
    connection = subject.connection
    first = await bench.ask(subject.choice(connection), _request(subject, _QUESTION))
    if first.failure is None or not _may_be_elsewhere(first.failure):
        return subject, first, ""
    for url in others(connection.kind, connection.url):
        bench.trying(connection.name, f"an answer at {url}")
        moved = replace(subject, connection=replace(connection, url=url))
        tried = await bench.ask(moved.choice(moved.connection), _request(moved, _QUESTION))
        if tried.failure is None:
            return moved, tried, url
    return subject, first, ""


def _may_be_elsewhere(failure: Failure) -> bool:
    """Whether nothing is at the address, as far as its server can be understood."""
    return failure.kind == "not_found" or failure.status == _NO_SUCH_WAY


def _request(
    subject: Subject,
    question: str,
    *,
    tools: tuple[ToolDefinition, ...] = (),
    schema: Mapping[str, object] | None = None,
) -> ModelRequest:
    return ModelRequest(
        model=subject.connection.model,
        system=(("identity", "You are being tested for a moment."),),
        tools=tools,
        messages=(ModelMessage("user", (TextBlock(question),)),),
        max_output=_ANSWER_TOKENS,
        effort=subject.connection.effort,
        schema=schema,
    )


_Form = Literal["", "calls", "text", "none"]
_CALLS: Mapping[_Form, str] = {
    "calls": "in the protocol's form",
    "text": "only as text, where they are found",
    "none": "no: it took the tools and called none this time",
}


def _form_of_call(tried: Tried) -> _Form:
    if tried.failure is not None:
        return ""
    return "calls" if tried.called else "text" if tried.written else "none"


def _fits(text: str) -> bool:
    try:
        msgspec.json.decode(text.strip(), type=_City, strict=True)
    except (msgspec.MsgspecError, ValueError):
        return False
    return True


def _no_form(tried: Tried) -> str:
    if tried.failure is not None:
        return f"no: {tried.failure.kind}: {tried.failure.text}"
    return f"no: {' '.join(tried.text.split())[:60] or '(nothing but thinking)'}"


def _ahead(count: int | None, told: int | None) -> str:
    if count is None:
        return "no: its server has no such question"
    return f"{count} in" + ("" if told is None or told == count else f", and {told} when it was asked")


def _words(failure: Failure | None) -> str:
    """What failed, why, and what to do, in one line."""
    if failure is None:
        return ""
    remedy = f"; {failure.remedy[:1].lower()}{failure.remedy[1:]}" if failure.remedy else ""
    return f"{failure.kind}: {failure.text}{remedy}"


def _used(result: TestResult, bench: Bench) -> TestResult:
    """With what the test itself has used."""
    used = bench.usages
    return msgspec.structs.replace(
        result,
        calls=len(used),
        input=sum(usage.input for usage in used),
        output=sum(usage.output for usage in used),
        usd_micros=sum(usage.usd_micros for usage in used),
        estimated=sum(usage.estimated for usage in used),
    )
