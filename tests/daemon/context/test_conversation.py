"""Any sequence of entries becomes a conversation that every provider takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.context.conversation import LOST_RESULT, Conversation
from agentd.providers.base import ModelMessage, ModelRequest
from agentd.session.entries import Broke, Done, Entry, Replied, Requested, Started, Steered
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock, ToolResultBlock, ToolUseBlock
from support.household import check_request
from support.machine_play import PERSON, SESSION, Play, said


def talk(entries: list[Entry]) -> tuple[ModelMessage, ...]:
    conversation = Conversation()
    for entry in entries:
        conversation.feed(entry)
    return conversation.messages()


def test_a_turn_with_tools_becomes_alternating_messages() -> None:
    play = Play([("read",), "done"]).begin()
    play.feed(said())
    step = f"{SESSION}.t1.1"
    assert talk(play.entries) == (
        ModelMessage("user", (TextBlock("do it"),)),
        ModelMessage("assistant", (ToolUseBlock(f"{step}.1", "read", {"path": "a"}),)),
        ModelMessage("user", (ToolResultBlock(f"{step}.1", "fine"),)),
        ModelMessage("assistant", (TextBlock("done"),)),
    )


def test_given_files_come_before_the_prompt() -> None:
    play = Play(["done"]).begin()
    play.feed(said(files=(("/w/a", "hash", "content"),)))
    assert talk(play.entries)[0].blocks == (TextBlock('<file path="/w/a">\ncontent\n</file>'), TextBlock("do it"))


def test_a_queued_message_is_said_when_its_turn_starts() -> None:
    request = [Requested(turn=f"t{n}", actor=PERSON, key=f"k{n}", hash="h", prompt=f"say {n}") for n in (1, 2)]
    reply = Replied(turn="t1", step="t1.1", blocks=(TextBlock("one"),), stop="end", usage=TurnUsage())
    entries: list[Entry] = [
        request[0],
        Started(turn="t1", model="m", mode="ask"),
        request[1],
        reply,
        Started(turn="t2", model="m", mode="ask"),
    ]
    assert [message.blocks for message in talk(entries)] == [
        (TextBlock("say 1"),),
        (TextBlock("one"),),
        (TextBlock("say 2"),),
    ]


def test_a_use_without_result_gets_one_and_an_orphan_is_dropped() -> None:
    uses = (ToolUseBlock("c1", "read", {}), ToolUseBlock("c2", "read", {}))
    entries: list[Entry] = [
        Requested(turn="t", actor=PERSON, key="k", hash="h", prompt="go"),
        Started(turn="t", model="m", mode="ask"),
        Done(turn="t", call="c9", tool="read", status="ok", text="orphan", summary=""),
        Replied(turn="t", step="t.1", blocks=uses, stop="tool_use", usage=TurnUsage()),
        Done(turn="t", call="c2", tool="read", status="ok", text="two", summary=""),
        Steered(turn="t", actor=PERSON, text="hurry"),
    ]
    assert talk(entries)[1:] == (
        ModelMessage("assistant", uses),
        ModelMessage(
            "user", (ToolResultBlock("c1", LOST_RESULT, "error"), ToolResultBlock("c2", "two"), TextBlock("hurry"))
        ),
    )


ENTRIES = st.lists(
    st.one_of(
        st.builds(
            lambda n: Requested(turn=f"t{n}", actor=PERSON, key="k", hash="h", prompt=f"p{n}"), st.integers(1, 3)
        ),
        st.builds(lambda n: Started(turn=f"t{n}", model="m", mode="ask"), st.integers(1, 3)),
        st.builds(
            lambda calls, text: Replied(
                turn="t1",
                step="t1.1",
                blocks=(*((TextBlock(text),)), *(ToolUseBlock(f"c{c}", "read", {}) for c in calls)),
                stop="end",
                usage=TurnUsage(),
            ),
            st.lists(st.integers(1, 30), unique=True, max_size=3),
            st.sampled_from(["", "words", " "]),
        ),
        st.builds(
            lambda c: Done(turn="t1", call=f"c{c}", tool="read", status="ok", text="r", summary=""), st.integers(1, 30)
        ),
        st.builds(lambda text: Steered(turn="t1", actor=PERSON, text=text), st.just("steer")),
        st.builds(
            lambda kept, again: Broke(turn="t1", step="s", failure="network", text="", kept=kept, again=again),
            st.sampled_from(["", "kept"]),
            st.booleans(),
        ),
    ),
    max_size=25,
)


@given(ENTRIES)
def test_whatever_the_log_holds_the_next_request_is_valid(entries: list[Entry]) -> None:
    seen: set[str] = set()
    unique: list[Entry] = []
    for entry in entries:
        # A call's id is used once in a log: the machine counts them.
        if isinstance(entry, Replied):
            calls = {block.call for block in entry.blocks if isinstance(block, ToolUseBlock)}
            if calls & seen:
                continue
            seen |= calls
        unique.append(entry)
    unique += [
        Requested(turn="t9", actor=PERSON, key="k", hash="h", prompt="last"),
        Started(turn="t9", model="m", mode="ask"),
    ]
    check_request(ModelRequest("m", (), (), talk(unique), 10))
