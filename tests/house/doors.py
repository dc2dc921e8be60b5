"""Who may import what, with the reason: the tables of rule 3 (`test_rule03_one_door` reads them, nobody else).

FREE libraries compute and nothing else, so any module may use them. Everything else needs a row: library -> module ->
why this module is the right place for it.
"""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, Mapping[str, str]]

FREE = frozenset(
    {
        *("__future__", "abc", "ast", "base64", "binascii", "bisect", "codecs", "collections", "contextlib", "copy"),
        *("dataclasses", "datetime", "decimal", "difflib", "email.utils", "enum", "errno", "fnmatch", "fractions"),
        *("functools", "hashlib", "heapq", "hmac", "html", "http.HTTPStatus", "ipaddress", "itertools", "json", "math"),
        *("numbers", "operator", "posixpath", "re", "shlex", "stat", "statistics", "string", "struct", "textwrap"),
        *("tomllib", "traceback", "types", "typing", "unicodedata", "urllib.parse", "weakref", "zlib"),
        *("msgpack", "msgspec", "pathspec"),
    }
)

DOOR = "agentd.world.*"
_DOOR = "the door itself: every other room gets this as an argument"

_BEGIN = "the beginning of the process: it reads what the rooms are then given as values"
_TURNS = "a turn waits for models, tools and people; time and tasks are still the world's"
_WIRE = "the wire waits for sockets; tasks are still the world's"
_WORKER = "runs in the worker process, which has no world, and is stopped from outside"

DAEMON: dict[str, dict[str, str]] = {
    # The door. What is in these rows for `agentd.world` may be used inside it, and a fault at it is translated there.
    "asyncio": {
        "agentd.app": "starts and stops the parts, and waits for the wish to stop",
        "agentd.cli": "runs the loop",
        "agentd.providers.keys": "calls at the same time wait for one run of a key's program",
        "agentd.connections.room": "turns that begin together ask a server once, and wait for the one answer",
        "agentd.tools.builtin.shell": "tells of output while the command still runs",
        DOOR: "its calls that wait are awaited; its tasks are supervised in `tasks`",
        "agentd.server.conversation": _WIRE,
        "agentd.server.router": _WIRE,
        "agentd.server.sockets": _WIRE,
        "agentd.turn.calls": _TURNS,
        "agentd.turn.forking": _TURNS,
        "agentd.turn.model_call": _TURNS,
        "agentd.turn.runner": _TURNS,
        "agentd.turn.sessions": _TURNS,
        "agentd.turn.side_query": "gives way to a turn by ending itself",
        "agentd.turn.titles": "a question that waits for its time, and can be taken back",
        "agentd.turn.threshold": _TURNS,
    },
    "fcntl": {DOOR: _DOOR},
    "httpx": {"agentd.world.http": "the one HTTP client"},
    "http.cookiejar": {"agentd.world.http": "says that no cookie is ever kept"},
    "os": {
        "agentd.cli": _BEGIN,
        DOOR: _DOOR,
        "agentd.search.index": "runs in the worker process; deletes an index that is damaged",
        "agentd.session.log_stream": _WORKER,
        "agentd.turn.log_jobs": _WORKER,
        "agentd.tools.search_jobs": _WORKER,
        "agentd.tools.snapshot_jobs": _WORKER,
        "agentd.tools.snapshot_looking": _WORKER,
        "agentd.tools.snapshot_store": _WORKER,
        "agentd.tools.walking": _WORKER,
    },
    "random": {DOOR: "chance of the deterministic double, from its seed"},
    "selectors": {"agentd.world.fake_clock": "finds out when a simulated day has nothing to do but wait"},
    "ssl": {"agentd.world.http": "which certificates are believed"},
    "queue": {"agentd.world.journal": "hands appends to the one writer thread"},
    "logging": {"agentd.telemetry.logs": "lines on stderr, also those of libraries"},
    "signal": {DOOR: "ends process groups", "agentd.lifecycle.signals": "what the daemon's own signals mean"},
    "socket": {"agentd.lifecycle.notify": "one datagram to the service manager"},
    "subprocess": {DOOR: "starts children, by exec and never by fork alone"},
    "sys": {
        "agentd.cli": _BEGIN,
        "agentd.config.manual": "a program too: it prints the manual of the settings",
        DOOR: "asks for the platform and for the interpreter that runs the worker",
        "agentd.providers.keys_keyring": "a program too: arguments, stdout and exit code",
        "agentd.worker": "stdin and stdout are the pipe to the daemon",
    },
    "keyring": {"agentd.providers.keys_keyring": "a program of its own, which may wait for D-Bus and for people"},
    "termios": {DOOR: "gives a child a terminal"},
    "threading": {DOOR: "one writer thread, because a sync blocks; locks around what it shares"},
    "sqlite3": {"agentd.search.index": "the one file with sqlite; what it holds can be built again from other files"},
    "time": {
        DOOR: _DOOR,
        "agentd.session.search_jobs": _WORKER,
        "agentd.tools.snapshot_jobs": _WORKER,
        "agentd.tools.walking": _WORKER,
    },
    "zmq": {"agentd.server.sockets": "the one file with sockets"},
    "click": {"agentd.cli": "the program's own command line"},
    "pwd": {"agentd.cli": _BEGIN},
    "tarfile": {"agentd.session.handover_bundle": "one header at a time as bytes; it never opens a file by itself"},
    "gc": {"agentd.cli": "what was imported lives as long as the process; the collector need not look at it"},
    "tempfile": {"agentd.cli": _BEGIN},
    "tomlkit": {"agentd.config.edit": "writes one key and leaves the person's comments alone"},
    # Data that ships inside the package: read once, never written, so it is no outside.
    "importlib.resources": {
        "agentd.config.load": "reads the shipped defaults",
        "agentd.context.prompt_text": "reads the shipped prompts",
        "agentd.providers.catalog": "reads the shipped model facts",
        "agentd.providers.offline_words": "reads the words that the offline engine knows",
        "agentd.tools.prompt_text": "reads the shipped texts of the tools",
    },
    "importlib": {
        "agentd.telemetry.detect_plugins": "the detector's library is loaded when a text is first looked at, in the worker",
        "agentd.worker": "a job's module is imported when the job is first asked for",
    },
}

_PROGRAM = "the command line is a program on a terminal: streams, arguments, exit codes"

_SCRATCH = "git makes and removes the worktree in which a session is replayed"
CLIENTS: dict[str, dict[str, str]] = {
    "asyncio": {
        "agentctl.chat.loop": "keys and events at the same time",
        "agentctl.commands.chat": "runs the loop of the chat",
        "agentclient.async_socket": "waits for the socket's descriptor under an event loop",
        "agentclient.client": "the asyncio pump; `blocking` is the other one and imports none of it",
    },
    "click": {"agentctl.*": "the command line's own library"},
    "fcntl": {
        "agentclient.discover": "probes the daemon's lock and holds the start lock",
        "agentclient.testing": "the double holds a real lock",
    },
    "gc": {"agentctl.lazy": "no collection while modules are loaded; it is a tenth of the start"},
    "importlib": {"agentctl.lazy": "the one place of late imports: a command pays only for what it uses"},
    "io": {
        "agentctl.cli": "the encoding of the standard streams",
        "agentctl.commands.ask": "a stream to nowhere, when only JSON is wanted",
        "agentctl.render.markdown": "rendered text before it is shown",
    },
    "prompt_toolkit": {"agentctl.chat.loop": "the line editor of the chat"},
    "os": {
        "agentctl.chat.files": "completes the names of files",
        "agentctl.chat.loop": "the history is a private file",
        "agentctl.chat.talk": "the folder that a turn works in",
        "agentctl.checks": "looks at what the daemon would be refused for",
        "agentctl.commands.doctor": "looks at folders and mounts, daemon or not",
        "agentctl.sessions.naming": "the folder whose latest session is meant",
        "agentctl.sessions.newfile": "takes away what it could not finish writing",
        "agentctl.sessions.scratch": _SCRATCH,
        "agentctl.firstrun": "the question comes in a variable of make",
        "agentclient.blocking": "takes the environment when none is given",
        "agentclient.client": "takes the environment when none is given",
        "agentclient.detach": "becomes a session of its own and executes the daemon",
        "agentclient.discover": "reads the connection file",
        "agentclient.keys": "chance for idempotency keys",
        "agentclient.starting": "starts the daemon with a clean environment",
        "agentclient.testing": "the double writes a connection file",
        "agentctl.cli": "AGENTD_DEBUG, and a reader that went away",
        "agentctl.commands.ask": "the folder that a turn works in",
        "agentctl.commands.daemon": "the daemon's folders and its log, which must be readable without it",
        "agentctl.terminal": "the terminal as a device",
    },
    "pwd": {"agentclient.discover": "the home of a user whose environment does not name it"},
    "rich": {
        "agentctl.render.grid": "tables on a terminal; loaded only when there is one",
        "agentctl.render.markdown": "Markdown on a terminal; loaded only when there is one",
    },
    "shutil": {
        "agentctl.checks": "which programs there are",
        "agentctl.commands.doctor": "how much room the disk has",
        "agentctl.sessions.scratch": _SCRATCH,
    },
    "select": {"agentctl.terminal": "waits for one key"},
    "signal": {
        "agentclient.starting": "the daemon must not inherit ignored signals",
        "agentclient.testing": "the double ends when it is told to",
        "agentctl.follow": "Ctrl-C interrupts the turn, not the program",
    },
    "subprocess": {"agentctl.sessions.scratch": _SCRATCH},
    "tempfile": {"agentctl.sessions.scratch": _SCRATCH},
    "sys": {
        "agentclient.detach": "a program: its arguments",
        "agentclient.discover": "the platform",
        "agentclient.starting": "the interpreter that runs the daemon",
        "agentclient.testing": "a program too: its arguments",
        "agentctl.*": _PROGRAM,
    },
    "termios": {"agentctl.terminal": "single keys, unechoed"},
    "threading": {"agentclient.testing": "the double answers while the test asks"},
    "time": {
        "agentctl.chat.loop": "the last key press of a person, for heartbeats",
        "agentctl.checks": "how long an answer took",
        "agentctl.commands.cost": "since when costs are summed",
        "agentctl.commands.doctor": "compares the daemon's clock with ours",
        "agentctl.render.export": "times in the words of the person's own zone",
        "agentclient.discover": "how long a start may take",
        "agentclient.greeting": "heartbeats and deadlines of one conversation",
        "agentclient.testing": "heartbeats of the double",
        "agentctl.commands.daemon": "waits for the daemon's end, and follows its log",
        "agentctl.commands.events": "times in the words of the person's own zone",
        "agentctl.render.table": "times in the words of the person's own zone",
    },
    "zmq": {"agentclient.sockets": "the one file with sockets"},
}

BUILT_INS: dict[str, dict[str, str]] = {
    "open": {
        DOOR: _DOOR,
        "agentclient.starting": "reads the log's end, to show why the daemon ended",
        "agentclient.testing": "the double writes a connection file",
        "agentctl.commands.daemon": "the log must be readable when the daemon is not there",
        "agentctl.commands.doctor": "reads the list of mounts",
        "agentctl.sessions.newfile": "writes an export, and only to a new file",
        "agentctl.sessions.scratch": "compares what the edits of two models left",
    },
}

TASKS = {
    "agentd.world.tasks": "the one place that starts tasks: it names them, watches them and ends them",
    "agentclient.client": "one pump for the length of `connect`'s block, which ends it and waits for its end",
    "agentctl.chat.loop": "what is heard and what a key asked for, side by side; all are ended and awaited at the end",
}
