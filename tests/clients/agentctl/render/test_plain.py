"""A turn as text: the answer byte for byte in a pipe, one line a tool, one line drawn over on a terminal."""

from __future__ import annotations

import io

from agentclient.testing import Event
from agentclient.turn_stream import TurnStream
from agentctl.render.plain import Plain, Screen
from agentproto.api import turn
from agentproto.link import Happened
from agentproto.revisions import FileRevision
from agentproto.shape import to_plain
from clients.scene import Session, a_question
from clients.stage import SECOND, reverted


class Shown:
    """A plain renderer and what it wrote; `both` is what a terminal shows that has both streams."""

    def __init__(self, *, terminal: bool = False, prompts: bool = False, thinking: bool = False) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        if terminal:
            self.err = self.out
        screen = Screen(
            out=self.out, err=self.err, answer_on_terminal=terminal, draws=terminal, for_person=terminal, width=60
        )
        self.plain = Plain(screen, prompts=prompts, thinking=thinking)
        self.stream = TurnStream()

    def show(self, *events: Event, now_ms: int = 0) -> None:
        for name, body in events:
            for change in self.stream.take(Happened(name, to_plain(body))):
                self.plain.show(change, now_ms)


def test_in_a_pipe_the_answer_is_alone_on_stdout() -> None:
    shown = Shown()
    shown.show(*Session().answer("The \x1b answer\nis 42"))
    assert (shown.out.getvalue(), shown.err.getvalue()) == (
        "The \x1b answer\nis 42\n",
        '* grep "limits": 12 matches (12 ms, 3.3 KiB)\n',
    )


def test_texts_of_two_steps_are_apart() -> None:
    scene, shown = Session(), Shown()
    shown.show(scene.delta("Let me look.", 0), scene.replied("Let me look."), scene.replied("It is 42.\n", "t1.2"))
    assert shown.out.getvalue() == "Let me look.\n\nIt is 42.\n"


def test_on_a_terminal_nothing_in_the_answer_is_obeyed() -> None:
    shown = Shown(terminal=True)
    shown.show(Session().delta("\x1b[2Jx", 0))
    assert shown.out.getvalue() == "\\x1b[2Jx"


def test_what_is_waited_for_is_drawn_over_and_gone_before_anything_else() -> None:
    scene, shown = Session(), Shown(terminal=True)
    shown.show(*scene.begun("hi"), now_ms=1000)
    shown.plain.tick(1100)
    assert shown.out.getvalue() == "", "what is over at once must not flicker"
    shown.plain.tick(4000)
    assert shown.out.getvalue() == "\r\x1b[K⠋ model offline 3 s"
    shown.show(scene.delta("x", 0), now_ms=4000)
    shown.plain.tick(9000)
    assert shown.out.getvalue() == "\r\x1b[K⠋ model offline 3 s\r\x1b[Kx", "the answer's line is not drawn over"


def test_a_tool_that_failed_says_so_and_an_edit_shows_its_diff() -> None:
    shown = Shown(terminal=True)
    shown.show(*Session().tool(status="error", diff="--- a\n+++ b\n-old\n+new\n"))
    assert shown.out.getvalue() == (
        '* grep "limits": 12 matches (12 ms, 3.3 KiB) [error]\n  --- a\n  +++ b\n  -old\n  +new\n'
    )


def test_a_long_tool_line_is_cut_to_the_terminal() -> None:
    scene, shown = Session(), Shown(terminal=True)
    long = scene.event(
        "tool.finished",
        turn.ToolFinishedEvent,
        turn="t1",
        call="c",
        tool="bash",
        status="ok",
        summary="x" * 200,
        text="",
        bytes=1,
    )
    shown.show(long)
    assert len(shown.out.getvalue()) == 60 - 6 + len("*  ()\n")


def test_retries_notices_decisions_and_steering_are_lines() -> None:
    scene, shown = Session(), Shown(prompts=True)
    shown.show(
        *scene.begun("what\nis it?"),
        scene.event("step.retried", turn.RetryEvent, turn="t1", step="t1.1", reason="network", text="broken pipe"),
        scene.event("turn.steered", turn.SteeredEvent, turn="t1", actor="other", text="hurry"),
        scene.asks(a_question()),
        scene.decided("q1", "deny", "too rash"),
    )
    assert shown.err.getvalue().splitlines() == [
        "- somebody says: what is it?",
        "- network: broken pipe; asked again at once",
        "- other says: hurry",
        "- q1: deny by somebody: too rash",
    ]


def test_thinking_is_shown_only_when_wanted_and_never_on_stdout() -> None:
    scene = Session()
    for wanted, expected in ((False, ""), (True, "hm, well\n")):
        shown = Shown(thinking=wanted)
        shown.show(scene.delta("hm, well", 0, kind="thinking"))
        shown.plain.end_line()
        assert (shown.out.getvalue(), shown.err.getvalue()) == ("", expected)


def test_an_answer_that_came_out_different_is_said_and_shown_whole() -> None:
    scene, shown = Session(), Shown()
    shown.show(scene.delta("abc", 0), scene.replied("other"))
    assert shown.out.getvalue() == "abc\n\nother\n"
    assert shown.err.getvalue() == "- the answer came out different from what was streamed; here it is again\n"


def test_an_event_with_an_unknown_word_is_a_note() -> None:
    scene, shown = Session(), Shown()
    shown.show(scene.event("turn.started", turn.StartedEvent, turn="t1", model="offline", mode="dreaming"))
    assert shown.err.getvalue().startswith('- turn.started {"stream":')


def test_what_was_taken_back_or_withdrawn_is_told_in_plain_words() -> None:
    scene, shown = Session(), Shown()
    files = (FileRevision("/w/a.py", "restored"), FileRevision("/w/b.py", "kept", "changed since"))
    shown.show(
        reverted(scene, "undo", SECOND, files=files),
        reverted(scene, "redo", SECOND),
        scene.event("turn.withdrawn", turn.WithdrawnEvent, turn="t3", actor="somebody"),
    )
    assert (shown.out.getvalue(), shown.err.getvalue().splitlines()) == (
        "",
        [
            "- somebody took back turn t2: 1 file restored, 1 file kept",
            "  restored  /w/a.py",
            "  kept      /w/b.py: changed since",
            "- somebody brought back turn t2",
            "- somebody withdrew the message before the model spoke",
        ],
    )
