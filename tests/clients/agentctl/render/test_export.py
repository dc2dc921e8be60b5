"""Exports: the JSON has everything, the Markdown reads like the conversation."""

from __future__ import annotations

import pytest

from agentctl.render.export import as_document, as_markdown, day, redacted_title
from agentproto.api import session, turn
from agentproto.revisions import FileRevision
from agentproto.shape import to_plain
from clients.scene import SESSION, WORKSPACE, Session, a_question
from clients.stage import AT, SECOND, reverted, two_turns

FOUND = session.ReadResult(
    session.SessionSummary(SESSION, "A title", WORKSPACE, "idle", 0, 0, 1, 9, 900),
    "ask",
    (),
    0,
    session.Usage(),
    {},
    "/log",
)


def events(scene: Session) -> list[session.StreamedEvent]:
    return [session.StreamedEvent(name, to_plain(body)) for name, body in scene.logged]


def test_markdown_has_prompt_tool_question_and_answer_in_order() -> None:
    scene = Session()
    scene.begun("What is it?")
    scene.tool(diff="-a\n+```b")
    scene.asks(a_question())
    scene.decided("q1", "deny", "no")
    scene.replied("It is **42**.", "t1.2")
    scene.finished("It is **42**.", stop="error", error="The model broke.")
    text = as_markdown(FOUND, events(scene))
    assert [line for line in text.splitlines() if line and not line.startswith("Session `")] == [
        "# A title",
        text.splitlines()[4],
        "What is it?",
        "**grep**: 12 matches",
        "```",
        "-a",
        "+```b",
        "```",
        "**Question** q1: run a command",
        "```",
        "rm -rf build",
        "```",
        "**deny** by somebody: no",
        "It is **42**.",
        "_The turn ended: error. The model broke._",
    ]
    assert text.splitlines()[4].startswith("## 1. somebody, ")


def test_what_was_taken_back_says_so_and_bears_no_number() -> None:
    scene = two_turns()
    reverted(scene, "undo", SECOND, files=(FileRevision("/w/a", "restored"), FileRevision("/w/b", "kept", "changed")))
    third = f"{SESSION}.t3"
    scene.begun("wrong", third)
    scene.event("turn.withdrawn", turn.WithdrawnEvent, turn=third, actor="somebody")
    lines = as_markdown(FOUND, events(scene)).splitlines()
    assert [line.partition(",")[0] + line[-13:] for line in lines if line.startswith("## ")] == [
        f"## 1. somebody{day(AT)[-13:]}",
        "## somebody (taken back)",
        "## somebody (taken back)",
    ]
    assert [line for line in lines if line.startswith("_")] == [
        "_somebody took back turn t2: 1 file restored, 1 file kept._",
        "_somebody withdrew the message before the model spoke._",
    ]


@pytest.mark.parametrize(("titles", "title"), [((), "what is it?"), (("a name", "another"), "another")])
def test_a_redacted_title_comes_from_redacted_events(titles: tuple[str, ...], title: str) -> None:
    scene = two_turns()
    for one in titles:
        scene.event("session.changed", session.ChangedEvent, actor="ann", title=one)
    redacted = redacted_title(FOUND, events(scene))
    assert (redacted.summary.title, redacted.questions, redacted.summary.id) == (title, (), SESSION)
    assert redacted_title(FOUND, []).summary.title == ""


def test_a_fence_in_the_result_can_not_end_its_block() -> None:
    scene = Session()
    scene.tool(diff="```\nx\n```")
    assert "````\n```\nx\n```\n````" in as_markdown(FOUND, events(scene))


def test_the_document_has_every_event_whole() -> None:
    scene = Session()
    scene.answer("x")
    document = as_document(FOUND, events(scene))
    assert (document["session"], document["mode"]) == (FOUND.summary, "ask")
    assert document["events"] == [{"event": name, **to_plain(body)} for name, body in scene.logged]
