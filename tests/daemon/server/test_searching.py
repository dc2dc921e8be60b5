"""session.search: what it asks of the worker, how long it lets it index, what it says when that fails; and with a real
daemon, that what was acknowledged is found at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from agentclient.errors import ClientError
from agentd.errors import BadInputError, DeadlineError, MissingFileError, NotFoundError, WorkerError
from agentd.server.searching import JOB, SLICES
from agentproto.api.turn import StartParams, StartResult
from agentproto.keeping import SearchHit, SearchParams, SearchResult
from support.daemon import RealDaemon, real_daemon
from support.household import WORKSPACE
from support.reception import Reception, receive
from support.session_logs import name
from support.waiting import until

HIT = {"session": name(1), "seq": 2, "at_ms": 3, "kind": "prompt", "snippet": "a [login]", "score": 1.5, "title": "t"}


class Job:
    """The worker's job: notes what it is asked, answers that so many logs wait, one after the other."""

    def __init__(self, waiting: Sequence[int] = (0,), known: bool = True) -> None:
        self.asked: list[dict[str, object]] = []
        self._waiting = waiting
        self._known = known

    def __call__(self, **arguments: object) -> object:
        self.asked.append(arguments)
        waiting = self._waiting[min(len(self.asked), len(self._waiting)) - 1]
        return {"hits": [HIT], "sessions": 4, "waiting": waiting, "known": self._known}


def with_job(job: Callable[..., object], **fields: object) -> SearchResult:
    """The answer to one search."""
    answers: list[SearchResult] = []

    async def story(desk: Reception) -> None:
        desk.house.world.processes.on_job(JOB, job)
        answer = await desk.ask("session.search", **fields)
        assert isinstance(answer, SearchResult)
        answers.append(answer)

    receive(story)
    return answers[0]


def test_the_job_is_told_the_home_s_folders_and_what_to_look_for() -> None:
    job = Job()
    found = with_job(job, query="flaky login")
    assert found == SearchResult((SearchHit(name(1), 2, 3, "prompt", "a [login]", 1.5, "t"),), 4, 0)
    assert job.asked == [
        {
            "data": "/home/data",
            "index": "/home/cache/sessions.sqlite",
            "query": "flaky login",
            "limit": 20,
            "session": "",
            "workspace": "",
            "budget_ms": 1_500,
        }
    ]


def test_any_folder_of_a_workspace_stands_for_it() -> None:
    job = Job()
    with_job(job, query="x", workspace=f"{WORKSPACE}/inner", session=name(1), limit=200)
    assert [(one["workspace"], one["session"], one["limit"]) for one in job.asked] == [(WORKSPACE, name(1), 200)]


def test_while_logs_wait_it_asks_again_and_then_tells_how_many_do() -> None:
    job = Job([7, 3, 0])
    assert with_job(job, query="x").waiting == 0
    assert len(job.asked) == 3
    job = Job([9])
    assert with_job(job, query="x").waiting == 9
    assert len(job.asked) == SLICES


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"query": ""}, BadInputError, "no word to search for"),
        ({"query": ' *** \0 ()"'}, BadInputError, "no word to search for"),
        ({"query": "x", "limit": 201}, BadInputError, "limit is 201; it has to be 1 to 200"),
        ({"query": "x", "session": "../../etc"}, NotFoundError, "is no session id"),
        ({"query": "x", "workspace": "relative"}, BadInputError, "not an absolute path"),
        ({"query": "x", "workspace": "/nowhere"}, MissingFileError, "there is no folder"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_read(
    fields: dict[str, object], error: type[Exception], words: str
) -> None:
    job = Job()
    with pytest.raises(error, match=words.replace("(", r"\(")):
        with_job(job, **fields)
    assert job.asked == []


def test_a_session_that_is_none_is_told() -> None:
    with pytest.raises(NotFoundError, match="there is no session"):
        with_job(Job(known=False), query="x", session=name(1))


def test_when_it_takes_too_long_it_says_what_to_do() -> None:
    def hang(**arguments: object) -> object:
        raise TimeoutError

    with pytest.raises(DeadlineError, match="took longer than 30 s") as caught:
        with_job(hang, query="x")
    assert "delete /home/cache/sessions.sqlite" in caught.value.remedy


def test_when_it_fails_it_says_why() -> None:
    def fail(**arguments: object) -> object:
        raise OSError("the disk is gone")

    with pytest.raises(WorkerError, match="the search failed") as caught:
        with_job(fail, query="x")
    assert "the disk is gone" in caught.value.why


def search(daemon: RealDaemon, query: str, session: str | None = None) -> SearchResult:
    with daemon.client() as client:
        return client.call("session.search", SearchParams(query=query, session=session), SearchResult)


def test_what_was_acknowledged_is_found_at_once_also_after_a_kill_and_without_an_index(home: Path) -> None:
    with real_daemon(home) as daemon:
        assert search(daemon, "xylophone") == SearchResult((), 0, 0)
        with daemon.client() as client:
            prompt = "remember that the Xylophone tests are flaky"
            params = StartParams(key="k", prompt=prompt, cwd=str(daemon.user))
            session = client.call("turn.start", params, StartResult).session
        # Asked while the turn may still run: its prompt is acknowledged.
        found = search(daemon, "xylophone testing")
        assert [(hit.session, hit.kind, hit.snippet) for hit in found.hits][-1] == (
            session,
            "prompt",
            "remember that the [Xylophone] [tests] are flaky",
        )
        until(lambda: any(line["type"] == "turn.finished" for line in daemon.lines(session)), "the turn ends")
        whole = search(daemon, "xylophone", session)
        assert whole.hits[0].title == prompt
        daemon.kill()
        daemon.start()
        assert search(daemon, "xylophone", session) == whole
        for file in Path(daemon.folders.cache).glob("sessions.sqlite*"):
            file.unlink()
        assert search(daemon, "xylophone", session) == whole
        with pytest.raises(ClientError, match="there is no session"):
            search(daemon, "xylophone", name(1))
