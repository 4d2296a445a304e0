"""`lighter_pacifica_hedge.py status`, `pause`, `stop` and the like, from one process to another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from test.daemons import Venues, credentials, make_home, read_until, run, started, venues

ONE = '{"symbols_to_monitor": ["BTC"], "check_interval_seconds": 5}'


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    """Yield embedded venues where nothing is worth opening."""
    with venues(tmp_path_factory.mktemp("sim"), "--limits", "off") as served:
        yield served


def said(home: Path, *words: str) -> str:
    """Return what a command that was obeyed prints."""
    done = run(home, *words)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    return done.stdout


def test_a_bot_is_asked_paused_and_stopped(tmp_path: Path, market: Venues) -> None:
    """Each command is answered; after a stop it is down with exit 0, and its next start paused."""
    home = make_home(tmp_path, config=ONE, env=market.env_text)
    with started(home) as daemon:
        read_until(daemon, "wait ")
        status = said(home, "status")
        assert status.startswith(f"process {daemon.pid} in {home}, started ")
        assert "nothing of ours is open" in status
        assert said(home, "status", "--running").startswith(f"process {daemon.pid}")
        assert "paused: nothing is opened until resume" in said(home, "pause")
        assert "lifted: paused" in said(home, "resume")
        assert "stopping now; the next start is paused" in said(home, "stop", "--now")
        read_until(daemon, "Flat.")
        assert 0 == daemon.wait(15)
    assert "paused: nothing is opened (until resume)" in said(home, "status")
    assert "lifted: paused" in said(home, "resume")


def test_an_edited_file_is_read_again(tmp_path: Path, market: Venues) -> None:
    """Through the same gates as at a start: a symbol that nobody lists changes nothing."""
    slow = ONE.replace("5}", "600}")  # so that nobody takes it in before he is told to
    home = make_home(tmp_path, config=slow, env=market.env_text)
    with started(home) as daemon:
        read_until(daemon, "wait ")
        (home / "bot_config.json").write_text(slow.replace('"BTC"', '"ETH"'))
        change = "symbols_to_monitor: BTC -> ETH, acts from the next opening on"
        assert change in said(home, "reload")
        assert change in read_until(daemon, "configuration changed")
        (home / "bot_config.json").write_text(slow.replace('"BTC"', '"BTCC"'))
        done = run(home, "reload")
    assert 1 == done.returncode, done.stdout
    assert "names 'BTCC', which neither venue lists" in done.stderr
    assert "error: the old configuration goes on" in done.stderr


def test_an_edited_file_is_taken_in_unasked(tmp_path: Path, market: Venues) -> None:
    """Within a regular check; a bad one is told, and the old configuration goes on."""
    home = make_home(tmp_path, config=ONE, env=market.env_text)
    with started(home) as daemon:
        read_until(daemon, "wait ")
        (home / "bot_config.json").write_text(ONE.replace('"BTC"', '"ETH"'))
        text = read_until(daemon, "configuration changed")
        assert "symbols_to_monitor: BTC -> ETH, acts from the next opening on" in text
        (home / "bot_config.json").write_text('{"leverage": 3}')
        text = read_until(daemon, "the old configuration goes on")
    assert "bot_config.json was edited: " in text
    assert "leverage = 3 is not allowed" in text


def test_nobody_to_speak_to_is_one_line(tmp_path: Path) -> None:
    """Exit 1, without a configuration, without keys."""
    done = run(make_home(tmp_path, config=None), "pause")
    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert "error: no bot runs in " in done.stderr


def test_a_health_check_fails_where_no_bot_answers(tmp_path: Path) -> None:
    """A status of the saved state is no sign of life."""
    home = make_home(tmp_path, config=None)
    assert [0, 1] == [run(home, "status", *words).returncode for words in ([], ["--running"])]


@pytest.mark.parametrize(
    "words",
    [["halp"], ["status", "--demo"], ["close", "--now"], ["--now"], ["pause", "--running"]],
)
def test_a_mistyped_command_is_refused(tmp_path: Path, words: list[str]) -> None:
    """One line; exit 2."""
    done = run(make_home(tmp_path, env=credentials()), *words)
    assert (2, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
