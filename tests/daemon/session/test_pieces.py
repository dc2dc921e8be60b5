"""What of a session can be found: each kind of entry, and what is left out."""

from __future__ import annotations

import msgspec
import pytest

from agentd.search.pieces import Piece
from agentd.session.asking import Answered
from agentd.session.entries import (
    Broke,
    Changed,
    Done,
    Entry,
    Finished,
    Judged,
    Notice,
    Partial,
    Replied,
    Started,
    Steered,
    entry_type,
)
from agentd.session.pieces import TELLING, TOOL_CHARS, Gathered, Telling, gather
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock, ThinkingBlock, ToolUseBlock
from support.session_logs import PERSON, answered, asked, called, opened


def gathered(*entries: Telling) -> tuple[Gathered, list[tuple[str, str]]]:
    """What is known after them, and (kind, text) of every piece."""
    known, out = Gathered(), []
    for seq, entry in enumerate(entries, 1):
        known, pieces = gather(known, seq, seq * 10, entry)
        assert all((piece.position, piece.at_ms) == (seq, seq * 10) for piece in pieces)
        out += [(piece.kind, piece.text) for piece in pieces]
    return known, out


def test_a_piece_carries_its_entry_s_number_and_time() -> None:
    assert gather(Gathered(), 7, 70, asked(" fix it \n")) == (
        Gathered(title="fix it"),
        [Piece(7, 70, "prompt", "fix it")],
    )


@pytest.mark.parametrize(
    ("entry", "pieces"),
    [
        (asked("fix it"), [("prompt", "fix it")]),
        (msgspec.structs.replace(asked("see"), files=(("/w/a.py", "h", "its text"),)), [("prompt", "see\n\n/w/a.py")]),
        (Steered("t", PERSON, "not so"), [("prompt", "not so")]),
        (Answered("q", "t", "answer", PERSON, text="the second"), [("prompt", "the second")]),
        (Answered("q", "t", "approve", PERSON), []),
        (answered("it is done"), [("answer", "it is done")]),
        (msgspec.structs.replace(answered("a title"), purpose="title"), []),
        (
            Replied(
                "t", "s", (ThinkingBlock("hm"), TextBlock("one"), ToolUseBlock("c", "x", {}), TextBlock("two")), "end",
                TurnUsage(),
            ),
            [("answer", "one\n\ntwo")],
        ),
        (Broke("t", "s", "network", "it broke", kept="half an"), [("answer", "half an")]),
        (Broke("t", "s", "network", "it broke", kept="half an", again=True), []),
        (Changed(PERSON, title="the name"), [("title", "the name")]),
        (Changed(PERSON, mode="plan"), []),
        (opened("s", title="at first"), [("title", "at first")]),
        (opened("s"), []),
        (Started("t", "m", "ask"), []),
    ],
)  # fmt: skip
def test_what_people_and_models_said_is_found(entry: Telling, pieces: list[tuple[str, str]]) -> None:
    assert gathered(entry)[1] == pieces


def test_a_call_is_found_by_its_tool_its_target_and_what_it_gave() -> None:
    begun, done = called("grep", "src/login.py", "12: def login", summary="1 line")
    assert gathered(begun, done)[1] == [("tool", "grep src/login.py\n1 line\n12: def login")]
    named = msgspec.structs.replace(done, summary="grep src/login.py: 1 line")
    assert gathered(begun, named)[1] == [("tool", "grep src/login.py: 1 line\n12: def login")]


def test_a_call_that_was_only_judged_has_its_target_too() -> None:
    judged = Judged("t", "c", "shell", "deny", "a rule", target="rm -rf build")
    denied = Done("t", "c", "shell", "denied", "not allowed", "denied")
    assert gathered(judged, denied)[1] == [("tool", "shell rm -rf build\ndenied\nnot allowed")]


def test_of_a_long_result_the_head_and_the_end_are_found() -> None:
    _, done = called("shell", "", "a" * 9_000 + "b" * 9_000, summary="")
    (_, text) = gathered(done)[1][0]
    assert text == "shell\n" + "a" * (TOOL_CHARS - 1_000) + "\n…\n" + "b" * 1_000


def test_targets_end_with_their_call_and_with_the_turn() -> None:
    one, two = called("read", "a.py", "", call="1"), called("read", "b.py", "", call="2")
    assert gathered(one[0], two[0])[0].targets == (("1", "a.py"), ("2", "b.py"))
    assert gathered(one[0], two[0], one[1])[0].targets == (("2", "b.py"),)
    assert gathered(one[0], one[0])[0].targets == (("1", "a.py"),)
    assert gathered(one[0], Started("t", "m", "ask"))[0].targets == ()


def test_a_session_is_called_by_its_title_or_its_first_words() -> None:
    assert gathered(opened("s"), asked("fix  the\nlogin"), asked("more"))[0].title == "fix the login"
    assert gathered(opened("s"), asked("fix it"), Changed(PERSON, title="named"))[0].title == "named"
    assert gathered(opened("s", title="first"), asked("fix it"))[0].title == "first"
    assert gathered(opened("s"), asked("x" * 500))[0].title == "x" * 80


def test_the_tags_are_those_of_the_entries_that_tell() -> None:
    telling: list[Entry] = [asked(""), answered(""), opened(""), Changed(PERSON), *called("", "", "")]
    others: list[Entry] = [Partial("t", "i", "text", 0, "x"), Notice("n", "x"), Finished("t", "end", 1, TurnUsage())]
    assert [entry_type(entry) in TELLING for entry in telling] == [True] * 6
    assert [entry_type(entry) in TELLING for entry in others] == [False] * 3


def test_what_is_known_can_be_kept_and_read_again() -> None:
    known = gathered(opened("s", "/w", "t"), called("read", "a.py", "")[0])[0]
    assert msgspec.json.decode(msgspec.json.encode(known), type=Gathered) == known
