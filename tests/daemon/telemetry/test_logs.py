"""Lines on stderr: one form, one line each, no secrets."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agentd.telemetry.logs import LEVELS, Level, Log, close_log, open_log
from agentd.telemetry.redact import MASK, Redactor

STAMP = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")


@contextmanager
def opened(level: Level = "info", redactor: Redactor | None = None) -> Iterator[tuple[Log, io.StringIO]]:
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.level
    log = open_log(stream, redactor or Redactor(), level)
    try:
        yield log, stream
    finally:
        close_log(stream)
        root.setLevel(before)


def lines(stream: io.StringIO) -> list[str]:
    """What was written, without the times."""
    found = stream.getvalue().splitlines()
    assert [line for line in found if not STAMP.match(line)] == []
    return [STAMP.sub("", line) for line in found]


def test_a_line_has_time_level_name_text_and_fields() -> None:
    with opened("debug") as (log, stream):
        log.debug("a.b", "plain")
        log.info("daemon.started", "version 1, pid 2", session="s1", none=None, empty="", count=0)
        log.warning("c.d", "careful", words="two words")
        log.error("e.f", "bad")
    assert lines(stream) == [
        "debug a.b plain",
        "info daemon.started version 1, pid 2 session=s1 count=0",
        'warning c.d careful words="two words"',
        "error e.f bad",
    ]


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_not_written(level: Level, count: int) -> None:
    with opened("debug") as (log, stream):
        log.set_level(level)
        for say in (log.debug, log.info, log.warning, log.error):
            say("x.y", "words")
    assert len(lines(stream)) == count
    assert list(LEVELS) == ["debug", "info", "warning", "error"]


def test_nothing_ends_a_line_or_moves_the_cursor() -> None:
    with opened() as (log, stream):
        log.info("x.y", "one\ntwo\r\x1b[2Jthree\u2028four", field="five\n2026-01-05T09:00:00.000Z info forged é")
    assert lines(stream) == [
        'info x.y one\\ntwo\\r\\x1b[2Jthree\\u2028four field="five\\n2026-01-05T09:00:00.000Z info forged é"'
    ]


def test_a_percent_sign_is_a_percent_sign() -> None:
    with opened() as (log, stream):
        log.info("x.y", "100% of %s")
    assert lines(stream) == ["info x.y 100% of %s"]


def test_no_secret_is_written_in_text_fields_or_traceback() -> None:
    redactor = Redactor({"A_TOKEN": "hunter2\nhunter2"})
    with opened(redactor=redactor) as (log, stream):
        log.info("x.y", "it is hunter2\nhunter2", key="hunter2\nhunter2")
        log.bug("the turn", "bug-1", ValueError("hunter2\nhunter2"))
    first, second = lines(stream)
    assert first == f"info x.y it is {MASK} key={MASK}"
    assert f"ValueError: {MASK}" in second


def test_a_bug_has_its_reference_and_its_traceback_in_one_line() -> None:
    def broken() -> None:
        raise ValueError("no")

    with opened() as (log, stream), pytest.raises(ValueError) as caught:
        broken()
    with opened() as (log, stream):
        log.bug("the turn", "bug-1f", caught.value)
    (line,) = lines(stream)
    assert line.startswith("error bug the turn: ValueError('no') reference=bug-1f traceback=\"Traceback (most recent")
    assert line.endswith('ValueError: no"')


def test_lines_of_libraries_come_from_warning_on() -> None:
    with opened("debug") as (_, stream):
        logging.getLogger("httpx").info("HTTP Request: GET https://h/?key=1")
        logging.getLogger("asyncio").error("Task was destroyed", exc_info=ValueError("x"))
    assert lines(stream) == ['error asyncio Task was destroyed traceback="ValueError: x"']


def test_a_closed_stderr_is_not_worth_an_exception() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    stream = Broken()
    log = open_log(stream, Redactor())
    try:
        log.error("x.y", "words")
    finally:
        close_log(stream)


def test_a_line_has_an_end() -> None:
    with opened() as (log, stream):
        log.info("x.y", "a" * 1_000_000)
    assert len(lines(stream)[0]) < 20_000
