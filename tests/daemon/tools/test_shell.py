"""`shell`: exit codes, output as it comes, time limits, and what a command does not get to see."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from agentd.policy.access import Run
from agentd.tools.arguments import validate
from agentd.tools.base import Progress, ToolResult
from agentd.tools.builtin.shell import ShellTool
from support.tool_ground import Ground, ground


@pytest.fixture
def made(home: Path) -> Ground:
    return ground(home)


def test_the_first_line_is_the_exit_code(made: Ground) -> None:
    result = made.call(ShellTool(), command="echo out; echo err >&2")
    assert (result.text, result.status, result.exit_code) == ("exit code: 0\nout\nerr\n", "ok", 0)


def test_a_failure_is_an_error_with_its_code(made: Ground) -> None:
    result = made.call(ShellTool(), command="exit 3")
    assert (result.text, result.status, result.exit_code) == ("exit code: 3\n(no output)", "error", 3)


def test_a_signal_is_told(made: Ground) -> None:
    result = made.call(ShellTool(), command="kill -9 $$")
    assert (result.text, result.status) == ("exit code: 137 (signal 9)\n(no output)", "error")


def test_output_streams_while_it_runs_and_characters_stay_whole(made: Ground) -> None:
    """The second half of a character comes only when somebody has heard the first part of the output."""
    os.mkfifo(made.workspace / "heard")

    async def story() -> list[object]:
        seen: list[object] = []
        tool = ShellTool()
        given = validate(tool.spec, {"command": "printf 'a\\303'; cat heard > /dev/null; printf '\\244b'"})
        async for event in tool.call(given, made.context()):
            seen.append(event)
            if event == Progress("a"):
                (made.workspace / "heard").write_text("yes")
        return seen

    seen = made.run(story)
    assert seen[:-1] == [Progress("a"), Progress("äb")]
    assert isinstance(seen[-1], ToolResult)
    assert seen[-1].text == "exit code: 0\naäb"


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(made: Ground) -> None:
    result = made.call(ShellTool(), command="sleep 600 & echo $!; sleep 600", timeout_ms=300)
    first, pid = result.text.splitlines()
    assert (first, result.status) == ("ended by timeout after 300 ms", "error")
    assert not alive(int(pid))


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_cancelled_call_ends_the_command(made: Ground) -> None:
    async def story() -> int:
        tool = ShellTool()
        given = validate(tool.spec, {"command": "echo $$; sleep 600"})
        pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def watch() -> None:
            async for event in tool.call(given, made.context()):
                if isinstance(event, Progress) and not pid.done():
                    pid.set_result(int(event.text))

        watching = asyncio.ensure_future(watch())
        found = await pid
        watching.cancel()
        await asyncio.wait([watching])
        assert watching.cancelled()
        return found

    assert not alive(made.run(story))


def test_a_command_that_prints_without_end_is_ended(made: Ground) -> None:
    result = made.call(ShellTool(), command="yes", timeout_ms=60_000)
    assert (result.text.splitlines()[0], result.status) == ("ended because it printed more than 16.0 MiB", "error")


def test_it_runs_in_the_sessions_folder_with_its_variables_and_without_the_daemons(made: Ground) -> None:
    (made.workspace / "sub").mkdir()
    made.cwd = made.workspace / "sub"
    made.env = {"SEEN": "1", "AGENTD_HOME": "/x", "AGENTD_DEBUG": "1", "BASH_ENV": "/x", "ENV": "/x"}
    text = made.text(ShellTool(), command="pwd; env | grep -E '^(SEEN|AGENTD_|BASH_ENV|ENV)' | sort; cat | wc -c")
    assert text == f"exit code: 0\n{made.workspace}/sub\nSEEN=1\n0\n"


def test_a_command_that_looks_like_an_option_is_a_command(made: Ground) -> None:
    assert made.call(ShellTool(), command="-x").exit_code == 127


def test_a_session_without_a_path_has_the_usual_one(made: Ground) -> None:
    made.path = ""
    assert made.text(ShellTool(), command="echo $PATH") == "exit code: 0\n/usr/local/bin:/usr/bin:/bin\n"


def test_bytes_that_are_no_text_are_replaced(made: Ground) -> None:
    assert made.text(ShellTool(), command=r"printf 'a\377b'") == "exit code: 0\na\ufffdb"


@pytest.mark.parametrize("command", ["", "  \n", "echo \0", "echo \ud800"])
def test_what_is_no_command_line_is_refused(made: Ground, command: str) -> None:
    assert "the argument `command`" in made.refusal(ShellTool(), command=command)


def test_a_time_beyond_ten_minutes_is_refused(made: Ground) -> None:
    assert "from 1 to 600000" in made.refusal(ShellTool(), command="true", timeout_ms=600_001)


def test_it_says_exactly_what_will_run(made: Ground) -> None:
    tool = ShellTool()
    given = validate(tool.spec, {"command": "echo  'a'\n"})

    async def story() -> list[object]:
        context = made.context()
        return [tool.access(given, context), await tool.preview(given, context), tool.intent(given, context)]

    assert made.run(story) == [(Run("echo  'a'\n", str(made.workspace)),), "echo  'a'\n", {}]


def test_after_a_crash_nothing_is_known_of_most_commands(made: Ground) -> None:
    tool = ShellTool()

    async def story() -> str:
        return (await tool.probe(validate(tool.spec, {"command": "true"}), {}, made.context())).outcome

    assert (made.run(story), tool.spec.recovery) == ("unknown", "probe_ask")


def test_after_a_crash_a_commit_is_looked_for(made: Ground) -> None:
    tool = ShellTool()
    made.call(
        tool, command="git init -q && git config user.name A && git config user.email a@b && touch a && git add a"
    )
    given = validate(tool.spec, {"command": "git commit -m 'add a'"})

    async def story() -> list[object]:
        context = made.context()
        before = tool.intent(given, context)
        found: list[object] = [before, (await tool.probe(given, before, context)).outcome]
        result = await made.result(tool, {"command": "git commit -m 'add a'"})
        assert result.exit_code == 0, result.text
        return [*found, (await tool.probe(given, before, context)).outcome]

    assert made.run(story) == [{f"git:HEAD {made.workspace}": None}, "not_done", "done"]
