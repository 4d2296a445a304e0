"""The scripts that are run by hand, as their owner runs them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.daemons import ROOT, Venues, credentials, environment, make_home, venues

FACTS = ("balance", "funding", "positions", "leverage")
READING = [f"test_{venue}_{fact}" for venue in ("lighter", "pacifica") for fact in FACTS]
TRADING = ("test_lighter_market_order", "test_pacifica_market_order")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    """Yield embedded venues."""
    with venues(tmp_path_factory.mktemp("sim"), "--limits", "off") as both:
        yield both


def run(folder: Path, env: str, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script from the root, with nobody at the keyboard."""
    home = make_home(folder, env=env)
    return subprocess.run(
        [sys.executable, f"test/{name}.py", *words],
        cwd=ROOT,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", READING)
def test_what_reads_says_what_it_read(served: Venues, tmp_path: Path, name: str) -> None:
    """Each line begins with the venue; nothing is on stderr."""
    done = run(tmp_path, served.env_text, name, "--symbol", "BTC")
    assert (0, "") == (done.returncode, done.stderr)
    assert all(line.startswith(name.split("_")[1]) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", TRADING)
def test_what_trades_leaves_nothing(served: Venues, tmp_path: Path, name: str) -> None:
    """Opened and closed; the venues hold nothing afterwards."""
    done = run(tmp_path, served.env_text, name, "--symbol", "BTC", "--real-funds")
    assert (0, "") == (done.returncode, done.stderr)
    assert "flat: " in done.stdout
    assert {} == served.positions()


@pytest.mark.parametrize("name", TRADING)
def test_what_trades_does_not_trade_unasked(tmp_path: Path, name: str) -> None:
    """Without a terminal to ask at: one line, exit 2."""
    done = run(tmp_path, credentials(), name)
    assert 2 == done.returncode
    assert "--real-funds" in done.stderr
    assert "" == done.stdout


def test_a_venue_that_is_away_is_told(tmp_path: Path) -> None:
    """One line, exit 1."""
    done = run(tmp_path, credentials(), "test_lighter_balance")
    assert 1 == done.returncode
    assert 1 == done.stderr.count("\n")
