"""The job that searches all sessions: always what the logs say now, whatever became of logs, index or worker before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.chain.frame import line_crc
from agentd.search.index import using
from agentd.session.entries import Changed, Entry
from agentd.session.folders import time_of
from agentd.worker import JOBS, run_job
from support.session_logs import PERSON, answered, archive, asked, called, log_path, name, opened, write
from support.waiting import until

ONE, TWO, THREE = name(1), name(2), name(3)
Answer = dict[str, object]


def search(
    home: Path, query: str, *, budget_ms: int = 60_000, index: str = "sessions.sqlite", **fields: object
) -> Answer:
    arguments: Answer = {
        "data": str(home / "data"),
        "index": str(home / "cache" / index),
        "query": query,
        "limit": 50,
        "session": "",
        "workspace": "",
        "budget_ms": budget_ms,
        **fields,
    }
    answer = run_job("search-sessions", arguments)
    assert isinstance(answer, dict)
    return answer


def hits(answer: Answer) -> list[dict[str, object]]:
    found = answer["hits"]
    assert isinstance(found, list)
    return found


def places(answer: Answer) -> set[tuple[object, object]]:
    return {(hit["session"], hit["seq"]) for hit in hits(answer)}


def rounded(answer: Answer) -> list[dict[str, object]]:
    return [{**hit, "score": round(float(str(hit["score"])), 9)} for hit in hits(answer)]


def say(home: Path, session: str, entries: Sequence[Entry], after: bytes = b"") -> bytes:
    return write(home / "data", session, entries, after)


def talk(session: str, *texts: str, workspace: str = "/w") -> list[Entry]:
    return [opened(session, workspace), *map(asked, texts)]


def test_the_worker_knows_it() -> None:
    assert JOBS["search-sessions"] == "agentd.session.search_jobs:search_sessions"


def test_what_was_said_is_found_with_all_that_a_client_needs(home: Path) -> None:
    say(
        home,
        ONE,
        [opened(ONE), asked("why is the login test flaky?"), answered("a race"), *called("read", "a.py", "x")],
    )
    answer = search(home, "flaky login")
    (hit,) = hits(answer)
    score = hit.pop("score")
    assert isinstance(score, float)
    assert hit == {
        "session": ONE,
        "seq": 2,
        "at_ms": time_of(ONE) + 2_000,
        "kind": "prompt",
        "snippet": "why is the [login] test [flaky]?",
        "title": "why is the login test flaky?",
        "workspace": "/w",
    }
    assert {key: answer[key] for key in ("sessions", "waiting", "known")} == {
        "sessions": 1,
        "waiting": 0,
        "known": True,
    }
    assert [(hit["seq"], hit["kind"]) for hit in hits(search(home, "a.py"))] == [(5, "tool")]


def test_a_home_without_sessions_has_nothing_and_no_fault(home: Path) -> None:
    assert search(home, "x") == {"hits": [], "sessions": 0, "waiting": 0, "known": False}


def test_what_is_added_is_found_at_once_and_only_that_is_read(home: Path) -> None:
    log = say(home, ONE, [opened(ONE), *called("read", "early.py", "x")[:1]])
    assert hits(search(home, "alpha")) == []
    # What was indexed is not looked at again: nobody notices that it is another text by now.
    begun = log.replace(b"early.py", b"other.py")
    log = say(home, ONE, [called("read", "", "alpha")[1], Changed(PERSON, title="renamed")], after=log)
    log_path(home / "data", ONE).write_bytes(begun + log[len(begun) :])
    (hit,) = hits(search(home, "alpha"))
    assert (hit["seq"], hit["title"], hit["snippet"]) == (3, "renamed", "read early.py done [alpha]")


def test_a_search_can_be_kept_to_a_workspace_or_a_session(home: Path) -> None:
    for session, workspace in ((ONE, "/a"), (TWO, "/b"), (THREE, "/a")):
        say(home, session, talk(session, "login", workspace=workspace))
    assert places(search(home, "login", workspace="/a")) == {(ONE, 2), (THREE, 2)}
    assert search(home, "login", workspace="/a")["sessions"] == 2
    assert places(search(home, "login", session=TWO)) == {(TWO, 2)}
    assert places(search(home, "login", session=TWO, workspace="/a")) == set()
    assert search(home, "login", session=name(9))["known"] is False
    assert places(search(home, "login")) == {(ONE, 2), (TWO, 2), (THREE, 2)}


def test_what_a_fork_was_given_of_its_parent_is_shown_once(home: Path) -> None:
    say(home, ONE, talk(ONE, "login"))
    given = log_path(home / "data", ONE).read_bytes()
    log_path(home / "data", TWO).parent.mkdir(parents=True)
    log_path(home / "data", TWO).write_bytes(given)
    say(home, TWO, talk(TWO, "more")[1:], after=given)
    assert len(hits(search(home, "login"))) == 1
    assert places(search(home, "login", session=TWO)) == {(TWO, 2)}
    assert places(search(home, "login", session=ONE)) == {(ONE, 2)}


def test_within_its_time_it_indexes_what_changed_last_and_tells_what_waits(home: Path) -> None:
    for session in (ONE, TWO, THREE):
        say(home, session, talk(session, "login"))
    seen = []
    for _ in range(4):
        answer = search(home, "login", budget_ms=0)
        seen.append((answer["waiting"], len(hits(answer)), answer["sessions"]))
        assert (THREE, 2) in places(answer)
    assert seen == [(2, 1, 1), (1, 2, 2), (0, 3, 3), (0, 3, 3)]


def test_a_long_log_is_indexed_in_several_searches(home: Path) -> None:
    texts = [f"login {n} " + "many words of a long text " * 4_000 for n in range(45)]
    say(home, ONE, talk(ONE, *texts))
    counts = []
    for _ in range(20):
        answer = search(home, "login", budget_ms=0)
        counts.append(len(hits(answer)))
        if not answer["waiting"]:
            break
    assert counts == sorted(set(counts))
    assert len(counts) > 3
    assert counts[-1] == 45
    assert rounded(search(home, "login")) == rounded(search(home, "login", index="new.sqlite"))


def test_a_session_that_is_removed_is_not_found_any_more(home: Path) -> None:
    for session in (ONE, TWO):
        say(home, session, talk(session, "login"))
    assert len(hits(search(home, "login"))) == 2
    shutil.rmtree(log_path(home / "data", TWO).parent)
    assert search(home, "login", session=TWO) == {"hits": [], "sessions": 0, "waiting": 0, "known": False}
    assert places(search(home, "login")) == {(ONE, 2)}
    assert using(str(home / "cache" / "sessions.sqlite"), lambda index: list(index.documents())) == [ONE]


def test_removed_sessions_are_not_shown_while_they_wait_to_leave(home: Path) -> None:
    sessions = [name(n) for n in range(6)]
    for session in sessions:
        say(home, session, talk(session, "login"))
    search(home, "login")
    for session in sessions[1:]:
        shutil.rmtree(log_path(home / "data", session).parent)
    assert places(search(home, "login", budget_ms=0)) == {(sessions[0], 2)}
    for _ in range(5):
        search(home, "login", budget_ms=0)
    assert using(str(home / "cache" / "sessions.sqlite"), lambda index: list(index.documents())) == [sessions[0]]


def test_a_log_that_shrank_or_is_another_one_is_indexed_anew(home: Path) -> None:
    say(home, ONE, talk(ONE, "alpha", "beta"))
    assert len(hits(search(home, "alpha beta"))) == 2
    say(home, ONE, talk(ONE, "alpha"))
    assert places(search(home, "beta")) == set()
    say(home, ONE, talk(ONE, "gamma", "delta", "epsilon"))
    assert places(search(home, "alpha")) == set()
    assert places(search(home, "delta")) == {(ONE, 3)}


def test_an_archived_log_is_searched_like_any_other(home: Path) -> None:
    log = say(home, ONE, talk(ONE, "alpha", "beta"))
    before = rounded(search(home, "alpha beta"))
    archive(home / "data", ONE)
    assert rounded(search(home, "alpha beta")) == before
    assert rounded(search(home, "alpha beta", index="new.sqlite")) == before
    say(home, ONE, [asked("gamma")], after=log)
    assert places(search(home, "gamma")) == {(ONE, 4)}
    assert using(str(home / "cache" / "sessions.sqlite"), lambda index: index.documents()[ONE].pieces) == 3


def test_of_a_damaged_log_what_can_be_trusted_is_found_and_the_rest_when_it_is_mended(home: Path) -> None:
    good = say(home, ONE, talk(ONE, "alpha", "beta", "gamma"))
    say(home, TWO, talk(TWO, "alpha"))
    path = log_path(home / "data", ONE)
    path.write_bytes(good.replace(b"beta", b"bxta"))
    assert places(search(home, "alpha beta gamma")) == {(ONE, 2), (TWO, 2)}
    assert search(home, "x")["waiting"] == 0
    path.write_bytes(good + b"a torn tail")
    assert places(search(home, "beta")) == {(ONE, 3)}
    path.write_bytes(good)
    assert places(search(home, "alpha beta gamma")) == {(ONE, 2), (ONE, 3), (ONE, 4), (TWO, 2)}


def test_after_an_entry_that_this_version_cannot_read_nothing_is_searched(home: Path) -> None:
    log = say(home, ONE, talk(ONE, "alpha"))
    start = b'{"seq":3,"at_ms":1,"type":"turn.requested","prompt":7'
    newer = start + b',"crc":"' + line_crc(log[-11:-3], start) + b'"}\n'
    say(home, ONE, [asked("beta")], after=log + newer)
    assert places(search(home, "alpha beta")) == {(ONE, 2)}


def test_what_the_index_remembers_wrongly_is_indexed_anew(home: Path) -> None:
    say(home, ONE, talk(ONE, "alpha"))
    search(home, "alpha")
    using(str(home / "cache" / "sessions.sqlite"), lambda index: index.extend(ONE, "", "", b"no mark", []))
    assert [(hit["session"], hit["seq"], hit["workspace"]) for hit in hits(search(home, "alpha"))] == [(ONE, 2, "/w")]
    assert using(str(home / "cache" / "sessions.sqlite"), lambda index: index.documents()[ONE].pieces) == 1


@pytest.mark.parametrize("damage", [b"no database at all " * 50, b"", None])
def test_a_lost_or_damaged_index_is_built_again(home: Path, damage: bytes | None) -> None:
    say(home, ONE, talk(ONE, "alpha"))
    before = rounded(search(home, "alpha"))
    path = home / "cache" / "sessions.sqlite"
    path.unlink() if damage is None else path.write_bytes(damage)
    assert rounded(search(home, "alpha")) == before


def test_an_index_that_is_damaged_inside_is_built_again(home: Path) -> None:
    for number in range(30):
        say(home, name(number), talk(name(number), *(f"alpha {number} {n} " * 40 for n in range(10))))
    before = rounded(search(home, "alpha 17"))
    path = home / "cache" / "sessions.sqlite"
    data = bytearray(path.read_bytes())
    for at in range(4_096, len(data), 4_096):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert rounded(search(home, "alpha 17")) == before


WORDS = st.lists(st.sampled_from(["flaky", "login", "tests", "JavaScript", "x" * 70]), min_size=1, max_size=5)
ENTRY = WORDS.map(" ".join).flatmap(
    lambda text: st.sampled_from(
        [asked(text), answered(text), *called("read", "a.py", text), Changed(PERSON, title=text)]
    )
)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2), st.lists(ENTRY, max_size=4), st.integers(0, 3)), max_size=8))
def test_indexed_in_steps_it_is_as_if_indexed_at_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, list[Entry], int]]
) -> None:
    home = tmp_path_factory.mktemp("steps")
    logs: dict[int, bytes] = {}
    for number, entries, searches in steps:
        new = number not in logs
        logs[number] = say(
            home, name(number), [opened(name(number)), *entries] if new else entries, logs.get(number, b"")
        )
        for _ in range(searches):
            search(home, "login", budget_ms=0)
    for query in ("login", "flaky javascript", "test", "read a.py"):
        in_steps, at_once = search(home, query), search(home, query, index="new.sqlite")
        assert rounded(in_steps) == rounded(at_once)
        assert in_steps["sessions"] == at_once["sessions"] == len(logs)


PROGRAM = (
    "import sys; from agentd.session.search_jobs import search_sessions as s; s(*sys.argv[1:3], 'x', 1, '', '', 60_000)"
)


def _bytes_in(folder: Path) -> int:
    with suppress(FileNotFoundError):  # a side file may go while it is looked at
        return sum(file.stat().st_size for file in folder.glob("*"))
    return 0


def test_a_worker_killed_in_the_middle_leaves_a_good_index(home: Path) -> None:
    words = [f"word{n}" for n in range(2_000)]
    for number in range(20):
        texts = [" ".join(words[(n * 37 + number) % 1_000 :][:500]) for n in range(60)]
        say(home, name(number), talk(name(number), "login", *texts))
    index = home / "cache" / "sessions.sqlite"
    states = []
    for share in range(1, 4):
        command = [sys.executable, "-c", PROGRAM, str(home / "data"), str(index)]
        with subprocess.Popen(command, env={"PYTHONPATH": ":".join(sys.path)}) as worker:
            wanted = share * 700_000
            until(lambda wanted=wanted: _bytes_in(index.parent) > wanted, "something is indexed", 60)
            worker.kill()
        states.append(len(using(str(index), lambda opened: opened.documents())))
    assert states == sorted(states)
    assert 0 < states[0] < 20
    assert search(home, "word7", budget_ms=0)["sessions"] != 0
    while search(home, "word7", budget_ms=0)["waiting"]:
        pass
    for query in ("login", "word7", "word999 word3"):
        assert rounded(search(home, query)) == rounded(search(home, query, index="new.sqlite"))
