"""`agentctl ask` as a process: what is on stdout, what on stderr, and the exit code of each end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agentclient.testing import Answer, Call, DoubleDaemon, Event
from agentproto.api import daemon, question, turn
from clients.scene import SESSION, WORKSPACE, Ran, Session, a_question, answers, ctl, double, environment, started

TOOL_LINE = '* grep "limits": 12 matches (12 ms, 3.3 KiB)\n'


def starts(served: DoubleDaemon) -> turn.StartParams:
    found = [call.params for call in served.calls if call.method == "turn.start"]
    assert len(found) == 1
    assert isinstance(found[0], turn.StartParams)
    return found[0]


def test_the_answer_is_alone_on_stdout_and_tools_are_on_stderr(home: Path) -> None:
    with double(home, {"turn.start": answers(Session().answer("It is 42."))}):
        assert ctl(home, "ask", "what is it?") == Ran(0, "It is 42.\n", TOOL_LINE)


def test_the_request_says_all_that_was_given(home: Path) -> None:
    (home / "notes.txt").write_text("x")
    with double(home, {"turn.start": answers(Session().answer("x"))}) as served:
        ran = ctl(
            home, "ask", "hi", "--mode", "plan", "--model", "m", "--allow", "bash(ls)", "--deny", "write", "--deny", "edit",
            "--file", "notes.txt", "--max-steps", "3",
        )  # fmt: skip
    assert ran.code == 0
    params = starts(served)
    assert len(params.key) == 32
    assert params == turn.StartParams(
        key=params.key,
        prompt="hi",
        cwd=str(home),
        mode="plan",
        model="m",
        allow=("bash(ls)",),
        deny=("write", "edit"),
        files=(f"{home}/notes.txt",),
        max_steps=3,
        subscribe=True,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"session": None, "continue_latest": False}),
        (["--continue"], {"session": None, "continue_latest": True}),
        (["-s", SESSION], {"session": SESSION, "continue_latest": False, "cwd": None}),
        (["--cwd", "/"], {"cwd": "/"}),
    ],
)
def test_where_it_is_asked(home: Path, arguments: list[str], expected: dict[str, object]) -> None:
    with double(home, {"turn.start": answers(Session().answer("x"))}) as served:
        assert ctl(home, "ask", "hi", *arguments).code == 0
    assert {name: getattr(starts(served), name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "stdin", "expected"),
    [
        ("-", "from\nstdin ü", "from\nstdin ü"),
        ("$(rm) `x` 'y' \"z\" ü", "", "$(rm) `x` 'y' \"z\" ü"),
        ("-", b"\xff broken", "� broken"),
    ],
)
def test_any_characters_are_a_prompt(home: Path, given: str, stdin: str | bytes, expected: str) -> None:
    with double(home, {"turn.start": answers(Session().answer("x"))}) as served:
        assert ctl(home, "ask", given, stdin=stdin).code == 0
    assert starts(served).prompt == expected


def test_variables_go_first_in_the_same_breath(home: Path) -> None:
    with double(home, {"turn.start": answers(Session().answer("x"))}, variables=("LANG", "NOPE")) as served:
        assert ctl(home, "ask", "hi").code == 0
    assert served.calls[0].params == daemon.EnvironmentParams({"LANG": "C.UTF-8"})
    assert served.methods() == ["daemon.environment", "turn.start"]


def test_json_is_one_object_with_the_documented_fields(home: Path) -> None:
    with double(home, {"turn.start": answers(Session().answer("It is 42."))}):
        ran = ctl(home, "ask", "hi", "--json")
    assert (ran.code, ran.err, ran.out.count("\n")) == (0, TOOL_LINE, 1)
    assert json.loads(ran.out) == {
        "session": SESSION,
        "turn": "t1",
        "text": "It is 42.",
        "stop_reason": "end",
        "items": [
            {
                "type": "tool_result",
                "call": "t1.1.1",
                "tool": "grep",
                "status": "ok",
                "summary": "12 matches",
                "text": "limits.py:1: x",
                "bytes": 3400,
                "duration_ms": 12,
                "blob": None,
                "diff": None,
            },
            {"type": "text", "text": "It is 42.", "provider": None},
        ],
        "usage": {
            "input": 10,
            "output": 20,
            "cached": 0,
            "cache_written": 0,
            "reasoning": 0,
            "usd_micros": 0,
            "estimated": False,
        },
        "cost_usd_micros": 0,
    }


def test_jsonl_is_every_event_as_a_line(home: Path) -> None:
    whole = Session().answer("It is 42.")
    with double(home, {"turn.start": answers(whole)}):
        ran = ctl(home, "ask", "hi", "--jsonl")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["event"] for line in lines] == [name for name, _ in whole]
    assert (lines[0]["prompt"], lines[-1]["text"]) == ("hi", "It is 42.")


@pytest.mark.parametrize(
    ("stop", "code"),
    [("max_steps", 1), ("refused", 1), ("error", 1), ("budget", 5), ("denied", 6), ("interrupted", 130)],
)
def test_each_end_has_its_exit_code_and_three_lines(home: Path, stop: str, code: int) -> None:
    scene = Session()
    whole = [*scene.begun("hi"), scene.finished("", stop=stop, error="It broke.", remedy="Mend it.")]
    with double(home, {"turn.start": answers(whole)}):
        assert ctl(home, "ask", "hi") == Ran(
            code, "", f"error: the turn ended: {stop}\n  why: It broke.\n   do: Mend it.\n"
        )


def test_with_no_input_a_question_ends_it_at_once_and_is_named(home: Path) -> None:
    scene = Session()
    asked = [*scene.begun("hi"), scene.asks(a_question())]
    with double(home, {"turn.start": answers(asked)}):
        assert ctl(home, "ask", "hi", "--no-input") == Ran(
            4,
            "",
            f"error: question q1 is open in session {SESSION}\n  why: run a command\n"
            "   do: agentctl approve q1, or: agentctl deny q1\n",
        )
        found = json.loads(ctl(home, "ask", "hi", "--no-input", "--json").out)
    assert (found["stop_reason"], found["question"]["id"], found["text"]) == ("question", "q1", "")
    assert found["items"] == [{"type": "question", "question": "q1", "tool": "bash", "summary": "run a command"}]


def test_without_a_terminal_the_question_is_shown_and_another_client_answers(home: Path) -> None:
    scene = Session()
    asked = [*scene.begun("hi"), scene.asks(a_question())]
    rest: list[Event] = [scene.decided("q1"), scene.replied("done"), scene.finished("done")]

    def approve(call: Call) -> question.AnswerResult:
        served.push(*rest)
        return question.AnswerResult("q1", SESSION, "t1", 9)

    with double(home, {"turn.start": answers(asked), "question.answer": approve}) as served:
        running = subprocess.Popen(
            [sys.executable, "-m", "agentctl", "ask", "hi"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(home),
            cwd=home,
            text=True,
            start_new_session=True,  # no terminal to ask at, whoever runs the tests
        )
        assert running.stderr is not None
        shown = [running.stderr.readline() for _ in range(6)]
        assert ctl(home, "approve", "q1").code == 0
        out, err = running.communicate(timeout=30)
    assert shown == [
        "? run a command\n",
        "  | rm -rf build\n",
        f"  in {WORKSPACE}\n",
        "  asked because: writes\n",
        "  sandbox: NONE, it runs with your own rights\n",
        "- question q1 is open: agentctl approve q1\n",
    ]
    assert (running.returncode, out, err) == (0, "done\n", "- q1: approve by somebody\n")


def test_ctrl_c_stops_the_turn_and_exits_130(home: Path) -> None:
    scene = Session()
    begun = [*scene.begun("hi"), scene.delta("It is", 0), *scene.tool()]

    def stop(call: Call) -> Answer:
        return Answer(turn.InterruptResult(True), (scene.finished("", stop="interrupted"),))

    with double(home, {"turn.start": answers(begun), "turn.interrupt": stop}) as served:
        running = subprocess.Popen(
            [sys.executable, "-m", "agentctl", "ask", "hi"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(home),
            cwd=home,
            text=True,
        )
        assert running.stderr is not None
        first = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, first) == (130, "It is\n", TOOL_LINE)
    assert err == (
        f"- stopping the turn; Ctrl-C again leaves at once\ninterrupted; go on: agentctl ask -s {SESSION} ...\n"
    )
    assert served.methods() == ["turn.start", "turn.interrupt"]


def test_a_second_ctrl_c_leaves_at_once(home: Path) -> None:
    scene = Session()
    with double(home, {"turn.start": answers([*scene.begun("hi"), *scene.tool()])}) as served:
        running = subprocess.Popen(
            [sys.executable, "-m", "agentctl", "ask", "hi"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(home),
            cwd=home,
            text=True,
        )
        assert running.stderr is not None
        running.stderr.readline()
        running.send_signal(signal.SIGINT)
        served.wait_for(lambda: "turn.interrupt" in served.methods())
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err.splitlines()[-1]) == (130, "interrupted")


def test_in_the_background_only_the_session_is_printed(home: Path) -> None:
    with double(home, {"turn.start": lambda call: started()}) as served:
        assert ctl(home, "ask", "hi", "--background") == Ran(0, f"{SESSION}\n", "")
    assert not starts(served).subscribe


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (
            ["hi", "--output-schema", "f"],
            "--output-schema needs answers that are checked against a schema, which this version does not have yet.",
        ),
        (
            ["hi", "--mode", "auto"],
            "--mode auto needs the sandbox and the command grammar, which this version does not have yet.",
        ),
        (
            ["hi", "--mode", "accept-edits"],
            "--mode accept-edits needs undo of edits, which this version does not have yet.",
        ),
        ([], "Say what to ask, or `-` to read it from stdin."),
        (["  "], "The prompt is empty."),
        (["hi", "--json", "--jsonl"], "--json and --jsonl exclude each other."),
        (["hi", "--continue", "-s", "x"], "--continue and --session exclude each other."),
        (["hi", "--file", "missing"], "Invalid value for '--file': File 'missing' does not exist."),
        (["hi", "--max-steps", "0"], "Invalid value for '--max-steps': 0 is not in the range x>=1."),
    ],
)
def test_wrong_usage_is_exit_2_and_asks_nobody(home: Path, arguments: list[str], what: str) -> None:
    ran = ctl(home, "ask", *arguments)
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (2, "", f"error: {what}")
    assert list(home.iterdir()) == []


def test_a_prompt_over_the_limit_is_refused_here(home: Path) -> None:
    ran = ctl(home, "ask", "-", stdin="x" * (1024 * 1024 + 1))
    assert (ran.code, ran.err.splitlines()[0]) == (
        2,
        "error: The prompt is longer than 1048576 bytes; give it with --file.",
    )


def test_it_goes_on_when_the_daemon_dies_in_the_middle(home: Path) -> None:
    scene = Session()
    text = "It is 42, and that is all."
    first = double(home, {"turn.start": answers([*scene.begun("hi"), scene.delta(text[:8], 0, "t1.1.0")])})
    first.start()
    running = subprocess.Popen(
        [sys.executable, "-m", "agentctl", "ask", "hi"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home),
        cwd=home,
        text=True,
    )
    assert running.stdout is not None
    assert os.read(running.stdout.fileno(), 100) == text[:8].encode()
    first.vanish()
    with double(home) as second:
        second.wait_for(lambda: "log.subscribe" in second.methods())
        second.push(scene.delta(text[:20], 0, "t1.1.0"), scene.replied(text), scene.finished(text))
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (0, text[8:] + "\n", "")
