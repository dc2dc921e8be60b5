"""The connections in force: made from settings and from what was found, one of them in use, with the reason.

Decides nothing that `config.detect.choose` does not, and says nothing that `listing` does not. Looking for local servers happens only when somebody asks for the
list: a start never waits for a port. Providers are made when first used and kept while their settings stay the same.
Callers: the turn's runner (as Models), handlers (as ModelRoom).
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from agentd.config.detect import Detected, by_key, by_port, choose, not_configured
from agentd.connections.listing import Looked, connection_of, listed
from agentd.connections.near import finds_calls_in_text
from agentd.connections.prices import is_local, prices_of
from agentd.connections.trial import Subject, Tested, try_connection
from agentd.connections.trial_calls import Bench
from agentd.context.budget import Window
from agentd.context.prices import FREE
from agentd.errors import AgentdError, BadInputError, NotFoundError
from agentd.providers.base import Failure, Provider
from agentd.providers.call import ask_server, count_tokens, counted_by
from agentd.providers.catalog import limits_of, shipped
from agentd.providers.connection import Connection
from agentd.providers.keys import Keys
from agentd.providers.registry import OFFLINE, check_connection, make_provider
from agentd.providers.report import Report, shows_pictures
from agentd.settings.given import for_turns
from agentd.settings.room import SettingsInForce
from agentd.turn.parts import ModelChoice, Reporter, TurnSettings
from agentd.turn.spending import Spending
from agentd.world.doors import World
from agentd.world.tasks import Tasks
from agentproto.api.model import AddParams, ModelInfo, ModelRole, TestCheck, TestResult

__all__ = ["Connections"]

_READY_MS = 500
"""How long a server may take to say what it is before a turn goes on without."""
_ASK_AGAIN_MS = 10 * 60_000
"""A server that is started anew with another window is noticed after so long, or by its refusal."""
_TRY_AGAIN_MS = 30_000
"""After a server did not answer."""


_COUNT_MS = 1_000
"""A count takes a server some ms; a turn that waits longer for it had better take its own estimate."""
_SHOWN_MODELS = 20
_ROLES: Mapping[ModelRole, str] = {"main": "use", "side": "side", "summary": "summary"}
"""Key of the settings for each role."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a server said of itself the last time it said anything, and how long that is taken for news."""

    until_ms: int
    report: Report | None


class Connections:
    """`environment` gives the variables of this moment (the daemon's own and what owners' clients sent); `learned` is
    told each key that was found."""

    def __init__(
        self,
        world: World,
        settings: SettingsInForce,
        environment: Callable[[], Mapping[str, str]],
        spending: Spending,
        reporter: Reporter,
        learned: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._world = world
        self._settings = settings
        self._environment = environment
        self._spending = spending
        self._reporter = reporter
        self._keys = Keys(_Now(environment), world, learned)
        self._made: dict[str, tuple[Connection, Provider]] = {}
        self._told: dict[Connection, _Told] = {}
        self._counts_not: dict[tuple[str, str], int] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    # -- for turns ---------------------------------------------------------------------------------------------

    def default(self) -> str:
        return choose(self._settings.values.models, self._found())[0]

    async def ready(self, name: str) -> None:
        """Ask the connection's server how large its window is, when that was not asked lately. Never raises, and never
        takes longer than a person would notice: what a server does not say in time is asked another time. Turns that
        begin together ask once."""
        try:
            async with self._asking.setdefault(name, asyncio.Lock()):
                await self._ask_once(name)
        finally:
            self._asking.pop(name, None)

    async def _ask_once(self, name: str) -> None:
        try:
            connection = self._connection(name)
            check_connection(connection)
        except AgentdError:
            return  # `get` says what is wrong with it
        told = self._told.get(connection)
        if connection.url.startswith("http") and (told is None or self._world.clock.monotonic_ms() >= told.until_ms):
            await self._ask(connection)

    async def _ask(self, connection: Connection) -> Report | Failure:
        """Ask its server about itself, for as long as a person waits without noticing, and keep what it says."""
        before = self._told.get(connection)
        said = await ask_server(connection, self._world, self._keys, _READY_MS)
        now_ms = self._world.clock.monotonic_ms()
        if isinstance(said, Report):
            self._told[connection] = _Told(now_ms + _ASK_AGAIN_MS, said)
        else:
            self._told[connection] = _Told(now_ms + _TRY_AGAIN_MS, None if before is None else before.report)
        return said

    def _report(self, connection: Connection) -> Report | None:
        """What its server said about itself, if it was asked and answered."""
        told = self._told.get(connection)
        return None if told is None else told.report

    async def count(self, name: str, body: bytes) -> int | None:
        """See `turn.parts.Models`. A server that has no such question is not asked again for a while."""
        try:
            connection = self._connection(name)
            check_connection(connection)
        except AgentdError:
            return None  # `get` says what is wrong with it
        who = (connection.kind, connection.url)
        now_ms = self._world.clock.monotonic_ms()
        if not connection.url.startswith("http") or now_ms < self._counts_not.get(who, now_ms):
            return None
        counted = await counted_by(connection, self._world, self._keys, body, _COUNT_MS)
        if isinstance(counted, int):
            return counted
        self._counts_not[who] = now_ms + (_ASK_AGAIN_MS if counted == "never" else _TRY_AGAIN_MS)
        return None

    def stand_in(self, given_up: Sequence[str]) -> str:
        if not given_up:
            return ""
        connection = self._settings.values.models.connections.get(given_up[0])
        for name in connection.fallback if connection is not None else ():
            try:
                if name not in given_up:
                    self.check(name)
                    return name
            except AgentdError:
                continue  # a chain goes on with the next that can be used
        return ""

    def get(self, name: str) -> ModelChoice:
        connection = self._connection(name)
        check_connection(connection)
        report = self._report(connection)
        limits = limits_of(connection, report.window if report is not None else None, shipped())
        # What a request asks its server for (Ollama's num_ctx) is the same window that the budget counts with.
        wanted = replace(connection, window=limits.window)
        made = self._made.get(name)
        if made is None or made[0] != wanted:
            made = (wanted, make_provider(wanted, self._world, self._keys))
            self._made[name] = made
        budget = self._settings.values.budget
        window = Window(
            window=limits.window,
            max_output=min(limits.output, budget.max_output_tokens),
            safety_tokens=budget.safety_tokens,
            safety_share=budget.safety_share,
            small_window=budget.small_window,
        )
        notice = (f"window.{name}", limits.notice) if limits.notice else None
        prices = prices_of(connection, shipped())
        return ModelChoice(
            made[1],
            connection.model,
            window,
            notice,
            prices,
            local=prices == FREE and is_local(connection) and bool(connection.host),
            calls_in_text=finds_calls_in_text(connection),
            slots=report.slots if report is not None else None,
            effort=connection.effort,
            images=shows_pictures(connection, report),
        )

    def check(self, name: str) -> None:
        check_connection(self._connection(name))

    def _connection(self, name: str) -> Connection:
        if name == OFFLINE.name:
            return OFFLINE
        settings = self._settings.values.models.connections.get(name)
        if settings is not None:
            return connection_of(name, settings)
        found = next((one for one in self._found() if one.name == name), None)
        if found is None:
            known = sorted({OFFLINE.name, *self._settings.values.models.connections})
            near = difflib.get_close_matches(name, known, n=1)
            raise NotFoundError(
                f"there is no model connection {name[:80]!r}" + (f"; did you mean {near[0]}?" if near else ""),
                why=f"there are: {', '.join(known)}",
                remedy="`agentctl models list` shows them, `agentctl models add` makes one.",
                field="model",
            )
        return connection_of(name, found.connection)

    def _found(self) -> Sequence[Detected]:
        return by_key(self._environment())

    # -- for people --------------------------------------------------------------------------------------------

    async def _look_around(self) -> Sequence[Detected]:
        environment = self._environment()
        return (*by_key(environment), *await by_port(self._world, environment))

    async def list(self) -> Sequence[ModelInfo]:
        """Every connection there is or that was found just now; which one serves and why. The servers of those that are
        configured are asked, all at once; who was only found by a key is not: a person has to choose it first."""
        models = self._settings.values.models
        connections = [connection_of(name, one) for name, one in models.connections.items()]
        tasks = Tasks(lambda _name, _fault: None)  # what escapes one is raised where it is awaited
        try:
            around = tasks.start("look around", self._look_around())
            asking = {one.name: tasks.start(f"ask {one.name}", self._look_at(one)) for one in connections}
            looked = {name: await task for name, task in asking.items()}
            found = not_configured(await around, models)
        finally:
            await tasks.stop_all(_READY_MS)
        said = {name: one for name, one in looked.items() if isinstance(one, Report | Failure)}
        no_key = {name: one for name, one in looked.items() if isinstance(one, AgentdError)}
        return listed(models, found, Looked(said, no_key), self._settings.where, shipped())

    async def _look_at(self, connection: Connection) -> Report | Failure | AgentdError | None:
        """What its server says of itself, or why its key can't be had. Nobody is asked to unlock anything for a list."""
        if not connection.url.startswith("http") or not self._keys.at_hand(connection.key):
            return None
        try:
            check_connection(connection)
            await self._keys.resolve(connection.key)
        except AgentdError as fault:
            return fault
        return await self._ask(connection)

    async def add(self, params: AddParams) -> str:
        """Write a connection into the settings; without a model's name the server is asked which it has."""
        model = params.model
        is_new = params.name not in self._settings.values.models.connections  # else that is refused below
        if not model and is_new and params.kind not in ("offline", "scripted"):
            wanted = Connection(name=params.name, kind=params.kind, url=params.url, key=params.model_key)
            model = await self._ask_for_model(wanted)
        table: dict[str, object] = {
            "kind": params.kind,
            "url": params.url,
            "model": model or None,
            "key": params.model_key or None,
            "window": params.window,
            "price_in": params.price_in,
            "price_out": params.price_out,
            "fallback": list(params.fallback) or None,
            "effort": params.effort or None,
            "images": params.images,
            "calls_in_text": params.calls_in_text,
            "stall_ms": params.stall_ms,
            "send_session_id": params.send_session_id or None,
        }
        return await self._settings.add_model(params.name, table)

    async def _ask_for_model(self, connection: Connection) -> str:
        """The one model that its server has. BadInputError when there are several, or none says so."""
        said = await ask_server(connection, self._world, self._keys)
        if isinstance(said, Report) and len(said.models) == 1:
            return said.models[0]
        how = f"agentctl models add {connection.name} --kind {connection.kind} --url {connection.url} --model MODEL"
        if connection.key:
            how += f" --key {connection.key}"
        if isinstance(said, Report) and said.models:
            more = " ..." if len(said.models) > _SHOWN_MODELS else ""
            raise BadInputError(
                f"the server has {len(said.models)} models: {', '.join(said.models[:_SHOWN_MODELS])}{more}",
                remedy=f"Name one of them: {how}",
                field="model",
            )
        why = "the server does not say which models it has" if isinstance(said, Report) else said.text
        raise BadInputError(
            "no model is named", why=why, remedy=f"Name the model as the server knows it: {how}", field="model"
        )

    async def use(self, name: str, role: ModelRole = "main") -> str:
        """Choose it for new turns, or for a role; one that was only found is written into the settings first."""
        if name != OFFLINE.name and name not in self._settings.values.models.connections:
            found = next((one for one in await self._look_around() if one.name == name), None)
            if found is not None:
                await self._settings.add_model(name, await self._whole(found))
        check_connection(self._connection(name))
        file, _, _ = await self._settings.set(f"models.{_ROLES[role]}", name)
        return file

    async def _whole(self, found: Detected) -> dict[str, object]:
        """The table of one that was found; a model that is missing is asked of its server."""
        connection = found.connection
        if not found.usable:
            raise BadInputError(f"{found.name} can't be used", why=found.reason, field="name")
        model = connection.model or await self._ask_for_model(connection_of(found.name, connection))
        return {"kind": connection.kind, "url": connection.url, "model": model, "key": connection.key or None}

    async def test(self, name: str) -> TestResult:
        """A real round trip. An address that gave nothing is mended in the settings when another one was proved."""
        connection = self._connection(name)
        check_connection(connection)
        await self.ready(name)
        subject = Subject(connection, self._choice, self._seen, self._counted)
        bench = Bench(self._world, self._spending, self._reporter, self._limits)
        tested = await try_connection(subject, bench)
        result = await self._mended(tested, connection) if tested.url else tested.result
        words = "holds" if result.ok else f"fails: {next(one.seen for one in result.checks if not one.ok)}"
        self._reporter.happened("model", "model.tested", f"{name}: {words}", None, {"model": name, "ok": result.ok})
        return result

    def _choice(self, connection: Connection) -> ModelChoice:
        """A connection as it is tried: that of its name, perhaps at another address."""
        choice = self.get(connection.name)
        if connection == self._connection(connection.name):
            return choice
        moved = replace(connection, window=choice.limits.window)
        return replace(choice, provider=make_provider(moved, self._world, self._keys))

    async def _seen(self, connection: Connection) -> Report | Failure | None:
        return await self._ask(connection) if connection.url.startswith("http") else None

    async def _counted(self, connection: Connection, body: bytes) -> int | None:
        if not connection.url.startswith("http"):
            return None
        return await count_tokens(connection, self._world, self._keys, body, _COUNT_MS)

    def _limits(self) -> TurnSettings:
        return for_turns(self._settings.values, (), self.default())

    async def _mended(self, tested: Tested, connection: Connection) -> TestResult:
        """Write the proved address where the connection's is; with a check that says so, first."""
        name, url = connection.name, tested.url
        words, file = f"{url} answers and {connection.url} does not", ""
        try:
            if name not in self._settings.values.models.connections:
                raise BadInputError(f"{name} is not in the settings")
            file, _, _ = await self._settings.set(f"models.{name}.url", msgspec.json.encode(url).decode())
        except AgentdError as fault:
            words += f"; not written ({fault.what}): set models.{name}.url yourself"
        else:
            if self._settings.values.models.connections[name].url == url:
                words += f"; written to {file}"
            else:
                words += f"; written to {file}, but {self._settings.where(f'models.{name}.url')} still wins"
        checks = (TestCheck("address", True, words), *tested.result.checks)
        return msgspec.structs.replace(tested.result, checks=checks, mended_url=url, mended_file=file)


class _Now(Mapping[str, str]):
    """The variables of the moment in which one is looked up: a provider lives longer than a key may."""

    def __init__(self, environment: Callable[[], Mapping[str, str]]) -> None:
        self._environment = environment

    def __getitem__(self, name: str) -> str:
        return self._environment()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment())

    def __len__(self) -> int:
        return len(self._environment())
