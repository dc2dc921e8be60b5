"""`agentctl tools`: the list, one tool, and every byte of an output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from agentclient.testing import Call
from agentproto.api import tool
from clients.scene import SESSION, Ran, ctl, double, environment

GREP = tool.ToolInfo(
    "grep", "Search files.", "Long words.", True, True, "reads below the workspace", "rerun", True, 30_000, 20_000,
    {"type": "object"}, {}, "",
)  # fmt: skip


def test_tools_are_listed_with_why_one_is_out(home: Path) -> None:
    out = tool.ToolInfo("bash", "Run.", "", False, False, "all", "ask", True, 1, 1, {}, {}, "the mode is plan")
    with double(home, {"tool.list": lambda call: tool.ListResult((GREP, out))}) as served:
        assert ctl(home, "tools", "list", "-s", SESSION) == Ran(
            0,
            "TOOL  KIND     IN THE SESSION    SUMMARY\n"
            "grep  reads    in                Search files.\n"
            "bash  changes  the mode is plan  Run.\n",
            "",
        )
    assert [call.params for call in served.calls] == [tool.ListParams(SESSION)]


def test_one_tool_is_shown_with_its_schema(home: Path) -> None:
    with double(home, {"tool.show": lambda call: GREP}):
        assert ctl(home, "tools", "show", "grep") == Ran(
            0,
            "grep: Search files.\n\nLong words.\n\n"
            "reads only     yes\n"
            "touches        reads below the workspace\n"
            "after a crash  rerun\n"
            "time limit     30 s\n"
            "result         at most 20000 characters\n"
            '\narguments:\n{\n  "type": "object"\n}\n',
            "",
        )
        assert json.loads(ctl(home, "tools", "show", "grep", "--json").out)["name"] == "grep"


def test_an_output_comes_whole_and_byte_for_byte(home: Path) -> None:
    whole = bytes(range(256)) * 9000

    def output(call: Call) -> tool.OutputResult:
        assert isinstance(call.params, tool.OutputParams)
        return tool.OutputResult(whole[call.params.offset : call.params.offset + call.params.limit], len(whole))

    with double(home, {"tool.output": output}):
        done = subprocess.run(
            [sys.executable, "-m", "agentctl", "tools", "output", "t1.1.1"],
            capture_output=True,
            env=environment(home),
            timeout=60,
            check=True,
        )
    assert done.stdout == whole
