"""A call of a tool that is not there: the right name is told, and nothing is mapped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.tools.registry import built_in
from agentd.tools.schema import input_schema
from agentd.tools.unknown_tool import ALIASES, unknown_tool

OFFERED = {tool.spec.name: input_schema(tool.spec) for tool in built_in()}
ALL = "Available: edit, glob, grep, ls, read, shell, write."


def test_a_near_name_is_asked_for_with_its_form() -> None:
    assert unknown_tool("raed", OFFERED) == (
        "There is no tool raed.\n"
        'Did you mean read? Its arguments are: {"path": text, "offset"?: whole number from 1, "limit"?: whole number from 1}\n'
        f"Nothing was run; call read with arguments of that form.\n{ALL}"
    )


def test_a_name_from_elsewhere_is_answered_with_ours() -> None:
    assert unknown_tool("run_terminal_cmd", OFFERED) == (
        "There is no tool run_terminal_cmd.\n"
        'Commands are run with shell. Its arguments are: {"command": text, "timeout_ms"?: whole number from 1 to 600000, '
        '"description"?: text}\n'
        f"Nothing was run; call shell with arguments of that form.\n{ALL}"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("bash", "shell"),
        ("Bash", "shell"),
        ("read_file", "read"),
        ("ReadFile", "read"),
        ("readFile", "read"),
        ("functions.read", "read"),
        ("Read", "read"),
        ("READ", "read"),
        ("str_replace", "edit"),
        ("search", "grep"),
        ("list_dir", "ls"),
        ("list-directory", "ls"),
        ("find_files", "glob"),
        ("write_tool", "write"),
        ("globs", "glob"),
        ("default_api.shell", "shell"),
    ],
)
def test_which_tool_is_meant(name: str, meant: str) -> None:
    assert f"\nNothing was run; call {meant} with " in unknown_tool(name, OFFERED)


@pytest.mark.parametrize("name", ["delete", "browser", "web_fetch", "x", "shutdown"])
def test_where_none_is_near_only_the_names_are_told(name: str) -> None:
    assert unknown_tool(name, OFFERED) == f"There is no tool {name}.\n{ALL}"


def test_a_tool_that_is_not_offered_is_never_recommended() -> None:
    offered = {"read": OFFERED["read"]}
    assert unknown_tool("bash", offered) == "There is no tool bash.\nAvailable: read."


def test_without_a_name_and_without_tools() -> None:
    assert unknown_tool("", {}) == "The call names no tool.\nNo tool is available."


def test_a_long_or_wild_name_is_quoted_in_part() -> None:
    told = unknown_tool("a\n\x1b[31m" + "b" * 10_000, OFFERED)
    assert len(told) < 300
    assert told.partition("\n")[0] == "There is no tool a  [31m" + "b" * 73 + "."


def test_every_name_from_elsewhere_leads_to_a_tool_that_there_is() -> None:
    assert {name for name, (meant, _) in ALIASES.items() if meant not in OFFERED or name in OFFERED} == set()
    assert all(name == name.lower() for name in ALIASES)


@given(st.text(max_size=100))
def test_whatever_the_name_there_is_an_answer(name: str) -> None:
    assert unknown_tool(name, OFFERED).endswith(ALL)
