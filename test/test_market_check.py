"""The two market tables: real figures of both venues, by the bot's own filter, or no figure."""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desk.hedge.config import Config
from desk.screen.market_check import spread_check, volume_check
from test.daemons import ROOT, Venues, credentials, environment, make_home, venues
from test.screen.looks import LIGHTER, PACIFICA, venue_markets

VOLUME, SPREADS = "check_24h_volume.py", "check_spreads.py"
BOTH = {venue: venue_markets(venue, {"BTC": "1"}) for venue in (LIGHTER, PACIFICA)}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    """Yield embedded venues."""
    with venues(tmp_path_factory.mktemp("sim"), "--limits", "off") as both:
        yield both


def run(folder: Path, env: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of the commands from a folder that is not the repository."""
    home = make_home(folder, env=env)
    script, *rest = words
    return subprocess.run(
        [sys.executable, str(ROOT / script), *rest],
        cwd=folder,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
    )


def addresses(both: Venues) -> str:
    """Return a `.env` that names the venues and holds no key."""
    lines = both.env_text.splitlines()
    return "\n".join(line for line in lines if "URL" in line)


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    """Return what was told as JSON."""
    assert code == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_books_are_the_venues_own(served: Venues, tmp_path: Path) -> None:
    """Bid and ask lie around the middle that the venue was given, with sizes; no key is needed."""
    served.ask("market", {"symbol": "BTC", "mid": "100000"})
    [row] = told(run(tmp_path, addresses(served), SPREADS, "--json", "--symbols", "BTC"))["symbols"]
    for venue in ("lighter", "pacifica"):
        bid, ask = (Decimal(row[venue][side]) for side in ("bid", "ask"))
        assert bid < ask
        assert abs((bid + ask) / 2 - 100_000) < 200
        assert Decimal(row[venue]["bid_size"]) > 0
    assert row["passes"]


def test_volumes_are_the_venues_own(served: Venues, tmp_path: Path) -> None:
    """For every symbol of the configuration."""
    told_ = told(run(tmp_path, addresses(served), VOLUME, "--json"))
    rows = {row["symbol"]: row for row in told_["symbols"]}
    assert list(Config().symbols_to_monitor) == list(rows)
    assert Decimal(rows["BTC"]["lighter_volume_24h_usd"]) > 1_000_000
    assert {} == told_["failures"]


@pytest.mark.parametrize("script", [VOLUME, SPREADS])
def test_a_table_for_people(served: Venues, tmp_path: Path, script: str) -> None:
    """A line a symbol, with its verdict, and nothing on stderr."""
    done = run(tmp_path, addresses(served), script, "--symbols", "BTC,SOL")
    assert (0, "") == (done.returncode, done.stderr)
    assert ["BTC", "SOL"] == [line.split()[0] for line in done.stdout.splitlines()[2:4]]


@pytest.mark.parametrize("script", [VOLUME, SPREADS])
def test_venues_that_are_away(tmp_path: Path, script: str) -> None:
    """No figure is made up: exit 1, each venue with its reason, and nulls."""
    row = told(run(tmp_path, credentials(), script, "--json", "--symbols", "BTC"), 1)
    assert {"lighter", "pacifica"} == set(row["failures"])
    [symbol] = row["symbols"]
    assert not symbol["passes"]
    figures = [value for key, value in symbol.items() if "lighter" in key or "pacifica" in key]
    assert [None, None] == figures


@pytest.mark.parametrize("words", [["--frobnicate"], ["--symbols", "B-C"], ["--home", "nowhere"]])
def test_usage(tmp_path: Path, words: list[str]) -> None:
    """One line, exit 2."""
    done = run(tmp_path, None, VOLUME, *words)
    assert 2 == done.returncode
    assert 1 == done.stderr.count("\n")


# The filter


def test_the_filter_is_the_bots_own() -> None:
    """With its words and its key."""
    config = Config(min_volume_24h_usd=Decimal(20_000_000), max_spread_bps=Decimal("0.5"))
    [volume] = volume_check(config, BOTH, ["BTC"]).rows
    assert {"min_volume_24h_usd"} == {row.key for row in volume.refusals}
    [spread] = spread_check(config, BOTH, ["BTC"]).rows
    assert "lighter book 1.0 bp wide; pacifica book 1.0 bp wide" == spread.verdict


def test_one_venue_alone_passes_nothing() -> None:
    """Its figures are shown, the other's are not there."""
    [row] = spread_check(Config(), {LIGHTER: BOTH[LIGHTER]}, ["BTC"]).rows
    assert "pacifica did not answer" == row.verdict
    assert row.figures["pacifica"] is None
    assert row.figures["gap_bps"] is None
