"""How answers look."""

from __future__ import annotations

from agentd.providers.offline_answer import answer, fenced, nothing_found, report, report_trouble, say
from agentd.providers.offline_command import Find, List, Run, Write
from agentd.providers.offline_rank import Line, Scored
from agentd.providers.offline_turn import Done
from agentd.providers.offline_words import read_question
from agentproto.content import ToolResultBlock, ToolUseBlock

QUESTION = read_question("where is the parrot?")


def done(text: str, name: str = "shell", **arguments: object) -> Done:
    return Done(ToolUseBlock("c", name, arguments), ToolResultBlock("c", text))


def test_a_command_is_reported_with_its_exit_and_its_output_verbatim() -> None:
    assert (
        report(Run("ls"), done("exit code: 0\na\n  b\n", command="ls"))
        == "`ls` ended with exit code 0:\n\n```\na\n  b\n```"
    )
    assert report(Run("x"), done("exit code: 3\n", command="x")) == "`x` ended with exit code 3 and printed nothing."
    assert report(Run("a\nb"), done("exit code: 0\nx", command="a\nb")).startswith("The command ended with exit code 0")


def test_a_fence_can_not_be_ended_from_inside() -> None:
    assert fenced("a\n````\nb") == "`````\na\n````\nb\n`````"


def test_other_commands() -> None:
    assert report(Write("a", "b"), done("Wrote a.", "write")) == "Wrote a."
    assert report(List("src"), done("a\nb", "ls")) == "```\na\nb\n```"
    assert report(Find("*.x"), done("", "glob")) == "Nothing in this folder mentions `*.x`."


def test_trouble_in_its_own_words() -> None:
    use = ToolUseBlock("c", "shell", {})
    told = [
        report_trouble(Done(use, ToolResultBlock("c", "Words.", status)))
        for status in ("denied", "error", "interrupted", "unknown")
    ]
    assert told == [f"{say(name, tool='shell')}\n\nWords." for name in ("denied", "failed", "interrupted", "unknown")]
    assert say("missing_result") in report_trouble(Done(use, None))


def test_at_most_eight_lines_in_their_order_with_the_others_behind() -> None:
    lines = {
        "a.py": [Line("a.py", number, f"parrot {number}") for number in (9, 1, 5, 3, 7, 2, 8)],
        **{f"{name}.py": [Line(f"{name}.py", 1, "parrot " + "x" * 300)] for name in "bcd"},
    }
    ordered = [
        Scored(f"{name}.py", score, frozenset()) for name, score in zip("abcd", (3.0, 2.0, 1.5, 0.1), strict=True)
    ]
    text = answer(QUESTION, ordered, lines, ["swallow"])
    head, fence, *rest = text.split("\n\n")
    quoted = fence.splitlines()[1:-1]
    assert head == "Most likely: a.py"
    assert [line.split(": ")[0] for line in quoted[:6]] == [f"a.py:{n}" for n in (1, 2, 3, 5, 7, 9)]
    assert [line.split(":")[0] for line in quoted[6:]] == ["b.py", "c.py"]
    assert quoted[6].endswith("x…")
    assert rest == [say("partly", words="“swallow”"), "Also: b.py, c.py"]


def test_nothing_found() -> None:
    question = read_question("where is the parrot or the `swallow`?")
    assert nothing_found(question) == (
        f"Nothing in this folder mentions “swallow” or “parrot”. Searched for: `swallow`, `parrot`. {say('suggest')}"
    )
