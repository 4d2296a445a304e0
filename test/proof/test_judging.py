"""What plays come to: shares and promises, counted by hand."""

import pytest

from desk.hedge.config import EntryStyle
from desk.proof.__main__ import TUNED_SEEDS, main
from desk.proof.judging import (
    Outcome,
    bias,
    calibration,
    captured,
    goals,
    no_worse,
    outcomes,
    shares,
    traded,
)
from desk.proof.markets import Family, families
from desk.proof.players import Play

EDGE = Family("edge", True, "", lambda rng: [])
NONE = Family("none", False, "", lambda rng: [])


def outcome(
    net: float, perfect: float, *, fixed: float = 0.0, family: Family = EDGE, off: float = 0.0
) -> Outcome:
    """Return one market's outcome; ours traded where it made or lost anything."""
    spans = [(0, 12)] if net else []
    forecasts = [(off, 0.0), (off, 0.0)] if net else []
    return Outcome(family, EntryStyle.TAKER, Play(net, spans, forecasts), fixed, perfect, 10.0)


ROWS = [outcome(60.0, 100.0), outcome(0.0, 0.0), outcome(-10.0, 100.0, fixed=5.0, family=NONE)]


def test_shares_are_of_what_could_be_made() -> None:
    """A market in which nobody can make anything counts for neither side."""
    assert 0.25 == captured(ROWS)
    assert [-0.1, 0.6] == shares(ROWS)
    assert captured([outcome(0.0, 0.0)]) is None


def test_markets_are_counted() -> None:
    """Traded is opened anything; no worse is at least the fixed rule's net."""
    assert 2 / 3 == traded(ROWS)
    assert 2 / 3 == no_worse(ROWS)


def test_promises_are_kept_or_missed() -> None:
    """Half of the perfect net, no trades where there is no edge, and enough markets."""
    assert [False, False, False] == [goal.is_met for goal in goals(ROWS)]
    good = [outcome(60.0, 100.0)] * 100 + [outcome(0.0, 1.0, family=NONE)] * 100
    assert [True, True, True] == [goal.is_met for goal in goals(good)]
    assert [True, True, False] == [goal.is_met for goal in goals(good[50:150])]


def test_forecasts_are_held_against_payments() -> None:
    """A basis point more than a tenth of a round trip is a miss."""
    near, far = [outcome(1.0, 1.0, off=0.9)], [outcome(1.0, 1.0, off=1.1)]
    assert [True, False] == [row.is_met for row in map(calibration, (near, far)) if row]
    assert bias([outcome(0.0, 0.0)]) is None


def test_both_styles_play_the_same_market() -> None:
    """The perfect trader makes no less where a round trip costs less."""
    (family,) = [each for each in families(None) if each.name == "levels"]
    taker, maker = outcomes(family, 1)
    assert taker.perfect_bps <= maker.perfect_bps
    assert maker.cost_bps < taker.cost_bps


def test_the_seeds_of_the_search_prove_nothing() -> None:
    """The proof refuses the markets its parameters were chosen on."""
    with pytest.raises(SystemExit) as stopped:
        main(["--seed", str(TUNED_SEEDS[3]), "--markets", "8"])
    assert 2 == stopped.value.code
