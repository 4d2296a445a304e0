"""Checks of ccxt's public requests: markets, prices, books, trades, candles, funding."""

import itertools
from decimal import Decimal

import ccxt

from test.conformance.clients.ccxt_session import (
    BASE,
    MARKETS,
    SYMBOL,
    Session,
    close_to,
    exact,
)
from test.conformance.clients.suite import Suite, equal, refused, require, until

BOTH: Suite[Session] = Suite()
LIGHTER: Suite[Session] = Suite()
PACIFICA: Suite[Session] = Suite()

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
PINNED_HOURLY = "0.0003"


@BOTH.check("markets")
async def markets(session: Session) -> str:
    """Every market is a linear swap with its own steps."""
    found = await session.client.load_markets()
    equal(MARKETS, len(found), "number of markets")
    require(all(row["swap"] and row["linear"] for row in found.values()), "a market is no swap")
    market = found[SYMBOL]
    equal("0.01" if session.is_lighter else "0.1", str(market["precision"]["price"]), "tick")
    equal("0.0001", str(market["precision"]["amount"]), "lot")
    equal(10.0, market["limits"]["cost"]["min"], "smallest notional")
    return f"{len(found)} swaps"


@BOTH.check("ticker, tickers")
async def tickers(session: Session) -> str:
    """The last price of every market is known; the one agrees with the many."""
    every = await session.client.fetch_tickers()
    equal(MARKETS, len(every), "number of tickers")
    require(all(row["last"] > 0 and row["quoteVolume"] > 0 for row in every.values()), "empty row")
    alone = await session.client.fetch_ticker(SYMBOL)
    mid = await session.mid()
    close_to(mid, alone["last"], within=str(mid / 100), what="last price")
    return f"{BASE} {alone['last']}"


@BOTH.check("order book")
async def order_book(session: Session) -> str:
    """Levels are sorted outwards and do not cross."""
    book = await session.client.fetch_order_book(SYMBOL)
    bids, asks = ([exact(level[0]) for level in book[side]] for side in ("bids", "asks"))
    equal(sorted(bids, reverse=True), bids, "order of bids")
    equal(sorted(asks), asks, "order of asks")
    require(bids[0] < asks[0], f"crossed: {bids[0]} {asks[0]}")
    require(all(level[1] > 0 for level in book["bids"] + book["asks"]), "an empty level")
    return f"{len(bids)} × {len(asks)} levels"


@BOTH.check("trades")
async def trades(session: Session) -> str:
    """Other people trade near the middle, in the order of time."""
    rows = await session.client.fetch_trades(SYMBOL)
    mid = await session.mid()
    require(rows, "no trades")
    equal(sorted(row["timestamp"] for row in rows), [row["timestamp"] for row in rows], "times")
    require({row["side"] for row in rows} <= {"buy", "sell"}, "a trade without a side")
    for row in rows:
        close_to(mid, row["price"], within=str(mid / 10), what="price of a trade")
    return f"{len(rows)} trades"


@BOTH.check("candles")
async def candles(session: Session) -> str:
    """One candle a minute, each with its low at the bottom and its high at the top."""
    since = session.client.milliseconds() - HOUR_MS
    rows = await session.client.fetch_ohlcv(SYMBOL, "1m", since)
    require(55 <= len(rows) <= 62, f"{len(rows)} candles in an hour")
    steps = {after[0] - before[0] for before, after in itertools.pairwise(rows)}
    equal({MINUTE_MS}, steps, "steps between candles")
    require(all(low <= min(o, c) and max(o, c) <= high for _, o, high, low, c, _ in rows), "shape")
    return f"{len(rows)} candles"


@LIGHTER.check(
    "funding rates",
    limit="ccxt passes on Lighter's figure for 8 hours with no interval: divide by 8",
)
async def lighter_funding(session: Session) -> str:
    """A rate pinned per hour comes out of ccxt eight times as high, without an interval."""
    await session.judge.set_funding(BASE, PINNED_HOURLY)
    row = await until(
        lambda: session.client.fetch_funding_rate(SYMBOL),
        lambda row: exact(row["fundingRate"]) == 8 * Decimal(PINNED_HOURLY),
        "the pinned rate, times 8",
    )
    equal(None, row["interval"], "interval")
    equal(MARKETS, len(await session.client.fetch_funding_rates()), "number of rates")
    return f"{row['fundingRate']} per 8 h"


@PACIFICA.check("funding rates")
async def pacifica_funding(session: Session) -> str:
    """A pinned rate is what will be paid next; the other field is the hour already settled."""
    await session.judge.set_funding(BASE, PINNED_HOURLY)
    row = await until(
        lambda: session.client.fetch_funding_rate(SYMBOL),
        lambda row: exact(row["nextFundingRate"]) == Decimal(PINNED_HOURLY),
        "the pinned rate as the next",
    )
    equal(exact(row["info"]["funding"]), exact(row["fundingRate"]), "settled rate")
    equal("1h", row["interval"], "interval")
    equal(MARKETS, len(await session.client.fetch_funding_rates()), "number of rates")
    return f"{row['nextFundingRate']} per hour"


@LIGHTER.check("funding rate history", limit="not offered by ccxt's connector")
async def lighter_funding_history(session: Session) -> str:
    """The connector refuses without asking the venue."""
    return await not_offered(session, "fetch_funding_rate_history")


@PACIFICA.check("funding rate history")
async def pacifica_funding_history(session: Session) -> str:
    """One row per hour of the two days before the start."""
    rows = await session.client.fetch_funding_rate_history(SYMBOL, limit=40)
    equal(40, len(rows), "number of rows")
    hours = [round(row["timestamp"] / HOUR_MS) for row in rows]
    equal(list(range(hours[0], hours[0] + 40)), hours, "hours")
    return f"{len(rows)} hours"


@LIGHTER.check("status, time")
async def status(session: Session) -> str:
    """The venue is up and its clock is ours."""
    equal("ok", (await session.client.fetch_status())["status"], "status")
    skew_ms = abs(await session.client.fetch_time() - session.client.milliseconds())
    require(skew_ms < 3_000, f"its clock is {skew_ms} ms away")
    return "up, clock agrees"


@PACIFICA.check("open interest")
async def open_interest(session: Session) -> str:
    """The figure is there and its value follows from the mark."""
    row = await session.client.fetch_open_interest(SYMBOL)
    size, mark = exact(row["openInterestAmount"]), exact(row["info"]["mark"])
    close_to(size * mark, row["openInterestValue"], within="0.01", what="value")
    return f"{size} {BASE}"


async def not_offered(session: Session, method: str) -> str:
    """Return the refusal of a method that the connector does not have."""
    return await refused(getattr(session.client, method)(SYMBOL), ccxt.NotSupported, "not supp")
