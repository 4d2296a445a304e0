"""The judge of the kills: what it takes for a leg alone, and what it lets pass. And a short run."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from desk.core.venue import VenueName
from test.daemons import ROOT
from test.kills.record import (
    FENCE_S,
    Kill,
    disagreement,
    fills_after,
    is_in_doubt,
    left_behind,
    review_at_ms,
    times_alone,
)
from test.kills.truth import Fill, Naked, Truth, alive_ms, naked_times, read_truth

L, P = VenueName.LIGHTER, VenueName.PACIFICA
SIZE = Decimal("0.5")
OPENED = [Fill(L, "BTC", SIZE, 1_000), Fill(P, "BTC", -SIZE, 1_300)]
CLOSED = [*OPENED, Fill(P, "BTC", SIZE, 9_000), Fill(L, "BTC", -SIZE, 9_400)]


def truth(fills: list[Fill], *, orders: tuple[str, ...] = ()) -> Truth:
    """Return a truth with these fills, whose orders rest on Lighter."""
    return Truth(positions={L: {}, P: {}}, orders={L: orders, P: ()}, fills=fills)


def answer(*, fills: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an answer of the control plane whose Lighter account has `fills`."""
    empty: dict[str, Any] = {"positions": {}, "orders": [], "fills": []}
    lighter = {**empty, "positions": {"BTC": "-0.5"}, "fills": fills}
    return {"lighter": {"accounts": {"7": lighter}}, "pacifica": {"accounts": {"A": empty}}}


def test_the_truth_is_read_with_its_signs() -> None:
    """A sell is negative, and what a venue does not name is not held there."""
    row = {"symbol": "BTC", "side": "sell", "size": "0.5", "at_ms": 5}

    read = read_truth(answer(fills=[row]))

    assert [Fill(L, "BTC", -SIZE, 5)] == read.fills
    assert (-SIZE, Decimal(0)) == read.legs("BTC") == read.legs_at("BTC", 5)
    assert (Decimal(0), Decimal(0)) == read.legs_at("BTC", 4)


def test_a_leg_is_alone_from_the_first_fill_to_its_twin() -> None:
    """Opening and close count apart; other symbols do not count."""
    owner = Fill(L, "ETH", SIZE, 1_100)

    found = list(naked_times([OPENED[0], owner, *CLOSED[1:]], "BTC"))

    assert [Naked(L, 1_000, 1_300), Naked(P, 9_000, 9_400)] == found


def test_a_leg_that_stays_alone_has_no_end() -> None:
    """The twin that never came is seen."""
    assert [Naked(L, 1_000, None)] == list(naked_times(OPENED[:1], "BTC"))


def test_a_process_answers_for_what_it_lived_through() -> None:
    """Time without a daemon is nobody's, and each process has a time of its own."""
    lives = [(0, 2_000), (5_000, 6_000), (7_000, 20_000)]

    assert 3_000 == alive_ms(Naked(L, 1_000, 10_000), lives)
    assert 13_000 == alive_ms(Naked(L, 1_000, None), lives)
    assert 0 == alive_ms(Naked(L, 2_500, 4_500), lives)


@pytest.mark.parametrize("venue", list(VenueName))
def test_the_fence_is_that_of_the_venue_that_has_not_filled(venue: VenueName) -> None:
    """The first fill's twin is waited for; a process that finds it must start first."""
    fills = [Fill(venue, "BTC", SIZE, 1_000)]
    [found] = times_alone(truth(fills), [(0, 90_000)], 90_000)
    [late] = times_alone(truth(fills), [(0, 1_500), (2_000, 90_000)], 90_000)

    assert 89 == found.total_s == found.alive_s
    assert FENCE_S[venue.twin] < found.alive_s_max < FENCE_S[venue.twin] + 10
    assert found.alive_s_max < late.alive_s_max


BELIEFS = [
    ("HOLD", OPENED, True),
    ("HOLD", OPENED[:1], False),
    ("HOLD", [], False),
    ("WAIT", CLOSED, True),
    ("WAIT", OPENED, False),
    ("ANALYZE", CLOSED[:3], False),
    ("CLOSE", CLOSED[:3], True),
    ("HALT", [], False),
]


@pytest.mark.parametrize(("phase", "fills", "agrees"), BELIEFS)
def test_a_belief_is_held_against_the_fills(phase: str, fills: list[Fill], agrees: bool) -> None:
    """HOLD means two even legs, WAIT and ANALYZE none; a halt is never right."""
    assert agrees == (disagreement(phase, truth(fills), 20_000) is None)


def test_what_filled_later_is_no_contradiction() -> None:
    """The exchanges may already be further than the line that is judged."""
    assert disagreement("ANALYZE", truth(OPENED), 999) is None


def test_a_hedge_taken_over_must_not_be_traded() -> None:
    """A fill in the quiet time is named, one before it is not."""
    assert fills_after(truth(OPENED), 1_301, 9_000) is None
    assert "pacifica -0.5 BTC" in str(fills_after(truth(OPENED), 1_001, 9_000))


def test_an_order_left_behind_is_named() -> None:
    """Ours is, the owner's in another symbol is not."""
    assert "lighter BTC" in str(left_behind(truth([], orders=("ETH", "BTC"))))
    assert left_behind(truth([], orders=("ETH",))) is None


def test_a_saved_state_tells_what_is_open() -> None:
    """A hedge that stands has its end, and an order without an answer is a doubt."""
    standing: dict[str, Any] = {"opened_at_ms": 1, "review_at_ms": 9, "intents": []}
    sent = {**standing, "opened_at_ms": None, "intents": [{"in_doubt": True}]}

    assert [9, None, None] == [review_at_ms({"hedge": row}) for row in (standing, sent, None)]
    assert [False, True, False] == [is_in_doubt({"hedge": row}) for row in (standing, sent, None)]
    assert is_in_doubt({"hedge": None, "doubt": {"why": "lost"}})


def test_a_fence_is_waited_for_only_in_doubt() -> None:
    """The way back is allowed the import, three round trips, and the fence where there is one."""
    kill = Kill(1, 1, "HOLD", (SIZE, -SIZE), lost_on=None, at_ms=0, import_s=0.5)

    assert 3.5 == kill.back_s_max
    kill.is_in_doubt = True
    assert 3.5 + max(FENCE_S.values()) == kill.back_s_max


@pytest.mark.skipif(
    not os.environ.get("HEDGE_SLOW_TESTS"), reason="takes minutes; set HEDGE_SLOW_TESTS=1"
)
def test_five_kills_break_nothing() -> None:
    """The short form of `make storm-kills`."""
    command = [sys.executable, "-m", "test.kills", "--kills", "5", "--lives", "1"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "5 kills of 1 daemons" in done.stdout
