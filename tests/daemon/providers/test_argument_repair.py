"""Malformed arguments: mended when nothing but JSON's marks is wrong, else told with their place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.providers.argument_repair import Mended, Unmended, certain, mend
from agentd.providers.argument_repair_reader import read
from agentd.providers.argument_repair_schema import short_form

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}},
    "required": ["path"],
}
CLOSED = "a bracket was closed"
COMMA = "a comma before the end was dropped"
QUOTES = "quotes were changed to double ones"
BARE = "missing quotes were added"
ESCAPED = "a line break or control character in a text was escaped"
BACKSLASH = "a lone backslash was doubled"


def fits(arguments: Mapping[str, object]) -> bool:
    return isinstance(arguments.get("path"), str) and set(arguments) <= {"path", "limit"}


def unmended(raw: str, *, cut: bool = False) -> Unmended:
    found = mend("read", raw, SCHEMA, fits, cut=cut)
    assert isinstance(found, Unmended)
    return found


@pytest.mark.parametrize(
    ("raw", "want", "notes"),
    [
        ('{"path": "a"}', {"path": "a"}, ()),
        ('{"path": "a"', {"path": "a"}, (CLOSED,)),
        ('{"a": [1, {"b": 2', {"a": [1, {"b": 2}]}, (CLOSED,)),
        ('{"a": [1, 2}', {"a": [1, 2]}, (CLOSED,)),
        ('{"path": "a",}', {"path": "a"}, (COMMA,)),
        ('{"a": [1, 2,],}', {"a": [1, 2]}, (COMMA,)),
        ("{'path': 'it\\'s'}", {"path": "it's"}, (QUOTES,)),
        ('{path: "a", limit: 5}', {"path": "a", "limit": 5}, (BARE,)),
        ('{"path": src/a.py, "limit": 5}', {"path": "src/a.py", "limit": 5}, (BARE,)),
        ('{"path": "a\nb\tc"}', {"path": "a\nb\tc"}, (ESCAPED,)),
        ('{"path": "\\d+\\.py"}', {"path": "\\d+\\.py"}, (BACKSLASH,)),
        (
            "{'a': True, 'b': False, 'c': None}",
            {"a": True, "b": False, "c": None},
            (QUOTES, "True was read as true", "False was read as false", "None was read as null"),
        ),
        ('{"path": "a"}}', {"path": "a"}, ("a closing bracket too many was dropped",)),
        ('```json\n{"path": "a"}\n```', {"path": "a"}, ("a code fence around the arguments was taken away",)),
        ('"{\\"path\\": \\"a\\"}"', {"path": "a"}, ("the arguments were text inside a text",)),
        ('{"path": "\\u00e9\\ud83e\\udd9c\\n",}', {"path": "é🦜\n"}, (COMMA,)),
        ('{"limit": -1.5e3,}', {"limit": -1500.0}, (COMMA,)),
    ],
)
def test_what_is_certain_is_mended(raw: str, want: dict[str, object], notes: tuple[str, ...]) -> None:
    assert certain(raw) == Mended(want, notes)


@pytest.mark.parametrize(
    "raw",
    [
        '{"path": "a',  # the text may go on
        '{"path": "a, "limit": 5}',
        '{"path": "say "hi" now"}',
        '{"path": "a" "limit": 5}',
        '{"path": a b}',
        '{"path": undefined}',
        '{"limit": 0x10}',
        '{"limit": 5.}',
        '{"limit": 1_000}',
        '{"limit": 01}',
        '{"path": "a"} and then',
        'Here: {"path": "a"}',
        '{"path": "a"}{"path": "b"}',
        '{"path": "a", "path": "b",}',  # which one was meant?
        '{"path": "C:\\dir\\new"}',  # a line break, or a folder named new?
        '{"path": "a" // here\n}',
        '{"path": "a", ...}',
        '{"path": }',
        '{"path"}',
        '[{"path": "a"}]',
        "[1, 2",
        "read",
        "",
        "null",
        '"text"',
        '{"path": NaN}',
        '{"path": "\\ud83e"}',
        '{"path": "\\ud83e",}',
        '{"limit": 1e999}',
        '{"limit": 1e999,}',
        "{" * 10_000,
        "[" * 10_000,
    ],
)
def test_what_is_not_certain_is_not(raw: str) -> None:
    assert certain(raw) is None


def test_what_does_not_fit_the_tool_is_not_taken() -> None:
    assert unmended('{"file": "a"').text == (
        "Not run: the arguments of read are not valid JSON. line 1, column 13: a comma or a closing bracket was expected "
        '(is a quote inside a text not escaped?); read as {"file": "a"} they do not fit the tool, at `{"file": "a"`\n'
        'The arguments of read are: {"path": text, "limit"?: whole number from 1}\n'
        "Send the call again, with all of its arguments as one JSON object."
    )


def test_right_json_is_for_the_tools_own_validation() -> None:
    assert mend("read", '{"file": "a"}', SCHEMA, fits, cut=True) == Mended({"file": "a"}, ())


def test_what_fits_is_taken_with_its_notes() -> None:
    assert mend("read", '{"path": "a",}', SCHEMA, fits) == Mended({"path": "a"}, (COMMA,))


def test_the_place_of_a_fault_is_told() -> None:
    found = unmended('{"path": "a",\n "limit": 5 "x": 1}')
    assert (found.line, found.column) == (2, 13)
    assert found.text == (
        "Not run: the arguments of read are not valid JSON. line 2, column 13: a comma or a closing bracket was expected "
        '(is a quote inside a text not escaped?), at ` "limit": 5 "x": 1}`\n'
        'The arguments of read are: {"path": text, "limit"?: whole number from 1}\n'
        "Send the call again, with all of its arguments as one JSON object."
    )


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("", "they are empty; an object was expected"),
        ("[1]", "they are a list; an object was expected"),
        ('"a"', "they are a text; an object was expected"),
        ("5", "they are a number; an object was expected"),
        ("null", "they are null; an object was expected"),
        ('{"path": "\\ud83e"}', "they hold half a surrogate pair, or a number that is too large"),
        ('{"path": NaN}', "NaN is no number of JSON"),
        ('{"path": "a', "the text that begins here has no closing quote"),
    ],
)
def test_every_fault_has_words(raw: str, fault: str) -> None:
    assert unmended(raw).fault == fault


def test_nothing_is_mended_in_a_reply_that_was_cut() -> None:
    found = unmended('{"path": "a"', cut=True)
    assert found.fault.startswith("the reply was cut off inside them (")
    assert found.text.endswith("\nSend less in one call.")


@pytest.mark.parametrize(
    "piece", ["a\n", '{"a"', '{"a": ', "[", '"', '{"a": "x\\', "\\u12", ",", "```\n", "{'a': '", "}"]
)
def test_a_long_text_of_any_kind_takes_time_in_proportion(piece: str) -> None:
    assert isinstance(mend("read", piece * 200_000, SCHEMA, fits), Unmended)


def test_a_long_content_is_mended_to_its_last_character() -> None:
    content = "a line of 'quoted' words\n" * 20_000
    assert certain('{"path": "' + content + '",}') == Mended({"path": content}, (ESCAPED, COMMA))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)


@given(OBJECTS)
def test_a_right_object_is_read_with_nothing_to_forgive(value: dict[str, object]) -> None:
    assert read(json.dumps(value)) == (value, ())
    assert read(json.dumps(value, ensure_ascii=False, indent=1)) == (value, ())


@given(OBJECTS)
def test_a_right_object_is_read_as_python_writes_it(value: dict[str, object]) -> None:
    found = read(repr(value))
    assert found is None or found[0] == value


@given(OBJECTS, st.integers(1, 4))
def test_brackets_that_are_missing_at_the_end_are_closed(value: dict[str, object], count: int) -> None:
    text = json.dumps({"a": [value]})
    cut = text[:-count]
    found = read(cut)
    if set(text[-count:]) <= {"}", "]"}:
        assert found is not None
        assert found[0] == {"a": [value]}


def atoms(value: object) -> Iterator[str]:
    """Every name, text and number, in order."""
    match value:
        case dict():
            for name, inner in value.items():
                yield name
                yield from atoms(inner)
        case list():
            for inner in value:
                yield from atoms(inner)
        case str():
            yield value
        case _:
            yield json.dumps(value)


@settings(max_examples=300)
@given(OBJECTS, st.integers(0, 200), st.sampled_from(["", '"', "'", "}", "]", ",", "\\", "\n", "x", " ", "{", ":"]))
def test_a_spoiled_text_is_mended_to_its_own_characters_or_not_at_all(
    value: dict[str, object], at: int, mark: str
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    spoiled = text[: at % (len(text) + 1)] + mark + text[at % (len(text) + 1) + (not mark) :]
    found = certain(spoiled)
    if found is not None:
        marks = str.maketrans("", "", "{}[],:\"'\\ \n\t\r`“”")
        said = "".join(atoms(found.arguments)).translate(marks).lower()
        escapes = "\\" in spoiled  # what they stand for is not among the characters
        assert escapes or said == spoiled.translate(marks).lower()


@given(st.text(max_size=60))
def test_whatever_comes_has_an_answer(raw: str) -> None:
    found = mend("read", raw, SCHEMA, fits)
    assert isinstance(found, Mended) or found.text.startswith("Not run: the arguments of read ")


@pytest.mark.parametrize(
    ("schema", "want"),
    [
        (SCHEMA, '{"path": text, "limit"?: whole number from 1}'),
        ({"type": "array", "items": {"type": "number", "maximum": 3}}, "[number up to 3, ...]"),
        ({"enum": ["a", "b"]}, '"a" or "b"'),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "whole number from 1 to 9"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "object"}, "an object"),
        ({"type": "array"}, "a list"),
        ({}, "any value"),
    ],
)
def test_a_schema_in_one_line(schema: dict[str, object], want: str) -> None:
    assert short_form(schema) == want


def test_a_deep_schema_ends() -> None:
    schema: dict[str, object] = {"type": "array"}
    for _ in range(50):
        schema = {"type": "array", "items": schema}
    assert short_form(schema) == "[[[[..., ...], ...], ...], ...]"
