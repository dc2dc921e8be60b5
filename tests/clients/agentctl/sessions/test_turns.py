"""The turns that are left: what was taken back is not counted, what came back is, and a person may name them in short."""

from __future__ import annotations

import pytest

from agentclient.errors import ClientError
from agentctl.sessions.turns import Turn, picked, short, turns_of
from agentproto.api import turn
from clients.scene import SESSION, USAGE
from clients.stage import AT, FIRST, SECOND, reverted, streamed, two_turns


def test_turns_are_counted_with_what_came_of_them() -> None:
    assert turns_of(streamed(two_turns().logged)) == [
        Turn(FIRST, AT, "somebody", "what is it?", 1, (), "offline", "end", 1, ("grep",), USAGE, "It is 42.\nReally."),
        Turn(SECOND, AT, "somebody", "and why?", 2, (), "offline", "end", 1, (), USAGE, "Because."),
    ]


def test_what_was_taken_back_or_withdrawn_is_not_counted_and_redo_brings_it_back() -> None:
    scene = two_turns()
    reverted(scene, "undo", SECOND)
    third = f"{SESSION}.t3"
    scene.begun("something else", third)
    scene.event("turn.withdrawn", turn.WithdrawnEvent, turn=third, actor="somebody")
    fourth = f"{SESSION}.t4"
    scene.begun("go on", fourth)
    left = [(one.number, one.id) for one in turns_of(streamed(scene.logged))]
    assert left == [(1, FIRST), (2, fourth)]
    reverted(scene, "rewind", FIRST, fourth)
    assert turns_of(streamed(scene.logged)) == []
    reverted(scene, "redo", FIRST, fourth)
    assert [(one.number, one.id) for one in turns_of(streamed(scene.logged))] == left


def test_files_of_a_call_that_were_taken_back_leave_the_turns() -> None:
    scene = two_turns()
    reverted(scene, "call")
    assert [one.number for one in turns_of(streamed(scene.logged))] == [1, 2]


@pytest.mark.parametrize("text", ["2", SECOND, "t2"])
def test_a_turn_is_named_by_number_id_or_short_id(text: str) -> None:
    assert picked(turns_of(streamed(two_turns().logged)), text, SESSION).id == SECOND


@pytest.mark.parametrize("text", ["0", "3", "t9", "", "-1"])
def test_another_name_says_how_many_there_are(text: str) -> None:
    with pytest.raises(ClientError) as caught:
        picked(turns_of(streamed(two_turns().logged)), text, SESSION)
    assert (caught.value.what, caught.value.why, caught.value.remedy) == (
        f"session {SESSION} has no turn {text}",
        "It has 2 turns now.",
        f"agentctl sessions show {SESSION} --turns",
    )


def test_ids_are_shortened_by_their_session() -> None:
    assert [short(id) for id in (FIRST, f"{FIRST}.2.1", "t1", "q1")] == ["t1", "t1.2.1", "t1", "q1"]
