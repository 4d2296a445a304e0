"""A past for the simulated markets: settled funding, candles and a few last trades.

Shapes what the market model lived through into what an exchange remembers. Recent hours come as
one-minute bars; before them each hour comes as a single bar at its first minute, which is all that
hourly and daily candles need.
"""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from desk.core.market import Instrument
from desk.core.order import Side
from desk.sim.exchange import (
    Bar,
    FundingRow,
    Trade,
    TradeSide,
    VenueRules,
    hourly_rate,
    payment,
)
from desk.sim.market_model import PastStep, whole_steps
from desk.sim.market_table import VenueRow

HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_QUARTER_MS = 15 * _MINUTE_MS
_DAY_MS = 24 * HOUR_MS
_FINE_HOURS = 3
_PREMIUM_STEP = Decimal("1E-8")
_LAST_TRADES = 30
_LAST_TRADE_GAP_MS = 1_500
_TRADE_USD = 2_000
_TRADES_PER_BAR = 20


@dataclass(frozen=True, slots=True)
class Past:
    """What `Exchange.backfill` takes, each oldest first."""

    funding: tuple[FundingRow, ...]
    bars: tuple[Bar, ...]
    trades: tuple[Trade, ...]


def past_instants(start_ms: int, hours: int) -> tuple[int, ...]:
    """Return the instants to live through: quarters from a whole hour at least `hours` before
    `start_ms`, minutes in the last three hours, then `start_ms`."""
    first = (start_ms - hours * HOUR_MS) // HOUR_MS * HOUR_MS
    fine = max(first, (start_ms - _FINE_HOURS * HOUR_MS) // HOUR_MS * HOUR_MS)
    coarse = range(first, fine, _QUARTER_MS)
    return (*coarse, *range(fine, start_ms, _MINUTE_MS), start_ms)


def make_past(
    row: VenueRow, steps: Sequence[PastStep], *, rules: VenueRules, rng: random.Random
) -> Past:
    """Return the past of one market from `steps` (oldest first, the last one is the start)."""
    return Past(
        funding=tuple(_funding(row.instrument, steps, rules)),
        bars=tuple(_bars(row, steps, rng)),
        trades=tuple(_trades(row.instrument, steps[-1], rules, rng)),
    )


def _price(instrument: Instrument, step: PastStep) -> Decimal:
    return whole_steps(step.mark, instrument.price_tick)


def _funding(
    instrument: Instrument, steps: Sequence[PastStep], rules: VenueRules
) -> list[FundingRow]:
    """Return a row for each whole hour, from the average premium of the hour before it."""
    rows = []
    for hour, within in itertools.groupby(steps, key=lambda step: step.at_ms // HOUR_MS):
        settled_at_ms = (hour + 1) * HOUR_MS
        if settled_at_ms > steps[-1].at_ms:
            break
        seen = list(within)
        mean = sum(step.premium for step in seen) / len(seen)
        premium = whole_steps(mean, _PREMIUM_STEP)
        rate = hourly_rate(rules.funding, premium)
        index = whole_steps(seen[-1].index, instrument.price_tick)
        rows.append(
            FundingRow(
                symbol=instrument.symbol,
                settled_at_ms=settled_at_ms,
                rate=rate,
                value=-payment(rules.funding, rate, Decimal(1), index),
                premium=premium,
                index=index,
                mark=_price(instrument, seen[-1]),
            )
        )
    return rows


def _bars(row: VenueRow, steps: Sequence[PastStep], rng: random.Random) -> list[Bar]:
    """Return minute bars for the fine part of `steps` and one bar an hour for the rest."""
    fine_from_ms = next(
        after.at_ms - _MINUTE_MS
        for before, after in itertools.pairwise(steps)
        if after.at_ms - before.at_ms <= _MINUTE_MS
    )
    bars = []
    by_hour = itertools.groupby(steps, key=lambda step: step.at_ms // HOUR_MS)
    for hour, within in by_hour:
        if hour * HOUR_MS < fine_from_ms:
            bars.append(_bar(row, list(within), HOUR_MS, rng))
    for before, after in itertools.pairwise(steps):
        if before.at_ms >= fine_from_ms:
            bars.append(_bar(row, [before, after], after.at_ms - before.at_ms, rng))
    return bars


def _bar(row: VenueRow, steps: list[PastStep], length_ms: int, rng: random.Random) -> Bar:
    instrument = row.instrument
    prices = [_price(instrument, step) for step in steps]
    usd = row.volume_24h_usd * length_ms / _DAY_MS * rng.uniform(0.6, 1.4)
    volume = whole_steps(usd / float(prices[0]), instrument.size_lot)
    return Bar(
        open_at_ms=steps[0].at_ms,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        quote_volume=volume * prices[0],
        trades=_TRADES_PER_BAR,
        last_trade_id=0,
    )


def _trades(
    instrument: Instrument, last: PastStep, rules: VenueRules, rng: random.Random
) -> list[Trade]:
    """Return a few trades of strangers just before the start, with ids below the first one."""
    price, trades = _price(instrument, last), []
    for back in range(_LAST_TRADES, 0, -1):
        taker = Side.BUY if rng.random() < 0.5 else Side.SELL
        away = Decimal(rng.randrange(3)) * instrument.price_tick * taker.sign
        size = whole_steps(_TRADE_USD * rng.uniform(0.2, 2) / float(price), instrument.size_lot)
        maker_id, taker_id = _order_ids(rules, taker)
        trades.append(
            Trade(
                trade_id=rules.first_trade_id - back,
                symbol=instrument.symbol,
                taker_side=taker,
                size=max(size, instrument.size_lot),
                price=price + away,
                at_ms=last.at_ms - back * _LAST_TRADE_GAP_MS,
                taker=TradeSide(rules.stranger_account_id, taker_id),
                maker=TradeSide(rules.stranger_account_id, maker_id),
            )
        )
    return trades


def _order_ids(rules: VenueRules, taker: Side) -> tuple[int, int]:
    """Return order ids (maker, taker) that no later order has: on Lighter asks begin at 2**48 and
    bids count down from 2**49, on Pacifica one counter serves all."""
    if not rules.is_lighter:
        return rules.first_order_id - 2, rules.first_order_id - 1
    ask, bid = 2**48, 2**49
    return (ask, bid) if taker is Side.BUY else (bid, ask)
