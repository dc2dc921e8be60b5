"""A whole household in a simulated world: store, sessions, tools, a model that answers by the state of the talk.

The same story can be told again after a restart with the same keys, as a client would that lost its connection: what
was done is answered, what was not is done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from agentd.chain.frame import Line
from agentd.context.budget import Window
from agentd.context.sections import SessionFacts
from agentd.errors import AgentdError, ConflictError, NetworkError
from agentd.providers import canonical, validate
from agentd.providers.anthropic import AnthropicMessages
from agentd.providers.base import Ended, Failure, ModelEvent, ModelMessage, ModelRequest, TextPiece, ToolUse, Usage
from agentd.providers.openai_chat import OpenAIChat
from agentd.providers.openai_responses import OpenAIResponses
from agentd.providers.prepared import PreparedCall
from agentd.session.actors import Actor
from agentd.session.entries import Entry
from agentd.session.requests import RequestRecord
from agentd.session.store import SessionStore
from agentd.tools.registry import built_in
from agentd.turn.intake import NewSession, NewTurn
from agentd.turn.parts import ModelChoice, Parts, TurnSettings
from agentd.turn.pen import Limits
from agentd.turn.replay import replay
from agentd.turn.sessions import Sessions
from agentd.world.doors import HttpRequest, NoBox
from agentd.world.fake import FakeWorld
from agentd.world.tasks import Tasks
from agentproto.api.turn import DeltaEvent

PERSON = Actor(kind="client", id="c1", role="owner", name="test")
WORKSPACE = "/work"


def check_request(request: ModelRequest) -> None:
    """A request that every provider can take: asked of the canonical form and of all three public formats."""
    faults = {
        "canonical": validate.canonical(request),
        "chat completions": validate.chat_completions(OpenAIChat().encode(request)),
        "responses": validate.responses(OpenAIResponses().encode(request)),
        "messages": validate.messages(AnthropicMessages().encode(request)),
    }
    assert not any(faults.values()), faults


class Cut(str):
    """An answer that the output limit cuts."""


Reply = str | tuple[tuple[str, dict[str, object]], ...]


@dataclass
class TalkModel:
    """Answers by how many replies the present turn already has: the same after a restart. `slow_ms` between pieces.
    With `sends` each call goes through the door of the network (which has to answer), so that it can fail there."""

    replies: Sequence[Reply]
    world: FakeWorld
    slow_ms: int = 0
    name: str = "talk"
    kind: str = "scripted"
    sends: bool = False
    requests: list[ModelRequest] = field(default_factory=list)

    def encode(self, request: ModelRequest) -> bytes:
        return canonical.encode(request)

    def request_of(self, call: PreparedCall) -> ModelRequest:
        return canonical.decode(call.body)

    async def stream(self, call: PreparedCall) -> AsyncIterator[ModelEvent]:
        request = self.request_of(call)
        check_request(request)
        if self.sends:
            try:
                async with self.world.http.send(HttpRequest("POST", "http://model/", body=call.body)):
                    pass
            except NetworkError as fault:
                yield Failure("network", fault.what)
                return
        self.requests.append(request)
        reply = self.replies[min(_replies_in_turn(request.messages), len(self.replies) - 1)]
        if isinstance(reply, str):
            for word in reply.split(" "):
                if self.slow_ms:
                    await self.world.clock.sleep(self.slow_ms)
                yield TextPiece(word + " ")
            yield Ended("length" if isinstance(reply, Cut) else "end", Usage(10, 2))
        else:
            for n, (tool, arguments) in enumerate(reply):
                yield ToolUse(f"m{n}", tool, dict(arguments), "")
            yield Ended("tool_use", Usage(10, 2))


def _replies_in_turn(messages: Sequence[ModelMessage]) -> int:
    count = 0
    for message in reversed(messages):
        if message.role == "assistant":
            count += 1
        elif canonical.said(message):
            break
    return count


@dataclass
class Heard:
    """What a listener that never lags would have got."""

    lines: list[Line[Entry]] = field(default_factory=list)
    deltas: list[DeltaEvent] = field(default_factory=list)
    happened: list[tuple[str, str]] = field(default_factory=list)


class _Publisher:
    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def lines(self, session: str, lines: Sequence[Line[Entry]]) -> None:
        self._heard.lines += lines

    def delta(self, delta: DeltaEvent) -> None:
        self._heard.deltas.append(delta)

    def stopped(self, session: str, text: str) -> None:
        self._heard.happened.append(("stopped", text))


class _Reporter:
    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def happened(
        self, category: str, name: str, text: str, session: str | None = None, details: Mapping[str, object] = {}
    ) -> None:
        self._heard.happened.append((name, text))

    def bug(self, where: str, fault: BaseException) -> str:
        raise AssertionError(f"a bug in {where}") from fault


class _Models:
    def __init__(self, model: TalkModel) -> None:
        self._model = model

    def stand_in(self, given_up: Sequence[str]) -> str:
        return ""

    async def ready(self, name: str) -> None:
        return

    async def count(self, name: str, body: bytes) -> int | None:
        return None

    def get(self, name: str) -> ModelChoice:
        return ModelChoice(self._model, "m", Window(100_000, 4_000))

    def default(self) -> str:
        return "talk"


class Household:
    """One life of the daemon's inside, from start to crash."""

    def __init__(
        self,
        world: FakeWorld,
        replies: Sequence[Reply],
        *,
        slow_ms: int = 0,
        partial_bytes: int = 2048,
        sends: bool = False,
    ) -> None:
        self.world = world
        self.heard = Heard()
        self.faults: list[BaseException] = []
        self.model = TalkModel(replies, world, slow_ms, sends=sends)
        self.tasks = Tasks(lambda name, fault: self.faults.append(fault))
        self.store = SessionStore(world, "/home/data", "/home/state")
        self.requests = RequestRecord(world, "/home/state")
        settings = TurnSettings(Limits(default_model="talk"), partial_bytes=partial_bytes)
        self.parts = Parts(
            world=world,
            store=self.store,
            tools={tool.spec.name: tool for tool in built_in()},
            models=_Models(self.model),
            publisher=_Publisher(self.heard),
            reporter=_Reporter(self.heard),
            tasks=self.tasks,
            box=NoBox(),
            own_folders=("/home/data", "/home/state"),
            home="/root",
            product="0",
            settings=lambda: settings,
            facts=lambda workspace, cwd: SessionFacts(workspace, cwd, "linux", "bash"),
            secrets=lambda session: {},
        )
        self.sessions = Sessions(self.parts, self.requests)

    async def start(self) -> None:
        self.world.files.make_folder("/home/data")
        self.world.files.make_folder("/home/state")
        self.store.prepare()
        self.requests.load()
        await self.sessions.recover_open()

    def new_session(self) -> NewSession:
        return NewSession(WORKSPACE, WORKSPACE, "ask", None, None, {"PATH": "/bin"})

    async def until_quiet(
        self, session: str, on_question: Callable[[str], bool] = lambda question: True, step_ms: int = 10
    ) -> None:
        """Let the turn run; every open question is answered, by `on_question` (approve or deny). Looks every `step_ms`."""
        runner = await self.sessions.get(session)
        for _ in range(2000):
            if not runner.busy:
                return
            if runner.log.problem is not None:
                raise runner.log.problem
            for question in self.sessions.questions():
                decision = "approve" if on_question(question.id) else "deny"
                try:
                    await self.sessions.answer(question.id, f"key-{question.id}", "h", decision, "once", "no", PERSON)
                except ConflictError:
                    continue
            await self.world.clock.sleep(step_ms)
        raise AssertionError(f"the turn never ended: {runner.state.turn}")


async def ask(house: Household, prompt: str, key: str = "k1") -> str:
    taken = await house.sessions.start_in_new(key, "h", house.new_session(), NewTurn(prompt), PERSON)
    return taken.session


def whole_log(world: FakeWorld, session: str) -> list[Line[Entry]]:
    """Every line of a log, verified; AssertionError when it is damaged, or the machine now comes to something else."""
    store = SessionStore(world, "/home/data", "/home/state")
    log = store.open(session)
    assert log.problem is None, log.problem
    assert log.torn == (0, "")
    lines = log.lines_after(0, 1_000_000)
    differences = replay(lines).differences
    assert differences == (), differences[0]
    return lines


def is_ours(fault: BaseException) -> bool:
    return isinstance(fault, AgentdError)


def plain(value: msgspec.Struct) -> dict[str, object]:
    out = msgspec.to_builtins(value)
    assert isinstance(out, dict)
    return out
