"""Pacifica's public figures by request; needs no credentials.

Which request answers which question, over how many pages; rows are read in `pacifica.wire`.
"""

from asyncio import gather
from collections.abc import Mapping, Sequence

from desk.core.book import Book
from desk.core.funding import FundingPoint
from desk.core.market import Candle, FeeRates, Instrument, MarketStats
from desk.core.ports import Clock
from desk.venues.kept import SHARED_S, Kept
from desk.venues.pacifica.rest import PacificaRest
from desk.venues.pacifica.wire import (
    BookRow,
    MarketRow,
    bad_message,
    candles,
    decode,
    fee_schedule,
    funding_points,
    instrument,
    market_rows,
    market_stats,
    price_rows,
)

PAGES_MAX = 50
CANDLES_PER_REQUEST = 3_900  # the venue stops at about 4,000
CANDLE_REQUESTS_MAX = 20
INTERVALS = {
    60: "1m",
    180: "3m",
    300: "5m",
    900: "15m",
    1_800: "30m",
    3_600: "1h",
    7_200: "2h",
    14_400: "4h",
    28_800: "8h",
    43_200: "12h",
    86_400: "1d",
}


class MarketReads:
    """Markets, their statistics and their past; remembers the markets it last read."""

    def __init__(self, rest: PacificaRest, *, clock: Clock) -> None:
        """Keep the way to ask; nothing is read yet."""
        self._rest = rest
        self._listed = Kept(self._ask_instruments, age_s_max=SHARED_S, clock=clock)
        self.rows: Mapping[str, MarketRow] = {}
        self.known: Mapping[str, Instrument] = {}

    async def instruments(self) -> Mapping[str, Instrument]:
        """Return every perpetual by symbol, read within the last second; `BadMessage` when there
        is none."""
        return await self._listed.get()

    async def _ask_instruments(self) -> Mapping[str, Instrument]:
        answer = await self._rest.get("/info")
        rows = market_rows(answer.data)
        if not rows:
            raise bad_message("no perpetual in the list", answer.data, request="GET /info")
        self.rows = rows
        self.known = {symbol: instrument(row) for symbol, row in rows.items()}
        return self.known

    async def loaded(self) -> Mapping[str, Instrument]:
        """Return the markets last read, reading them if none were."""
        return self.known or await self.instruments()

    async def market_stats(self) -> Mapping[str, MarketStats]:
        """Return statistics of every perpetual: one request, two at once before markets are loaded.

        A market whose row cannot be read, or has no price, is absent.
        """
        symbols, answer = await gather(self.loaded(), self._rest.get("/info/prices"))
        return market_stats(price_rows(answer.data, request="GET /info/prices"), symbols=symbols)

    async def book(self, symbol: str) -> Book:
        """Return a book by request, up to ten levels a side; it may be empty."""
        answer = await self._rest.get("/book", {"symbol": symbol, "agg_level": "1"})
        row = decode(answer.data, BookRow, request="GET /book")
        return Book(row.bids, row.asks)

    async def funding_history(
        self, symbol: str, *, since_ms: int, until_ms: int
    ) -> Sequence[FundingPoint]:
        """Return settled hours in [since, until), oldest first."""
        found: dict[int, FundingPoint] = {}
        pages = self._rest.pages(
            "/funding_rate/history",
            {"symbol": symbol},
            pages_max=PAGES_MAX,
            heavy=False,
        )
        async for data in pages:
            page = funding_points(data, symbol=symbol)
            found |= {row.settled_at_ms: row for row in page}
            if any(row.settled_at_ms < since_ms for row in page):
                break
        return [found[at_ms] for at_ms in sorted(found) if since_ms <= at_ms < until_ms]

    async def candles(
        self, symbol: str, *, interval_s: int, since_ms: int, until_ms: int
    ) -> Sequence[Candle]:
        """Return bars that open in [since, until), oldest first.

        Raises `ValueError` for an interval the venue lacks and for a span of more than
        `CANDLE_REQUESTS_MAX` requests.
        """
        if interval_s not in INTERVALS:
            raise ValueError(f"interval {interval_s} s is none of {sorted(INTERVALS)}")
        span_ms = interval_s * 1_000 * CANDLES_PER_REQUEST
        starts = range(since_ms, until_ms, span_ms)
        if len(starts) > CANDLE_REQUESTS_MAX:
            raise ValueError(f"more than {CANDLE_REQUESTS_MAX} requests for these candles")
        found: dict[int, Candle] = {}
        for start_ms in starts:
            params = {
                "symbol": symbol,
                "interval": INTERVALS[interval_s],
                "start_time": str(start_ms),
                "end_time": str(min(start_ms + span_ms, until_ms)),
            }
            answer = await self._rest.get("/kline", params, heavy=True)
            found |= {bar.open_at_ms: bar for bar in candles(answer.data)}
        return [found[at_ms] for at_ms in sorted(found) if since_ms <= at_ms < until_ms]

    async def fees_of(self, level: int) -> FeeRates:
        """Return the fees of a level; `BadMessage` when the schedule lacks it."""
        answer = await self._rest.get("/info/fees")
        schedule = fee_schedule(answer.data)
        if level not in schedule:
            raise bad_message(f"no fee level {level}", answer.data, request="GET /info/fees")
        return schedule[level]
