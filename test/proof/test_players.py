"""Who plays a market sees the past alone, pays every cost, and nobody beats the perfect trader."""

import itertools
import random
from dataclasses import replace

import pytest

from desk.hedge.config import EntryStyle
from desk.proof.markets import HISTORY_HOURS, HOURS, Market, Series, families, market
from desk.proof.players import Play, cost_bps, perfect_bps, play_fixed, play_ours
from test.hedge.builders import d

MODELS = {family.name: family for family in families(None)}
BOOKS = ("0.12", "0.67")


def of_spreads(*spreads: list[float]) -> Market:
    """Return a market of these spreads after a calm fortnight, flat to the end."""
    rows = []
    for told in spreads:
        rest = [0.0] * (HOURS - HISTORY_HOURS - len(told))
        rows.append(Series([0.0] * HISTORY_HOURS + told + rest, BOOKS))
    return tuple(rows)


def ours(made: Market, style: EntryStyle = EntryStyle.TAKER) -> Play:
    """Play a market by our rules."""
    (play,) = play_ours(made, [[cost_bps(series, style) for series in made]])
    return play


def test_costs_are_those_of_the_bot() -> None:
    """Taking pays 8 bp and both books; resting on Pacifica pays 3 bp and Lighter's book."""
    series = Series([], BOOKS)
    assert d("8.79") == cost_bps(series, EntryStyle.TAKER)
    assert d("3.12") == cost_bps(series, EntryStyle.MAKER)


def brute_force_bps(spreads: list[float], half: float) -> float:
    """Return the most that any sequence of positions could have made, by trying them all."""
    most = 0.0
    for held in itertools.product((-1, 0, 1), repeat=len(spreads)):
        turns = [abs(b - a) for a, b in itertools.pairwise((0, *held, 0))]
        paid = sum(sign * spread for sign, spread in zip(held, spreads, strict=True))
        most = max(most, paid - half * sum(turns))
    return most


@pytest.mark.parametrize("seed", range(5))
def test_nobody_could_do_better_than_the_perfect_trader(seed: int) -> None:
    """Backwards in time gives what trying everything gives."""
    rng = random.Random(seed)
    spreads = [rng.gauss(0, 8) for _ in range(7)]
    perfect = perfect_bps(of_spreads(spreads), [d(6)])
    assert brute_force_bps(spreads, 3.0) == pytest.approx(perfect)


def test_the_perfect_trader_holds_one_pair_at_a_time() -> None:
    """Of two spreads in the same hours it takes the better, and changes over where that pays."""
    made = of_spreads([9.0, 9.0, 0.0], [10.0, 0.0, 30.0])
    assert 36.0 == perfect_bps(made, [d(6), d(6)])  # 9 + 9 - 6, then 30 - 6


@pytest.mark.parametrize("name", ["levels", "bursts"])
def test_ours_sees_nothing_of_the_future(name: str) -> None:
    """What comes after an hour changes nothing that was opened before it."""
    made = market(MODELS[name], 3)
    middle = HISTORY_HOURS + 200
    other = tuple(
        replace(row, spreads=[*row.spreads[:middle], *(-x for x in row.spreads[middle:])])
        for row in made
    )
    before, after = (
        [hour for span in ours(each).spans for hour in span if hour < middle]
        for each in (made, other)
    )
    assert before
    assert before == after


@pytest.mark.parametrize("style", EntryStyle)
def test_ours_makes_no_more_than_the_perfect_trader(style: EntryStyle) -> None:
    """On every model family, whatever it opens."""
    for family in MODELS.values():
        made = market(family, 11)
        costs = [cost_bps(series, style) for series in made]
        assert ours(made, style).net_bps <= perfect_bps(made, costs) + 1e-6


def test_a_market_at_rest_is_left_alone() -> None:
    """Both venues at their floors to the end: nothing is opened, nothing is paid."""
    assert Play() == ours(of_spreads([]))
    assert 0.0 == perfect_bps(of_spreads([]), [d(9)])


def test_the_fixed_rule_is_paid_twelve_times() -> None:
    """It opens on the first hour at 5 % a year, earns from the next, and pays a round trip."""
    play = play_fixed(of_spreads([0.1, *[0.2] * 12]), [d("8.79")])
    assert [12] == play.holds
    assert 12 * 0.2 - 8.79 == pytest.approx(play.net_bps)
