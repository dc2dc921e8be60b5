"""The list of tools: each name once, each with metadata, schema and prompt text for every argument."""

from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import inspect

from agentd.errors import ConflictError, NotFoundError
from agentd.tools.base import Tool, ToolSpec
from agentd.tools.builtin.ls import LsTool
from agentd.tools.builtin.read import ReadTool
from agentd.tools.prompt_text import parse
from agentd.tools.registry import Registry, built_in, info
from agentd.tools.schema import hidden, input_schema

TOOLS = list(built_in())


def test_the_built_in_tools_are_sorted_by_name() -> None:
    assert built_in().names() == ("edit", "glob", "grep", "ls", "read", "shell", "write")


def test_a_name_that_clashes_is_an_error() -> None:
    with pytest.raises(ConflictError, match="two tools are named 'read'"):
        Registry([ReadTool(), LsTool(), ReadTool()])


def test_a_tool_is_found_by_name_and_a_wrong_name_gets_the_nearest() -> None:
    assert built_in().get("read").spec.name == "read"
    with pytest.raises(NotFoundError) as caught:
        built_in().get("Reed")
    assert (caught.value.what, caught.value.remedy) == ("there is no tool named 'Reed'", "Did you mean read?")


def test_what_a_tool_says_of_itself() -> None:
    traits = {tool.spec.name: (tool.spec.read_only, tool.spec.concurrency_safe, tool.spec.recovery) for tool in TOOLS}
    reading = (True, True, "rerun")
    assert traits == {
        "edit": (False, False, "probe"),
        "glob": reading,
        "grep": reading,
        "ls": reading,
        "read": reading,
        "shell": (False, False, "probe_ask"),
        "write": (False, False, "probe"),
    }


def test_a_tool_that_says_nothing_is_serial_asked_and_reported() -> None:
    spec = ToolSpec("x", "", "", msgspec.defstruct("A", []), {}, "")
    assert (spec.read_only, spec.concurrency_safe, spec.recovery) == (False, False, "report")


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.spec.name)
def test_every_tool_has_metadata_schemas_and_words_for_each_argument(tool: Tool) -> None:
    told = info(tool)
    properties = told.input_schema["properties"]
    assert isinstance(properties, dict)
    assert [name for name, shown in properties.items() if not shown.get("description")] == []
    assert sorted(tool.spec.argument_words) == sorted(properties)
    assert "" not in (told.summary, told.description, told.access, told.recovery)
    assert told.output_schema["required"] == ["text", "status"]
    assert msgspec.json.decode(msgspec.json.encode(told), type=type(told)) == told


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.spec.name)
def test_a_schema_is_flat_and_its_bytes_are_the_same_each_time(tool: Tool) -> None:
    text = json.dumps(input_schema(tool.spec))
    assert text == json.dumps(input_schema(type(tool)().spec))
    assert "$ref" not in text
    kind = inspect.type_info(tool.spec.arguments)
    assert isinstance(kind, inspect.StructType)
    shown = [field.encode_name for field in kind.fields if not hidden(field)]
    assert list(json.loads(text)["properties"]) == shown


def test_the_schema_of_edit_shows_the_one_flat_form() -> None:
    schema = input_schema(built_in().get("edit").spec)
    assert list(schema["properties"]) == ["path", "old_string", "new_string", "all"]  # type: ignore[call-overload]
    assert schema["required"] == ["path", "old_string", "new_string"]


def test_a_prompt_text_has_two_parts() -> None:
    text = parse("What it does.\n\n## Arguments\n\n- `a`: one\n- `b`: two words\n")
    assert (text.description, text.arguments) == ("What it does.", {"a": "one", "b": "two words"})


@pytest.mark.parametrize("text", ["What it does.\n", "x\n\n## Arguments\n\nwords\n"])
def test_a_prompt_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"[aA]rgument"):
        parse(text)
