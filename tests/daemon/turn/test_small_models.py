"""What small models do wrong is mended, answered with the exact fault, or stopped; and the log replays to the byte."""

from __future__ import annotations

import pytest

from agentd.context.budget import Window
from agentd.providers.base import Ended, TextPiece, ToolUse
from agentd.session.entries import Done, Finished, Replied
from agentd.session.reminders import Reminded
from agentd.turn.parts import ModelChoice
from agentproto.content import TextBlock, ToolUseBlock
from support.acts import USAGE, Act, ActingModel, Chosen, Life, called, fresh_world, live, say

FILES = {"a.txt": "one\ntwo\nthree\n", "b.txt": "four\n"}


def lived(*acts: Act, calls_in_text: bool = False, prompts: tuple[str, ...] = ("go",)) -> tuple[Life, ActingModel]:
    world = fresh_world()
    model = ActingModel(acts, world)
    choice = ModelChoice(model, "m", Window(100_000, 4_000), calls_in_text=calls_in_text)
    return live(world, Chosen({"talk": choice}), *prompts, files=FILES), model


def ending(life: Life) -> tuple[str, str, str | None]:
    (finished,) = life.of(Finished)
    return finished.stop, finished.text, finished.error


# -- cut answers -----------------------------------------------------------------------------------------------


def test_an_answer_that_is_cut_twice_arrives_joined() -> None:
    life, model = lived(say("The first ", stop="length"), say("and the sec", stop="length"), say("ond half."))
    assert ending(life) == ("end", "The first and the second half.", None)
    told = life.of(Reminded)
    assert [(one.code, one.reason) for one in told] == [
        ("cut", "the answer was cut at the output limit, and goes on")
    ] * 2
    last = model.requests[-1].messages
    assert [block.text for message in last[1:] for block in message.blocks if isinstance(block, TextBlock)] == [
        "The first ",
        told[0].text,
        "and the sec",
        told[1].text,
    ]


def test_an_answer_that_does_not_end_is_taken_as_it_is_after_three_times_more() -> None:
    life, model = lived(say("on ", stop="length"))
    assert ending(life) == ("end", "on on on on ", None)
    assert len(model.requests) == 4
    (finished,) = life.of(Finished)
    assert finished.steps == 4


def test_arguments_that_were_cut_are_not_guessed() -> None:
    cut = called("write", None, '{"path": "new.txt", "content": "half', stop="length")
    life, _ = lived(cut, say("I see."))
    (done,) = life.of(Done)
    assert done.status == "error"
    assert "the reply was cut off inside them" in done.text
    assert ending(life)[:2] == ("end", "I see.")


# -- arguments -------------------------------------------------------------------------------------------------


def test_arguments_that_can_mean_one_thing_only_are_mended_and_the_model_is_told() -> None:
    life, _ = lived(called("read", None, '{"path": "a.txt",'), say("done"))
    (replied, _) = life.of(Replied)
    (use,) = replied.blocks
    assert isinstance(use, ToolUseBlock)
    assert use.arguments == {"path": "a.txt"}
    assert list(replied.mended) == [use.call]
    (done,) = life.of(Done)
    assert done.status == "ok"
    assert "two" in done.text
    assert done.text.endswith(f"(Your arguments were mended: {'; '.join(replied.mended[use.call])}.)")


def test_a_number_that_came_as_text_is_read_and_the_model_is_told() -> None:
    life, _ = lived(called("read", {"path": "a.txt", "limit": "1"}, "{}"), say("done"))
    (done,) = life.of(Done)
    assert done.status == "ok"
    assert done.text.endswith('(Your arguments were mended: `limit` was a text: "1"; taken as 1.)')


def test_arguments_that_may_mean_several_things_are_answered_with_the_place_of_the_fault() -> None:
    life, _ = lived(called("read", None, '{"path": "a.txt" "b.txt"}'), say("done"))
    (done,) = life.of(Done)
    assert (done.status, done.text.splitlines()[0]) == (
        "error",
        "Not run: the arguments of read are not valid JSON. line 1, column 18: a comma or a closing bracket was expected "
        '(is a quote inside a text not escaped?), at `{"path": "a.txt" "b.txt"}`',
    )


def test_three_malformed_calls_running_end_the_turn() -> None:
    life, model = lived(called("read", None, "nonsense"))
    assert len(model.requests) == 3
    assert ending(life) == ("error", "", "the model called tools wrongly 3 times running")


def test_an_invented_tool_is_answered_with_the_one_that_was_meant() -> None:
    life, _ = lived(called("read_file", {"path": "a.txt"}), called("read", {"path": "a.txt"}), say("done"))
    first, second = life.of(Done)
    assert (first.status, first.text.splitlines()[:2]) == (
        "error",
        [
            "There is no tool read_file.",
            'Files are read with read. Its arguments are: {"path": text, "offset"?: whole number from 1, '
            '"limit"?: whole number from 1}',
        ],
    )
    assert second.status == "ok"
    assert ending(life)[:2] == ("end", "done")


# -- calls in text ---------------------------------------------------------------------------------------------

HERMES = ("I look.\n<tool_", 'call>{"name": "read", "arguments": {"path": ', '"b.txt"}}</tool_call>')


def test_a_call_that_was_written_as_text_is_made() -> None:
    life, model = lived(say(*HERMES), say("It says four."), calls_in_text=True)
    (done,) = life.of(Done)
    assert (done.tool, done.status) == ("read", "ok")
    assert "four" in done.text
    assert ending(life)[:2] == ("end", "It says four.")
    (uses,) = [
        [block for block in message.blocks if isinstance(block, ToolUseBlock)]
        for message in model.requests[1].messages
        if message.role == "assistant"
    ]
    assert [(use.name, use.arguments) for use in uses] == [("read", {"path": "b.txt"})]


def test_where_calls_are_not_looked_for_the_text_stays_a_text() -> None:
    life, _ = lived(say(*HERMES))
    assert life.of(Done) == []
    assert ending(life)[:2] == ("end", "".join(HERMES))


# -- repetition ------------------------------------------------------------------------------------------------

ROUND: Act = (
    TextPiece("Here it is. "),
    *(TextPiece("and then we go around again, ") for _ in range(500)),
    Ended("end", USAGE),
)


def test_an_answer_that_repeats_itself_is_stopped_and_the_model_goes_on() -> None:
    life, model = lived(ROUND, say("Right."))
    first, _ = life.of(Replied)
    assert first.stop == "repeated"
    assert [block.text for block in first.blocks if isinstance(block, TextBlock)] == [
        "Here it is. and then we go around again, "
    ]
    assert first.usage.estimated
    (told,) = life.of(Reminded)
    assert (told.code, told.reason) == ("repeated", "the answer repeated itself and was stopped; the model goes on")
    assert ending(life) == ("end", "Right.", None)
    assert [text for name, text in life.happened if name == "model.repeats"] == [
        "talk: a phrase of 29 characters comes again and again (32 times)"
    ]
    assert len(model.requests) == 2


def test_a_model_that_only_repeats_itself_is_given_up_after_three_times() -> None:
    life, model = lived(ROUND)
    assert len(model.requests) == 3
    assert ending(life) == ("error", "", "the model repeated itself 3 times running")


# -- calls that get nowhere ------------------------------------------------------------------------------------


def grep(pattern: str) -> Act:
    return called("grep", {"pattern": pattern})


@pytest.mark.parametrize(
    ("acts", "calls"),
    [
        ([grep("two")], 5),
        ([grep("two"), grep("four")] * 200, 7),
        ([called("shell", {"command": "true"})], 5),
    ],
    ids=["364 greps", "A-B-A-B", "300 equal commands"],
)
def test_calls_that_bring_nothing_new_end_the_turn(acts: list[Act], calls: int) -> None:
    life, model = lived(*acts)
    (finished,) = life.of(Finished)
    assert finished.stop == "error"
    assert finished.error is not None
    assert "brought nothing new" in finished.error
    assert len(model.requests) <= calls
    assert [one.code for one in life.of(Reminded)] != []  # it was warned before


def test_calls_that_find_something_new_are_not_stopped() -> None:
    acts = [called("read", {"path": "a.txt", "offset": n, "limit": 1}) for n in (1, 2, 3)] * 1
    life, _ = lived(*acts, grep("one"), grep("two"), grep("three"), say("done"))
    assert ending(life)[:2] == ("end", "done")
    assert life.of(Reminded) == []


def test_a_denied_call_that_is_made_again_and_again_ends_the_turn() -> None:
    life, model = lived(called("nothing_like_it", {}), called("read", {"path": "../x"}))
    assert ending(life)[0] == "error"
    assert len(model.requests) < 10


def test_a_call_twice_in_one_reply_is_made_twice() -> None:
    twice = (ToolUse("m1", "read", {"path": "a.txt"}, ""), ToolUse("m2", "read", {"path": "a.txt"}, ""))
    life, _ = lived((*twice, Ended("tool_use", USAGE)), say("done"))
    assert [done.status for done in life.of(Done)] == ["ok", "ok"]
    assert ending(life)[0] == "end"
