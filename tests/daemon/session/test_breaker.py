"""A turn whose calls bring nothing new is ended within five of them; one that gets on is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.session.breaker import LIMITS, Limits, Recent, Seen, Verdict, after, judge, seen


def grep(pattern: str, result: str = "no match") -> Seen:
    return seen("grep", {"pattern": pattern}, "ok", result, changed=False)


def shell(command: str, result: str = "exit code: 1\nfailed", *, changed: bool = False, **more: object) -> Seen:
    return seen("shell", {"command": command, **more}, "error", result, changed=changed)


def read(path: str, offset: int = 1, result: str = "") -> Seen:
    return seen("read", {"path": path, "offset": offset}, "ok", result or f"{path} from {offset}", changed=False)


def edit(old: str, new: str, *, changed: bool = True, result: str = "1 replaced") -> Seen:
    return seen("edit", {"path": "a", "old_string": old, "new_string": new}, "ok", result, changed=changed)


def verdicts(calls: Iterable[Seen]) -> list[str]:
    recent = Recent()
    found = []
    for call in calls:
        recent = after(recent, call)
        found.append(judge(recent).kind)
    return found


def ends_after(calls: Iterable[Seen]) -> int:
    """The number of the call after which the turn is stopped; 0: never."""
    found = verdicts(calls)
    return found.index("stop") + 1 if "stop" in found else 0


RUNS: dict[str, Callable[[int], Seen]] = {
    "364 equal greps": lambda n: grep("x"),
    "300 equal commands": lambda n: shell("make"),
    "A-B-A-B": lambda n: grep("x") if n % 2 else shell("make"),
    "white space": lambda n: shell("make" + " " * n + f"{' ' * (n % 3)} all\n"),
    "the description": lambda n: shell("make", description=f"try {n}"),
    "the time it took": lambda n: shell("pytest", f"exit code: 1\n1 failed in {n}.{n}1s at 12:00:{n % 60:02}"),
    "two edits that undo each other": lambda n: edit("a", "b") if n % 2 else edit("b", "a"),
    "a command that changes a file each time": lambda n: shell("make", changed=True),
    "an edit that always fails": lambda n: edit("a", "b", changed=False, result="not found"),
    "an empty memory": lambda n: seen("recall", {"query": "tasks"}, "ok", "", changed=False),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_recorded_incidents_end_within_five_calls(run: Callable[[int], Seen]) -> None:
    assert ends_after(run(n) for n in range(364)) == 5


def test_the_model_is_warned_first() -> None:
    assert verdicts(grep("x") for _ in range(5)) == ["go", "go", "warn", "warn", "stop"]
    assert verdicts(grep("xy"[n % 2]) for n in range(5)) == ["go", "go", "go", "warn", "stop"]


def test_the_reasons_are_told() -> None:
    recent = Recent()
    for _ in range(3):
        recent = after(recent, grep("x"))
    assert judge(recent) == Verdict(
        "warn",
        "the same call was made again and had the same result: 2 running brought nothing new, and 4 end the turn. "
        "Do something else, or say what is missing.",
    )
    recent = after(after(recent, grep("x")), grep("x"))
    assert judge(recent) == Verdict(
        "stop", "the same call was made again and had the same result: 4 running brought nothing new"
    )


def test_a_longer_round_ends_too() -> None:
    assert ends_after(grep("abc"[n % 3]) for n in range(100)) == 11
    assert ends_after(grep("abcdefgh"[n % 8]) for n in range(100)) == 16


PROGRESS: dict[str, Callable[[int], Seen]] = {
    "polling that gets on": lambda n: shell("status", f"{n}% done"),
    "pages": lambda n: read("long.txt", 1 + 200 * n),
    "other files": lambda n: read(f"f{n}.py"),
    "edit and try": lambda n: shell("pytest") if n % 2 else edit(f"v{n}", f"v{n + 1}"),
    "edit, build and try": lambda n: (edit(f"v{n}", f"v{n + 1}"), shell("make", changed=True), shell("pytest"))[n % 3],
    "edits that differ in white space": lambda n: edit(" " * n + "x", "y", changed=False, result="not found"),
    "a longer timeout": lambda n: shell("make", timeout_ms=1_000 * (n + 1)),
    "look again after each change": lambda n: read("a") if n % 2 else edit(f"v{n}", f"v{n + 1}"),
}


@pytest.mark.parametrize("run", PROGRESS.values(), ids=list(PROGRESS))
def test_progress_is_never_stopped_nor_warned(run: Callable[[int], Seen]) -> None:
    assert set(verdicts(run(n) for n in range(300))) == {"go"}


def test_a_result_that_comes_and_goes_is_progress() -> None:
    assert ends_after(shell("status", "busy" if n % 2 else "idle") for n in range(100)) == 0


def test_one_new_result_clears_the_row() -> None:
    waits = [shell("status", "waiting")] * 4
    assert ends_after([*waits, shell("status", "half"), *waits, shell("status", "done")]) == 0


def test_looking_over_the_same_files_once_more_is_no_loop() -> None:
    files = [read(f"f{n}") for n in range(4)]
    assert "stop" not in verdicts([*files, *files])


def test_the_order_of_arguments_is_none() -> None:
    one = seen("grep", {"pattern": "x", "path": "a"}, "ok", "1", changed=False)
    assert one == seen("grep", {"path": "a ", "pattern": "x"}, "ok", "1", changed=False)


def test_what_is_kept_is_bounded() -> None:
    recent = Recent()
    for n in range(5_000):
        recent = after(recent, shell(f"{n}", changed=n % 3 == 0))
        recent = after(recent, shell(f"{n}"))
    assert (len(recent.outcomes) <= 64, len(recent.changes) <= 32, len(recent.row) <= LIMITS.stop_more) == (True,) * 3
    recent = after(recent, shell("z" * 100_000))
    assert {len(digest) for pair in recent.outcomes for digest in pair} == {16}


def test_limits_are_data() -> None:
    recent = Recent()
    for _ in range(2):
        recent = after(recent, grep("x"))
    assert judge(recent, Limits(stop_one=1)).kind == "stop"


JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.text(max_size=20))
def test_any_call_five_times_is_stopped(arguments: Mapping[str, object], result: str) -> None:
    assert ends_after(seen("t", arguments, "ok", result, changed=False) for _ in range(9)) == 5


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.booleans()), max_size=40))
def test_a_stop_comes_only_after_calls_that_were_all_known(run: list[tuple[str, str, bool]]) -> None:
    recent = Recent()
    known: set[str] = set()
    stale = 0
    for pattern, result, changed in run:
        call = seen("t", {"p": pattern}, "ok", result, changed=changed)
        stale = stale + 1 if call.outcome in known else 0
        known.add(call.outcome)
        recent = after(recent, call)
        if judge(recent).kind == "stop":
            assert stale >= min(LIMITS.stop_one, LIMITS.stop_two)
