"""`what-if DAYS` as an owner types it: embedded venues, venues elsewhere, none, and mistyped."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from desk.commands.what_if import known_fees, paid_fees
from desk.core.market import FeeRates
from desk.engine.home import Home
from desk.ledger.rows import BookedFill, Ledger
from test.daemons import credentials, make_home, run, venues
from test.ledger.test_cycles import fill

D = Decimal


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what two replays of a demo's past print as JSON."""
    home = make_home(tmp_path_factory.mktemp("what_if"))
    done = [run(home, "what-if", "20", "--demo", "--json", "--seed", "1") for _ in range(2)]
    assert [0, 0] == [each.returncode for each in done], done[0].stderr
    assert not (home / "state").exists()
    return [each.stdout for each in done]


def test_a_demo_has_a_past_as_long_as_is_asked_for(told: list[str]) -> None:
    """Every hour of it is known, and what it opened is told with what was expected."""
    found = json.loads(told[0])
    assert {20 * 24 + 1} == {row["hours_known"] for row in found["costs"].values()}
    assert found["trades"]
    for row in found["trades"]:
        assert row["expected_bps"] > 0
        assert 0 < row["hold_h"] < 20 * 24
    assert found["is_evidence"] == (len(found["trades"]) >= 30)


def test_the_same_past_gives_the_same_answer(told: list[str]) -> None:
    """To the last byte."""
    assert told[0] == told[1]


def test_no_keys_are_needed(tmp_path: Path) -> None:
    """Public data of both venues, by request; nothing is written to the home."""
    with venues(tmp_path, "--limits", "off") as served:
        urls = "".join(line + "\n" for line in served.env_text.splitlines() if "_URL" in line)
        home = make_home(tmp_path, env=urls, config='{"symbols_to_monitor": ["BTC"]}')
        done = run(home, "what-if", "1")
    assert (0, "") == (done.returncode, done.stderr)
    assert "fees lighter of the first tier" in done.stdout
    assert re.search(r"^\d+ trades?\b", done.stdout, re.MULTILINE)
    assert [".env", "bot_config.json"] == sorted(path.name for path in home.iterdir())


def test_venues_that_are_away_are_one_line(tmp_path: Path) -> None:
    """Who did not answer; exit 1."""
    done = run(make_home(tmp_path, env=credentials()), "what-if", "7")
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert re.search("^error: (lighter|pacifica) ", done.stderr)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["what-if"], "DAYS"),
        (["what-if", "0"], "1 to 180"),
        (["what-if", "soon"], "1 to 180"),
        (["what-if", "7", "--seed", "1"], "--demo"),
    ],
)
def test_what_is_mistyped_is_one_line(tmp_path: Path, words: list[str], hint: str) -> None:
    """Exit code 2, and the line says what is allowed."""
    done = run(make_home(tmp_path), *words)
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert hint in done.stderr


def test_a_bad_configuration_is_named(tmp_path: Path) -> None:
    """As at a start; exit 2."""
    done = run(make_home(tmp_path, config='{"leverage": 2}'), "what-if", "7")
    assert 2 == done.returncode
    assert "leverage = 2 is not allowed" in done.stderr


def test_fees_are_those_of_the_last_fills(tmp_path: Path) -> None:
    """A ledger tells the account's own; without one, or a taker's fill in it, nobody does."""
    book = fill(1, 2, 100).book
    old, new, resting = (
        BookedFill(book, replace(fill(at, 2, 100).row, fee_usd=D(fee), is_maker=is_maker))
        for at, fee, is_maker in ((1, "0.08", False), (2, "0.06", False), (3, "0.02", True))
    )
    fees = paid_fees(Ledger(fills=(old, new, resting)))
    assert {book.venue: FeeRates(maker=D("0.0001"), taker=D("0.0003"))} == fees
    assert {} == paid_fees(Ledger(fills=(resting,)))
    assert {} == known_fees(Home.live(tmp_path))
