"""Logs as the worker reads them: which there are, plain or archived, from any line on, up to the first damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.session.entries import Entry, Notice
from agentd.session.folders import time_of
from agentd.session.log_stream import LogFile, RawLine, find_log, find_logs, read_lines
from support.session_logs import answered, archive, asked, log_path, name, opened, write

ONE = name(1)
TALK: list[Entry] = [opened(ONE), asked("hello"), answered("hi"), Notice("n", "x" * 3_000), asked("again")]


def found(data: Path, session: str = ONE) -> LogFile:
    log = find_log(str(log_path(data, session).parent))
    assert log is not None
    return log


def lines(log: LogFile, after: RawLine | None = None) -> list[RawLine]:
    stream = read_lines(log, after.end, after.link, after.seq) if after else read_lines(log)
    assert stream is not None
    return list(stream)


def test_every_session_s_log_is_found_last_changed_first(home: Path) -> None:
    for number in (2, 1, 3):
        write(home, name(number), TALK)
    archive(home, name(2))
    write(home, name(4), [])
    assert [log.session for log in find_logs(str(home))] == [name(3), name(2), name(1)]
    assert [log.archived for log in find_logs(str(home))] == [False, True, False]
    assert find_logs(str(home / "nowhere")) == []


def test_what_is_no_log_is_passed_by(home: Path) -> None:
    write(home, ONE, TALK)
    month = log_path(home, ONE).parent.parent
    (month / "not a session").mkdir()
    (month / "a file").write_text("x")
    (month / name(2)).mkdir()
    (month / name(2) / "log.jsonl").symlink_to(log_path(home, ONE))
    (month / name(3)).symlink_to(log_path(home, ONE).parent)
    assert [log.session for log in find_logs(str(home))] == [ONE]


def test_lines_come_verified_with_number_time_tag_and_place(home: Path) -> None:
    log = write(home, ONE, TALK)
    read = lines(found(home))
    assert b"".join(line.raw for line in read) == log
    assert [(line.seq, line.at_ms - time_of(ONE), line.tag) for line in read] == [
        (1, 1_000, "session.opened"),
        (2, 2_000, "turn.requested"),
        (3, 3_000, "model.replied"),
        (4, 4_000, "notice"),
        (5, 5_000, "turn.requested"),
    ]
    assert [line.end for line in read][-1] == len(log)


@pytest.mark.parametrize("form", ["plain", "archived", "in members"])
def test_reading_goes_on_after_any_line(home: Path, form: str) -> None:
    write(home, ONE, TALK)
    whole = lines(found(home))
    if form != "plain":
        archive(home, ONE, 1 if form == "archived" else 7)
    assert lines(found(home)) == whole
    for at, line in enumerate(whole):
        assert lines(found(home), line) == whole[at + 1 :]


def test_the_plain_file_wins_over_the_archived_one(home: Path) -> None:
    log = write(home, ONE, TALK)
    archive(home, ONE)
    assert found(home).archived
    write(home, ONE, TALK[:2])
    assert not found(home).archived
    assert b"".join(line.raw for line in lines(found(home))) != log


def test_another_log_at_the_place_is_noticed(home: Path) -> None:
    write(home, ONE, TALK)
    last = lines(found(home))[-1]
    write(home, ONE, [*TALK[:4], asked("other")])
    assert read_lines(found(home), last.end, last.link, last.seq) is None
    write(home, ONE, TALK[:2])
    assert read_lines(found(home), last.end, last.link, last.seq) is None
    archive(home, ONE)
    assert read_lines(found(home), last.end, last.link, last.seq) is None


def test_long_logs_are_read_in_chunks(home: Path) -> None:
    entries: list[Entry] = [opened(ONE), *(Notice("n", "x" * 300_000) for _ in range(12)), asked("end")]
    log = write(home, ONE, entries)
    whole = lines(found(home))
    assert b"".join(line.raw for line in whole) == log
    archive(home, ONE, 3)
    assert lines(found(home)) == whole
    assert lines(found(home), whole[9]) == whole[10:]


@settings(max_examples=150)
@given(st.data())
def test_of_a_damaged_log_the_valid_prefix_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    home = tmp_path_factory.mktemp("log")
    log = write(home, ONE, TALK)
    whole = lines(found(home))
    at = data.draw(st.integers(0, len(log) - 1))
    if data.draw(st.booleans()):
        bad = log[:at]
    else:
        bad = log[:at] + bytes([log[at] ^ (1 << data.draw(st.integers(0, 7)))]) + log[at + 1 :]
    log_path(home, ONE).write_bytes(bad)
    sound = [line for line in whole if line.end <= at]
    assert (lines(found(home)) if bad else []) == sound


@settings(max_examples=100)
@given(st.data())
def test_of_a_damaged_archive_too(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    home = tmp_path_factory.mktemp("log")
    write(home, ONE, TALK)
    whole = lines(found(home))
    path = archive(home, ONE, 2)
    packed = bytearray(path.read_bytes())
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(packed[: data.draw(st.integers(1, len(packed)))])
    read = lines(found(home))
    assert read == whole[: len(read)]


def test_a_missing_first_line_is_damage_and_so_is_no_line_at_all(home: Path) -> None:
    log = write(home, ONE, TALK)
    log_path(home, ONE).write_bytes(log[log.index(b"\n") + 1 :])
    assert lines(found(home)) == []
    log_path(home, ONE).write_bytes(b"x" * 3_000_000)
    assert lines(found(home)) == []
