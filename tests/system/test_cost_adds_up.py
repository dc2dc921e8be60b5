"""`agentctl cost` against the providers' own books: the same tokens, to the last one, by every sum and over restarts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.conversations import ended
from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import FakeModelServer, Pause, Reply, Request
from support.model_dialects import DIALECTS, Dialect
from support.waiting import until

TURNS = 3


class Books:
    """A provider that counts as it likes and writes down what it counted. Every other answer calls a tool."""

    def __init__(self, dialect: Dialect, seed: int) -> None:
        self.counted: list[tuple[int, int, int]] = []
        self._dialect = dialect
        self._chance = random.Random(seed)

    def answer(self, request: Request) -> Reply:
        read = self._chance.randint(500, 9_000)
        usage = (read, self._chance.randint(1, 900), self._chance.choice((0, read // 3, read)))
        self.counted.append(usage)
        if len(self.counted) % 2:
            return self._dialect.calls(("read", {"path": "README.md", "limit": len(self.counted)}), usage=usage)
        return self._dialect.say("Seen.", usage=usage)


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    with real_daemon(home, started=False) as daemon:
        yield daemon


def sums(daemon: RealDaemon, by: str) -> tuple[dict[str, object], list[dict[str, object]]]:
    told = daemon.agentctl("cost", "--by", by, "--json").fields
    total, costs = told["total"], told["costs"]
    assert isinstance(total, dict)
    assert isinstance(costs, list)
    return total, costs


def test_the_sum_over_purposes_is_what_the_providers_counted_before_and_after_kill_9(
    daemon: RealDaemon, workspace: Path
) -> None:
    books = {kind: Books(dialect, seed) for seed, (kind, dialect) in enumerate(sorted(DIALECTS.items()))}
    with ExitStack() as stack:
        tables = ""
        for kind, book in books.items():
            server = stack.enter_context(FakeModelServer(book.answer, window=100_000))
            url = server.url if kind.startswith("openai") else server.origin
            tables += f'[models.{kind}]\nkind = "{kind}"\nurl = "{url}"\nmodel = "m"\nwindow = 100000\nprice_in = 3.0\nprice_out = 15.0\n'
        daemon.settings(tables)
        daemon.start()
        for kind in books:
            for _ in range(TURNS):
                ran = daemon.agentctl("ask", "go", "--model", kind, cwd=workspace)
                assert (ran.code, ran.out) == (0, "Seen.\n"), ran.err
        counted = [usage for book in books.values() for usage in book.counted]
        expected = {
            "calls": len(counted),
            "input": sum(read for read, _, _ in counted),
            "output": sum(written for _, written, _ in counted),
        }
        assert len(counted) == 2 * TURNS * len(books)
        found = {by: sums(daemon, by) for by in ("purpose", "session", "model", "day")}
        for total, costs in found.values():
            assert {name: total[name] for name in expected} == expected
            for name in (*expected, "usd_micros", "cached"):
                assert sum(int(str(cost.get(name, 0))) for cost in costs) == int(str(total.get(name, 0))), name
        assert [cost["name"] for cost in found["purpose"][1]] == ["turn"]
        assert {str(cost["name"]): cost["input"] for cost in found["model"][1]} == {
            kind: sum(read for read, _, _ in book.counted) for kind, book in books.items()
        }
        daemon.restart()
        assert {by: sums(daemon, by) for by in found} == found


def test_a_call_that_a_death_cut_off_counts_as_the_most_that_it_may_have_cost(
    daemon: RealDaemon, workspace: Path
) -> None:
    dialect = DIALECTS["openai-chat"]
    answered = dialect.say("Done.", usage=(900, 9, 0))
    replies = [Reply([answered.parts[0], Pause()]), answered]

    def answer(request: Request) -> Reply:
        return replies.pop(0)

    with FakeModelServer(answer, window=100_000) as server:
        daemon.settings(
            f'[models.dear]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "m"\nprice_in = 3.0\nprice_out = 15.0\n'
        )
        daemon.start()
        id = daemon.agentctl("ask", "go", "--background", cwd=workspace).out.strip()
        until(lambda: any(request.method == "POST" for request in server.requests), "the call is on its way")
        daemon.restart()
        assert ended(daemon, id, 30).text == "Done."
        total, _ = sums(daemon, "purpose")
    assert (total["calls"], total["unsettled"], total["input"], total["output"]) == (2, 1, 900, 9)
    settled = 900 * 3 + 9 * 15
    assert int(str(total["usd_micros"])) > settled + 15 * 1_000, "a whole answer was reserved for the call that died"
