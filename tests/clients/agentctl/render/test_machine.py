"""JSON for scripts: all fields, also those that the wire leaves out."""

from __future__ import annotations

from agentctl.render.machine import json_line, json_text, plain
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock, ToolUseBlock


def test_fields_with_their_default_value_are_there() -> None:
    assert plain(TurnUsage(input=3)) == {
        "input": 3,
        "output": 0,
        "cached": 0,
        "cache_written": 0,
        "reasoning": 0,
        "usd_micros": 0,
        "estimated": False,
    }


def test_blocks_say_their_type() -> None:
    assert plain((TextBlock("x"), ToolUseBlock("1.1.1", "grep", {"pattern": "a"}))) == [
        {"type": "text", "text": "x", "provider": None},
        {
            "type": "tool_use",
            "call": "1.1.1",
            "name": "grep",
            "arguments": {"pattern": "a"},
            "model_id": "",
            "provider": None,
        },
    ]


def test_a_line_is_a_line_and_text_is_indented() -> None:
    assert json_line({"a": "x\ny", "b": [1]}) == '{"a":"x\\ny","b":[1]}\n'
    assert json_text({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}\n'
