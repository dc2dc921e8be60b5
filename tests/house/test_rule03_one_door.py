"""Rule 3: time, chance and the outside enter by one door, `agentd.world`.

An allow-list: what a module imports is either free (it computes and nothing else) or has a row here, library ->
module -> reason. A new library, or a new importer of an old one, has to be written down before it passes; a row that
nobody uses any more has to go. The same for the clients, which have no world and therefore very few doors.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

import pytest

from house.doors import BUILT_INS, CLIENTS, DAEMON, FREE, TASKS, Table
from house.tree import Source, below, calls, dotted, imports, none, sample, sources

OURS = {"daemon": ("agentd", "agentproto"), "clients": ("agentctl", "agentclient", "agentproto")}
CLOCK_READS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
STARTS = ("create_task", "ensure_future", "run_coroutine_threadsafe")
# What `posixpath` has besides computing with text: it looks at the disk or at the environment.
LOOKS = {
    *(
        "abspath",
        "exists",
        "expanduser",
        "expandvars",
        "getatime",
        "getctime",
        "getmtime",
        "getsize",
        "isdir",
        "isfile",
    ),
    *("islink", "ismount", "lexists", "realpath", "samefile", "sameopenfile", "samestat"),
}


def undeclared(source: Source, table: Table, ours: tuple[str, ...]) -> list[str]:
    """Imports that are neither free, nor ours, nor have a row."""
    return [
        f"{source.place}:{line} imports {name}"
        for line, name in imports(source)
        if not any(below(name, free) for free in (*FREE, *ours)) and not rows_for(source.name, name, table)
    ]


def rows_for(module: str, name: str, table: Table) -> list[tuple[str, str]]:
    """The rows that let this module import this name; `room.*` stands for every module of the room."""
    return [
        (library, row)
        for library, rows in table.items()
        for row in rows
        if below(name, library) and (row == module or (row.endswith(".*") and below(module, row[:-2])))
    ]


def stale(modules: Iterable[Source], table: Table) -> list[str]:
    """Rows that no import needs any more."""
    used = {row for source in modules for _, name in imports(source) for row in rows_for(source.name, name, table)}
    rows = {(library, module) for library, names in table.items() for module in names}
    return [f"{module} does not import {library}" for library, module in sorted(rows - used)]


def unreasoned(table: Table) -> list[str]:
    return [f"{library}: {module}" for library, rows in table.items() for module, why in rows.items() if len(why) < 10]


def side_doors(source: Source, allowed: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Built-ins and free libraries that read the clock, the disk or the terminal without an import that shows it."""
    faults = []
    for line, name in calls(source):
        last = name.rpartition(".")[2]
        if name in {"open", "input", "print", "eval", "exec", "__import__", "breakpoint"}:
            if not rows_for(source.name, name, allowed):
                faults.append(f"{source.place}:{line} {name}()")
        elif name.endswith(CLOCK_READS) or (name.startswith("posixpath.") and last in LOOKS):
            faults.append(f"{source.place}:{line} {name}()")
    faults += [
        f"{source.place}:{line} imports {name}"
        for line, name in imports(source)
        if name.startswith("posixpath.") and name.rpartition(".")[2] in LOOKS
    ]
    return faults


def bare_tasks(source: Source) -> list[str]:
    """Tasks that nobody watches: an exception in one would be lost, and stopping would not wait for it."""
    if source.name in TASKS:
        return []
    return [
        f"{source.place}:{node.lineno} {dotted(node)}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute | ast.Name) and dotted(node).rpartition(".")[2] in STARTS
    ]


def daemon() -> tuple[Source, ...]:
    return sources("agentd")


def clients() -> tuple[Source, ...]:
    return sources("agentclient", "agentctl")


def test_the_daemon_imports_only_what_is_declared() -> None:
    none(fault for source in daemon() for fault in undeclared(source, DAEMON, OURS["daemon"]))


def test_the_clients_import_only_what_is_declared() -> None:
    none(fault for source in clients() for fault in undeclared(source, CLIENTS, OURS["clients"]))


def test_the_tables_have_no_stale_row() -> None:
    none(stale(daemon(), DAEMON))
    none(stale(clients(), CLIENTS))
    places = {source.name for source in (*daemon(), *clients())}
    none(f"{module} is gone" for module in TASKS if module not in places)


def test_every_row_has_a_reason() -> None:
    none([*unreasoned(DAEMON), *unreasoned(CLIENTS), *unreasoned(BUILT_INS), *unreasoned({"tasks": TASKS})])


def test_one_file_each_for_the_loudest_doors() -> None:
    """These have one named importer a side; a second one is a second door."""
    assert set(DAEMON["httpx"]) == {"agentd.world.http"}
    assert set(DAEMON["sqlite3"]) == {"agentd.search.index"}
    assert (set(DAEMON.get("zmq", {})), set(CLIENTS["zmq"])) == ({"agentd.server.sockets"}, {"agentclient.sockets"})


def test_no_side_door_is_used() -> None:
    none(fault for source in (*daemon(), *clients()) for fault in side_doors(source, BUILT_INS))


def test_every_task_is_supervised() -> None:
    none(fault for source in (*daemon(), *clients()) for fault in bare_tasks(source))


@pytest.mark.parametrize(
    "text",
    [
        "import time\n",
        "import os.path\n",
        "from os import path\n",
        "from random import random\n",
        "import pathlib\n",
        "def f():\n    import subprocess\n",
        "import httpx\n",
        "import zmq.asyncio\n",
        "import importlib.resources\n",
        "import a_library_that_nobody_declared\n",
        "import agentctl.cli\n",
        "import http.client\n",
    ],
)
def test_an_undeclared_import_is_found(text: str) -> None:
    assert undeclared(sample(text), {}, OURS["daemon"]) != []


@pytest.mark.parametrize("text", ["import json\n", "from agentd.errors import DiskError\n", "from typing import Any\n"])
def test_a_free_import_is_not(text: str) -> None:
    assert undeclared(sample(text), {}, OURS["daemon"]) == []


def test_a_row_opens_the_door_for_one_module_alone() -> None:
    table = {"time": {"agentd.room.sample": "it is the clock itself"}}
    other = sample("import time\n", "daemon/agentd/room/other.py")
    assert undeclared(sample("import time\n"), table, ()) == []
    assert undeclared(other, table, ()) != []
    assert stale([other], table) == ["agentd.room.sample does not import time"]
    assert unreasoned({"time": {"agentd.room.sample": "clock"}}) == ["time: agentd.room.sample"]


def test_a_row_can_open_the_door_for_a_room() -> None:
    table = {"time": {"agentd.room.*": "the room is the door"}}
    assert undeclared(sample("import time\n", "daemon/agentd/room/deep/other.py"), table, ()) == []
    assert undeclared(sample("import time\n", "daemon/agentd/roomy.py"), table, ()) != []
    assert stale([sample("import os\n")], table) == ["agentd.room.* does not import time"]


@pytest.mark.parametrize(
    "text",
    [
        "open('x')\n",
        "print('x')\n",
        "eval('1')\n",
        "datetime.now(UTC)\n",
        "datetime.datetime.utcnow()\n",
        "posixpath.realpath('x')\n",
        "from posixpath import exists\n",
    ],
)
def test_a_side_door_is_found(text: str) -> None:
    assert side_doors(sample(text), {}) != []


def test_computing_with_a_path_is_no_side_door() -> None:
    assert side_doors(sample("import posixpath\nposixpath.join('a', 'b')\nfiles.open(1)\n"), {}) == []


@pytest.mark.parametrize(
    "text",
    [
        "asyncio.create_task(f())\n",
        "loop.create_task(f())\n",
        "from asyncio import ensure_future\nensure_future(f())\n",
        "start = asyncio.create_task\n",
        "asyncio.get_running_loop().create_task(f())\n",
    ],
)
def test_a_bare_task_is_found(text: str) -> None:
    assert bare_tasks(sample(text)) != []
