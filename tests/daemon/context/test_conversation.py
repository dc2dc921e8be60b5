"""Any sequence of entries becomes a conversation that every provider takes."""

from __future__ import annotations

from hypothesis import given, settings
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


# -- the definition, which the growing conversation must never differ from ------------------------------------------


def begin_with_user(messages: list[ModelMessage]) -> list[ModelMessage]:
    """Without what comes before the first words of a person."""
    for index, message in enumerate(messages):
        if message.role == "user" and any(not isinstance(block, ToolResultBlock) for block in message.blocks):
            return messages[index:]
    return []


def pair_results(messages: list[ModelMessage]) -> list[ModelMessage]:
    """Each use's first result right behind its message, in call order; the missing invented, the orphans dropped."""
    results: dict[str, ToolResultBlock] = {}
    for message in messages:
        for block in message.blocks:
            if isinstance(block, ToolResultBlock):
                results.setdefault(block.call, block)
    out: list[ModelMessage] = []
    for message in messages:
        rest = tuple(block for block in message.blocks if not isinstance(block, ToolResultBlock))
        if rest:
            out.append(ModelMessage(message.role, rest))
        uses = [block for block in rest if isinstance(block, ToolUseBlock)] if message.role == "assistant" else []
        if uses:
            answers = tuple(results.get(use.call) or ToolResultBlock(use.call, LOST_RESULT, "error") for use in uses)
            out.append(ModelMessage("user", answers))
    return out


def merge_neighbours(messages: list[ModelMessage]) -> list[ModelMessage]:
    out: list[ModelMessage] = []
    for message in messages:
        if out and out[-1].role == message.role:
            out[-1] = ModelMessage(message.role, out[-1].blocks + message.blocks)
        else:
            out.append(message)
    return out


def defined(entries: list[Entry], hidden: frozenset[str] = frozenset()) -> tuple[ModelMessage, ...]:
    """Each entry's own message, then the three rules over the whole of them."""
    said: list[ModelMessage] = []
    waiting: dict[str, Requested] = {}
    for entry in entries:
        turn, message = getattr(entry, "turn", ""), None
        match entry:
            case Requested():
                waiting[turn] = entry
            case Started() if turn in waiting:
                message = ModelMessage("user", (TextBlock(waiting.pop(turn).prompt),))
            case Replied(blocks=blocks):
                kept = tuple(block for block in blocks if not isinstance(block, TextBlock) or block.text.strip())
                message = ModelMessage("assistant", kept) if kept else None
            case Broke(kept=kept_text, again=False) if kept_text:
                message = ModelMessage("assistant", (TextBlock(kept_text),))
            case Done():
                message = ModelMessage("user", (ToolResultBlock(entry.call, entry.text, entry.status),))
            case Steered(text=text):
                message = ModelMessage("user", (TextBlock(text),))
            case _:
                pass
        if message is not None and turn not in hidden:
            said.append(message)
    return tuple(merge_neighbours(pair_results(begin_with_user(said))))


TURNS = st.integers(1, 4).map("t{}".format)
CALLS = st.integers(1, 6).map("c{}".format)
ENTRY = st.one_of(
    st.builds(lambda t: Requested(turn=t, actor=PERSON, key="k", hash="h", prompt=f"do {t}"), TURNS),
    st.builds(lambda t: Started(turn=t, model="m", mode="ask"), TURNS),
    st.builds(
        lambda t, calls, text: Replied(
            turn=t,
            step=f"{t}.1",
            blocks=(*((TextBlock(text),)), *(ToolUseBlock(call, "read", {}) for call in calls)),
            stop="end",
            usage=TurnUsage(),
        ),
        TURNS,
        st.lists(CALLS, max_size=3),
        st.sampled_from(["", "words", " "]),
    ),
    st.builds(
        lambda t, c, text: Done(turn=t, call=c, tool="read", status="ok", text=text, summary=""),
        TURNS,
        CALLS,
        st.sampled_from("rs"),
    ),
    st.builds(lambda t: Steered(turn=t, actor=PERSON, text="steer"), TURNS),
    st.builds(
        lambda t, kept, again: Broke(turn=t, step="s", failure="network", text="", kept=kept, again=again),
        TURNS,
        st.sampled_from(["", "kept"]),
        st.booleans(),
    ),
)
ACTS = st.lists(
    st.one_of(
        ENTRY,
        st.tuples(st.sampled_from(["hide", "show"]), st.frozensets(TURNS, max_size=2)),
        st.just("look"),
    ),
    max_size=40,
)


@settings(max_examples=500)
@given(ACTS)
def test_however_it_grew_it_is_what_the_definition_says(
    acts: list[Entry | tuple[str, frozenset[str]] | str],
) -> None:
    conversation = Conversation()
    fed: list[Entry] = []
    hidden: frozenset[str] = frozenset()
    for act in [*acts, "look"]:
        match act:
            case ("hide", frozenset() as turns):
                conversation.hide(turns)
                hidden |= turns
            case ("show", frozenset() as turns):
                conversation.show(turns)
                hidden -= turns
            case "look":
                assert conversation.messages() == defined(fed, hidden)
            case _:
                assert not isinstance(act, tuple | str)
                conversation.feed(act)
                fed.append(act)


def plain_turn(number: int, *, calls: int = 0) -> list[Entry]:
    turn = f"t{number}"
    uses = tuple(ToolUseBlock(f"{turn}.1.{call}", "read", {"n": call}) for call in range(calls))
    return [
        Requested(turn=turn, actor=PERSON, key=f"k{number}", hash="h", prompt=f"say {number}"),
        Started(turn=turn, model="m", mode="ask"),
        *([Replied(turn=turn, step=f"{turn}.1", blocks=uses, stop="tool_use", usage=TurnUsage())] if uses else []),
        *(Done(turn=turn, call=use.call, tool="read", status="ok", text="r", summary="") for use in uses),
        Replied(turn=turn, step=f"{turn}.2", blocks=(TextBlock(f"said {number}"),), stop="end", usage=TurnUsage()),
    ]


def test_hidden_turns_leave_and_come_back_to_their_places() -> None:
    conversation = Conversation()
    turns = [plain_turn(number, calls=number) for number in range(1, 5)]
    for entry in turns[0] + turns[1] + turns[2]:
        conversation.feed(entry)
    whole = conversation.messages()
    conversation.hide(["t2", "t3"])
    assert conversation.messages() == whole[:4] == talk(turns[0])
    for entry in turns[3]:
        conversation.feed(entry)
    assert conversation.messages() == talk(turns[0] + turns[3])
    conversation.show(["t2", "t3"])
    assert conversation.messages() == talk(turns[0] + turns[1] + turns[2] + turns[3])


def test_what_a_hidden_turn_still_says_stays_hidden() -> None:
    conversation = Conversation()
    first, second = plain_turn(1), plain_turn(2, calls=1)
    for entry in (*first, *second[:3]):
        conversation.feed(entry)
    conversation.hide(["t2"])
    for entry in second[3:]:
        conversation.feed(entry)
    assert conversation.messages() == talk(first)


def test_messages_that_did_not_change_are_the_same_objects() -> None:
    conversation = Conversation()
    for entry in plain_turn(1, calls=2) + plain_turn(2):
        conversation.feed(entry)
    before = conversation.messages()
    for entry in plain_turn(3, calls=1):
        conversation.feed(entry)
    after = conversation.messages()
    assert all(old is new for old, new in zip(before, after, strict=False))
    assert len(after) == len(before) + 4


def test_many_turns_that_are_hidden_one_by_one_cost_one_making() -> None:
    """Reading a log with as many undos as turns: the conversation is made once, when it is asked for."""
    conversation = Conversation()
    for number in range(1, 2_001):
        for entry in plain_turn(number):
            conversation.feed(entry)
        if number % 2:
            conversation.hide([f"t{number}"])
    assert len(conversation.messages()) == 2_000


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
