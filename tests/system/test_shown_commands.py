"""What the manual shows, as it is shown: a large file on a small window, a real server's events, a limit in money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import FakeModelServer, Reply, Request, calls, say
from support.model_dialects import DIALECTS
from support.random_texts import scenery
from support.real_model import real_model
from support.strict_model import StrictModel
from support.token_counts import Counter

WINDOW = 16_384
PAGE = 120
TRIES = 12
"""The small model calls a tool in about two turns of three."""


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    with real_daemon(home, started=False) as daemon:
        yield daemon


def bytes_by_3_2(text: str) -> int:
    return -(-len(text.encode()) * 10 // 32)


def test_a_file_of_200_kb_is_read_on_a_window_of_16k_page_by_page_to_its_end(
    daemon: RealDaemon, workspace: Path
) -> None:
    lines = scenery()["code.py"].splitlines() * 4
    (workspace / "big.py").write_text("\n".join(lines)[:200_000])
    count = len((workspace / "big.py").read_text().splitlines())
    pages = [(("read", {"path": "big.py", "offset": at, "limit": PAGE}),) for at in range(1, count + 1, PAGE)]
    counter = Counter("bytes by 3.2", bytes_by_3_2, per_message=6, per_tool=10)
    model = StrictModel(DIALECTS["openai-chat"], counter, WINDOW, pages, text="It defines functions.", words=("vllm",))
    with FakeModelServer(model.answer, window=WINDOW) as server:
        daemon.settings(f'[models.m]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "m"\n')
        daemon.start()
        ran = daemon.agentctl("ask", "What does big.py define?", "--json", cwd=workspace, seconds=60)
    said = ran.fields
    assert (ran.code, said["text"], said["stop_reason"]) == (0, "It defines functions.", "end"), ran.err
    assert model.refused == []
    assert len(model.requests) == len(pages) + 1 > 10
    assert max(tokens for tokens, _ in model.requests) > WINDOW // 3, "the window was used"
    entries = [line["type"] for line in daemon.lines(str(said["session"]))]
    assert 1 <= entries.count("context.compacted") < len(pages) // 2, "results are cleared in batches"


@pytest.mark.timeout(900)
def test_a_turn_with_tools_against_a_real_server_as_a_line_of_json_an_event(
    daemon: RealDaemon, workspace: Path
) -> None:
    with real_model(window=8_192) as server:
        daemon.settings(
            f'[models.real]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "{server.model}"\nwindow = {server.window}\n'
        )
        daemon.start()
        for _ in range(TRIES):
            ran = daemon.agentctl(
                *("ask", "List this folder.", "--mode", "plan", "--max-steps", "2", "--jsonl"),
                cwd=workspace,
                seconds=120,
            )
            events = [json.loads(line) for line in ran.out.splitlines()]
            names = [event["event"] for event in events]
            if "tool.finished" in names:
                break
    assert "tool.finished" in names, f"no tool was called in {TRIES} turns"
    assert ran.code in (0, 1), ran.err
    assert (names[0], names[-1]) == ("turn.queued", "turn.finished")
    assert names.index("step.replied") < names.index("tool.started") < names.index("tool.finished")
    seqs = [event["seq"] for event in events if event["event"] != "turn.delta"]
    assert seqs == sorted(set(seqs))
    assert events[-1]["usage"]["input"] > 0
    assert "estimated" not in events[-1]["usage"] or events[-1]["usage"]["estimated"] is False


class Till:
    """A server that reads a file for ever and bills every request: `bills` in micro-dollars."""

    def __init__(self, price_in: float, price_out: float) -> None:
        self.prices = (price_in, price_out)
        self.bills: list[float] = []
        self._counter = Counter("bytes by 3.2", bytes_by_3_2, per_message=6, per_tool=10)

    def answer(self, request: Request) -> Reply:
        limit = request.json["max_tokens"]
        assert isinstance(limit, int)
        read, written = self._counter.count(request.body), min(limit, 300)
        self.bills.append(read * self.prices[0] + written * self.prices[1])
        usage = (read, written, 0)
        number = len(self.bills)
        if number > 60:
            return say("I am done.", usage=usage)
        return calls(("read", {"path": "README.md", "offset": 1, "limit": number}), text="Again. " * 40, usage=usage)


@pytest.mark.parametrize(("price_in", "price_out", "least"), [(0.25, 1.25, 4), (0.8, 4.0, 1), (3.0, 15.0, 0)])
def test_a_limit_of_one_cent_stops_the_turn_before_the_line_and_says_so_with_5(
    daemon: RealDaemon, workspace: Path, price_in: float, price_out: float, least: int
) -> None:
    till = Till(price_in, price_out)
    with FakeModelServer(till.answer, window=131_072) as server:
        daemon.settings(
            f'[models.dear]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "m"\nwindow = 131072\n'
            f"price_in = {price_in}\nprice_out = {price_out}\n"
        )
        daemon.start()
        ran = daemon.agentctl("ask", "go on", "--max-usd", "0.01", cwd=workspace, seconds=60)
        told = daemon.agentctl("cost", "--json").fields["total"]
    assert ran.code == 5, ran.err
    assert "are left" in ran.err
    assert "--max-usd" in ran.err
    assert len(till.bills) >= least
    assert sum(till.bills) <= 10_000
    assert isinstance(told, dict)
    assert 0 <= told["usd_micros"] - sum(till.bills) <= len(till.bills)
    assert told["calls"] == len(till.bills)
