"""What the exchange holds, in Pacifica's keys: REST rows (long names) and stream rows (letters).

Pure. Every price, amount and rate is a decimal string, every id and instant (ms) an integer; sizes
are positive with the side beside them (Pacifica docs, REST and WebSocket pages).
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from desk.core.book import Level
from desk.core.market import step_down, step_up
from desk.core.order import Side
from desk.sim.exchange import (
    Bar,
    FillCause,
    FundingRow,
    MarketSpec,
    Stats,
    Trade,
)
from desk.sim.web import plain

Row = dict[str, object]

MICRO = Decimal("0.000001")
SIDES = {Side.BUY: "bid", Side.SELL: "ask"}
CAUSES = {
    FillCause.TRADE: "normal",
    FillCause.LIQUIDATION: "market_liquidation",
    FillCause.BACKSTOP: "backstop_liquidation",
    FillCause.DELEVERAGE: "settlement",
}
MINUTE_MS = 60_000
INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}


def money(value: Decimal) -> str:
    """Return USD with at most six decimals, as live samples show."""
    return plain(value.quantize(MICRO, ROUND_HALF_EVEN))


def market(spec: MarketSpec, stats: Stats, *, created_at_ms: int) -> Row:
    """Return a row of `/info`; sizes there are USD, rates fractions per hour."""
    instrument = spec.instrument
    return {
        "symbol": spec.symbol,
        "tick_size": plain(instrument.price_tick),
        "min_tick": "0",
        "max_tick": "1000000",
        "lot_size": plain(instrument.size_lot),
        "max_leverage": instrument.leverage_max,
        "isolated_only": spec.isolated_only,
        "min_order_size": plain(instrument.notional_min_usd),
        "max_order_size": plain(instrument.notional_max_usd or Decimal(5_000_000)),
        "funding_rate": plain(stats.funding_last.fraction),
        "next_funding_rate": plain(stats.funding_next.fraction),
        "created_at": created_at_ms,
        "instrument_type": "perpetual",
        "base_asset": spec.symbol,
    }


def prices(stats: Stats, *, open_interest: Decimal) -> Row:
    """Return a row of `/info/prices` and of the `prices` stream."""
    mid = stats.mid if stats.mid is not None else stats.mark
    return {
        "funding": plain(stats.funding_last.fraction),
        "mark": plain(stats.mark),
        "mid": plain(mid),
        "next_funding": plain(stats.funding_next.fraction),
        "open_interest": plain(open_interest),
        "oracle": plain(stats.index),
        "symbol": stats.symbol,
        "timestamp": stats.at_ms,
        "volume_24h": money(stats.quote_volume_24h),
        "yesterday_price": plain(stats.price_24h_ago or stats.mark),
    }


def levels(found: Sequence[Level], counts: Sequence[int]) -> list[Row]:
    """Return book levels as they are, best first."""
    return [
        {"p": plain(price), "a": plain(size), "n": count}
        for (price, size), count in zip(found, counts, strict=True)
    ]


def grouped(
    found: Sequence[Level], counts: Sequence[int], step: Decimal, *, side: Side
) -> list[Row]:
    """Return book levels merged to multiples of `step` USD, away from the spread, best first."""
    merged: dict[Decimal, tuple[Decimal, int]] = {}
    rounded = step_down if side is Side.BUY else step_up
    for (price, size), count in zip(found, counts, strict=True):
        key = rounded(price, step)
        size_before, count_before = merged.get(key, (Decimal(0), 0))
        merged[key] = (size_before + size, count_before + count)
    rows = [(price, size) for price, (size, _) in merged.items()]
    return levels(rows, [count for _, count in merged.values()])


def candle(symbol: str, interval: str, bar: Bar) -> Row:
    """Return a candle; `v` is in base units."""
    return {
        "t": bar.open_at_ms,
        "T": bar.open_at_ms + INTERVALS_MS[interval],
        "s": symbol,
        "i": interval,
        "o": plain(bar.open),
        "c": plain(bar.close),
        "h": plain(bar.high),
        "l": plain(bar.low),
        "v": plain(bar.volume),
        "n": bar.trades,
    }


def _taker_action(trade: Trade) -> str:
    """Return open_long and so on; a stranger's taker counts as opening."""
    if trade.taker.fill is not None:
        return trade.taker.fill.position_action
    return "open_long" if trade.taker_side is Side.BUY else "open_short"


def public_trade(trade: Trade) -> Row:
    """Return a row of `/trades`: the taker's view."""
    return {
        "event_type": "fulfill_taker",
        "price": plain(trade.price),
        "amount": plain(trade.size),
        "side": _taker_action(trade),
        "cause": CAUSES[trade.cause],
        "created_at": trade.at_ms,
    }


def stream_trade(trade: Trade, *, sequence: int) -> Row:
    """Return an element of the `trades` stream."""
    return {
        "h": trade.trade_id,
        "s": trade.symbol,
        "a": plain(trade.size),
        "p": plain(trade.price),
        "d": _taker_action(trade),
        "tc": CAUSES[trade.cause],
        "t": trade.at_ms,
        "li": sequence,
    }


def funding_rate(row: FundingRow, *, next_rate: Decimal) -> Row:
    """Return a settled hour; the impact prices follow from its premium over the oracle price."""
    impact = plain((row.index * (1 + row.premium)).quantize(MICRO))
    return {
        "oracle_price": plain(row.index),
        "bid_impact_price": impact,
        "ask_impact_price": impact,
        "funding_rate": plain(row.rate.fraction),
        "next_funding_rate": plain(next_rate),
        "created_at": row.settled_at_ms,
    }
