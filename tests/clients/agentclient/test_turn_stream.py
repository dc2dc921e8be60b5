"""Joining a turn's events: each byte of text once, whatever is doubled, missing, late or superseded."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentclient.testing import Event
from agentclient.turn_stream import Added, Change, Replaced, TurnStream, Unknown
from agentproto.api import turn
from agentproto.content import ThinkingBlock, ToolUseBlock
from agentproto.errors import RemoteProtocolError
from agentproto.link import Happened
from agentproto.shape import to_plain
from clients.scene import USAGE, Session, a_question


def fed(stream: TurnStream, *events: Event) -> list[Change]:
    return [change for name, body in events for change in stream.take(Happened(name, to_plain(body)))]


def added(text: str, *, first: bool = False, item: str = "t1.1.0") -> Added:
    return Added("t1", item, "text", text, first)


def test_deltas_add_up_and_the_whole_item_adds_nothing() -> None:
    scene, stream = Session(), TurnStream()
    whole = scene.replied("Hé llo")
    assert fed(stream, scene.delta("Hé", 0), scene.delta(" llo", 3), whole) == [
        added("Hé", first=True),
        added(" llo"),
        whole[1],
    ]


def test_what_is_known_is_not_shown_again() -> None:
    scene, stream = Session(), TurnStream()
    changes = fed(stream, scene.delta("abc", 0), scene.delta("abc", 0), scene.delta("bcde", 1))
    assert changes == [added("abc", first=True), added("de")]


def test_a_late_joiner_gets_the_partial_and_then_the_rest() -> None:
    scene, stream = Session(), TurnStream()
    assert fed(stream, scene.delta("c", 2), scene.delta("ab", 0), scene.delta("d", 3)) == [
        added("abc", first=True),
        added("d"),
    ]


def test_the_whole_item_fills_a_hole() -> None:
    scene, stream = Session(), TurnStream()
    whole = scene.replied("abcd")
    assert fed(stream, scene.delta("a", 0), scene.delta("d", 3), whole) == [
        added("a", first=True),
        added("bcd"),
        whole[1],
    ]


def test_an_item_that_came_out_different_is_shown_again_whole() -> None:
    scene, stream = Session(), TurnStream()
    whole = scene.replied("other")
    assert fed(stream, scene.delta("abc", 0), whole)[1:] == [Replaced("t1", "t1.1.0", "text", "other"), whole[1]]


def test_without_deltas_the_whole_items_are_all_there_is() -> None:
    stream = TurnStream()
    body = turn.RepliedEvent(
        stream="s",
        seq=1,
        at_ms=0,
        turn="t1",
        step="t1.1",
        items=(ThinkingBlock("hm"), ToolUseBlock("t1.1.1", "grep", {})),
        stop="tool",
        usage=USAGE,
    )
    assert fed(stream, ("step.replied", body)) == [Added("t1", "t1.1.0", "thinking", "hm", True), body]


def test_after_a_retry_the_item_begins_anew() -> None:
    scene, stream = Session(), TurnStream()
    again = scene.event(
        "step.retried", turn.RetryEvent, turn="t1", step="t1.1", reason="network", text="broken", wait_ms=10
    )
    assert fed(stream, scene.delta("abc", 0), again, scene.delta("xyz", 0)) == [
        added("abc", first=True),
        again[1],
        added("xyz", first=True),
    ]


def test_a_hole_in_a_tools_output_stays_one() -> None:
    scene, stream = Session(), TurnStream()
    changes = fed(
        stream,
        scene.delta("ab", 0, "t1.1.1", "output"),
        scene.delta("yz", 100, "t1.1.1", "output"),
        scene.delta("z!", 101, "t1.1.1", "output"),
    )
    assert [change.text for change in changes if isinstance(change, Added)] == ["ab", "yz", "!"]


def test_questions_come_as_they_are_and_unknown_events_are_passed_over() -> None:
    scene, stream = Session(), TurnStream()
    opened = scene.asks(a_question())
    assert fed(stream, opened) == [opened[1]]
    assert stream.take(Happened("tea.ready", {"stream": "s"})) == []


def test_a_body_that_does_not_fit_is_an_error_of_the_peer() -> None:
    with pytest.raises(RemoteProtocolError, match="turn"):
        TurnStream().take(Happened("turn.finished", {"stream": "s", "seq": 1, "at_ms": 1}))


def with_word(event: Event, **words: object) -> Happened:
    """The event as a newer daemon might send it."""
    return Happened(event[0], {**to_plain(event[1]), **words})


def test_an_event_with_an_unknown_word_is_shown_as_it_came() -> None:
    scene, stream = Session(), TurnStream()
    event = with_word(scene.begun("hi")[1], mode="dreaming")
    why = "mode: Invalid enum value 'dreaming'"
    changes = stream.take(event)
    assert changes == [Unknown("turn.started", "t1", event.body, why)]
    assert isinstance(changes[0], Unknown)
    assert changes[0].text.startswith('turn.started {"stream":')
    assert changes[0].text.endswith(f"({why}; a newer client shows it)")


def test_a_turn_that_ends_in_an_unknown_way_has_ended() -> None:
    scene, stream = Session(), TurnStream()
    ended = scene.finished("done")
    shown, finished = stream.take(with_word(ended, stop="evaporated"))
    assert isinstance(shown, Unknown)
    assert finished == msgspec.structs.replace(ended[1], stop="error")


def test_blocks_of_an_unknown_kind_do_not_end_the_client() -> None:
    scene, stream = Session(), TurnStream()
    event = with_word(scene.replied("hi"), items=[{"type": "hologram", "text": "hi"}])
    assert stream.take(event) == [Unknown("step.replied", "t1", event.body, "items[0].type: Invalid value 'hologram'")]


def test_deltas_of_an_unknown_kind_are_shown_once() -> None:
    scene, stream = Session(), TurnStream()
    pieces = [with_word(scene.delta(text, at), kind="hologram") for at, text in ((0, "ab"), (2, "cd"))]
    first, second = (stream.take(piece) for piece in pieces)
    assert [type(change) for change in first] == [Unknown]
    assert second == []


@given(st.text(min_size=1, max_size=40), st.data())
def test_any_order_and_doubling_of_pieces_shows_each_byte_once(text: str, data: st.DataObject) -> None:
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=6))})
    pieces = [(len(text[:a].encode()), text[a:b]) for a, b in pairwise(cuts) if a != b]
    shuffled = data.draw(st.permutations(pieces + data.draw(st.lists(st.sampled_from(pieces), max_size=3))))
    scene, stream = Session(), TurnStream()
    events = [scene.delta(piece, offset) for offset, piece in shuffled]
    changes = fed(stream, *events, scene.replied(text))
    assert "".join(change.text for change in changes if isinstance(change, Added)) == text
    assert not any(isinstance(change, Replaced) for change in changes)
