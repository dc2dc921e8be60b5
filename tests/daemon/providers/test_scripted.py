"""The script plays as written, by call, by step or by prompt, with every fault."""

from __future__ import annotations

import pytest

from agentd.errors import SettingsError
from agentd.providers import canonical
from agentd.providers.base import (
    Ended,
    Failure,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextPiece,
    ThinkingPiece,
    ToolUse,
    Usage,
)
from agentd.providers.prepared import PreparedCall, mint
from agentd.providers.scripted import (
    Script,
    ScriptedFailure,
    ScriptedProvider,
    ScriptedReply,
    ScriptedTool,
    choose,
    read_script,
)
from agentd.world.fake import FakeWorld, fake_world
from agentproto.content import TextBlock, ToolResultBlock, ToolUseBlock

HI = ModelMessage("user", (TextBlock("hi"),))
CALLED = ModelMessage("assistant", (ToolUseBlock("t1.1.1", "read", {}),))
RESULT = ModelMessage("user", (ToolResultBlock("t1.1.1", "x"),))


def asked(*messages: ModelMessage) -> ModelRequest:
    return ModelRequest("m", (), (), messages or (HI,), 10)


def prepared(request: ModelRequest) -> PreparedCall:
    return mint(
        provider="p",
        body=canonical.encode(request),
        purpose="test",
        session="s",
        call="c",
        input_tokens=1,
        output_tokens=1,
    )


def play(script: Script, *requests: ModelRequest, world: FakeWorld | None = None) -> list[list[ModelEvent]]:
    world = world or fake_world(auto=True)
    provider = ScriptedProvider("p", script, world.clock, world.files)

    async def story() -> list[list[ModelEvent]]:
        return [[event async for event in provider.stream(prepared(request))] for request in requests]

    return world.run(story())


def test_a_whole_reply() -> None:
    reply = ScriptedReply(
        "Hello  there, you.",
        thinking="hm",
        tools=(ScriptedTool("read", {"path": "a"}), ScriptedTool("read", raw="{")),
        input_tokens=3,
        output_tokens=4,
    )
    assert play(Script((reply,)), asked()) == [
        [
            ThinkingPiece("hm"),
            TextPiece("Hello"),
            TextPiece("  there,"),
            TextPiece(" you."),
            ToolUse("scripted-1-1", "read", {"path": "a"}, '{"path":"a"}'),
            ToolUse("scripted-1-2", "read", None, "{"),
            Ended("tool_use", Usage(input=3, output=4)),
        ]
    ]


def texts(played: list[list[ModelEvent]]) -> list[str]:
    return ["".join(event.text for event in one if isinstance(event, TextPiece | Failure)) for one in played]


NONE_LEFT = "the script has no reply left for this call"


def test_replies_by_call_come_in_order_and_end() -> None:
    script = Script((ScriptedReply("one"), ScriptedReply("two")))
    assert texts(play(script, asked(), asked(), asked())) == ["one", "two", NONE_LEFT]


def test_a_loop_begins_anew() -> None:
    script = Script((ScriptedReply("one"), ScriptedReply("two")), loop=True)
    assert texts(play(script, *[asked()] * 5)) == ["one", "two", "one", "two", "one"]


def test_replies_by_step_are_the_same_after_a_restart() -> None:
    script = Script((ScriptedReply("one"), ScriptedReply("two")), by="step")
    later = asked(HI, CALLED, RESULT)
    assert texts(play(script, later, later, asked())) == ["two", "two", "one"]


def test_a_match_is_for_its_prompt_alone_step_by_step() -> None:
    script = Script((ScriptedReply("call", match="^h"), ScriptedReply("done", match="^h"), ScriptedReply("else")))
    other = ModelMessage("user", (TextBlock("other"),))
    chosen = [
        choose(script, request, 0)
        for request in (asked(HI), asked(HI, CALLED, RESULT), asked(HI, CALLED, RESULT, other))
    ]
    assert [reply and reply.text for reply in chosen] == ["call", "done", "else"]


def test_a_failure_of_the_first_calls_only() -> None:
    failing = ScriptedReply("at last", failure=ScriptedFailure("rate_limited", "slow", 500, times=2))
    assert play(Script((failing,)), *[asked()] * 3)[:2] == [[Failure("rate_limited", "slow", retry_after_ms=500)]] * 2
    assert texts(play(Script((failing, ScriptedReply("next"))), *[asked()] * 4)) == ["slow", "slow", "at last", "next"]
    always = Script((ScriptedReply(failure=ScriptedFailure("auth", "no")), ScriptedReply("two")))
    assert texts(play(always, asked(), asked())) == ["no", "two"]


@pytest.mark.parametrize("after", [0, 1, 2, 9])
def test_a_break_after_some_pieces(after: int) -> None:
    events = play(Script((ScriptedReply(pieces=("a", "b"), break_after=after),)), asked())[0]
    assert events[:-1] == [TextPiece("a"), TextPiece("b")][:after]
    assert isinstance(events[-1], Failure)
    assert events[-1].kind == "broken_stream"


def test_pauses_and_stalls_are_on_the_clock() -> None:
    world = fake_world(auto=True)
    start = world.clock.monotonic_ms()
    events = play(Script((ScriptedReply(pieces=("a", "b"), piece_ms=10, stall_ms=1_000),)), asked(), world=world)[0]
    assert events[-1] == Failure("broken_stream", "nothing came for 1000 ms")
    assert world.clock.monotonic_ms() - start == 1_020


def test_a_reply_waits_for_its_file() -> None:
    world = fake_world(auto=True)
    provider = ScriptedProvider("p", Script((ScriptedReply("now", wait_for="/go"),)), world.clock, world.files)

    async def story() -> bool:
        stream = provider.stream(prepared(asked()))
        world.clock.call_later(100, lambda: world.files.write_atomic("/go", b""))
        first = await anext(stream)
        await stream.aclose()
        return first == TextPiece("now") and world.clock.monotonic_ms() >= 100

    assert world.run(story())


def test_requests_are_kept_for_the_test_to_see() -> None:
    world = fake_world(auto=True)
    provider = ScriptedProvider("p", Script((ScriptedReply("x"),)), world.clock)

    async def story() -> None:
        async for _ in provider.stream(prepared(asked())):
            pass

    world.run(story())
    assert list(provider.requests) == [asked()]
    assert provider.encode(asked()) == canonical.encode(asked())


def test_a_script_from_a_file() -> None:
    data = b'{"by":"step","replies":[{"text":"hi","match":"a+"},{"tools":[{"name":"ls"}],"failure":{"kind":"auth"}}]}'
    assert read_script(data) == Script(
        (ScriptedReply("hi", match="a+"), ScriptedReply(tools=(ScriptedTool("ls"),), failure=ScriptedFailure("auth"))),
        by="step",
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"replies":[{"txt":"x"}]}',
        b'{"replies":[{"match":"("}]}',
        b'{"replies":[{"failure":{"kind":"x"}}]}',
    ],
)
def test_a_script_that_is_wrong_is_refused(data: bytes) -> None:
    with pytest.raises(SettingsError):
        read_script(data, "/s.json")
