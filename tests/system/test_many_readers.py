"""Many clients, one session: the same items in the same order for all, whenever they came and whatever died between."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentclient.blocking import BlockingClient
from agentclient.keys import new_key
from agentproto.api import log, session
from agentproto.limits import LIMITS
from support.conversations import Event, ended, events_of, fingerprint, follow, numbered, start
from support.daemon import RealDaemon, real_daemon
from support.waiting import until

WORDS = " ".join(f"word{number}" for number in range(60))
LONG = " ".join(f"word{number}" for number in range(300))


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """The model `slow` speaks, calls a tool, and answers once the file `gate` is there; `drip` speaks for 1.5 s."""
    with real_daemon(home, started=False) as daemon:
        replies = (
            {"text": WORDS, "piece_ms": 2, "tools": [{"name": "read", "arguments": {"path": "README.md"}}]},
            {"text": "Done. " + WORDS, "piece_ms": 2, "wait_for": str(gate(daemon))},
        )
        drip = daemon.model("drip", {"text": LONG, "piece_ms": 5}, by="step", loop=True)
        slow = daemon.model("slow", *replies, by="step", loop=True)
        daemon.settings(f'[models]\nuse = "slow"\n{slow}{drip}')
        daemon.start()
        yield daemon


def gate(daemon: RealDaemon) -> Path:
    return daemon.root / "gate"


def subscribe(client: BlockingClient, id: str, after: int = 0) -> None:
    client.call("log.subscribe", log.SubscribeParams(stream=id, after_seq=after), log.SubscribeResult)


def calls(daemon: RealDaemon, id: str) -> int:
    """How often the model was asked, as the log has it."""
    return sum(line["type"] == "model.called" for line in daemon.lines(id))


def text_of(events: list[Event], item: str) -> str:
    """The item as its deltas tell it; a hole or a doubling fails."""
    have = b""
    for name, body in events:
        if name == "turn.delta" and body["item"] == item:
            offset, text = body["offset"], str(body["text"]).encode()
            assert isinstance(offset, int)
            assert offset <= len(have), f"a hole before {offset}"
            assert have[offset : offset + len(text)] == text[: len(have) - offset]
            have += text[len(have) - offset :]
    return have.decode()


def test_all_readers_see_the_same_items_in_the_same_order(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client("asking") as asking, daemon.client("late") as late:
        begun = start(asking, "go", workspace, subscribe=True)
        attached = [daemon.spawn("attach", begun.session, "--jsonl") for _ in range(2)]
        until(lambda: len(daemon.lines(begun.session)) > 8, "the turn is under way")
        gate(daemon).touch()
        heard = follow(asking, "turn.finished")
        subscribe(late, begun.session)
        heard_late = follow(late, "turn.finished")
        by_attach = [read_until_finished(process) for process in attached]

    logged = events_of(daemon, begun.session)
    assert [name for name, _ in logged][:2] == ["session.opened", "turn.queued"]
    assert numbered(heard_late) == numbered(logged)
    assert numbered(heard) == numbered(logged)[1:]  # from its own request on
    assert [numbered(events) for events in by_attach] == [numbered(logged)] * 2
    assert text_of(heard, f"{begun.turn}.1.0") == WORDS
    assert text_of(heard, f"{begun.turn}.2.0") == f"Done. {WORDS}"
    seqs = [int(str(body["seq"])) for _, body in numbered(logged)]
    assert seqs == sorted(set(seqs))


def read_until_finished(process: subprocess.Popen[str]) -> list[Event]:
    """Lines of an `attach --jsonl`; then it is interrupted, as a person would."""
    found: list[Event] = []
    with process:
        for line in process.stdout or ():
            body = json.loads(line)
            found.append((body.pop("event"), body))
            if found[-1][0] == "turn.finished":
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    assert process.returncode == 130
    return found


def test_a_turn_goes_on_without_the_client_that_asked(daemon: RealDaemon, workspace: Path) -> None:
    ran = daemon.agentctl("ask", "go", "--background", cwd=workspace)
    with daemon.spawn("ask", "go", cwd=workspace) as asking:
        (other,) = until(
            lambda: {row["id"] for row in daemon.agentctl("sessions", "list", "--json").rows} - {ran.out.strip()},
            "the second session is there",
        )
        until(lambda: len(daemon.lines(str(other))) > 8, "its turn is under way")
        asking.kill()
    gate(daemon).touch()

    assert ran.code == 0
    for id in (ran.out.strip(), str(other)):
        end = ended(daemon, id)
        assert (end.stop, end.text) == ("end", f"Done. {WORDS}")


def test_who_was_away_over_two_restarts_knows_what_those_know_who_stayed(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client("stays") as stays:
        with daemon.client("leaves") as leaves:
            begun = start(leaves, "go", workspace)
            subscribe(stays, begun.session)
            subscribe(leaves, begun.session)
            before = follow(leaves, "step.replied")
        heard = follow(stays, "tool.finished")
        for called in (2, 3):
            until(lambda called=called: calls(daemon, begun.session) == called, "the model is asked")  # type: ignore[misc]
            daemon.restart()
            heard += follow(stays, "step.retried")
        gate(daemon).touch()
        heard += follow(stays, "turn.finished", 30)
        with daemon.client("returns") as returns:
            last = max(int(str(body["seq"])) for _, body in numbered(before))
            subscribe(returns, begun.session, last)
            after = follow(returns, "turn.finished")

    assert fingerprint(before + after) == fingerprint(heard) == fingerprint(events_of(daemon, begun.session))
    assert [name for name, _ in numbered(heard)].count("tool.finished") == 1


def test_half_of_an_answer_survives_kill_9_and_is_made_again_visibly(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client() as client:
        begun = start(client, "go", workspace, model="drip", subscribe=True)
        until(
            lambda: any(line["type"] == "partial" for line in daemon.lines(begun.session)),
            "some of the answer is in the log",
        )
        shown = follow(client, "turn.delta")
        daemon.restart()
        heard = follow(client, "turn.finished", 30)
    (broke,) = (line for line in daemon.lines(begun.session) if line["type"] == "model.broke")

    assert [name for name, _ in numbered(heard) if name.startswith("step")] == ["step.retried", "step.replied"]
    assert str(broke["kept"]).startswith("word0 word1 ")
    assert LONG.startswith(str(broke["kept"]))
    assert text_of(shown, f"{begun.turn}.1.0") != ""
    assert heard[-1][1]["text"] == LONG


def test_who_follows_more_sessions_than_requests_may_be_open_follows_them_all_after_a_restart(
    daemon: RealDaemon, workspace: Path
) -> None:
    gate(daemon).touch()
    with daemon.client() as client:
        made = [
            client.call("session.create", session.CreateParams(key=new_key(), cwd=str(workspace)), session.CreateResult)
            for _ in range(LIMITS.in_flight_requests + 10)
        ]
        for one in made:
            subscribe(client, one.session, -1)
        daemon.restart()
        heard = set()
        for one in (made[0], made[-1]):
            begun = start(client, "what is in README.md?", workspace, session=one.session, model="offline")
            heard.add(follow(client, "turn.finished")[-1][1]["turn"] == begun.turn)

    assert heard == {True}
