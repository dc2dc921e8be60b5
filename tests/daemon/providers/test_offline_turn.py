"""The newest prompt, its files and its calls, out of a conversation."""

from __future__ import annotations

from agentd.providers.base import ModelMessage, ModelRequest, ToolDefinition
from agentd.providers.offline_turn import Done, GivenFile, Turn, read_turn
from agentproto.content import Block, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock

TOOL = ToolDefinition("read", "", {})
REMINDER = TextBlock("<system-reminder>\nIt is Monday.\n</system-reminder>")
FILE = TextBlock('<file path="a/b.txt">\none\n\ntwo\n</file>')
OLD = (
    ModelMessage("user", (FILE, TextBlock("before"))),
    ModelMessage("assistant", (ToolUseBlock("t0.1.1", "read", {}),)),
    ModelMessage("user", (ToolResultBlock("t0.1.1", "x"),)),
    ModelMessage("assistant", (TextBlock("done"),)),
)
USES = (ToolUseBlock("t1.1.1", "read", {"path": "a"}), ToolUseBlock("t1.1.2", "read", {"path": "b"}))
RESULTS = (ToolResultBlock("t1.1.2", "B"), ToolResultBlock("t1.1.1", "A <system-reminder>x</system-reminder>"))


def turn(*messages: ModelMessage) -> Turn:
    return read_turn(ModelRequest("m", (), (TOOL,), messages, 10))


def user(*blocks: Block) -> ModelMessage:
    return ModelMessage("user", blocks)


def test_the_first_turn() -> None:
    assert turn(user(FILE, REMINDER, TextBlock("now"))) == Turn(
        "now", (GivenFile("a/b.txt", "one\n\ntwo"),), (), True, {"read": TOOL}
    )


def test_calls_since_the_prompt_alone() -> None:
    found = turn(
        *OLD, user(TextBlock("now")), ModelMessage("assistant", (ThinkingBlock("hm"), *USES)), user(*RESULTS, REMINDER)
    )
    assert (found.prompt, found.files, found.first) == ("now", (), False)
    assert found.steps == ((Done(USES[0], RESULTS[1]), Done(USES[1], RESULTS[0])),)
    assert [(done.ok, done.text) for done in found.calls("read")] == [(True, "A "), (True, "B")]


def test_a_prompt_that_was_merged_with_what_came_before() -> None:
    found = turn(*OLD[:2], user(*OLD[2].blocks, TextBlock("and"), FILE, TextBlock("now"), REMINDER))
    assert (found.prompt, found.files, found.steps) == ("now", (GivenFile("a/b.txt", "one\n\ntwo"),), ())


def test_words_that_steer_are_the_newest_prompt() -> None:
    messages = (user(TextBlock("now")), ModelMessage("assistant", USES), user(*RESULTS, TextBlock("no, this")))
    assert turn(*messages).prompt == "no, this"


def test_a_call_without_a_result_is_not_ok() -> None:
    found = turn(user(TextBlock("now")), ModelMessage("assistant", USES[:1]))
    assert [(done.ok, done.text) for done in found.calls("read")] == [(False, "")]


def test_no_prompt_at_all() -> None:
    assert turn(user(REMINDER)) == Turn("", (), (), True, {"read": TOOL})
    assert turn().prompt == ""
