"""What an entry says when it is handed over, and what is refused of one that comes from elsewhere."""

from __future__ import annotations

import typing

import pytest

from agentd.session.entries import Begun, Done, Entry, Notice
from agentd.session.handover import Wish, counts_of, foreign_digest, foreign_power, is_stand_in, note
from agentd.session.handover_survey import DIGESTS, is_structure, unrest
from agentd.session.state import Grant, SessionState

DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
STAND_IN = f"{1:064x}"


def test_every_field_with_digests_of_files_is_known() -> None:
    """A new one has to be added where digests are replaced and where they are refused."""
    found = {
        name
        for kind in typing.get_args(Entry)
        for name, hint in typing.get_type_hints(kind).items()
        if typing.get_origin(hint) is dict and "None" in str(typing.get_args(hint)[1])
    }
    assert found == DIGESTS


def test_the_note_says_the_counts_and_can_be_read_back() -> None:
    replaced = {"aws-key": 2, "password": 1}
    made = note(Wish(redacted=True, leaves=True), replaced, {"earlier contents of files": 3})
    assert made == Notice(
        code="redacted",
        text="secrets replaced: aws-key 2, password 1; earlier contents of files left out: 3; streamed pieces, signed parts"
        " of model replies and keys of requests left out; environment, approvals for the session and digests of files"
        " left out",
    )
    assert counts_of(made) == replaced
    assert counts_of(note(Wish(redacted=True, leaves=False), {}, {})) == {}
    assert counts_of(Notice(code="other", text=made.text)) == {}
    assert note(Wish(redacted=False, leaves=True), {}, {}).code == "handed_over"


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (Begun(turn="t", call="c", tool="edit", before={"/a": DIGEST}), "/a"),
        (Begun(turn="t", call="c", tool="edit", before={"/a": STAND_IN, "/b": None}), ""),
        (Done(turn="t", call="c", tool="x", status="ok", text="", summary="", touched={"/a": (None, DIGEST)}), "/a"),
        (Done(turn="t", call="c", tool="x", status="ok", text="", summary="", changed={"/a": (DIGEST, None)}), "/a"),
        (Done(turn="t", call="c", tool="x", status="ok", text="", summary="", changed={"/a": ("unknown", None)}), ""),
        (Notice(code="x", text=DIGEST), ""),
    ],
)
def test_digests_of_files_from_elsewhere_are_found(entry: Entry, path: str) -> None:
    assert foreign_digest(entry) == path


def test_power_over_this_home_is_named() -> None:
    grant = Grant("shell", "rm -rf /", "/", "q", "bob", 1)
    assert foreign_power(SessionState()) == ""
    assert (
        foreign_power(SessionState(grants=(grant,))) == "it brings approvals for commands that nobody here has approved"
    )
    assert foreign_power(SessionState(env={"PATH": "/x"})) == "it brings an environment for commands"
    assert "its mode is auto" in foreign_power(SessionState(mode="auto"))
    assert unrest(SessionState()) == ""


def test_names_that_the_daemon_gave_are_told_from_words() -> None:
    assert is_structure("turn", "s1ke6p4ym0afqcz25.t1")
    assert not is_structure("turn", "a turn with words")
    assert not is_structure("text", "s1ke6p4ym0afqcz25.t1")
    assert (is_stand_in(STAND_IN), is_stand_in(DIGEST)) == (True, False)
