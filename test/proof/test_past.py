"""A configuration on the settled past: the bot's own forecasts, and no hour before its time."""

import random

from desk.core.funding import HourlyRate
from desk.hedge.config import Config
from desk.hedge.economics import Costs
from desk.hedge.history import BOOKED_MS, HOURS_MAX, SpreadHistory, window
from desk.hedge.select import Candidate, rank
from desk.proof.past import Replay, replay
from test.hedge.builders import HOUR_MS, LIGHTER, PACIFICA, SYMBOL, d, market

FIRST = 490_000
LAST = FIRST + 24 * 20
COSTS = {SYMBOL: Costs(d(8), d(1))}
CONFIG = Config(symbols_to_monitor=(SYMBOL,))


def spreads(seed: int = 3) -> dict[int, int]:
    """Return a level that stands, with noise about it, billionths of notional."""
    rng = random.Random(seed)
    return {
        hour: 60_000 + round(rng.gauss(0, 9_000)) for hour in range(FIRST - HOURS_MAX, LAST + 1)
    }


def replayed(known: dict[int, int], last: int = LAST) -> Replay:
    """Return what became of the one symbol up to that hour."""
    return replay(CONFIG, COSTS, {SYMBOL: known}, hours=range(FIRST, last + 1))


def test_what_is_opened_is_what_a_look_would_have_opened() -> None:
    """The same plan, to the last digit, from the same history and the same costs."""
    known = spreads()
    trade = replayed(known).trades[0]
    at_ms = trade.since * HOUR_MS + BOOKED_MS
    kept = SpreadHistory(0, trade.since, window(known, trade.since))
    rate = HourlyRate.from_hourly(d(known[trade.since]) / 10**9)
    rates = {LIGHTER: rate, PACIFICA: HourlyRate.from_hourly(d(0))}
    venues = {venue: market(venue, {SYMBOL: rates[venue]}, at_ms) for venue in rates}
    look = rank(CONFIG, venues, at_ms=at_ms, set_aside={}, histories={SYMBOL: kept})
    (row,) = look
    assert isinstance(row, Candidate)
    assert row.plan is not None
    assert row.plan.funding_bps == trade.plan.funding_bps
    assert row.plan.doubt_bps == trade.plan.doubt_bps
    assert row.long_venue == trade.long_venue


def test_no_decision_sees_a_later_hour() -> None:
    """Another future changes nothing that was opened before it."""
    known, middle = spreads(), FIRST + 100
    other = {hour: -rate if hour > middle else rate for hour, rate in known.items()}
    before, after = (
        [(row.since, row.plan) for row in replayed(each).trades if row.since <= middle]
        for each in (known, other)
    )
    assert before
    assert before == after


def test_hours_that_nobody_told_are_counted() -> None:
    """How many of the hours are known is part of the answer."""
    known = {hour: rate for hour, rate in spreads().items() if hour != FIRST + 50}
    assert {SYMBOL: LAST - FIRST} == replayed(known).known


def test_money_is_that_of_one_leg() -> None:
    """A hundred basis points of fifty dollars are fifty cents."""
    assert 0.5 == replayed(spreads(), FIRST + 1).usd(100)
