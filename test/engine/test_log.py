"""The log is fresh at each start, in UTC, without secrets, and never in the way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from desk.core.secret import Secret
from desk.engine.log import log_to, open_log
from test.engine.states import AT_MS


class FixedClock:
    """Always the same instant."""

    def now_ms(self) -> int:
        return AT_MS

    def monotonic_s(self) -> float:
        return 0.0


class FullDisk(io.StringIO):
    """Takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_line_is_stamped_and_sorted() -> None:
    """One event a line: stamp, level, name, then its keys in order."""
    file = io.StringIO()
    log_to(file, FixedClock())

    structlog.get_logger().warning("alert", text="legs differ", b=2, a=1)

    stamp = "at=2026-01-01T00:00:00.000Z level=warning event=alert"
    assert f'{stamp} a=1 b=2 text="legs differ"\n' == file.getvalue()


def test_a_secret_is_redacted_by_type() -> None:
    """A secret that is logged by mistake shows stars."""
    file = io.StringIO()
    log_to(file, FixedClock())

    structlog.get_logger().info("opened", key=Secret("0xdeadbeef"))

    assert "deadbeef" not in file.getvalue()
    assert "****" in file.getvalue()


def test_an_error_keeps_its_traceback() -> None:
    """An unexpected error is logged with where it came from."""
    file = io.StringIO()
    log_to(file, FixedClock())

    structlog.get_logger().error("action.broke", exc_info=ValueError("no such thing"))

    assert "ValueError: no such thing" in file.getvalue()
    assert 1 == file.getvalue().count("\n")


def test_a_full_disk_does_not_stop_the_program() -> None:
    """A line that finds no room is lost, and nobody has to catch anything."""
    log_to(FullDisk(), FixedClock())

    structlog.get_logger().critical("state.not_saved")


def test_the_last_five_logs_are_kept(tmp_path: Path) -> None:
    """Each start begins a new file; five older ones stay, numbered from the newest."""
    path = tmp_path / "logs" / "bot.log"
    for number in range(8):
        with open_log(path, FixedClock()):
            structlog.get_logger().info("started", number=number)

    names = ["bot.log", *(f"bot.log.{number}" for number in range(1, 6))]
    assert names == sorted(entry.name for entry in path.parent.iterdir())
    ends = [path.with_name(name).read_text().split()[-1] for name in names]
    assert ["number=7", "number=6", "number=5", "number=4", "number=3", "number=2"] == ends
