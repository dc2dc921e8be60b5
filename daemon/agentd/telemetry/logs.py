"""What goes to stderr: one line for each thing, by the standard library's logging.

    2026-01-05T09:00:00.000Z info daemon.started version 0.1.0, pid 4711 session=s0123

It decides the form of a line, that it is one line whatever is in it, and that no secret is in it. Lines of libraries
come in the same form, from `warning` on. Importing this sets nothing up; `open_log` does, once. A stderr that can't be
written to is not worth an exception. Callers: `agentd.cli` opens it, `agentd.reporting` and `agentd.app` write.
"""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Literal, TextIO

from agentd.telemetry.redact import Redactor

__all__ = ["LEVELS", "Level", "Log", "close_log", "open_log"]

Level = Literal["debug", "info", "warning", "error"]
LEVELS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_OURS = "agentd"
_LONGEST_LINE = 16 * 1024  # characters; a traceback of a deep recursion would be longer, and nobody reads that


class Log:
    """Named events with fields, as lines. `name` is dotted (`daemon.started`); fields without a value are left out."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, name: str, text: str, **fields: object) -> None:
        self._say(logging.DEBUG, name, text, fields)

    def info(self, name: str, text: str, **fields: object) -> None:
        self._say(logging.INFO, name, text, fields)

    def warning(self, name: str, text: str, **fields: object) -> None:
        self._say(logging.WARNING, name, text, fields)

    def error(self, name: str, text: str, **fields: object) -> None:
        self._say(logging.ERROR, name, text, fields)

    def bug(self, where: str, reference: str, fault: BaseException) -> None:
        """An exception that nobody expected, with its traceback, under the id that its reporter was told."""
        trace = "".join(traceback.format_exception(fault)).rstrip()
        self._say(logging.ERROR, "bug", f"{where}: {fault!r}", {"reference": reference, "traceback": trace})

    def set_level(self, level: Level) -> None:
        """Least level of our own lines."""
        self._logger.setLevel(LEVELS[level])

    def _say(self, level: int, name: str, text: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            given = {key: value for key, value in fields.items() if value is not None and value != ""}
            self._logger.log(level, "%s", text, extra={"event": name, "fields": given})


class _OneLine(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = getattr(record, "event", record.name)
        fields: dict[str, object] = getattr(record, "fields", {})
        text = record.getMessage()
        if record.exc_info and "traceback" not in fields:
            fields = {**fields, "traceback": self.formatException(record.exc_info).rstrip()}
        # masked before it is escaped: a key over several lines is one secret
        words = [f"{at} {record.levelname.lower()} {name} {_escaped(self._redactor.text(text))}"]
        words += [f"{key}={_quoted(self._redactor.text(str(value)))}" for key, value in fields.items()]
        line = " ".join(words)
        return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + " ..."


class _Quiet(logging.StreamHandler[TextIO]):
    """Whoever closed the other end of stderr does not want to read about it there."""

    def handleError(self, record: logging.LogRecord) -> None:
        return


def open_log(stream: TextIO, redactor: Redactor, level: Level = "info") -> Log:
    """Send our lines from `level` on, and those of libraries from `warning` on, to `stream`. Once a process, or after
    `close_log`."""
    handler = _Quiet(stream)
    handler.setFormatter(_OneLine(redactor))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    log = Log(logging.getLogger(_OURS))
    log.set_level(level)
    return log


def close_log(stream: TextIO) -> None:
    """Send nothing more to `stream`."""
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Quiet) and one.stream is stream]:
        root.removeHandler(handler)


def _escaped(text: str) -> str:
    """The text in one line: whatever would end it or move the cursor is written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _quoted(text: str) -> str:
    text = _escaped(text)
    return f'"{text}"' if " " in text or not text else text
