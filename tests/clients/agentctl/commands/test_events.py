"""`agentctl events`: what happened, to the end of the log, or on and on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from agentclient.testing import Answer, Call, Event
from agentproto.api import daemon, log
from clients.scene import SESSION, Ran, ctl, double, environment

AT = 1_700_000_000_000
WHEN = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(AT / 1000))


def happened(seq: int, category: daemon.Category, text: str, **more: object) -> Event:
    body = daemon.HappenedEvent("daemon", seq, AT, category, "thing", text, **more)  # type: ignore[arg-type]
    return "daemon.happened", body


TOLD = (happened(1, "daemon", "started"), happened(2, "tool", "ran\x1b", session=SESSION))


def tell(call: Call) -> Answer:
    return Answer(log.SubscribeResult("daemon", 2), TOLD)


def test_it_ends_at_the_end_of_the_log(home: Path) -> None:
    with double(home, {"log.subscribe": tell}) as served:
        assert ctl(home, "events") == Ran(
            0,
            f"{WHEN}  daemon      thing               started\n"
            f"{WHEN}  tool        thing               ran\\x1b [{SESSION}]\n",
            "",
        )
    assert [call.params for call in served.calls] == [log.SubscribeParams(stream="daemon")]


def test_categories_are_chosen_and_json_is_a_line_each(home: Path) -> None:
    with double(home, {"log.subscribe": tell}):
        ran = ctl(home, "events", "--category", "tool", "--json")
    assert [json.loads(line) for line in ran.out.splitlines()] == [
        {
            "stream": "daemon",
            "seq": 2,
            "at_ms": AT,
            "category": "tool",
            "name": "thing",
            "text": "ran\x1b",
            "session": SESSION,
            "details": {},
        }
    ]


def test_an_event_of_an_unknown_category_is_told_as_it_came(home: Path) -> None:
    newer = happened(3, "teatime", "the kettle boils")  # type: ignore[arg-type]
    raw = f'{{"stream":"daemon","seq":3,"at_ms":{AT},"category":"teatime","name":"thing","text":"the kettle boils"}}'
    with double(home, {"log.subscribe": lambda call: Answer(log.SubscribeResult("daemon", 3), (*TOLD, newer))}):
        assert ctl(home, "events").out.splitlines()[2:] == [raw]
        assert ctl(home, "events", "--json", "--category", "tool").out.splitlines()[1:] == [raw]


def test_an_empty_log_is_nothing(home: Path) -> None:
    with double(home):
        assert ctl(home, "events") == Ran(0, "", "")


def test_following_goes_on_with_what_happens_then(home: Path) -> None:
    with double(home, {"log.subscribe": tell}) as served:
        running = subprocess.Popen(
            [sys.executable, "-m", "agentctl", "events", "--follow"],
            stdout=subprocess.PIPE,
            env=environment(home),
            text=True,
        )
        assert running.stdout is not None
        first = [running.stdout.readline() for _ in TOLD]
        served.push(happened(3, "model", "answered"))
        third = running.stdout.readline()
        running.terminate()
        running.wait(30)
        running.stdout.close()
    assert len(first) == 2
    assert third == f"{WHEN}  model       thing               answered\n"
