"""Questions by keys: only a listed key answers, and what will run is shown exactly."""

from __future__ import annotations

import pytest

from agentctl.asking import Asked, Given, Left, described
from agentproto.api.question import AnswerParams
from clients.scene import a_question

KEY = "k" * 32


def given(decision: str, **more: object) -> Given:
    return Given(AnswerParams(key=KEY, question="q1", decision=decision, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "echo", "outcome"),
    [
        ("y", "yes\n", given("approve", scope="once")),
        ("s", "yes, for this session\n", given("approve", scope="session")),
        ("n", "no\n", given("deny")),
        ("q", "left open\n", Left()),
        ("\r\n zx\x1b", "", None),
        ("zy", "yes\n", given("approve", scope="once")),
        ("dno, it\x7f\x7fis \r", "\n  no, because: no, it\b \b\b \bis \n", given("deny", text="no, is")),
        ("d\r", "\n  no, because: \n", given("deny")),
        ("d\x1b", "\n  no, because: \n", Left()),
    ],
)
def test_keys_decide(keys: str, echo: str, outcome: object) -> None:
    assert Asked(a_question(), KEY).feed(keys) == (echo, outcome)


def test_a_session_wide_yes_is_not_offered_where_it_is_not_a_choice() -> None:
    asked = Asked(a_question(choices=["once"]), KEY)
    assert "[s]" not in asked.prompt
    assert asked.feed("s") == ("", None)


def test_words_are_taken_for_a_question_that_wants_words() -> None:
    asked = Asked(a_question(kind="input"), KEY)
    assert not asked.letters
    assert asked.feed("yes") == ("yes", None), "a y is a letter of the answer here"
    assert asked.feed("\n") == ("\n", given("answer", text="yes"))
    assert Asked(a_question(kind="input"), KEY).feed("\n") == ("\n", Left())


def test_the_question_shows_exactly_what_will_run_and_why_it_is_asked() -> None:
    shown = described(
        a_question(command="rm -rf x\n\x1b[2Jecho \u202eok", gates=["writes", "outside"], origin=["reviewer"])
    )
    assert shown == (
        "? run a command\n"
        "  | rm -rf x\n"
        "  | \\x1b[2Jecho \\u202eok\n"
        "  in /work/space\n"
        "  asked because: writes; outside\n"
        "  sandbox: NONE, it runs with your own rights\n"
        "  asked by: reviewer\n"
    )


def test_a_long_command_is_counted_and_not_cut_in_silence() -> None:
    lines = described(a_question(command="\n".join(f"line {number}" for number in range(45)))).splitlines()
    assert lines[30] == "  | line 29"
    assert lines[31] == "  | ... 15 more lines: agentctl pending --json"
