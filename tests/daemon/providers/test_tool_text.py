"""Calls written as text: found in each known form, however the stream is cut; every other text stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.providers.base import Ended, Failure, ModelEvent, StopCause, TextPiece, ThinkingPiece, ToolUse, Usage
from agentd.providers.tool_text import MOST_HELD, ToolText

OFFERED = ("edit", "grep", "read", "shell", "write")
USAGE = Usage(input=5, output=7)

Call = tuple[str, dict[str, object] | None]
READ: Call = ("read", {"path": "src/a.py", "limit": 5})
GREP: Call = ("grep", {"pattern": 'say "hi" {x}', "deep": True})
WRITE: Call = ("write", {"path": "a.py", "content": "def f():\n    return {'a': [1]}\n"})


def js(arguments: object) -> str:
    return json.dumps(arguments)


def envelope(call: Call, key: str = "arguments") -> str:
    return json.dumps({"name": call[0], key: call[1]})


def feed(pieces: Iterable[str], stop: StopCause = "end") -> list[ModelEvent]:
    collector = ToolText(OFFERED)
    events: list[ModelEvent] = []
    for piece in pieces:
        events += collector.feed(TextPiece(piece))
    return events + list(collector.feed(Ended(stop, USAGE)))


def told(events: Sequence[ModelEvent]) -> tuple[str, list[Call], StopCause]:
    text = "".join(event.text for event in events if isinstance(event, TextPiece))
    calls = [(event.name, event.arguments) for event in events if isinstance(event, ToolUse)]
    ended = events[-1]
    assert isinstance(ended, Ended)
    return text, calls, ended.stop


XML_WRITE = (
    "<function=write>\n<parameter=path>\na.py\n</parameter>\n"
    "<parameter=content>\ndef f():\n    return {'a': [1]}\n\n</parameter>\n</function>"
)
DEEP_B, DEEP_E = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"

SAMPLES: dict[str, tuple[str, str, list[Call]]] = {
    "hermes": (f"I look.\n<tool_call>\n{envelope(READ)}\n</tool_call>", "I look.\n", [READ]),
    "hermes, two tags": (
        f"<tool_call>{envelope(GREP)}</tool_call>\n<tool_call>{envelope(WRITE)}</tool_call>",
        "",
        [GREP, WRITE],
    ),
    "hermes, two in one tag": (f"<tool_call>\n{envelope(GREP)}\n{envelope(READ)}\n</tool_call>", "", [GREP, READ]),
    "hermes, unclosed": (f"<tool_call>\n{envelope(WRITE)}", "", [WRITE]),
    "hermes, a brace is missing": (f"<tool_call>\n{envelope(READ)[:-1]}\n</tool_call>", "", [READ]),
    "hermes, Python's quotes": (
        "<tool_call>{'name': 'read', 'arguments': {'path': 'src/a.py', 'limit': 5}}</tool_call>",
        "",
        [READ],
    ),
    "hermes, arguments first": (
        '<tool_call>{"arguments": {"path": "src/a.py", "limit": 5}, "name": "read"}</tool_call>',
        "",
        [READ],
    ),
    "hermes, arguments as text": (
        f"<tool_call>{js({'name': 'read', 'arguments': js(READ[1])})}</tool_call>",
        "",
        [READ],
    ),
    "hermes, the end tag in an argument": (
        f"<tool_call>{envelope(('write', {'path': 'p', 'content': 'a </tool_call> b'}))}</tool_call>",
        "",
        [("write", {"path": "p", "content": "a </tool_call> b"})],
    ),
    "hermes, text behind": (f"<tool_call>{envelope(READ)}</tool_call>\n\nThen more.", "\n\nThen more.", [READ]),
    "openai's envelope in a tag": (
        f"<tool_call>{js({'type': 'function', 'function': {'name': 'read', 'arguments': READ[1]}})}</tool_call>",
        "",
        [READ],
    ),
    "qwen3-coder": (f"Now:\n<tool_call>\n{XML_WRITE}\n</tool_call>", "Now:\n", [WRITE]),
    "qwen3-coder, no outer tag": (f"Now:\n{XML_WRITE}\n</tool_call>", "Now:\n", [WRITE]),
    "qwen3-coder, tags in a parameter": (
        "<function=write><parameter=content>a </parameter> b</parameter><parameter=path>p</parameter></function>",
        "",
        [("write", {"content": "a </parameter> b", "path": "p"})],
    ),
    "glm": (
        "<tool_call>read\n<arg_key>path</arg_key>\n<arg_value>src/a.py</arg_value>\n</tool_call>",
        "",
        [("read", {"path": "src/a.py"})],
    ),
    "llama 3.1 function": (f"<function=read>{js(READ[1])}</function>", "", [READ]),
    "llama bare": (envelope(READ, "parameters"), "", [READ]),
    "llama bare, end mark": (f"\n\n{envelope(READ, 'parameters')}<|eot_id|>", "", [READ]),
    "llama bare, two": (f"{envelope(READ, 'parameters')}; {envelope(GREP, 'parameters')}", "", [READ, GREP]),
    "llama bare, a brace is missing": (envelope(READ, "parameters")[:-1], "", [READ]),
    "llama bare, with its type": (
        js({"type": "function", "name": "read", "parameters": READ[1]}),
        "",
        [READ],
    ),
    "python_tag": (f"<|python_tag|>{envelope(READ, 'parameters')}<|eom_id|>", "", [READ]),
    "python_tag, a call": ('<|python_tag|>shell.call(command="ls \\d")', "", [("shell", {"command": "ls \\d"})]),
    "pythonic": (
        '[read(path="src/a.py", limit=5), shell(command=\'echo "[)" \')]',
        "",
        [READ, ("shell", {"command": 'echo "[)" '})],
    ),
    "pythonic, JSON's words": (
        "[grep(pattern='a', deep=true, x=None)]",
        "",
        [("grep", {"pattern": "a", "deep": True, "x": None})],
    ),
    "llama 4": ('<|python_start|>[read(path="a")]<|python_end|>', "", [("read", {"path": "a"})]),
    "a list of calls": (f"[{envelope(READ)}, {envelope(GREP)}]", "", [READ, GREP]),
    "mistral, old": (f"[TOOL_CALLS] [{envelope(READ)}, {envelope(GREP)}]", "", [READ, GREP]),
    "mistral, old, behind text": (f"Sure. [TOOL_CALLS][{envelope(READ)}]</s>", "Sure. ", [READ]),
    "mistral, new": (
        f"[TOOL_CALLS]read[ARGS]{js(READ[1])}[TOOL_CALLS]grep[CALL_ID]ab12[ARGS]{js(GREP[1])}",
        "",
        [READ, GREP],
    ),
    "deepseek v3": (
        f"Ok.{DEEP_B}<｜tool▁call▁begin｜>function<｜tool▁sep｜>read\n```json\n{js(READ[1])}\n```<｜tool▁call▁end｜>\n"
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>grep\n```json\n{js(GREP[1])}\n```<｜tool▁call▁end｜>{DEEP_E}",
        "Ok.",
        [READ, GREP],
    ),
    "deepseek v3.1": (
        f"{DEEP_B}<｜tool▁call▁begin｜>read<｜tool▁sep｜>{js(READ[1])}<｜tool▁call▁end｜>{DEEP_E}",
        "",
        [READ],
    ),
    "deepseek, no outer mark": (
        f"<｜tool▁call▁begin｜>read<｜tool▁sep｜>{js(READ[1])}<｜tool▁call▁end｜>",
        "",
        [READ],
    ),
    "kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.read:0<|tool_call_argument_begin|>"
        f"{js(READ[1])}<|tool_call_end|><|tool_calls_section_end|>",
        "",
        [READ],
    ),
    "functionary": (f"<function_call>{envelope(READ)}</function_call>", "", [READ]),
    "functioncall": (f"<functioncall> {js({'name': 'read', 'arguments': js(READ[1])})} </functioncall>", "", [READ]),
    "functionary 3.2": (f">>>read\n{js(READ[1])}", "", [READ]),
    "functionary 3.2, behind text": (f"I read.\n>>>read\n{js(READ[1])}", "I read.\n", [READ]),
    "fenced": (f"```json\n{js({'name': 'read', 'arguments': READ[1]})}\n```\n", "", [READ]),
    "fenced, no language": (f"```\n{envelope(READ)}\n```", "", [READ]),
    "behind a fence that is closed": (
        f"```py\nx = 1\n```\n<tool_call>{envelope(READ)}</tool_call>",
        "```py\nx = 1\n```\n",
        [READ],
    ),
    "behind inline code": (f"With `ls`: <tool_call>{envelope(READ)}</tool_call>", "With `ls`: ", [READ]),
    "malformed arguments": (
        '<tool_call>{"name": "grep", "arguments": {"pattern": "say "hi" there"}}</tool_call>\nmore',
        "\nmore",
        [("grep", None)],
    ),
}

TEXTS = {
    "in a fence": f"Write this:\n```\n<tool_call>{envelope(READ)}</tool_call>\n```\nDone.",
    "in a tilde fence": f"~~~xml\n{XML_WRITE}\n~~~\n",
    "in inline code": f"The form is `<tool_call>{envelope(READ)}</tool_call>`, or ``[TOOL_CALLS][{envelope(READ)}]``.",
    "mentioned": "A model writes <tool_call> and then </tool_call>, or [TOOL_CALLS] or <function=name>.",
    "an unknown tool": '<tool_call>{"name": "bash", "arguments": {"command": "ls"}}</tool_call>',
    "another case": f"<tool_call>{envelope(('Read', {}))}</tool_call>",
    "one of two is unknown": f"[TOOL_CALLS][{envelope(READ)}, {envelope(('bash', {}))}]",
    "a JSON answer": '{"name": "Alice", "parameters": {"age": 5}}',
    "a JSON answer without arguments": '{"name": "read"}',
    "a JSON answer with more keys": '{"name": "read", "arguments": {}, "version": 2}',
    "JSON, then words": f"{envelope(READ)}\nThat is how it is called.",
    "words, then JSON": f"It is called like this: {envelope(READ)}",
    "a list of numbers": "[1, 2, 3]",
    "a footnote": "[read] is a tool, [1] is none.",
    "pythonic, then words": '[read(path="a")] reads a file.',
    "pythonic, not a literal": "[read(path=open('x').read())]",
    "pythonic, positional": "[read('a')]",
    "a fenced call and words": f"```json\n{envelope(READ)}\n```\nShall I?",
    "words and a fenced call": f"Shall I?\n```json\n{envelope(READ)}\n```",
    "a fenced program": '```python\nread("a")\n```',
    "a comparison": "if a <b and c> d: x[TOOL] < y",
    "a prompt in the middle": f"see >>>read\n{js(READ[1])}",
    "the beginning of a marker": "It ends with <tool_ca",
    "white space": " \n\n ",
    "nothing": "",
    "a lone opener": "<tool_call>",
    "an empty tag": "<tool_call></tool_call>",
}


def whole(sample: str) -> tuple[str, list[Call], StopCause]:
    return told(feed([sample]))


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=list(SAMPLES))
def test_each_form_is_found_wherever_it_is_cut(sample: tuple[str, str, list[Call]]) -> None:
    text, rest, calls = sample
    want = (rest, calls, "tool_use")
    assert whole(text) == want
    assert [cut for cut in range(len(text) + 1) if told(feed([text[:cut], text[cut:]])) != want] == []
    assert told(feed(text)) == want


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_what_is_no_call_stays_text_wherever_it_is_cut(text: str) -> None:
    want = (text, [], "end")
    assert [cut for cut in range(len(text) + 1) if told(feed([text[:cut], text[cut:]])) != want] == []
    assert told(feed(text)) == want


def test_malformed_arguments_come_as_the_model_wrote_them() -> None:
    text, _, _ = SAMPLES["malformed arguments"]
    (call,) = [event for event in feed([text]) if isinstance(event, ToolUse)]
    assert call == ToolUse("", "grep", None, '{"pattern": "say "hi" there"}')


@pytest.mark.parametrize("name", ["hermes, a brace is missing", "llama bare, a brace is missing", "qwen3-coder"])
def test_a_reply_that_was_cut_inside_a_call_makes_none(name: str) -> None:
    text = SAMPLES[name][0].rpartition("</")[0] if name == "qwen3-coder" else SAMPLES[name][0].partition("\n</")[0]
    text = text.rpartition("</")[0] if name == "qwen3-coder" else text
    assert told(feed([text], "length")) == (text, [], "length")


def test_whole_calls_before_a_cut_stand_and_the_stop_is_told() -> None:
    text = f"<tool_call>{envelope(READ)}</tool_call><tool_call>{envelope(WRITE)[:-9]}"
    rest = text[text.index("</tool_call>") + len("</tool_call>") :]
    assert told(feed(text, "length")) == (rest, [READ], "length")


def test_ordinary_text_waits_for_nothing() -> None:
    collector = ToolText(OFFERED)
    for piece in ("Hello ", "world", ", a < b ", "and [1] ", "then `x` ", "{y} ", "**z**\n", ">> w "):
        assert list(collector.feed(TextPiece(piece))) == [TextPiece(piece)]


def test_text_is_held_for_no_longer_than_it_may_be_a_marker() -> None:
    collector = ToolText(OFFERED)
    shown = [list(collector.feed(TextPiece(piece))) for piece in ("a <tool", "_", "box> b", " <tool_call> and", " so")]
    assert shown == [
        [TextPiece("a ")],
        [],
        [TextPiece("<tool_box> b")],
        [TextPiece(" "), TextPiece("<tool_call> "), TextPiece("and")],
        [TextPiece(" so")],
    ]


def test_json_that_is_no_call_is_shown_as_soon_as_that_is_plain() -> None:
    collector = ToolText(OFFERED)
    shown = "".join(
        event.text
        for piece in '{"title": "A book"'
        for event in collector.feed(TextPiece(piece))
        if isinstance(event, TextPiece)
    )
    assert shown == '{"title": "A book"'


def test_a_call_is_given_as_soon_as_it_is_whole_and_text_behind_it_flows() -> None:
    collector = ToolText(OFFERED)
    given_ = list(collector.feed(TextPiece(SAMPLES["hermes"][0])))
    assert given_ == [TextPiece("I look.\n"), ToolUse("", "read", READ[1], '{"path":"src/a.py","limit":5}')]
    assert list(collector.feed(TextPiece("\nDone. "))) == [TextPiece("\nDone. ")]


def test_a_call_that_comes_in_the_protocols_form_too_is_taken_once() -> None:
    collector = ToolText(OFFERED)
    same = ToolUse("call_1", "read", READ[1], js(READ[1]))
    other = ToolUse("call_2", "read", {"path": "b"}, '{"path": "b"}')
    events = [*collector.feed(TextPiece(SAMPLES["hermes"][0])), *collector.feed(same), *collector.feed(other)]
    assert [event for event in events if isinstance(event, ToolUse)] == [
        ToolUse("", "read", READ[1], '{"path":"src/a.py","limit":5}'),
        other,
    ]


def test_thinking_goes_through_in_its_place_and_is_not_searched() -> None:
    collector = ToolText(OFFERED)
    thought = ThinkingPiece(SAMPLES["hermes"][0])
    events = [
        event
        for given_ in (thought, TextPiece("\n"), TextPiece(envelope(READ)), Ended("end", USAGE))
        for event in collector.feed(given_)
    ]
    assert events == [
        thought,
        ToolUse("", "read", READ[1], '{"path":"src/a.py","limit":5}'),
        Ended("tool_use", USAGE),
    ]


def test_a_broken_reply_shows_what_was_held() -> None:
    collector = ToolText(OFFERED)
    failure = Failure("broken_stream", "gone")
    events = [
        *collector.feed(TextPiece("a <tool_call>{")),
        *collector.feed(TextPiece('"name"')),
        *collector.feed(failure),
    ]
    assert events == [TextPiece("a "), TextPiece('<tool_call>{"name"'), failure]


def test_what_is_too_long_for_a_call_is_let_go() -> None:
    collector = ToolText(OFFERED)
    piece = "x" * 65_536
    text = '<tool_call>{"name": "write", "arguments": {"content": "'
    events = list(collector.feed(TextPiece(text)))
    count = MOST_HELD // len(piece)
    for _ in range(count):
        events += collector.feed(TextPiece(piece))
    assert "".join(event.text for event in events if isinstance(event, TextPiece)) == text + piece * count


def test_a_long_call_in_small_pieces_takes_time_in_proportion() -> None:
    content = 'line {of} "text" [with] marks </tool\n' * 6_000
    call: Call = ("write", {"path": "p", "content": content})
    text = f"<tool_call>{envelope(call)}</tool_call>"
    assert told(feed(text[at : at + 4] for at in range(0, len(text), 4))) == ("", [call], "tool_use")


def test_without_tools_everything_goes_through() -> None:
    collector = ToolText(())
    assert list(collector.feed(TextPiece(SAMPLES["hermes"][0]))) == [TextPiece(SAMPLES["hermes"][0])]


@pytest.mark.parametrize("stop", ["length", "refused", "filtered"])
def test_only_an_end_becomes_tool_use(stop: StopCause) -> None:
    assert told(feed([SAMPLES["hermes"][0]], stop))[2] == stop


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    at = sorted({min(cut, len(text)) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]


CUTS = st.lists(st.integers(0, 400), max_size=12)


@given(st.text(st.characters(exclude_characters="<[>{`", exclude_categories=["Cs"])), CUTS)
def test_a_text_without_markers_goes_through_unchanged_and_at_once(text: str, cuts: list[int]) -> None:
    assert told(feed(pieces_of(text, cuts))) == (text, [], "end")


FRAGMENTS = st.sampled_from(
    (
        *(
            "<tool_call>",
            "</tool_call>",
            "<function=read>",
            "<parameter=a>",
            "</parameter>",
            "</function>",
            "[TOOL_CALLS]",
        ),
        *(
            "[ARGS]",
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            '"',
            "'",
            "\\",
            "```",
            "`",
            "~~~",
            "\n",
            " ",
            ",",
            ":",
            "read",
            ">>>",
        ),
        *(
            '{"name": "read", "arguments": {',
            '"a": 1',
            "}}",
            "<|python_tag|>",
            "read(a=1)",
            DEEP_B,
            DEEP_E,
            "json",
            "x",
        ),
        *(
            "<｜tool▁call▁begin｜>",
            "<｜tool▁sep｜>",
            "<｜tool▁call▁end｜>",
            "<arg_key>",
            "</arg_key>",
            "<|eot_id|>",
            "é",
        ),
    )
)


@settings(max_examples=400)
@given(st.lists(FRAGMENTS, max_size=25).map("".join), CUTS, st.sampled_from(["end", "length"]))
def test_whatever_comes_is_read_the_same_however_it_is_cut(text: str, cuts: list[int], stop: StopCause) -> None:
    found = told(feed([text], stop))
    assert told(feed(pieces_of(text, cuts), stop)) == found
    if not found[1]:
        assert found[0] == text


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([sample for sample, _, _ in SAMPLES.values()]), min_size=1, max_size=2).map("\n".join),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), FRAGMENTS | st.just("")), max_size=3),
    CUTS,
    st.sampled_from(["end", "length"]),
)
def test_spoiled_calls_are_read_the_same_however_they_are_cut(
    text: str, spoils: list[tuple[int, int, str]], cuts: list[int], stop: StopCause
) -> None:
    for at, gone, mark in spoils:
        at %= len(text) + 1
        text = text[:at] + mark + text[at + gone :]
    found = told(feed([text], stop))
    assert told(feed(pieces_of(text, cuts), stop)) == found
    assert {name for name, _ in found[1]} <= set(OFFERED)
    if not found[1]:
        assert found[0] == text
