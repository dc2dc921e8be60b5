"""The production world: cheap to import and to build, whole when it is used."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from agentd.world.doors import HttpRequest, NoBox, Spawn
from agentd.world.real import real_world
from support.raw_server import raw_server


def test_importing_it_does_not_import_the_network() -> None:
    code = "import sys, agentd.world.real; print(sorted({'httpx', 'httpcore', 'anyio', 'h11'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_building_it_touches_nothing(home: Path) -> None:
    code = (
        "import sys, os, threading; from agentd.world.real import real_world\n"
        "before = sorted(os.listdir('/proc/self/fd')); world = real_world(sys.argv[1])\n"
        "print(before == sorted(os.listdir('/proc/self/fd')), threading.active_count(), 'httpx' in sys.modules)"
    )
    command = [sys.executable, "-c", code, f"{home}/run"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True 1 False\n"
    assert os.listdir(home) == []


def test_every_door_opens(home: Path) -> None:
    async def story() -> tuple[bytes, bytes, bytes, object]:
        world = real_world(f"{home}/run")
        await world.http.close()
        log = world.files.open_append(f"{home}/log", create=True)
        await world.journal.append(log, b"entry", sync=True)
        spawn = Spawn(argv=("echo", "hi"), cwd="/", env={"PATH": "/usr/bin:/bin"}, box=NoBox(), timeout_ms=9_000)
        ended = await world.processes.run(spawn)
        result = await world.processes.job("echo", {"value": world.ids.session(world.clock.now_ms())}, 20_000)
        async with raw_server([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]) as server:
            async with world.http.send(HttpRequest("GET", server.url)) as response:
                body = await response.read()
            await world.http.close()
        await world.processes.end_all()
        await world.journal.close()
        log.close()
        return world.files.read(f"{home}/log"), ended.output, body, result

    log, output, body, result = asyncio.run(story())
    assert (log, output, body, len(str(result))) == (b"entry", b"hi\n", b"ok", 17)
    assert os.listdir(home / "run" / "children") == []
