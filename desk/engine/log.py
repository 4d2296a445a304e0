"""The log file: one event name with keys and values a line, UTC, secrets redacted by type.

Fresh at each start of a daemon that holds the lock; the last few are kept.
"""

import logging
import os
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import structlog

from desk.core.ports import Clock
from desk.core.secret import Secret
from desk.engine.journal import utc_text

KEPT_MAX = 5


def open_log(path: Path, clock: Clock, *, kept_max: int = KEPT_MAX) -> TextIO:
    """Begin a new log file at `path`, keep the last ones, and send every logger there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for number in range(kept_max - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            os.replace(older, path.with_name(f"{path.name}.{number + 1}"))
    if path.exists():
        os.replace(path, path.with_name(f"{path.name}.1"))
    file = path.open("w", encoding="utf-8", buffering=1)
    log_to(file, clock)
    return file


def log_to(file: TextIO, clock: Clock) -> None:
    """Send every logger to an open text file."""

    def stamp(_: Any, __: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        record["at"] = utc_text(clock.now_ms())
        return record

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            stamp,
            _redact,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["at", "level", "event"], sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _LineLogger(file),
        cache_logger_on_first_use=False,
    )


class _LineLogger:
    """Writes lines to a file. A disk that takes none must not stop what guards money."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, line: str) -> None:
        """Write one line, or lose it."""
        with suppress(OSError):
            self._file.write(line + "\n")

    debug = info = warning = error = critical = exception = fatal = msg


def _redact(_: Any, __: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in record.items():
        if isinstance(value, Secret):
            record[key] = repr(value)
    return record
