"""Children for real: output, limits, endings, terminals; nobody of a group is left when a run returns."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentd.errors import BusyError, DiskError, MissingFileError, MissingProgramError, TooLargeError
from agentd.world import process_table
from agentd.world.doors import Exit, NoBox, Spawn
from agentd.world.processes import RealProcesses
from support.disks import small_disk

PATH = "/usr/local/bin:/usr/bin:/bin"

# A child that ignores TERM, with a grandchild in a job-control group of its own and one that ignores TERM too.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
children = [subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, process_group=g) for g in (None, 0)]
for child in children: child.stdout.readline()
print(os.getpid(), *(c.pid for c in children), flush=True)
time.sleep(600)
"""


def spawn(home: Path, *argv: str, **changes: object) -> Spawn:
    settings: dict[str, object] = {"cwd": str(home), "env": {"PATH": PATH}, "box": NoBox(), "timeout_ms": 20_000}
    return Spawn(argv=argv, **{**settings, **changes})  # type: ignore[arg-type]


def run(home: Path, *argv: str, **changes: object) -> Exit:
    return asyncio.run(RealProcesses(f"{home}/children").run(spawn(home, *argv, **changes)))


def alive(pids: list[int]) -> list[int]:
    entries = [process_table.entry(pid) for pid in pids]
    return [entry.pid for entry in entries if entry is not None and not entry.zombie]


def said_pids() -> tuple[Callable[[bytes], None], list[int], asyncio.Event]:
    """(an `on_output` that reads the line of ids, the ids, an event that says they are there)."""
    heard = bytearray()
    pids: list[int] = []
    ready = asyncio.Event()

    def on_output(data: bytes) -> None:
        heard.extend(data)
        if heard.endswith(b"\n"):
            pids.extend(int(word) for word in heard.split())
            ready.set()

    return on_output, pids, ready


def test_a_run_tells_output_and_exit_code(home: Path) -> None:
    ended = run(home, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (ended.code, ended.output, ended.errors, ended.ended_by) == (3, b"out\nerr\n", b"", "itself")
    assert 0 <= ended.duration_ms < 20_000
    assert os.listdir(home / "children") == []


def test_errors_can_be_kept_apart(home: Path) -> None:
    ended = run(home, "sh", "-c", "echo out; echo err >&2", merge_stderr=False)
    assert (ended.output, ended.errors) == (b"out\n", b"err\n")


def test_output_is_heard_as_it_comes(home: Path) -> None:
    """The child goes on only when its first words were heard: they cannot have been held back."""
    heard: list[bytes] = []
    flag = home / "heard"

    def on_output(data: bytes) -> None:
        heard.append(data)
        flag.touch()

    code = "echo one; while [ ! -e heard ]; do :; done; echo two"
    ended = asyncio.run(RealProcesses(f"{home}/children").run(spawn(home, "sh", "-c", code), on_output))
    assert (b"".join(heard), ended.output, len(heard) >= 2) == (b"one\ntwo\n", b"one\ntwo\n", True)


def test_standard_input_is_fed_to_its_end(home: Path) -> None:
    data = os.urandom(1_000_000)
    assert run(home, "cat", stdin=data).output == data
    assert run(home, "cat").output == b""
    assert run(home, "true", stdin=data).code == 0


def test_the_environment_and_the_folder_are_exactly_the_given_ones(home: Path) -> None:
    (home / "here").mkdir()
    code = "import os; print(sorted(os.environ.items()), os.getcwd())"
    env = {"PATH": PATH, "LC_ALL": "C.UTF-8", "X": "1"}
    ended = run(home, sys.executable, "-c", code, cwd=str(home / "here"), env=env)
    assert ended.output.decode() == f"{sorted(env.items())} {home}/here\n"


def test_a_module_of_our_own_runs_as_a_program_with_its_arguments(home: Path) -> None:
    program = RealProcesses(f"{home}/children").program("support.two_arguments")
    assert run(home, *program, "a b", "c").output == b"['a b', 'c']\n"


def test_descriptors_are_passed_by_list_and_no_other_way(home: Path) -> None:
    inside, outside = os.pipe()
    os.set_inheritable(outside, True)
    code = f"import os; print(os.read({inside}, 1) if os.path.exists('/proc/self/fd/{inside}') else None)"
    os.write(outside, b"x")
    assert run(home, sys.executable, "-c", code).output == b"None\n"
    assert run(home, sys.executable, "-c", code, pass_fds=(inside,)).output == b"b'x'\n"
    os.close(inside)
    os.close(outside)


def test_a_child_leads_its_own_session_and_group(home: Path) -> None:
    code = "import os; print(os.getpid() == os.getsid(0) == os.getpgid(0))"
    assert run(home, sys.executable, "-c", code).output == b"True\n"


def test_a_child_can_be_nicer(home: Path) -> None:
    code = "import os, time\nwhile os.nice(0) < 7: time.sleep(0.001)\nprint(os.nice(0))"
    assert run(home, sys.executable, "-c", code, nice=7).output == b"7\n"


def test_a_signal_is_a_negative_exit_code(home: Path) -> None:
    assert run(home, "sh", "-c", "kill -SEGV $$").code == -11


def test_a_timeout_ends_the_group_and_says_so(home: Path) -> None:
    ended = run(home, "sh", "-c", "echo begun; sleep 600", timeout_ms=200)
    assert (ended.code, ended.output, ended.ended_by) == (-15, b"begun\n", "timeout")


def test_too_much_output_ends_the_run_with_exactly_the_limit(home: Path) -> None:
    ended = run(home, "yes", output_limit=100_001)
    assert (ended.output, ended.ended_by) == ((b"y\n" * 50_001)[:100_001], "output_limit")
    ended = run(home, "sh", "-c", "yes >&2", output_limit=1_000, merge_stderr=False)
    assert (len(ended.output) + len(ended.errors), ended.ended_by) == (1_000, "output_limit")
    ended = run(home, "printf", "12345", output_limit=5)
    assert (ended.output, ended.ended_by) == (b"12345", "itself")


def test_whoever_is_left_in_the_background_is_ended_with_the_leader(home: Path) -> None:
    ended = run(home, "sh", "-c", "sleep 600 & echo $!; sleep 600 >/dev/null 2>&1 & echo $!")
    assert (ended.code, alive([int(word) for word in ended.output.split()])) == (0, [])


def test_job_control_does_not_hide_a_child(home: Path) -> None:
    ended = run(home, "bash", "-c", "set -m; sleep 600 >/dev/null & echo $!; exit 4")
    assert (ended.code, alive([int(word) for word in ended.output.split()])) == (4, [])


def test_cancelling_ends_the_whole_group_before_it_returns(home: Path) -> None:
    async def story() -> float:
        processes = RealProcesses(f"{home}/children")
        on_output, pids, ready = said_pids()
        task = asyncio.ensure_future(processes.run(spawn(home, sys.executable, "-c", STUBBORN), on_output))
        await asyncio.wait_for(ready.wait(), 20)
        assert alive(pids) == pids
        begun = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert (len(pids), alive(pids), os.listdir(home / "children")) == (3, [], [])
        return time.monotonic() - begun

    assert asyncio.run(story()) >= 0.2  # they ignore TERM, so the grace has to pass


def test_a_willing_group_ends_well_before_the_grace_is_over(home: Path) -> None:
    async def story() -> float:
        processes = RealProcesses(f"{home}/children")
        on_output, pids, ready = said_pids()
        argv = ("sh", "-c", "sleep 600 & echo $$ $!; wait")
        task = asyncio.ensure_future(processes.run(spawn(home, *argv), on_output))
        await asyncio.wait_for(ready.wait(), 20)
        begun = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert alive(pids) == []
        return time.monotonic() - begun

    assert asyncio.run(story()) < 0.2


def test_a_second_cancellation_does_not_wait_for_the_grace(home: Path) -> None:
    async def story() -> None:
        processes = RealProcesses(f"{home}/children")
        on_output, pids, ready = said_pids()
        task = asyncio.ensure_future(processes.run(spawn(home, sys.executable, "-c", STUBBORN), on_output))
        await asyncio.wait_for(ready.wait(), 20)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert (task.cancelled(), alive(pids)) == (True, [])

    asyncio.run(story())


def test_end_all_ends_every_run_and_each_says_why(home: Path) -> None:
    async def story() -> list[Exit]:
        processes = RealProcesses(f"{home}/children")
        waits = []
        runs = []
        for _ in range(3):
            on_output, _, ready = said_pids()
            argv = ("sh", "-c", "echo $$; exec sleep 600")
            runs.append(asyncio.ensure_future(processes.run(spawn(home, *argv), on_output)))
            waits.append(ready.wait())
        await asyncio.wait_for(asyncio.gather(*waits), 20)
        await processes.end_all()
        assert os.listdir(home / "children") == []
        return await asyncio.gather(*runs)

    assert [(ended.code, ended.ended_by) for ended in asyncio.run(story())] == [(-15, "cancelled")] * 3


def test_a_fault_of_the_listener_ends_the_run_and_is_raised(home: Path) -> None:
    def on_output(data: bytes) -> None:
        raise ValueError("deaf")

    with pytest.raises(ValueError, match="deaf"):
        asyncio.run(RealProcesses(f"{home}/children").run(spawn(home, "yes"), on_output))


def test_a_terminal_is_there_on_demand_and_controls(home: Path) -> None:
    code = "tty; cat; stty size; echo by name >/dev/tty; env"
    ended = run(home, "sh", "-c", code, terminal=True, stdin=b"typed\n", env={"PATH": PATH})
    lines = ended.output.decode().replace("\r", "").splitlines()
    assert lines[0].startswith("/dev/")
    assert lines[1:4] == ["typed", "24 80", "by name"]
    assert [line for line in lines[4:] if not line.startswith(("PATH=", "PWD=", "_=", "SHLVL=", "OLDPWD="))] == []
    assert (ended.code, ended.ended_by) == (0, "itself")


def test_without_a_terminal_there_is_none(home: Path) -> None:
    assert run(home, "sh", "-c", "test -t 0 || test -t 1 || (: </dev/tty) 2>/dev/null || echo none").output == b"none\n"


def test_a_terminal_ends_with_its_group(home: Path) -> None:
    ended = run(home, "sh", "-c", "echo begun; sleep 600", terminal=True, timeout_ms=500)
    assert (ended.output, ended.ended_by) == (b"begun\r\n", "timeout")


@pytest.mark.parametrize("program", ["no-such-program", "./nothing", "/no/such", "./not_executable", "./a_folder"])
def test_a_program_that_is_not_there_is_named(home: Path, program: str) -> None:
    (home / "not_executable").write_text("#!/bin/sh\n")
    (home / "a_folder").mkdir()
    with pytest.raises(MissingProgramError, match=program):
        run(home, program)
    assert not (home / "children").exists()


def test_a_file_that_is_no_program_is_named(home: Path) -> None:
    (home / "odd").write_text("no interpreter line\n")
    (home / "odd").chmod(0o755)
    with pytest.raises(MissingProgramError, match="odd"):
        run(home, "./odd")
    assert os.listdir(home / "children") == []


def test_a_relative_program_is_sought_in_the_folder_of_the_run(home: Path) -> None:
    (home / "tool").write_text("#!/bin/sh\necho mine\n")
    (home / "tool").chmod(0o755)
    assert run(home, "./tool").output == b"mine\n"


def test_relative_entries_of_the_path_are_never_searched(home: Path) -> None:
    (home / "tool").write_text("#!/bin/sh\necho mine\n")
    (home / "tool").chmod(0o755)
    with pytest.raises(MissingProgramError):
        run(home, "tool", env={"PATH": ".::bin"})
    processes = RealProcesses(f"{home}/children")
    assert processes.find("tool", f".::{home}") == f"{home}/tool"
    assert [processes.find("tool", "."), processes.find("tool", ""), processes.find("nothing", PATH)] == [None] * 3


def test_a_folder_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(MissingFileError, match="/no/folder"):
        run(home, "true", cwd="/no/folder")


def test_arguments_that_are_too_long_are_refused(home: Path) -> None:
    with pytest.raises(TooLargeError):
        run(home, "true", "x" * 200_000)


def test_a_child_that_cannot_be_recorded_is_not_started(home: Path) -> None:
    with small_disk(home / "small") as root:
        (root / "filler").write_bytes(bytes(256 * 1024))
        processes = RealProcesses(f"{root}/children")
        with pytest.raises(DiskError, match="children"):
            asyncio.run(processes.run(spawn(home, "touch", "effect")))
        assert os.listdir(root / "children") == []
    assert not (home / "effect").exists()


def test_running_out_of_descriptors_is_a_matter_of_waiting(home: Path) -> None:
    """Each number of free descriptors fails at another step; none leaves a child, a record or a descriptor."""
    code = f"""
import asyncio, os, resource
from agentd.errors import BusyError, DiskError
from agentd.world.doors import NoBox, Spawn
from agentd.world.processes import RealProcesses
asked = Spawn(argv=("true",), cwd="/", env={{"PATH": "{PATH}"}}, box=NoBox(), timeout_ms=9_000)
async def story():
    processes = RealProcesses("{home}/inner")
    await processes.run(asked)
    used = sorted(int(n) for n in os.listdir("/proc/self/fd"))
    outcomes = set()
    for free in range(12):
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(used) - 1 + free, 4096))
        try:
            outcomes.add((await processes.run(asked)).code)
        except (BusyError, DiskError) as error:
            outcomes.add(type(error).__name__)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        assert os.listdir("{home}/inner") == [], free
        assert sorted(int(n) for n in os.listdir("/proc/self/fd")) == used, free
    print(sorted(map(str, outcomes)))
asyncio.run(story())
"""
    ended = run(home, sys.executable, "-W", "error", "-c", code, timeout_ms=30_000)
    assert ended.output.decode() == "['0', 'BusyError', 'DiskError']\n"
    assert BusyError.code.owner == "daemon"


def test_many_runs_leave_no_descriptor_and_no_thread(home: Path) -> None:
    async def story() -> tuple[int, int]:
        processes = RealProcesses(f"{home}/children")
        await processes.run(spawn(home, "true"))
        before = len(os.listdir("/proc/self/fd"))
        argvs = [("true",), ("cat",), ("sh", "-c", "exit 1"), ("yes",)] * 10
        changes: dict[str, object] = {"output_limit": 1_000, "stdin": b"x" * 10_000}
        await asyncio.gather(*(processes.run(spawn(home, *argv, **changes)) for argv in argvs))
        await asyncio.gather(*(processes.run(spawn(home, "cat", terminal=True)) for _ in range(4)))
        return before, len(os.listdir("/proc/self/fd"))

    before, after = asyncio.run(story())
    assert after == before
