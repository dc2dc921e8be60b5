"""A connection tried by a real daemon: what it costs is in the ledger, what was wrong in its address is mended, and the
figures are those of a server that nobody here wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.daemon import RealDaemon, real_daemon
from support.fake_model_server import FakeModelServer, Reply, Request, failure, say
from support.real_model import real_model

USAGES = ((1_000, 20, 0), (1_200, 30, 900), (2_000, 7, 0), (40, 5, 0), (60, 6, 0))


class Counting:
    """Answers at `/v1` alone, each time with another usage, and adds up what it has told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, int]] = []

    def __call__(self, request: Request) -> Reply:
        if request.path != "/v1/chat/completions":
            return failure(404, {"error": {"message": "File Not Found", "type": "not_found_error"}})
        self.told.append(USAGES[len(self.told) % len(USAGES)])
        return say("Yes.", usage=self.told[-1])


def test_the_sum_over_purposes_is_what_the_server_has_counted(home: Path, workspace: Path) -> None:
    counting = Counting()
    with FakeModelServer(counting, window=32_768) as server, real_daemon(home, started=False) as daemon:
        daemon.settings(
            f'[models.m]\nkind = "openai-chat"\nurl = "{server.url}"\nmodel = "m"\nprice_in = 3.0\nprice_out = 15.0\n'
        )
        daemon.start()
        for words in (("ask", "hi"), ("models", "test", "m"), ("ask", "-c", "and?"), ("models", "test", "m")):
            assert daemon.agentctl(*words, cwd=workspace).code == 0
        found = daemon.agentctl("cost", "--json").fields
    costs = {one["name"]: one for one in found["costs"]}  # type: ignore[attr-defined,index]
    assert {name: one["calls"] for name, one in costs.items()} == {"turn": 2, "test": 6}
    for field, place in (("input", 0), ("output", 1), ("cached", 2)):
        assert sum(one[field] for one in costs.values()) == sum(usage[place] for usage in counting.told)
        assert found["total"][field] == sum(usage[place] for usage in counting.told)  # type: ignore[index]


def test_a_slash_too_much_is_mended_in_the_person_s_own_file(home: Path, workspace: Path) -> None:
    counting = Counting()
    with FakeModelServer(counting, window=32_768) as server, real_daemon(home, started=False) as daemon:
        path = daemon.settings(
            f'# my models\n[models.m]\nkind = "openai-chat"\nurl = "{server.url}/"  # from the manual\nmodel = "m"\n'
        )
        daemon.start()
        assert daemon.agentctl("ask", "hi", cwd=workspace).code == 1
        ran = daemon.agentctl("models", "test", "m")
        assert (ran.code, ran.out.splitlines()[1].split()[:2]) == (0, ["ok", "address"])
        assert f"{server.url} answers and {server.url}/ does not; written to {path}" in ran.out
        assert path.read_text() == (
            f'# my models\n[models.m]\nkind = "openai-chat"\nurl = "{server.url}"  # from the manual\nmodel = "m"\n'
        )
        assert daemon.agentctl("ask", "hi", cwd=workspace).code == 0
        happened = daemon.agentctl("events", "--category", "model", "--json").out.splitlines()
    assert json.loads(happened[-1])["name"] == "model.tested"


@pytest.mark.timeout(900)
def test_a_real_server_is_tried_and_its_own_figures_are_shown(home: Path) -> None:
    with real_model(window=4_096) as model, real_daemon(home, started=False) as daemon:
        daemon.settings(f'[models.real]\nkind = "openai-chat"\nurl = "{model.url}/"\nmodel = "{model.model}"\n')
        daemon.start()
        ran = daemon.agentctl("models", "test", "real", "--json", seconds=120)
        rows = {row["name"]: row for row in daemon.agentctl("models", "list", "--json").rows}
    found = ran.fields
    assert (ran.code, found["mended_url"]) == (0, model.url)
    assert (found["counts"], found["counts_ahead"]) == (True, True)
    assert (found["window"], found["window_from"]) == (model.window, "server")
    assert (rows["real"]["window"], rows["real"]["window_from"], rows["real"]["answers"]) == (
        *(model.window, "server", True),
    )
    seen = {check["what"]: check["seen"] for check in found["checks"]}  # type: ignore[attr-defined,index]
    if model.ours:
        assert (found["slots"], found["tools"] in ("calls", "none")) == (2, True)
        # counted ahead and when it was asked: one figure, because they are the same
        assert seen["counts ahead"] == f"{seen['counts tokens'].partition(' ')[0]} in"


def test_nobody_of_that_name_and_no_name_at_all_are_told_apart(daemon: RealDaemon) -> None:
    ran = daemon.agentctl("models", "test", "nobody")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "error: there is no model connection 'nobody'")
    assert daemon.agentctl("models", "test").code == 2
