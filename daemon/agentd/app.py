"""Builds everything, once, and starts and stops it in order: the only file that knows all the parts.

Start: folders checked, the home's lock taken, settings read, what a killed daemon left running ended, recorded of open
sessions that they go on, socket bound, connection file written, readiness told; only then do they go on. Stop is the same
backwards; turns that run are not ended but left to their logs: the next start goes on with them. Callers: `agentd.cli`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from agentd.config.load import Sources as SettingsSources
from agentd.connections.room import Connections
from agentd.connections.variables import ClientVariables, wanted
from agentd.context.sections import SessionFacts
from agentd.errors import DiskError
from agentd.lifecycle.endpoint import choose_socket, remove_connection, write_connection
from agentd.lifecycle.home_check import check_home
from agentd.lifecycle.home_lock import take_lock
from agentd.lifecycle.notify import Notifier
from agentd.lifecycle.own_log import trim
from agentd.reporting import Reporting
from agentd.server.handlers import config, daemon, log, model, question, session, tool, turn
from agentd.server.handling import collect
from agentd.server.router import Router
from agentd.server.sockets import WireSocket, make_keys
from agentd.server.sources import Sources
from agentd.server.streams import Streams
from agentd.services import Caller, Services
from agentd.session.requests import RequestRecord
from agentd.session.store import SessionStore
from agentd.settings.given import durability_words, for_retention, for_turns, sync_within_ms
from agentd.settings.room import SettingsInForce
from agentd.telemetry.eventlog import EventLog
from agentd.telemetry.logs import Log
from agentd.telemetry.measure import Milestones
from agentd.telemetry.redact import Redactor
from agentd.tools.registry import built_in
from agentd.turn.forking import Forking
from agentd.turn.housekeeping import Housekeeping, keep_house
from agentd.turn.parts import Parts, TurnSettings
from agentd.turn.sessions import Sessions
from agentd.turn.spending import Spending
from agentd.turn.taking_back import TakingBack
from agentd.turn.unwanted import Unwanted
from agentd.world.doors import Lock, NoBox, World
from agentd.world.tasks import Tasks
from agentproto.__about__ import __version__
from agentproto.api.daemon import StatusResult
from agentproto.envelope import Welcome
from agentproto.homes import LOG_FILE, Folders
from agentproto.versions import CAPABILITIES

__all__ = ["Daemon", "Process"]

_TICK_MS = 2000
_UNLOAD_EVERY_TICKS = 15
_KEEP_HOUSE_EVERY_TICKS = 300
_DRAIN_MS = 4000
_HANDLERS = {
    name: handler
    for module in (config, daemon, log, model, question, session, tool, turn)
    for name, handler in module.HANDLERS.items()
}


@dataclass(frozen=True, slots=True)
class Process:
    """What the operating system says of this process; read once, by `agentd.cli`."""

    pid: int
    uid: int
    platform: str
    environment: Mapping[str, str]
    temporary: str
    notify_socket: str | None
    watchdog_ms: int | None


class Daemon:
    """One home's daemon. `start`, then `run`, then `stop`; in one event loop."""

    def __init__(self, world: World, folders: Folders, process: Process, log: Log, redactor: Redactor) -> None:
        self._world = world
        self._folders = folders
        self._process = process
        self._log = log
        self._redactor = redactor
        self._milestones = Milestones(world.clock)
        self._tasks = Tasks(self._died)
        self._stopping = asyncio.Event()
        self._variables = ClientVariables(process.environment, redactor.learn)
        self._lock: Lock | None = None
        self._started_at_ms = 0
        self._resident_bytes = 0
        self._keeping_house = False
        self._notices: list[str] = []
        self._identity = f"d{world.ids.token(8).hex()}"

    def _died(self, name: str, fault: BaseException) -> None:
        self._log.bug(f"task {name}", "task", fault)

    # -- start -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """HomeError or SettingsError when this home can't be served, BusyError when another daemon holds it."""
        world, folders = self._world, self._folders
        self._started_at_ms = world.clock.now_ms()
        self._notices += check_home(world.files, folders, self._process.uid)
        self._lock = await take_lock(world, folders.run, self._process.pid)
        self._notifier = Notifier(self._process.notify_socket)
        self._settings: SettingsInForce = SettingsInForce(
            world.files,
            SettingsSources(f"{folders.config}/settings.toml", self._process.environment),
            self._settings_told,
        )
        self._milestones.reached("home, lock and settings")
        logs = self._settings.values.logs
        self._log.set_level(logs.level)
        self._events = EventLog(
            world,
            folders.state,
            logs.events_bytes,
            logs.events_files,
            redactor=self._redactor,
            report=lambda text: self._log.warning("events.lost", text),
        )
        self._events.load()
        self._reporting = Reporting(world, self._events, self._log, lambda: self._tasks)
        world.journal.relax(
            lambda: sync_within_ms(self._settings.values),
            lambda fault: self._log.warning(
                "journal.sync_failed", f"{fault.what}; what was acknowledged since may be lost"
            ),
        )
        ended = world.processes.sweep()
        if ended:
            self._reporting.happened(
                "daemon", "daemon.swept", f"{ended} process groups of an earlier daemon were ended"
            )
        self._build()
        self._milestones.reached("event log and parts")
        self._store.prepare()
        self._notices += [*self._requests.load(), *self._spending.load()]
        await self._sessions.recover_open()
        self._milestones.reached("open sessions")
        self._open()
        self._milestones.reached("socket and connection file")

    def _build(self) -> None:
        world, folders = self._world, self._folders
        self._store = SessionStore(world, folders.data, folders.state)
        self._requests = RequestRecord(world, folders.state)
        self._spending = Spending(world, folders.state)
        self._connections = Connections(
            world, self._settings, self._variables.now, self._spending, self._reporting, self._redactor.know
        )
        self._sources = Sources()
        self._streams = Streams(self._sources, world.clock.now_ms)
        self._reporting.streams = self._streams
        self._tools = {tool.spec.name: tool for tool in built_in()}
        self._box = NoBox()
        parts = Parts(
            world=world,
            store=self._store,
            tools=self._tools,
            models=self._connections,
            publisher=self._streams,
            reporter=self._reporting,
            tasks=self._tasks,
            box=self._box,
            own_folders=(folders.config, folders.data, folders.state, folders.cache, folders.run),
            home=self._process.environment.get("HOME", "/"),
            product=__version__,
            settings=self._turn_settings,
            facts=self._facts,
            secrets=self._variables.of_session,
            cache=folders.cache,
            spending=self._spending,
        )
        self._sessions = Sessions(parts, self._requests)
        self._taking_back = TakingBack(parts, self._sessions)
        self._forking = Forking(parts, self._sessions)
        self._unwanted = Unwanted(parts, self._sessions, self._taking_back)
        self._sources.loaded = lambda id: self._sessions.loaded().get(id)
        self._sources.happened_after = self._reporting.after
        self._sources.happened_head = self._reporting.head

    def _open(self) -> None:
        world, folders = self._world, self._folders
        server, owner = make_keys(), make_keys()
        self._socket_path = choose_socket(world, folders.run, self._process.temporary)
        self._endpoint = f"ipc://{self._socket_path}"
        socket = WireSocket(self._endpoint, server, {owner.public: "owner"}, uid=self._process.uid)
        features = frozenset(name for name, on in self._settings.values.features.items() if on)
        self._methods = collect(_HANDLERS, features)
        self._router = Router(
            socket,
            self._streams,
            self._tasks,
            world.clock,
            self._reporting,
            self._methods,
            self._welcome,
            self._unwanted.gone,
        )
        self._router.open(self._services())
        world.files.set_mode(self._socket_path, 0o600)
        write_connection(
            world,
            folders.run,
            endpoint=self._endpoint,
            product=__version__,
            pid=self._process.pid,
            daemon=self._identity,
            server_public=server.public,
            client_public=owner.public,
            client_secret=owner.secret,
        )
        self._tasks.start("tick", self._tick())
        self._tasks.start("list", self._store.look_through())
        self._reporting.happened("daemon", "daemon.started", f"version {__version__}, pid {self._process.pid}")
        for notice in self._notices:
            self._reporting.happened("daemon", "daemon.notice", notice)
        self._notifier.ready(f"serving {folders.home or folders.data}")

    def _services(self) -> Services:
        return Services(
            world=self._world,
            folders=self._folders,
            store=self._store,
            sessions=self._sessions,
            taking_back=self._taking_back,
            forking=self._forking,
            requests=self._requests,
            spending=self._spending,
            turn_settings=self._turn_settings,
            tools=self._tools,
            settings=self._settings,
            models=self._connections,
            status=self._status,
            stop=self._stop_soon,
            variables=self._wanted,
            remember_variables=self._variables.remember,
            give_variables=self._variables.give,
            secrets=self._redactor.values,
        )

    # -- what the parts ask ------------------------------------------------------------------------------------

    def _turn_settings(self) -> TurnSettings:
        return for_turns(self._settings.values, self._settings.rules, self._connections.default())

    def _facts(self, workspace: str, cwd: str) -> SessionFacts:
        return SessionFacts(workspace=workspace, cwd=cwd, platform=self._process.platform, shell="bash")

    def _wanted(self) -> tuple[str, ...]:
        return wanted(self._settings.values.models.connections.values())

    def _settings_told(self, name: str, text: str) -> None:
        self._reporting.happened("settings", name, text)

    def _welcome(self, caller: Caller, wire: int) -> Welcome:
        return Welcome(
            product=__version__,
            wire=wire,
            capabilities=CAPABILITIES,
            daemon=self._identity,
            role=caller.role,
            pid=self._process.pid,
            sandbox=self._box.level,
            model=self._connections.default(),
            methods=tuple(self._methods),
            variables=self._wanted(),
            heartbeat_ms=_TICK_MS,
        )

    def _status(self) -> StatusResult:
        loaded = self._sessions.loaded()
        return StatusResult(
            pid=self._process.pid,
            version=__version__,
            daemon=self._identity,
            home=self._folders.home or self._folders.data,
            endpoint=self._endpoint,
            sandbox=self._box.level,
            model=self._connections.default(),
            sessions=self._store.count(),
            turns_running=sum(runner.state.turn is not None for runner in loaded.values()),
            questions_open=len(self._sessions.questions()),
            clients=self._router.clients,
            started_at_ms=self._started_at_ms,
            now_ms=self._world.clock.now_ms(),
            durability=durability_words(self._settings.values),
            log_file=f"{self._folders.state}/{LOG_FILE}",
            resident_bytes=self._resident_bytes or self._resident(),
            features=tuple(name for name, on in self._settings.values.features.items() if on),
            notices=tuple(self._notices),
        )

    def _resident(self) -> int:
        try:
            pages = int(self._world.files.read("/proc/self/statm").split()[1])
        except (DiskError, IndexError, ValueError):
            return 0
        return pages * 4096

    # -- running and stopping ----------------------------------------------------------------------------------

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await self._world.clock.sleep(_TICK_MS)
            ticks += 1
            try:
                await self._tick_once(ticks)
            except Exception as fault:  # noqa: BLE001 - the watchdog and the vanished clients hang on the next one
                self._reporting.bug("tick", fault)

    async def _tick_once(self, ticks: int) -> None:
        self._router.tick()
        self._resident_bytes = self._resident()
        self._settings.look_again()
        if self._process.watchdog_ms is not None:
            self._notifier.watchdog()
        if ticks % _UNLOAD_EVERY_TICKS == 0:
            trim(self._world.files, f"{self._folders.state}/{LOG_FILE}")
            idle_ms = self._settings.values.sessions.idle_unload_ms
            await self._sessions.unload_idle(idle_ms, self._streams.wanted())
        if ticks % _KEEP_HOUSE_EVERY_TICKS == 0 and not self._keeping_house:
            self._keeping_house = True
            self._tasks.start("housekeeping", self._keep_house())

    async def _keep_house(self) -> None:
        """Beside the ticks: it may take minutes."""
        try:
            rooms = Housekeeping(self._world, self._store, self._sessions)
            policy = for_retention(self._settings.values)
            await keep_house(rooms, self._folders.state, policy, self._streams.wanted(), self._reporting)
        finally:
            self._keeping_house = False

    async def _stop_soon(self, drain: bool) -> int:
        """Answer first, then stop. What runs is paused, and a start goes on with it; without `drain` it is ended."""
        running = sum(runner.busy for runner in self._sessions.loaded().values())
        if not drain:
            await self._unwanted.end_all()
        asyncio.get_running_loop().call_later(0.05, self._stopping.set)
        return running if drain else 0

    def ask_to_stop(self) -> None:
        self._stopping.set()

    def ask_to_reload(self) -> None:
        if not hasattr(self, "_router"):
            return  # it is starting, and reads them anyway
        self._notifier.reloading(self._world.clock.perf_us())
        self._tasks.start("reload", self._reload())

    async def _reload(self) -> None:
        await self._settings.reload()
        self._notifier.ready("settings read")

    def start_profile(self) -> str:
        """How long each part of the start took, as a table."""
        return self._milestones.report()

    async def run(self) -> None:
        """Until somebody asks to stop."""
        await self._stopping.wait()

    async def stop(self) -> None:
        """Pause what runs (its log says where), end children, close, let go of the home."""
        if hasattr(self, "_notifier"):
            self._notifier.stopping()
        if hasattr(self, "_router"):
            remove_connection(self._world, self._folders.run, self._socket_path)
            paused = await self._sessions.stop()
            self._reporting.happened("daemon", "daemon.stopped", f"{paused} turns are paused")
            self._router.close()
        await self._world.processes.end_all()
        await asyncio.sleep(0)
        await self._tasks.stop_all(_DRAIN_MS)
        await self._world.http.close()
        await self._world.journal.close()
        if self._lock is not None:
            self._lock.release()
