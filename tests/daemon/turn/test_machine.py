"""The machine's promises: order of records, questions, interrupts, limits; and that there is always a way out."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from agentd.session.asking import Answered
from agentd.session.entries import Done, Finished, Interrupted, Judged, Replied, Steered
from agentd.turn.effects import CallModel, JudgeCalls, PrepareCall, Record, RunCalls, TurnEnded, Wait
from agentd.turn.events import Answer, CallEnded, Interrupt, ModelFailed, ModelReplied, Recovered, Refused, Speak
from agentd.turn.pen import Limits
from agentproto.api.turn import TurnUsage
from support.machine_play import PERSON, SESSION, Play, cancelled, said

TURN = f"{SESSION}.t1"


def answered(question: str, decision: str = "approve") -> Answer:
    return Answer(Answered(question=question, turn=TURN, decision=decision, actor=PERSON, text="no thanks"))  # type: ignore[arg-type]


def interrupt() -> Interrupt:
    return Interrupt(Interrupted(turn=TURN, actor=PERSON, reason="stop"))


def finished(play: Play) -> Finished:
    last = play.entries[-1]
    assert isinstance(last, Finished)
    return last


def test_a_plain_answer_goes_through_the_phases_in_order() -> None:
    play = Play(["hello"]).begin()
    play.feed(said())
    assert play.kinds() == [
        "Opened",
        "Requested",
        "Started",
        "Assembled",
        "Called",
        "Replied",
        "Decided",
        "Finished",
    ]
    assert finished(play) == Finished(turn=TURN, stop="end", steps=1, usage=TurnUsage(input=10, output=1), text="hello")
    assert play.rested()
    assert play.state.turn is None


def test_a_request_and_its_start_share_one_record() -> None:
    play = Play(["hello"], hold=(PrepareCall,)).begin()
    play.feed(said())
    assert [type(effect).__name__ for effect in play.effects] == ["Record", "Record", "PrepareCall"]


def test_reads_run_side_by_side_and_a_write_alone() -> None:
    play = Play([("read", "read", "edit", "read"), "done"]).begin()
    play.feed(said())
    runs = [effect.calls for effect in play.effects if isinstance(effect, RunCalls)]
    step = f"{TURN}.1"
    assert runs == [(f"{step}.1", f"{step}.2"), (f"{step}.3",), (f"{step}.4",)]


def test_at_most_the_cap_runs_at_a_time() -> None:
    play = Play([("read",) * 12, "done"], hold=(RunCalls,)).begin()
    play.feed(said())
    (first,) = play.held
    assert isinstance(first, RunCalls)
    assert len(first.calls) == 10
    play.feed(CallEnded(play.done(TURN, first.calls[0], "read")))
    second = play.held[-1]
    assert isinstance(second, RunCalls)
    assert second.calls == (f"{TURN}.1.11",)


def test_an_intent_is_recorded_before_its_call_runs() -> None:
    play = Play([("edit",), "done"]).begin()
    play.feed(said())
    run = next(i for i, effect in enumerate(play.effects) if isinstance(effect, RunCalls))
    before = play.effects[run - 1]
    assert isinstance(before, Record)
    assert [type(entry).__name__ for entry in before.entries] == ["Begun"]


def test_a_question_holds_the_turn_until_it_is_answered() -> None:
    play = Play([("shell",), "done"]).begin()
    play.feed(said())
    assert [asked.question for asked, _ in play.state.questions] == [f"{SESSION}.q1"]
    assert "Begun" not in play.kinds()
    play.feed(answered(f"{SESSION}.q1"))
    assert play.kinds()[play.kinds().index("Answered") :][:4] == ["Answered", "Begun", "Done", "Decided"]
    assert finished(play).stop == "end"
    assert play.state.questions == ()


def test_a_denial_reaches_the_model_in_its_words_and_nothing_runs() -> None:
    play = Play([("shell",), "done"]).begin()
    play.feed(said())
    play.feed(answered(f"{SESSION}.q1", "deny"))
    done = next(entry for entry in play.entries if isinstance(entry, Done))
    assert (done.status, done.text) == ("denied", "Not run: no thanks")
    assert not any(isinstance(effect, RunCalls) for effect in play.effects)


def test_an_answer_to_a_question_that_is_not_open_changes_nothing() -> None:
    play = Play([("shell",), "done"]).begin()
    play.feed(said())
    before = list(play.entries)
    play.feed(answered(f"{SESSION}.q9"))
    assert play.entries == before


def test_what_a_rule_refused_makes_the_turn_end_as_denied() -> None:
    play = Play([("shell",), "I can't"], ask=frozenset(), deny=frozenset({"shell"})).begin()
    play.feed(said())
    assert finished(play).stop == "denied"


def test_steps_are_limited() -> None:
    play = Play([("read",)], limits=Limits(max_steps=3)).begin()
    play.feed(said())
    assert (finished(play).stop, finished(play).steps) == ("max_steps", 3)


def test_the_request_s_own_limit_of_steps_wins() -> None:
    play = Play([("read",)]).begin()
    play.feed(said(max_steps=2))
    assert (finished(play).stop, finished(play).steps) == ("max_steps", 2)


def test_a_model_that_only_calls_wrongly_is_stopped() -> None:
    class Wrong(Play):
        def judge(self, turn: str, call: str, tool: str) -> tuple[Judged, None]:
            return Judged(turn=turn, call=call, tool=tool, verdict="fault", reason="malformed", fault="no such"), None

    play = Wrong([("nonsense",)]).begin()
    play.feed(said())
    assert (finished(play).stop, finished(play).steps) == ("error", 3)


def test_a_failed_call_is_made_again_after_its_wait() -> None:
    play = Play(["hello"], hold=(CallModel, Wait)).begin()
    play.feed(said())
    play.feed(ModelFailed(f"{TURN}.1", "network", "gone", "look", "half a", 250))
    assert play.held[-1] == Wait(f"{TURN}.1", 250)
    play.hold = ()
    play.feed(*play.answer(play.held[-1]))
    assert finished(play).stop == "end"
    attempts = [entry.attempt for entry in play.entries if type(entry).__name__ == "Called"]
    assert attempts == [1, 2]


def test_a_failure_that_is_not_tried_again_ends_the_turn_with_its_advice() -> None:
    play = Play(["hello"], hold=(CallModel,)).begin()
    play.feed(said())
    play.feed(ModelFailed(f"{TURN}.1", "auth", "wrong key", "set the key", "", None))
    assert (finished(play).stop, finished(play).error, finished(play).remedy) == ("error", "wrong key", "set the key")


def test_a_request_that_does_not_fit_ends_the_turn_as_budget() -> None:
    play = Play(["hello"], hold=(PrepareCall,)).begin()
    play.feed(said())
    play.feed(Refused(f"{TURN}.1", "too long", "ask for less", True))
    assert (finished(play).stop, finished(play).error) == ("budget", "too long")


def test_a_message_during_a_turn_waits_for_its_end() -> None:
    play = Play(["one"], hold=(CallModel,)).begin()
    play.feed(said(1))
    play.feed(said(2, "and then"))
    assert [request.turn for request in play.state.queue] == [f"{SESSION}.t2"]
    play.hold = ()
    play.feed(*play.answer(play.held[0]))
    assert [entry.turn for entry in play.entries if isinstance(entry, Finished)] == [TURN, f"{SESSION}.t2"]


def test_speaking_to_a_turn_that_was_about_to_end_gives_it_another_step() -> None:
    play = Play(["one", "two"], hold=(CallModel,)).begin()
    play.feed(said())
    play.feed(Speak(Steered(turn=TURN, actor=PERSON, text="wait, also this")))
    play.hold = ()
    play.feed(*play.answer(play.held[0]))
    assert (finished(play).steps, finished(play).text) == (2, "two")


def test_an_interrupt_during_tools_answers_every_call() -> None:
    play = Play([("read", "edit", "shell"), "done"], hold=(RunCalls,)).begin()
    play.feed(said())
    play.feed(interrupt())
    assert cancelled(play.effects)
    play.feed(CallEnded(Done(turn=TURN, call=f"{TURN}.1.1", tool="read", status="interrupted", text="", summary="")))
    statuses = {entry.call: entry.status for entry in play.entries if isinstance(entry, Done)}
    assert statuses == {f"{TURN}.1.{n}": "interrupted" for n in (1, 2, 3)}
    assert finished(play).stop == "interrupted"
    assert play.state.questions == ()


def test_events_of_another_step_change_nothing() -> None:
    play = Play(["one"], hold=(CallModel,)).begin()
    play.feed(said())
    before = play.state
    stale = Replied(turn=TURN, step=f"{TURN}.7", blocks=(), stop="end", usage=TurnUsage())
    play.feed(ModelReplied(stale), CallEnded(play.done(TURN, f"{TURN}.7.1", "read")))
    assert play.state == before


def recovered() -> Recovered:
    return Recovered(product="0", reason="killed", kept="half a sen")


def test_after_a_crash_a_model_call_is_made_again_and_its_text_kept() -> None:
    play = Play(["hello"], hold=(CallModel,)).begin()
    play.feed(said())
    play.hold = ()
    play.feed(recovered())
    broke = next(entry for entry in play.entries if type(entry).__name__ == "Broke")
    assert (broke.kept, broke.again, broke.failure) == ("half a sen", True, "restart")  # type: ignore[union-attr]
    assert finished(play).stop == "end"


def test_after_a_crash_reads_run_again_and_a_shell_call_is_reported_unknown() -> None:
    play = Play([("read", "read"), "done"], hold=(RunCalls,)).begin()
    play.feed(said())
    play.hold = ()
    play.feed(recovered())
    assert [e.status for e in play.entries if isinstance(e, Done)] == ["ok", "ok"]
    play = Play([("shell",), "done"], ask=frozenset(), hold=(RunCalls,)).begin()
    play.feed(said())
    play.hold = ()
    play.feed(recovered())
    assert [e.status for e in play.entries if isinstance(e, Done)] == ["unknown"]
    assert len([e for e in play.effects if isinstance(e, RunCalls)]) == 1


def test_after_a_crash_an_edit_is_looked_for_in_the_world() -> None:
    play = Play([("edit",), "done"], recovery={"edit": "probe"}, hold=(RunCalls,)).begin()
    play.feed(said())
    play.hold = ()
    play.feed(recovered())
    (done,) = [entry for entry in play.entries if isinstance(entry, Done)]
    assert (done.status, done.text) == ("ok", "it happened")


def test_after_a_crash_an_open_question_keeps_its_id_and_can_be_answered() -> None:
    play = Play([("shell",), "done"]).begin()
    play.feed(said())
    play.feed(recovered())
    assert [asked.question for asked, _ in play.state.questions] == [f"{SESSION}.q1"]
    play.feed(answered(f"{SESSION}.q1"))
    assert finished(play).stop == "end"


def test_a_call_whose_tool_wants_to_be_asked_becomes_a_question() -> None:
    play = Play([("deploy",), "done"], ask=frozenset(), recovery={"deploy": "ask"}, hold=(RunCalls,)).begin()
    play.feed(said())
    play.hold = ()
    play.feed(recovered())
    assert [asked.question for asked, _ in play.state.questions] == [f"{SESSION}.q1"]
    play.feed(answered(f"{SESSION}.q1"))
    assert finished(play).stop == "end"


REPLIES = st.lists(
    st.one_of(
        st.just("words"), st.lists(st.sampled_from(["read", "edit", "shell", "bad"]), min_size=1, max_size=4).map(tuple)
    ),
    min_size=1,
    max_size=4,
)
HOLDS = st.sampled_from([(), (CallModel,), (RunCalls,), (PrepareCall,), (JudgeCalls,), (Wait,)])


@settings(max_examples=300)
@given(
    REPLIES,
    HOLDS,
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(["ok", "error", "interrupted", "unknown", "denied"]),
)
def test_from_everywhere_an_interrupt_leads_to_the_end(
    replies: list[tuple[str, ...] | str], hold: tuple[type, ...], crash: bool, queued: int, status: str
) -> None:
    play = Play(replies, deny=frozenset({"bad"}), hold=hold, outcome=lambda call: status).begin()
    for number in range(1, queued + 2):
        play.feed(said(number))
    if crash:
        play.held.clear()
        play.feed(recovered())
    for _ in range(50):
        if play.state.turn is None:
            break
        turn = play.state.turn.id
        play.feed(Interrupt(Interrupted(turn=turn, actor=PERSON, reason="stop")))
        held, play.held = play.held, []
        for effect in held:
            play.feed(*play.answer(effect))
    assert play.state.turn is None
    assert play.state.queue == ()
    assert play.state.questions == ()
    assert len([e for e in play.entries if isinstance(e, Finished)]) == queued + 1
    assert isinstance(play.effects[-1], TurnEnded)
    begun = [entry.call for entry in play.entries if type(entry).__name__ == "Begun" and not crash]  # type: ignore[union-attr]
    assert len(begun) == len(set(begun))
