"""What a test tries and what it makes of each outcome; that all of it is in the ledger; that a wrong address is mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from agentd.config.load import Sources
from agentd.connections.room import Connections
from agentd.settings.room import SettingsInForce
from agentd.turn.spending import Settled, Spending
from agentd.world.doors import HttpRequest
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.fake_http import Answer, Break, Refused
from agentproto.api import model as api
from agentproto.api.turn import TurnUsage
from support.fake_model_server import Reply, calls, chunk, failure, say

FILE = "/c/settings.toml"
Answers = Callable[[str, Mapping[str, object]], Reply]
"""(path, the request's body) -> the reply to a call."""


class Watcher:
    """Hears what is tried, and of bugs."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def happened(
        self, category: str, name: str, text: str, session: str | None = None, details: Mapping[str, object] = {}
    ) -> None:
        self.told.append((name, text))

    def bug(self, where: str, fault: BaseException) -> str:
        self.told.append(("bug", where))
        return "bug-1"


class Stand:
    """A connection `m` at a server that answers as `answers` says, at `/v1` alone."""

    def __init__(self, answers: Answers, url: str = "http://far/v1", more: str = "", head: str = "") -> None:
        self.world: FakeWorld = fake_world(auto=True)
        self.world.files.make_folder("/c")
        self._answers = answers
        text = f'{head}\n[models.m]\nkind = "openai-chat"\nurl = "{url}"\nmodel = "m"\n{more}\n'
        self.world.files.write_atomic(FILE, text.encode())
        self.settings = SettingsInForce(self.world.files, Sources(FILE), lambda name, text: None)
        self.spending = Spending()
        self.watcher = Watcher()
        self.room = Connections(self.world, self.settings, dict, self.spending, self.watcher)
        self.paths: list[str] = []
        self.world.http.on(self._answer)

    def _answer(self, request: HttpRequest) -> Answer | Refused:
        path = request.url.partition("://far")[2]
        if request.method == "GET":
            props = {"default_generation_settings": {"n_ctx": 4_096}, "total_slots": 2}
            return Answer(parts=[json.dumps(props).encode()]) if path == "/props" else Answer(404)
        self.paths.append(path)
        if path == "/apply-template":
            return Answer(parts=[b'{"prompt": "x"}'])
        if path == "/tokenize":
            return Answer(parts=[b'{"tokens": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}'])
        if path != "/v1/chat/completions":
            return Answer(404, parts=[b'{"error": {"message": "File Not Found", "type": "not_found_error"}}'])
        reply = self._answers(path, json.loads(request.body))
        return Answer(reply.status, dict(reply.headers), list(reply.parts))  # type: ignore[arg-type]

    def test(self) -> api.TestResult:
        return self.world.run(self.room.test("m"))

    def seen(self) -> dict[str, str]:
        return {check.what: check.seen for check in self.test().checks}


def able(path: str, body: Mapping[str, object]) -> Reply:
    """A server with everything: calls, forms, thought. Counts 10 in and 5 out for each."""
    if body.get("tools"):
        return calls(("ls", {"path": "src"}))
    if "JSON" in str(body["messages"]):
        return say('{"city": "Rome", "people": 2800000}', thinking="which one?")
    return say("one, two")


def test_everything_that_there_is_is_seen() -> None:
    stand = Stand(able)
    result = stand.test()
    assert [(check.what, check.ok, check.seen) for check in result.checks] == [
        ("answers", True, "one, two"),
        ("counts tokens", True, "10 in, 5 out"),
        ("counts ahead", True, "10 in"),
        ("calls tools", True, "in the protocol's form"),
        ("answers in a form", True, "JSON that fits its schema"),
        ("thinks", True, "seen"),
        ("window", True, "4,096 tokens: its server says"),
        ("at a time", True, "2 requests"),
    ]
    assert (result.ok, result.counts, result.counts_ahead, result.tools, result.schema, result.thinking) == (
        *(True, True, True, "calls", True, True),
    )
    assert (result.window, result.window_from, result.slots, result.mended_url) == (4_096, "server", 2, "")
    assert [name for name, _ in stand.watcher.told] == [*["model.trying"] * 5, "model.tested"]
    assert stand.watcher.told[-1] == ("model.tested", "m: holds")


def test_what_there_is_not_is_no_fault() -> None:
    def plain(path: str, body: Mapping[str, object]) -> Reply:
        return say("I list nothing.", usage=None)

    result = Stand(plain).test()
    assert {check.what: check.seen for check in result.checks if check.seen.startswith("no:")} == {
        "counts tokens": "no: usage is estimated",
        "calls tools": "no: it took the tools and called none this time",
        "answers in a form": "no: I list nothing.",
        "thinks": "no: none was seen",
    }
    assert (result.ok, result.tools, result.schema, result.estimated) == (True, "none", False, 3)


@pytest.mark.parametrize(
    "text", ['<tool_call>\n{"name": "ls", "arguments": {"path": "src"}}\n</tool_call>', '[TOOL_CALLS][{"name": "ls", "arguments": {"path": "src"}}]']
)  # fmt: skip
def test_a_call_that_is_only_text_is_told_from_a_real_one(text: str) -> None:
    result = Stand(lambda path, body: say(text)).test()
    assert (result.ok, result.tools) == (True, "text")
    assert "only as text, where they are found" in [check.seen for check in result.checks]


@pytest.mark.parametrize(
    "text",
    ['{"city": "Rome"}', '{"city": "Rome", "people": "many"}', '```json\n{"city": "R", "people": 1}\n```', "[]", "", "Rome"],
)  # fmt: skip
def test_what_does_not_fit_the_form_is_a_no(text: str) -> None:
    result = Stand(lambda path, body: say(text)).test()
    assert (result.ok, result.schema) == (True, False)


def test_a_server_that_refuses_tools_fails_and_one_that_refuses_a_form_does_not() -> None:
    def strict(path: str, body: Mapping[str, object]) -> Reply:
        if body.get("tools") or "JSON" in str(body["messages"]):
            return failure(400, {"error": {"message": "not supported here"}})
        return say("one, two")

    stand = Stand(strict)
    result = stand.test()
    assert (result.ok, result.tools) == (False, "")
    told = {check.what: (check.ok, check.seen) for check in result.checks}
    assert told["calls tools"][0] is False
    assert told["calls tools"][1].startswith("bad_request: not supported here; prove")
    assert told["answers in a form"] == (True, "no: bad_request: not supported here")
    assert stand.watcher.told[-1][1].startswith("m: fails: bad_request: not supported here")


def test_a_server_that_is_not_there_is_one_failed_check() -> None:
    stand = Stand(able)
    stand.world.http.on(lambda request: Refused())
    result = stand.test()
    assert [(check.what, check.ok) for check in result.checks] == [("answers", False)]
    assert result.checks[0].seen == (
        "network: nobody answers at http://far/v1 (connection refused); check that its server runs and that models.m.url names it"
    )
    assert (result.input, result.output, result.estimated) == (0, 0, 1)


# --- the ledger ---

PRICED = "price_in = 3.0\nprice_out = 15.0"


def settled(spending: Spending) -> list[Settled]:
    return [one.line for one in spending.since(0) if isinstance(one.line, Settled)]


def test_each_call_is_in_the_ledger_with_what_its_server_counted() -> None:
    stand = Stand(able, more=PRICED)
    result = stand.test()
    lines = settled(stand.spending)
    assert [(line.purpose, line.session, line.model, line.usage) for line in lines] == [
        ("test", "", "m", TurnUsage(input=10, output=5, usd_micros=105))
    ] * 3
    assert len({line.call for line in lines}) == 3
    assert (result.calls, result.input, result.output, result.usd_micros) == (3, 30, 15, 315)
    assert stand.spending.of_day(0) == 315


def test_what_broke_is_paid_for_on_the_safe_side() -> None:
    def breaks(path: str, body: Mapping[str, object]) -> Reply:
        return Reply([chunk({"content": "one, "}), Break()])  # type: ignore[list-item]

    stand = Stand(breaks, more=PRICED)
    result = stand.test()
    [line] = settled(stand.spending)
    assert (result.ok, line.usage.estimated) == (False, True)
    assert line.usage.output == 128
    assert stand.spending.of_day(0) == line.at_most >= line.usage.usd_micros > 0  # limits count the worst case


def test_the_day_s_limit_holds_for_tests_too() -> None:
    stand = Stand(able, more=PRICED, head="[budget]\nday_usd = 0.000001")
    result = stand.test()
    assert (result.ok, result.calls, stand.paths) == (False, 0, [])
    assert "are left (limit: budget.day_usd); raise the limit" in result.checks[0].seen
    unpriced = Stand(able, head="[budget]\nday_usd = 1.0").test()
    assert "no limit in money can be kept; set models.m.price_in" in unpriced.checks[0].seen


# --- addresses ---


@pytest.mark.parametrize("url", ["http://far", "http://far/v1/", "http://far/v1/v1", "http://far/v1/chat/completions"])
def test_a_wrong_address_is_mended_when_another_was_proved(url: str) -> None:
    stand = Stand(able, url, "# mine\nprice_in = 0.0\nprice_out = 0.0")
    result = stand.test()
    assert (result.ok, result.mended_url, result.mended_file) == (True, "http://far/v1", FILE)
    assert result.checks[0].seen == f"http://far/v1 answers and {url} does not; written to {FILE}"
    text = stand.world.files.read(FILE).decode()
    assert 'url = "http://far/v1"\n' in text
    assert "# mine\n" in text
    assert stand.settings.values.models.connections["m"].url == "http://far/v1"
    assert result.calls == len(settled(stand.spending)) == stand.paths.count("/v1/chat/completions") + 1
    assert stand.test().mended_url == ""


def test_what_no_other_address_mends_stays_as_it_is() -> None:
    stand = Stand(able, "http://far/other")
    result = stand.test()
    assert (result.ok, result.mended_url) == (False, "")
    assert result.checks[0].seen.startswith("not_found: File Not Found; ")
    assert stand.settings.values.models.connections["m"].url == "http://far/other"
