"""What of a schema each maker takes: strict where nothing is left open, few words where few are taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.validate_parts import schema_faults
from agentd.providers.writing_schema import is_strict, narrowed

TEXT = {"type": "string"}
CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": TEXT, "b": {"type": ["array", "null"], "items": {"$ref": "#/$defs/n"}}},
    "required": ["b", "a"],
    "additionalProperties": False,
    "$defs": {"n": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "none"}]}},
}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({**CLOSED, "required": ["a"]}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "$defs": {"n": {"type": "object"}}}, False),
        ({**CLOSED, "$defs": {"n": {"allOf": [TEXT]}}}, False),
        ({**CLOSED, "$defs": {"n": {"type": "array"}}}, False),
        ({**CLOSED, "$defs": {"n": {}}}, False),
        ({**CLOSED, "$defs": {"n": {"description": "anything"}}}, False),
        ({**CLOSED, "$defs": {"n": True}}, False),
        ({**CLOSED, "$schema": "x"}, False),
        ({"anyOf": [CLOSED]}, False),
        (TEXT, False),
        ({}, False),
    ],
)
def test_only_what_leaves_nothing_open_is_strict(schema: dict[str, Any], strict: bool) -> None:
    assert is_strict(schema) is strict
    assert not strict or list(schema_faults(schema, closed=True, complete=True)) == []


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (
            {"type": "object", "properties": {"a": TEXT}, "required": ["a"], "additionalProperties": {"type": "null"}},
            {"type": "object", "required": ["a"], "properties": {"a": TEXT}, "additionalProperties": False},
        ),
        ({"type": "object"}, {"type": "object", "additionalProperties": False}),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "description": '{"minimum":1}'}),
        (
            {"type": "string", "maxLength": 9, "description": "A name."},
            {"type": "string", "description": 'A name. {"maxLength":9}'},
        ),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "phone"}, {"type": "string", "description": '{"format":"phone"}'}),
        ({"type": "array", "items": TEXT, "minItems": 1}, {"type": "array", "items": TEXT, "minItems": 1}),
        ({"type": "array", "minItems": 2}, {"type": "array", "description": '{"minItems":2}'}),
        ({"oneOf": [TEXT, {"type": "null"}]}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"type": ["string", "null"], "enum": ["a", None]}, {"enum": ["a", None]}),
        (
            {"type": ["integer", "object", "null"], "minimum": 1, "properties": {"a": {"type": "object"}}},
            {
                "anyOf": [
                    {"type": "integer", "description": '{"minimum":1}'},
                    {
                        "type": "object",
                        "properties": {"a": {"type": "object", "additionalProperties": False}},
                        "additionalProperties": False,
                    },
                    {"type": "null"},
                ]
            },
        ),
        (
            {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object"}}, "title": "x"},
            {"$defs": {"n": {"type": "object", "additionalProperties": False}}, "$ref": "#/$defs/n"},
        ),
    ],
)
def test_what_a_server_does_not_take_is_told_in_the_description(schema: dict[str, Any], told: dict[str, Any]) -> None:
    assert narrowed(schema) == told


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["object", "array", "string", "a", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "anyOf", "oneOf", "allOf", "$defs", "required", "enum", "minItems", "a"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["type", "properties", "$defs", "anyOf", "items", "required"]), ANYTHING))
def test_any_schema_whatever_gives_one_that_is_closed(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    assert list(schema_faults(narrowed(schema), closed=True)) == []
    assert not is_strict(schema) or list(schema_faults(schema, closed=True, complete=True)) == []
    assert json.dumps(schema) == before


def test_a_schema_without_an_end_is_looked_at_so_deep() -> None:
    endless: dict[str, Any] = {"type": "array"}
    endless["items"] = endless
    assert not is_strict({**CLOSED, "$defs": {"n": endless}})
    assert list(schema_faults(narrowed(endless), closed=True)) == []
