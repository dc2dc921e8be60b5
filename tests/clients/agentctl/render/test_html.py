"""The HTML export: one file that fetches nothing, everything escaped, calls folded, Markdown drawn where it is safe."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from agentctl.render.export import day
from agentctl.render.html import as_html
from agentproto.api import session, turn
from agentproto.content import TextBlock, ThinkingBlock, ToolUseBlock
from clients.scene import SESSION, USAGE, Session, a_question
from clients.stage import AT, FIRST, SECOND, read, reverted, streamed, summary, two_turns

EVIL = "<script>alert(1)</script> \"' & <img src=x onerror=1> \x1b[2J\u202e"


class Tags(HTMLParser):
    """Every tag and attribute of a page, and that what was opened is closed in order."""

    VOID = ("meta",)

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(f"{tag}.{name}" for name, _ in attrs)}
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words += [data.strip()] if data.strip() else []


ALLOWED = {
    *("html", "html.lang", "head", "body", "title", "style", "meta", "meta.charset", "meta.http-equiv"),
    *("meta.content", "meta.name", "h1", "h2", "h3", "h4", "p", "p.class", "div", "div.class", "pre", "code", "b"),
    *("span", "span.class", "details", "summary"),
}


def page(scene: Session, one: session.SessionSummary | None = None) -> str:
    return as_html(read(one), streamed(scene.logged))


def test_the_page_reads_like_the_conversation() -> None:
    when = day(AT)
    assert Tags(page(two_turns())).words == [
        "a title",
        "a title",
        f"Session {SESSION} in /work/space, begun {when}",
        f"1. somebody, {when}",
        "what is it?",
        "grep",
        '"limits" 12 matches',
        "12 ms",
        "limits.py:1: x",
        "It is 42.\nReally.",
        f"2. somebody, {when}",
        "and why?",
        "Because.",
    ]


def evil() -> Session:
    scene = Session()
    scene.event("turn.queued", turn.QueuedEvent, turn=FIRST, actor=EVIL, prompt=EVIL, files=(EVIL,))
    blocks = (
        TextBlock(f"# {EVIL}\n\n**{EVIL}** and `{EVIL}`\n```{EVIL}\n{EVIL}\n```\n[x](javascript:alert(1))"),
        ThinkingBlock(EVIL),
        ToolUseBlock(f"{FIRST}.1.1", EVIL, {EVIL: EVIL}),
    )
    scene.event("step.replied", turn.RepliedEvent, turn=FIRST, step=f"{FIRST}.1", items=blocks, stop=EVIL, usage=USAGE)
    scene.event(
        "tool.started", turn.ToolStartedEvent, turn=FIRST, call=f"{FIRST}.1.1", tool=EVIL, target=EVIL, verdict=EVIL,
        reason=EVIL,
    )  # fmt: skip
    for diff in (None, f"+{EVIL}\n-{EVIL}\n {EVIL}"):
        scene.event(
            "tool.finished", turn.ToolFinishedEvent, turn=FIRST, call=f"{FIRST}.1.1", tool=EVIL, status="error",
            summary="x" + EVIL, text=EVIL, bytes=1, diff=diff,
        )  # fmt: skip
    scene.asks(a_question(summary=EVIL, command=EVIL))
    scene.decided("q1", "deny", EVIL)
    scene.event("turn.steered", turn.SteeredEvent, turn=FIRST, actor=EVIL, text=EVIL)
    scene.event("session.notice", session.NoticeEvent, code="x", text=EVIL)
    scene.event("turn.withdrawn", turn.WithdrawnEvent, turn=SECOND, actor=EVIL)
    reverted(scene, "undo", EVIL)
    scene.finished("x", FIRST, "error", error=EVIL)
    return scene


def test_nothing_that_came_from_anywhere_is_obeyed() -> None:
    text = page(evil(), summary(title=EVIL, workspace=EVIL))
    assert Tags(text).seen - ALLOWED == set()
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "javascript:alert(1)" in text, "a link is only words"


def test_it_needs_nothing_and_may_fetch_nothing() -> None:
    text = page(two_turns())
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "prefers-color-scheme: dark" in text
    assert [
        word for word in ("<script", "http://", "https://", "url(", "@import", "src=", "href=") if word in text
    ] == []


@pytest.mark.parametrize(
    ("markdown", "drawn"),
    [
        ("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>"),
        ("# Head\ntext", "<h3>Head</h3>\n<p>text</p>"),
        ("a **b** `c**d**`", "<p>a <b>b</b> <code>c**d**</code></p>"),
        ("x\n```py\na < b\n\n# no head\n```\ny", "<p>x</p>\n<pre>a &lt; b\n\n# no head</pre>\n<p>y</p>"),
        ("````\n```\n````\nz", "<pre>```</pre>\n<p>z</p>"),
        ("```\nnever closed", "<pre>never closed</pre>"),
        ("- one\n- two", "<p>- one\n- two</p>"),
        ("a ** b ** c", "<p>a ** b ** c</p>"),
    ],
)
def test_markdown_is_drawn_as_far_as_it_is_safe(markdown: str, drawn: str) -> None:
    scene = Session()
    scene.replied(markdown)
    text = page(scene)
    body = text[text.index("</p>\n") + 5 : text.index("\n</body>")]
    assert body == drawn


def test_a_call_is_folded_with_what_it_was_given_and_what_came() -> None:
    scene = Session()
    items = (ToolUseBlock(f"{FIRST}.1.1", "edit", {"path": "a.py"}),)
    scene.event(
        "step.replied", turn.RepliedEvent, turn=FIRST, step=f"{FIRST}.1", items=items, stop="tools", usage=USAGE
    )
    scene.event(
        "tool.finished", turn.ToolFinishedEvent, turn=FIRST, call=f"{FIRST}.1.1", tool="edit", status="denied",
        summary="a.py", text="no", bytes=1, duration_ms=7, diff="--- a\n+++ b\n-x\n+y\n same\n",
    )  # fmt: skip
    text = page(scene)
    assert text[text.index("<details>") : text.index("</details>")] == (
        '<details><summary><b>edit</b> a.py <span class="bad">[denied]</span> <span class="facts">7 ms</span></summary>\n'
        "<pre>{\n  &quot;path&quot;: &quot;a.py&quot;\n}</pre>\n"
        '<pre><span class="cut">--- a</span>\n<span class="add">+++ b</span>\n<span class="cut">-x</span>\n'
        '<span class="add">+y</span>\n same</pre>\n'
    )


def test_turns_that_were_taken_back_say_so() -> None:
    scene = two_turns()
    reverted(scene, "undo", SECOND)
    words = Tags(page(scene)).words
    assert [f"1. somebody, {day(AT)}" in words, f"somebody, {day(AT)} (taken back)" in words] == [True, True]
    assert words[-1] == "somebody took back turn t2."


@pytest.mark.timeout(20)  # the square of it would take minutes
@pytest.mark.parametrize("piece", ["`", "**a", "` `` ", "# ", "~~~", "```\n", "#", "*"])
def test_a_hostile_text_does_not_cost_the_square_of_its_length(piece: str) -> None:
    scene = Session()
    scene.replied(piece * (400_000 // len(piece)))
    assert page(scene).endswith("</html>\n")
