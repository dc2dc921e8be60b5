"""The connections in force: made from settings and from what was found, one of them in use, with the reason.

Decides nothing that `config.detect.choose` does not. Looking for local servers happens only when somebody asks for the
list: a start never waits for a port. Providers are made when first used and kept while their settings stay the same.
Callers: the turn's runner (as Models), handlers (as ModelRoom).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from agentd.config.detect import Detected, by_key, by_port, choose, not_configured
from agentd.config.model import ConnectionSettings
from agentd.connections.prices import prices_of
from agentd.connections.trial import try_connection
from agentd.context.budget import Window
from agentd.errors import AgentdError, BadInputError, NotFoundError
from agentd.providers.base import Provider
from agentd.providers.call import ask_server
from agentd.providers.catalog import limits_of, shipped
from agentd.providers.connection import Connection
from agentd.providers.keys import Keys
from agentd.providers.registry import OFFLINE, check_connection, make_provider
from agentd.providers.report import Report, shows_pictures
from agentd.settings.room import SettingsInForce
from agentd.turn.parts import ModelChoice
from agentd.world.doors import World
from agentproto.api.model import AddParams, ModelInfo, TestResult

__all__ = ["Connections"]

_READY_MS = 500
"""How long a server may take to say what it is before a turn goes on without."""
_ASK_AGAIN_MS = 10 * 60_000
"""A server that is started anew with another window is noticed after so long, or by its refusal."""
_TRY_AGAIN_MS = 30_000
"""After a server did not answer."""


class Connections:
    """`environment` gives the variables of this moment (the daemon's own and what owners' clients sent)."""

    def __init__(self, world: World, settings: SettingsInForce, environment: Callable[[], Mapping[str, str]]) -> None:
        self._world = world
        self._settings = settings
        self._environment = environment
        self._made: dict[str, tuple[Connection, Provider]] = {}
        self._told: dict[Connection, tuple[int, Report | None]] = {}

    # -- for turns ---------------------------------------------------------------------------------------------

    def default(self) -> str:
        return choose(self._settings.values.models, self._found())[0]

    async def ready(self, name: str) -> None:
        """Ask the connection's server what it is (its window, whether it sees), when that was not asked lately. Never raises, and never
        takes longer than a person would notice: what a server does not say in time is asked another time."""
        try:
            connection = self._connection(name)
            check_connection(connection)
        except AgentdError:
            return  # `get` says what is wrong with it
        now_ms = self._world.clock.monotonic_ms()
        told = self._told.get(connection)
        if not connection.url.startswith("http") or (told is not None and now_ms < told[0]):
            return
        keys = Keys(_Now(self._environment), self._world.files)
        said = await ask_server(connection, self._world, keys, _READY_MS)
        if isinstance(said, Report):
            self._told[connection] = (now_ms + _ASK_AGAIN_MS, said)
        else:
            self._told[connection] = (now_ms + _TRY_AGAIN_MS, told[1] if told is not None else None)

    def _report(self, connection: Connection) -> Report | None:
        told = self._told.get(connection)
        return None if told is None else told[1]

    def get(self, name: str) -> ModelChoice:
        connection = self._connection(name)
        check_connection(connection)
        report = self._report(connection)
        limits = limits_of(connection, report.window if report is not None else None, shipped())
        # What a request asks its server for (Ollama's num_ctx) is the same window that the budget counts with.
        wanted = replace(connection, window=limits.window)
        made = self._made.get(name)
        if made is None or made[0] != wanted:
            keys = Keys(_Now(self._environment), self._world.files)
            made = (wanted, make_provider(wanted, self._world, keys))
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
        return ModelChoice(
            made[1],
            connection.model,
            window,
            notice,
            prices_of(connection, shipped()),
            connection.effort,
            shows_pictures(connection, report),
        )

    def check(self, name: str) -> None:
        check_connection(self._connection(name))

    def _connection(self, name: str) -> Connection:
        if name == OFFLINE.name:
            return OFFLINE
        settings = self._settings.values.models.connections.get(name)
        if settings is not None:
            return _of_settings(name, settings)
        found = next((one for one in self._found() if one.name == name), None)
        if found is None:
            known = ", ".join(sorted({"offline", *self._settings.values.models.connections}))
            raise NotFoundError(
                f"there is no model connection {name[:80]!r}",
                why=f"there are: {known}",
                remedy="`agentctl models list` shows them, `agentctl models add` makes one.",
                field="model",
            )
        return _of_settings(name, found.connection)

    def _found(self) -> Sequence[Detected]:
        return by_key(self._environment())

    # -- for people --------------------------------------------------------------------------------------------

    async def _look_around(self) -> Sequence[Detected]:
        environment = self._environment()
        return (*by_key(environment), *await by_port(self._world, environment))

    async def list(self) -> Sequence[ModelInfo]:
        """Every connection there is or that was found just now; which one serves and why."""
        models = self._settings.values.models
        found = not_configured(await self._look_around(), models)
        used, reason = choose(models, found)
        rows = [self._info(OFFLINE, used, reason, "built in", "always there")]
        for name, settings in models.connections.items():
            row = self._settings.where(f"models.{name}.kind")
            rows.append(self._info(_of_settings(name, settings), used, reason, row, "configured"))
        for one in found:
            rows.append(self._info(_of_settings(one.name, one.connection), used, reason, one.source, one.reason))
        return rows

    def _info(self, connection: Connection, used: str, why_used: str, source: str, else_why: str) -> ModelInfo:
        in_use = connection.name == used
        reason = why_used if in_use else else_why
        try:
            check_connection(connection)
        except BadInputError as fault:
            reason = f"{reason}; can't be used: {fault.what}"
        limits = limits_of(connection, None, shipped())
        return ModelInfo(
            name=connection.name,
            kind=connection.kind,
            model=connection.model,
            in_use=in_use,
            reason=reason,
            source=source,
            url=connection.url,
            window=limits.window,
            key=connection.key,
        )

    async def add(self, params: AddParams) -> str:
        """Write a connection into the settings; without a model's name the server is asked which it has."""
        model = params.model or await self._ask_for_model(params)
        table: dict[str, object] = {
            "kind": params.kind,
            "url": params.url,
            "model": model or None,
            "key": params.model_key or None,
            "window": params.window,
            "price_in": params.price_in,
            "price_out": params.price_out,
        }
        return await self._settings.add_model(params.name, table)

    async def _ask_for_model(self, params: AddParams) -> str:
        wanted = Connection(name=params.name, kind=params.kind, url=params.url, key=params.model_key)
        said = await ask_server(wanted, self._world, Keys(self._environment(), self._world.files))
        if isinstance(said, Report) and len(said.models) == 1:
            return said.models[0]
        if isinstance(said, Report) and said.models:
            raise BadInputError(
                f"the server has {len(said.models)} models: {', '.join(said.models[:20])}",
                remedy="Name one of them with --model.",
                field="model",
            )
        why = "the server does not say which models it has" if isinstance(said, Report) else said.text
        raise BadInputError(
            "no model is named", why=why, remedy="Name the model as the server knows it, with --model.", field="model"
        )

    async def use(self, name: str) -> str:
        """Choose it for new turns; one that was only found is written into the settings first."""
        if name != OFFLINE.name and name not in self._settings.values.models.connections:
            found = next((one for one in await self._look_around() if one.name == name), None)
            if found is not None:
                await self._settings.add_model(name, _table(found.connection))
        check_connection(self._connection(name))
        file, _, _ = await self._settings.set("models.use", name)
        return file

    async def test(self, name: str) -> TestResult:
        """A real round trip."""
        choice = self.get(name)
        return await try_connection(self._world.clock, name, choice.provider, choice.model, choice.limits)


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


def _of_settings(name: str, settings: ConnectionSettings) -> Connection:
    return Connection(
        name=name,
        kind=settings.kind,
        url=settings.url,
        model=settings.model,
        key=settings.key,
        window=settings.window,
        price_in=settings.price_in,
        price_out=settings.price_out,
        stall_ms=settings.stall_ms,
        send_session_id=settings.send_session_id,
        effort=settings.effort,
        images=settings.images,
        calls_in_text=settings.calls_in_text,
        fallback=settings.fallback,
    )


def _table(settings: ConnectionSettings) -> dict[str, object]:
    return {"kind": settings.kind, "url": settings.url, "model": settings.model or None, "key": settings.key or None}
