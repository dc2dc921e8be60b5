"""tool.*: the registry with its traits, and whole outputs in pieces."""

from __future__ import annotations

import pytest

from agentd.errors import BadInputError, NotFoundError
from agentd.world.fake_processes import Script
from agentproto.api import tool as api
from support.household import WORKSPACE
from support.reception import Reception, a_world, names, receive


def test_each_tool_shows_its_traits_and_schemas() -> None:
    async def story(desk: Reception) -> None:
        listed = await desk.ask("tool.list")
        assert isinstance(listed, api.ListResult)
        assert names(listed.tools, "name") == ["edit", "glob", "grep", "ls", "read", "shell", "write"]
        traits = {tool.name: (tool.read_only, tool.concurrency_safe, tool.recovery) for tool in listed.tools}
        assert traits["read"] == (True, True, "rerun")
        assert traits["shell"] == (False, False, "probe_ask")
        assert traits["edit"] == (False, False, "probe")
        assert all(
            tool.input_schema["type"] == "object" and tool.access and tool.output_schema for tool in listed.tools
        )
        assert await desk.ask("tool.show", name="read") == next(tool for tool in listed.tools if tool.name == "read")
        with pytest.raises(NotFoundError, match="there is no tool 'raed'"):
            await desk.ask("tool.show", name="raed")

    receive(story)


def test_a_session_in_plan_mode_says_why_a_tool_is_out() -> None:
    async def story(desk: Reception) -> None:
        made = await desk.ask("session.create", key="k", cwd=WORKSPACE, mode="plan")
        listed = await desk.ask("tool.list", session=made.session)  # type: ignore[attr-defined]
        assert isinstance(listed, api.ListResult)
        out = {tool.name: tool.out for tool in listed.tools if tool.out}
        assert out == dict.fromkeys(("edit", "shell", "write"), "plan mode offers reading tools only")

    receive(story)


def test_all_bytes_of_an_output_that_was_cut_can_be_had() -> None:
    whole = b"".join(b"line %d\n" % n for n in range(50_000))

    async def story(desk: Reception) -> None:
        started = await desk.ask("turn.start", key="k", prompt="go", cwd=WORKSPACE)
        session = started.session  # type: ignore[attr-defined]
        await desk.house.until_quiet(session)
        call = f"{session}.t1.1.1"
        data, offset = b"", 0
        while True:
            piece = await desk.ask("tool.output", call=call, offset=offset, limit=100_000)
            assert isinstance(piece, api.OutputResult)
            data += piece.data
            offset += len(piece.data)
            if offset >= piece.total_bytes:
                break
        assert data == b"exit code: 0\n" + whole
        with pytest.raises(NotFoundError, match="no finished call"):
            await desk.ask("tool.output", call=f"{session}.t1.9.9")
        with pytest.raises(BadInputError):
            await desk.ask("tool.output", call=call, limit=100_000_000)

    world = a_world()
    world.processes.on("bash", does=Script(output=whole))
    receive(story, (("shell", {"command": "seq"}),), "done", world=world)
