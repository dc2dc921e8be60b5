"""`agentd check` on homes whose bytes were changed: every damage is found and named, and nothing is changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from agentd.check import EXIT_DAMAGE, check
from agentd.world.fake import FakeWorld, fake_world
from agentd.world.real import real_world
from support.homes_with_logs import EVENTS, FOLDERS, REQUESTS, build, log_of, sessions_of


def said(world: FakeWorld) -> tuple[int, list[str]]:
    lines: list[str] = []
    before = world.files.paths()
    code = check(world, FOLDERS.data, FOLDERS.state, lines.append)
    assert world.files.paths() == before
    return code, lines


def test_a_home_that_does_not_exist_has_no_damage() -> None:
    assert said(fake_world()) == (0, ["0 sessions: no damage"])


def test_a_sound_home_has_no_damage() -> None:
    assert said(build()) == (0, ["3 sessions: no damage"])


@pytest.mark.parametrize("place", range(3))
def test_a_changed_byte_is_named_by_the_line_it_is_in(place: int) -> None:
    world = build()
    path = log_of(world, sessions_of(world)[1])
    lines = world.files.read(path).splitlines(keepends=True)
    lines[place] = lines[place].replace(b'"seq"', b'"sEq"', 1)
    world.files.add_file(path, b"".join(lines))
    offset = sum(map(len, lines[:place]))
    assert said(world) == (
        EXIT_DAMAGE,
        [
            f"{path}: byte {offset}: the line's checksum does not fit its bytes or the line before",
            "3 sessions: 1 damaged files; `agentd repair` keeps what can be had",
        ],
    )


def test_every_byte_of_a_log_counts() -> None:
    world = build()
    path = log_of(world, sessions_of(world)[0])
    sound = world.files.read(path)
    for place in range(0, len(sound), 7):
        changed = bytearray(sound)
        changed[place] ^= 0x01
        world.files.add_file(path, bytes(changed))
        code, lines = said(world)
        assert code == EXIT_DAMAGE, place
        assert lines[0].startswith(f"{path}: byte ")


def test_an_unfinished_last_line_is_no_damage() -> None:
    world = build()
    path = log_of(world, sessions_of(world)[0])
    sound = world.files.read(path)
    world.files.add_file(path, sound + b'{"seq":4,"at')
    assert said(world) == (
        0,
        [
            f"{path}: byte {len(sound)}: the last line is unfinished (12 bytes); the next start cuts it off",
            "3 sessions: no damage",
        ],
    )


def test_an_end_that_is_missing_whole_lines_is_found_by_the_head() -> None:
    world = build()
    path = log_of(world, sessions_of(world)[0])
    lines = world.files.read(path).splitlines(keepends=True)
    world.files.add_file(path, b"".join(lines[:-1]))
    code, words = said(world)
    assert (code, words[0]) == (
        EXIT_DAMAGE,
        f"{path}: byte {sum(map(len, lines[:-1]))}: the log ends with entry {len(lines) - 1}, "
        "but 1 more had been written",
    )


def test_a_changed_blob_is_found() -> None:
    world = build()
    folder = log_of(world, sessions_of(world)[0]).rpartition("/")[0] + "/blobs"
    name = hashlib.sha256(b"the whole output").hexdigest()
    world.files.add_file(f"{folder}/{name}", b"another output")
    world.files.add_file(f"{folder}/notes.txt", b"")
    code, lines = said(world)
    assert (code, lines[:-1]) == (
        EXIT_DAMAGE,
        [
            f"{folder}/{name}: its bytes do not fit its name: it was changed",
            f"{folder}/notes.txt: this is no blob; it is left alone",
        ],
    )


@pytest.mark.parametrize("path", [REQUESTS, EVENTS, f"{EVENTS}.1"])
def test_the_logs_of_requests_and_events_are_read_too(path: str) -> None:
    world = build()
    data = bytearray(world.files.read(path))
    data[5] ^= 1
    world.files.add_file(path, bytes(data))
    code, lines = said(world)
    assert code == EXIT_DAMAGE
    assert lines[0].startswith(f"{path}: byte 0: ")


def test_what_cannot_be_read_is_damage_and_stops_nothing() -> None:
    world = build()
    first, second, _ = (log_of(world, session) for session in sessions_of(world))
    world.files.disk.forbidden.add(first)
    world.files.add_file(second, b"no line\n")
    code, lines = said(world)
    assert code == EXIT_DAMAGE
    assert [line.partition(": ")[0] for line in lines[:2]] == [first, second]


def test_folders_that_are_no_sessions_are_left_alone() -> None:
    world = build()
    world.files.add_folder("/h/data/sessions/2026/01/lost+found")
    empty = log_of(world, sessions_of(world)[0])
    world.files.remove(empty)
    code, lines = said(world)
    assert (code, sorted(lines[:-1])) == (
        0,
        [
            "/h/data/sessions/.../lost+found: this is no session; it is left alone",
            f"{empty}: there is no log: the session was never begun, or none of it could be kept",
        ],
    )


def test_it_reads_a_real_disk(tmp_path: Path) -> None:
    world = build()
    for path, data in world.files.paths().items():
        target = tmp_path / path.removeprefix("/h/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    lines: list[str] = []
    real = real_world(str(tmp_path / "run"))
    assert check(real, str(tmp_path / "data"), str(tmp_path / "state"), lines.append) == 0
    assert lines == ["3 sessions: no damage"]
