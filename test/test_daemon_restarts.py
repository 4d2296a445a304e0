"""The daemon in real time: stopped in a hold, killed after its orders, started again.

A start may assume that half of a venue's requests a minute are spent, so each takes about a minute
to its first order. Run with HEDGE_SLOW_TESTS=1.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.daemons import Venues, make_home, paying_venues, read_until, run, started
from test.test_daemon import QUICK, SLOW

pytestmark = pytest.mark.skipif(
    not os.environ.get("HEDGE_SLOW_TESTS"), reason="takes minutes; set HEDGE_SLOW_TESTS=1"
)

POLLS_MAX = 2_000  # of the control plane, some milliseconds each


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Venues]:
    """Yield embedded venues that pay 300 % APR on BTC."""
    with paying_venues(tmp_path) as served:
        yield served


def test_a_stop_in_a_hold_leaves_the_hedge_and_a_start_ends_it(
    tmp_path: Path, market: Venues
) -> None:
    """SIGTERM while holding: exit 0, both legs stand, and the next start closes them in time."""
    home = make_home(tmp_path, config=SLOW, env=market.env_text)
    with started(home) as daemon:
        read_until(daemon, "both legs hold")
        daemon.send_signal(signal.SIGTERM)
        assert "Left open: BTC" in read_until(daemon, f" --home {home}")
        assert 0 == daemon.wait(15)
    legs = [float(row["BTC"]) for row in market.positions().values()]
    assert 2 == len(legs)
    assert 0 == sum(legs)

    (home / "bot_config.json").write_text(QUICK)
    done = run(home, "--cycles", "1")

    assert (0, {}) == (done.returncode, market.positions()), done.stdout
    assert "agrees with the legs" in " ".join(done.stdout.split())


def test_a_killed_daemon_takes_its_hedge_over(tmp_path: Path, market: Venues) -> None:
    """SIGKILL right after the orders filled: the next start finds both legs and ends flat."""
    home = make_home(tmp_path, config=QUICK, env=market.env_text)
    with started(home) as daemon:
        read_until(daemon, "accepted, filled")
        daemon.kill()
        daemon.wait(10)

    done = run(home, "--cycles", "1")

    assert (0, {}) == (done.returncode, market.positions()), done.stdout
    assert "closed flat" in done.stdout


@pytest.mark.parametrize("pct", ["-60", "60"])
def test_a_killed_daemon_leaves_its_triggers_on_guard(
    tmp_path: Path, market: Venues, pct: str
) -> None:
    """SIGKILL in a hold, then a large move: the venues close both legs, the next start books it."""
    home = make_home(tmp_path, config=SLOW, env=market.env_text)
    with started(home) as daemon:
        read_until(daemon, "pacifica guards")
        daemon.kill()
        daemon.wait(10)
    assert 2 == len(market.positions())

    market.ask("market", {"symbol": "BTC", "shock_pct": pct})
    assert any(not market.positions() for _ in range(POLLS_MAX))

    done = run(home, "--cycles", "1")
    assert 0 == done.returncode, done.stdout
    assert "agrees with the legs" in " ".join(done.stdout.split())
    assert [] == market.orders()
