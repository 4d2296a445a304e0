"""The daemon in real time, killed with its hedge open, its state file damaged or gone.

Each takes about a minute to its first order. Run with HEDGE_SLOW_TESTS=1.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.daemons import Venues, make_home, paying_venues, read_until, run, started
from test.test_daemon import QUICK

pytestmark = pytest.mark.skipif(
    not os.environ.get("HEDGE_SLOW_TESTS"), reason="takes minutes; set HEDGE_SLOW_TESTS=1"
)
STATE = "bot_state_lighter_pacifica.json"
LEG_S_MAX = 10


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Venues]:
    """Yield embedded venues that pay 300 % APR on BTC."""
    with paying_venues(tmp_path) as served:
        yield served


def killed_at_its_first_fill(folder: Path, market: Venues) -> Path:
    """Return the home of a daemon that was killed as soon as a position showed."""
    home = make_home(folder, config=QUICK, env=market.env_text)
    with started(home, "--plain") as daemon:
        read_until(daemon, "BTC: long lighter, short pacifica")
        wait_for_legs(market, 1)
        daemon.kill()
        daemon.wait(10)
    wait_for_legs(market, 2)  # what was on the wire lands
    return home


def wait_for_legs(market: Venues, number: int) -> None:
    """Return once so many venues show a position."""
    until_s = time.monotonic() + LEG_S_MAX
    while len(market.positions()) < number:
        assert time.monotonic() < until_s, market.positions()


def opened(market: Venues) -> int:
    """Return how many of the accounts' fills opened something."""
    truth = market.ask("truth")
    rows = [row for v in ("lighter", "pacifica") for row in truth[v]["accounts"].values()]
    return max(len({fill["client_id"] for fill in row["fills"]}) for row in rows)


def ends_flat(home: Path, market: Venues) -> str:
    """Run a cycle: the hedge is taken over and closed, no second one opened. Returns the words."""
    done = run(home, "--cycles", "1")
    words = " ".join((done.stdout + done.stderr).split())
    assert (0, {}) == (done.returncode, market.positions()), words
    assert 2 == opened(market), "one order in and one out on each venue"
    assert "closed flat" in words
    return words


def test_a_damaged_state_is_read_again_from_the_journal(tmp_path: Path, market: Venues) -> None:
    """The newest generation is torn, the one before knows of no order: the journal does."""
    home = killed_at_its_first_fill(tmp_path, market)
    (home / STATE).write_text("{")

    assert "read again from the journal" in ends_flat(home, market)


def test_a_damaged_state_without_a_journal_is_made_up_from_the_fills(
    tmp_path: Path, market: Venues
) -> None:
    """Only the generation before is left: both legs are found by their ids."""
    home = killed_at_its_first_fill(tmp_path, market)
    (home / STATE).write_text("{")
    shutil.rmtree(home / "state")

    assert "found again by its order ids: BTC" in ends_flat(home, market)


def test_a_state_that_is_gone_is_read_again_from_the_journal(
    tmp_path: Path, market: Venues
) -> None:
    """Both generations are deleted: this is no first start."""
    home = killed_at_its_first_fill(tmp_path, market)
    for path in home.glob(f"{STATE}*"):
        path.unlink()

    assert "read again from the journal" in ends_flat(home, market)


def test_a_home_that_is_gone_is_made_up_from_the_fills(tmp_path: Path, market: Venues) -> None:
    """Nothing is left but the keys: the hedge is found by its ids."""
    home = killed_at_its_first_fill(tmp_path, market)
    shutil.rmtree(home / "state")
    shutil.rmtree(home / "logs")
    for path in home.glob(f"{STATE}*"):
        path.unlink()

    assert "found again by its order ids: BTC" in ends_flat(home, market)


def test_two_damaged_generations_are_refused_and_then_made_good(
    tmp_path: Path, market: Venues
) -> None:
    """Exit 2, with what may be open and what to do; done so, the hedge is taken over."""
    home = killed_at_its_first_fill(tmp_path, market)
    for name in (STATE, f"{STATE}.previous"):
        (home / name).write_text("{")

    refused = run(home, "--cycles", "1")
    assert 2 == refused.returncode
    assert "may still be open on the venues" in refused.stderr
    assert "move it and" in refused.stderr

    for name in (STATE, f"{STATE}.previous"):
        (home / name).unlink()
    ends_flat(home, market)
