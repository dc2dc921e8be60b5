"""The forms in which models write tool calls as plain text: one reader a form.

A reader begins behind its opener (`OPENERS`, anywhere in prose) or at a reply's first character (`STARTERS`, which have
no marker and count only when the reply holds nothing else). It returns the calls it found, or None: then this was no
call, and the text stays a text. A name counts when it is an offered tool's, letter for letter. A reader turns down what
it can as early as it can, because people wait for the text behind it. Caller: `tool_text`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agentd.providers.tool_text_tape import Reading, Tape
from agentd.providers.tool_text_values import Written, arguments_of, call_of, keywords

__all__ = ["OPENERS", "STARTERS", "Opener", "Reader"]

_Found = list[Written] | None
Reader = Callable[[Tape, frozenset[str]], Reading[_Found]]

_NAME = re.compile(r"[\w.:/\-]*")
_KEY = re.compile(r"[A-Za-z_]*")
_LONGEST_NAME = 128
_HEAD_KEYS = frozenset({"name", "function", "tool", "type", "id", "arguments", "parameters", "args", "tool_name"})
_NAMING = frozenset({"name", "function", "tool", "tool_name"})
_ENDS = ("<|eom_id|>", "<|eot_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "</s>", "<｜end▁of▁sentence｜>")
_FENCED = frozenset({"", "json", "tool_call", "tool"})
_PARAMETER, _PARAMETER_END = "<parameter=", "</parameter>"
_FUNCTION, _FUNCTION_END = "<function=", "</function>"
_TOOL_CALL_END = "</tool_call>"


@dataclass(frozen=True, slots=True)
class Opener:
    """A marker; `who` writes it; `at_line_start`: it means something else in the middle of a line."""

    text: str
    reader: Reader
    who: str
    at_line_start: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """The marks of one form that puts each call between two marks, and name and arguments around a third."""

    begin: str
    between: str
    end: str
    end_all: str


def _ending(tape: Tape) -> Reading[bool]:
    """Take white space and end marks; whether the text is over."""
    while True:
        yield from tape.spaces()
        if not (yield from tape.word(*_ENDS)):
            return tape.spent


def _named(tape: Tape, offered: frozenset[str]) -> Reading[str]:
    """Take an offered tool's name; empty, as soon as that is plain, when something else stands there."""
    name = yield from tape.word(*offered)
    if not name or (yield from tape.within(_NAME, 1)):
        return ""
    return name


def _envelope(
    tape: Tape, offered: frozenset[str], closes: tuple[str, ...] = (), *, strict: bool = False
) -> Reading[Written | None]:
    """`{"name": ..., "arguments": {...}}` in its spellings. `strict`: arguments have to be there."""
    yield from tape.spaces()
    begun = yield from tape.word("{")
    if not begun:
        return None
    begun += yield from tape.spaces()
    quote = yield from tape.word('"', "'")
    key = yield from tape.within(_KEY, _LONGEST_NAME)
    closing = (yield from tape.word(quote)) if quote else ""
    if closing != quote or key not in _HEAD_KEYS:
        return None
    begun += quote + key + closing + (yield from tape.spaces())
    if not (yield from tape.word(":")):
        return None
    begun += ":" + (yield from tape.spaces())
    name = ""
    if key in _NAMING and not (key == "function" and (yield from tape.ahead("{"))):
        quote = yield from tape.word('"', "'")
        name = yield from _named(tape, offered)
        if not quote or not name or not (yield from tape.word(quote)):
            return None
        begun += quote + name + quote
    raw = yield from tape.balanced(begun, closes)
    return None if raw is None else call_of(_trimmed(raw), name, offered, strict=strict)


def _trimmed(raw: str) -> str:
    raw = raw.rstrip()
    for mark in _ENDS:
        raw = raw.removesuffix(mark).rstrip()
    return raw


def _tagged(close: str) -> Reader:
    """Calls between two tags: JSON objects, Qwen3-coder's XML, or GLM's keys and values."""

    def read(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
        found: list[Written] = []
        while True:
            yield from tape.spaces()
            mark = yield from tape.word(close, _FUNCTION, ",")
            if mark == close or (not mark and tape.spent):
                return found or None
            if mark == ",":
                continue
            if mark == _FUNCTION:
                call = yield from _function(tape, offered)
            elif (yield from tape.ahead("{")):
                call = yield from _envelope(tape, offered, (close,))
            else:
                call = yield from _keys_and_values(tape, offered, close)
            if call is None:
                return None
            found.append(call)

    return read


def _function(tape: Tape, offered: frozenset[str]) -> Reading[Written | None]:
    """Behind `<function=`: a name, then parameters in tags of their own, or one JSON object."""
    name = yield from _named(tape, offered)
    if not name or not (yield from tape.word(">")):
        return None
    yield from tape.spaces()
    if (yield from tape.ahead("{")):
        raw = yield from tape.balanced("", (_FUNCTION_END, _TOOL_CALL_END))
        if raw is None:
            return None
        yield from tape.spaces()
        closed = yield from tape.word(_FUNCTION_END)
        return arguments_of(name, _trimmed(raw)) if closed or tape.spent else None
    values: dict[str, object] = {}
    while True:
        yield from tape.spaces()
        mark = yield from tape.word(_PARAMETER, _FUNCTION_END)
        if mark == _FUNCTION_END or (not mark and tape.spent and not tape.cut):
            return Written.whole(name, values)
        if not mark:
            return None
        key = yield from tape.within(_NAME, _LONGEST_NAME)
        if not key or not (yield from tape.word(">")):
            return None
        value = yield from _parameter(tape)
        if value is None:
            return None
        values[key] = value


def _parameter(tape: Tape) -> Reading[str | None]:
    """A parameter's text. Its end tag counts where the next thing is a tag too: files may hold such tags."""
    parts: list[str] = []
    while True:
        text = yield from tape.until(_PARAMETER_END)
        if text is None:
            return None
        parts.append(text)
        gap = yield from tape.spaces()
        if tape.spent or (yield from tape.ahead(_PARAMETER, _FUNCTION_END, _TOOL_CALL_END)):
            return "".join(parts).removeprefix("\n").removesuffix("\n")
        parts += (_PARAMETER_END, gap)


def _function_alone(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    call = yield from _function(tape, offered)
    if call is None:
        return None
    yield from tape.spaces()
    yield from tape.word(_TOOL_CALL_END)  # often there without its beginning
    return [call]


def _keys_and_values(tape: Tape, offered: frozenset[str], close: str) -> Reading[Written | None]:
    name = yield from _named(tape, offered)
    if not name:
        return None
    values: dict[str, object] = {}
    while True:
        yield from tape.spaces()
        if not (yield from tape.word("<arg_key>")):
            closed = yield from tape.ahead(close)
            return Written.whole(name, values) if closed else None
        key = yield from tape.soon("</arg_key>", _LONGEST_NAME)
        yield from tape.spaces()
        if not key or not (yield from tape.word("<arg_value>")):
            return None
        value = yield from tape.until("</arg_value>")
        if value is None:
            return None
        values[key.strip()] = value


def _bare(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    """JSON objects one after the other, and nothing behind them."""
    found: list[Written] = []
    while True:
        call = yield from _envelope(tape, offered, strict=True)
        if call is None:
            return None
        found.append(call)
        if (yield from _ending(tape)):
            return found
        yield from tape.word(";", ",")


def _python_tag(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    yield from tape.spaces()
    if (yield from tape.ahead("{")):
        return (yield from _bare(tape, offered))
    name = yield from tape.within(_NAME, _LONGEST_NAME)
    name = name.removesuffix(".call")
    call = (yield from _pythonic(tape, name)) if name in offered else None
    if call is None:
        return None
    yield from _ending(tape)
    return [call]


def _pythonic(tape: Tape, name: str) -> Reading[Written | None]:
    """Behind a name: `(a=1, b="x")`."""
    if not (yield from tape.word("(")):
        return None
    raw = yield from tape.balanced("(")
    values = keywords(raw) if raw is not None else None
    return None if values is None else Written.whole(name, values)


def _list(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    """Behind `[`: envelopes, or Python calls, up to `]`."""
    found: list[Written] = []
    while True:
        yield from tape.spaces()
        if (yield from tape.ahead("{")):
            call = yield from _envelope(tape, offered, strict=True)
        else:
            name = yield from _named(tape, offered)
            call = (yield from _pythonic(tape, name)) if name else None
        if call is None:
            return None
        found.append(call)
        yield from tape.spaces()
        if (yield from tape.word("]")):
            return found
        if not (yield from tape.word(",")):
            # A malformed object has taken the rest: it is answered, as far as it can be understood.
            return found if tape.spent and call.arguments is None else None


def _listing(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    """A reply that is nothing but a list of calls, or begins with Mistral's mark."""
    if (yield from tape.word("[TOOL_CALLS]", "[")) != "[":
        return (yield from _mistral(tape, offered))
    found = yield from _list(tape, offered)
    return found if found and (yield from _ending(tape)) else None


def _python_section(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    yield from tape.spaces()
    found = (yield from _list(tape, offered)) if (yield from tape.word("[")) else None
    yield from tape.spaces()
    return found if (yield from tape.word("<|python_end|>")) or tape.spent else None


def _mistral(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    """Behind `[TOOL_CALLS]`: a list of envelopes (old), or name and arguments, each with the mark before it (new)."""
    yield from tape.spaces()
    if (yield from tape.word("[")):
        old = yield from _list(tape, offered)
        yield from _ending(tape)
        return old
    found: list[Written] = []
    while True:
        yield from tape.spaces()
        name = yield from _named(tape, offered)
        if not name:
            return None
        if (yield from tape.word("[CALL_ID]")):
            yield from tape.within(_NAME, _LONGEST_NAME)
        yield from tape.word("[ARGS]")
        yield from tape.spaces()
        raw = (yield from tape.balanced("", ("[TOOL_CALLS]",))) if (yield from tape.ahead("{")) else None
        if raw is None:
            return None
        found.append(arguments_of(name, _trimmed(raw)))
        yield from _ending(tape)
        if not (yield from tape.word("[TOOL_CALLS]")):
            return found


def _sections(marks: _Section, *, begun: bool) -> Reader:
    """DeepSeek's form and its relatives. `begun`: the first call's own mark was the opener."""

    def read(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
        found: list[Written] = []
        opened = begun
        while True:
            yield from tape.spaces()
            if not opened and not (yield from tape.word(marks.begin)):
                yield from tape.word(marks.end_all)
                return found or None
            opened = False
            name = yield from tape.soon(marks.between, _LONGEST_NAME)
            name = (name or "").strip()
            if name == "function":  # the kind of the call; the name is on the rest of the line
                name = ((yield from tape.soon("\n", _LONGEST_NAME)) or "").strip()
            name = re.sub(r"\Afunctions\.|:\d+\Z", "", name) if name not in offered else name
            yield from tape.spaces()
            fence = yield from tape.word("```json", "```")
            yield from tape.spaces()
            if name not in offered or not (yield from tape.ahead("{")):
                return None
            raw = yield from tape.balanced("", ("\n```", marks.end) if fence else (marks.end,))
            if raw is None:
                return None
            found.append(arguments_of(name, _trimmed(raw)))
            yield from tape.spaces()
            yield from tape.word("```")
            yield from tape.spaces()
            if not (yield from tape.word(marks.end)) and not tape.spent:
                return None

    return read


def _recipient(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    """Behind `>>>`: a name on a line, then its arguments."""
    name = yield from _named(tape, offered)
    if not name or not (yield from tape.word("\n")) or not (yield from tape.ahead("{")):
        return None
    raw = yield from tape.balanced("", ("\n>>>",))
    yield from _ending(tape)
    return None if raw is None else [arguments_of(name, _trimmed(raw))]


def _fenced(tape: Tape, offered: frozenset[str]) -> Reading[_Found]:
    """A reply that is one fenced block with one call in it."""
    if not (yield from tape.word("```")):
        return None
    language = yield from tape.within(_KEY, _LONGEST_NAME)
    if language.lower() not in _FENCED:
        return None
    call = yield from _envelope(tape, offered, ("\n```",), strict=True)
    if call is None:
        return None
    yield from tape.spaces()
    closed = yield from tape.word("```")
    over = yield from _ending(tape)
    return [call] if over and (closed or not tape.cut) else None


_DEEPSEEK = _Section("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>")
_KIMI = _Section(
    "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<|tool_calls_section_end|>"
)

OPENERS: tuple[Opener, ...] = (
    Opener("<tool_call>", _tagged(_TOOL_CALL_END), "Hermes, Qwen, and many tuned like them; GLM"),
    Opener(_FUNCTION, _function_alone, "Qwen3-coder, Llama 3.1, functionary 3.1"),
    Opener("<function_call>", _tagged("</function_call>"), "functionary and its relatives"),
    Opener("<functioncall>", _tagged("</functioncall>"), "models tuned on Glaive's data"),
    Opener("<|python_tag|>", _python_tag, "Llama 3.x"),
    Opener("<|python_start|>", _python_section, "Llama 4"),
    Opener("[TOOL_CALLS]", _mistral, "Mistral, old and new"),
    Opener("<｜tool▁calls▁begin｜>", _sections(_DEEPSEEK, begun=False), "DeepSeek V3, R1, V3.1"),
    Opener(_DEEPSEEK.begin, _sections(_DEEPSEEK, begun=True), "DeepSeek, when it leaves the outer mark out"),
    Opener("<|tool_calls_section_begin|>", _sections(_KIMI, begun=False), "Kimi K2"),
    Opener(">>>", _recipient, "functionary 3.2", at_line_start=True),
)

STARTERS: Mapping[str, Reader] = {"{": _bare, "[": _listing, "`": _fenced}
"""A reply's first character -> who reads it."""
