"""Pacifica's REST envelope, rows and market data: bytes in, our vocabulary out.

Pure. Account rows are in `pacifica.account`, stream frames in `pacifica.frames`, errors in
`pacifica.errors`. Unknown fields are ignored everywhere. Shapes: docs.pacifica.fi, "REST API",
checked against recorded answers.
"""

from collections.abc import Container, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from desk.core.book import Level
from desk.core.errors import BadMessage
from desk.core.funding import SETTLEMENT_PERIOD_MS, FundingPoint, HourlyRate
from desk.core.market import Candle, FeeRates, Instrument, MarketStats
from desk.core.venue import VenueName
from desk.venues import rows as typed_rows
from desk.venues.rows import Row

PERPETUAL = "perpetual"
_T = TypeVar("_T")


class Envelope(Row, frozen=True, kw_only=True):
    """What every REST answer is wrapped in.

    `last_order_id` is the exchange-wide sequence at the time of the answer; `next_cursor` and
    `has_more` come with paged lists.
    """

    success: bool
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    code: int | str | None = None
    error_id: str | None = None
    last_order_id: int | None = None
    next_cursor: str | None = None
    has_more: bool | None = None


def decode(raw: msgspec.Raw | bytes | str, shape: type[_T], *, request: str) -> _T:
    """Return `raw` as `shape`; raises `BadMessage` naming `request`."""
    return typed_rows.decode(raw, shape, venue=VenueName.PACIFICA, request=request)


def bad_message(text: str, raw: msgspec.Raw | bytes | str, *, request: str) -> BadMessage:
    """Return the error for an answer we cannot read."""
    excerpt = raw if isinstance(raw, str) else bytes(raw)
    return BadMessage(text, venue=VenueName.PACIFICA, request=request, raw=excerpt)


def rows(data: msgspec.Raw, shape: type[_T], *, request: str) -> list[_T]:
    """Return every row of a list strictly: one bad row, or no list, and nothing is believed.

    Meant for account data, where a row left out would read as "no position" or "no order".
    """
    listed: list[_T] = decode(data, _list_of(shape), request=request)
    return listed


def _list_of(shape: Any) -> Any:
    return list[shape]


def readable_rows(data: msgspec.Raw, shape: type[_T], *, request: str) -> list[_T]:
    """Return the rows that can be read; raises `BadMessage` when there are rows and none can.

    Meant for lists of markets: a kind of row we do not know must not take the others with it
    (one spot row added to the list once stopped many bots), and a market left out is missing,
    never zero.
    """
    listed: list[msgspec.Raw] = decode(data, _list_of(msgspec.Raw), request=request)
    found = []
    for row in listed:
        try:
            found.append(decode(row, shape, request=request))
        except BadMessage:
            continue  # judged below: only a list without any readable row is an error
    if listed and not found:
        raise bad_message("no row can be read", data, request=request)
    return found


class MarketRow(Row, frozen=True, kw_only=True):
    """A row of `/info`: the rules of one market."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    max_leverage: int
    min_order_size: Decimal
    max_order_size: Decimal | None = None
    isolated_only: bool = False
    # Rows were perpetuals only, and did not say so, before spot markets came in April 2026.
    instrument_type: str = PERPETUAL

    def __post_init__(self) -> None:
        """Refuse steps nothing can be a multiple of."""
        super().__post_init__()
        if self.tick_size <= 0 or self.lot_size <= 0 or self.max_leverage < 1:
            raise ValueError("a step or the leverage is not positive")


def market_rows(data: msgspec.Raw) -> dict[str, MarketRow]:
    """Return the perpetuals of `/info` by symbol; spot and unknown kinds are left out."""
    found = readable_rows(data, MarketRow, request="GET /info")
    return {row.symbol: row for row in found if row.instrument_type == PERPETUAL}


def instrument(row: MarketRow) -> Instrument:
    """Return a market's rules in our words.

    `min_order_size` and `max_order_size` are USD. The smallest size is one lot: the venue states
    no other. Maintenance margin is half of the initial margin at the market's highest leverage,
    whatever the account's own setting (docs.pacifica.fi, "Margin").
    """
    return Instrument(
        venue=VenueName.PACIFICA,
        symbol=row.symbol,
        price_tick=row.tick_size,
        size_lot=row.lot_size,
        size_min=row.lot_size,
        notional_min_usd=row.min_order_size,
        leverage_max=row.max_leverage,
        maintenance_margin_fraction=Decimal(1) / (2 * row.max_leverage),
        notional_max_usd=row.max_order_size,
    )


class PriceRow(Row, frozen=True, kw_only=True):
    """A row of `/info/prices`, and of the `prices` stream."""

    symbol: str
    mark: Decimal
    oracle: Decimal
    next_funding: Decimal
    volume_24h: Decimal
    timestamp: int
    funding: Decimal | None = None
    mid: Decimal | None = None
    open_interest: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse a market without a price: zero is what a missing one looks like."""
        super().__post_init__()
        if self.mark <= 0 or self.oracle <= 0:
            raise ValueError("no price")


def price_rows(data: msgspec.Raw, *, request: str) -> list[PriceRow]:
    """Return the readable rows of a price list, spot pairs included."""
    return readable_rows(data, PriceRow, request=request)


def market_stats(found: Iterable[PriceRow], *, symbols: Container[str]) -> dict[str, MarketStats]:
    """Return the statistics of the markets in `symbols`.

    `next_funding` is the running estimate of the rate to be paid at the coming settlement,
    `funding` the one already paid, both fractions per hour (docs.pacifica.fi, "Funding Rates").
    Volume is USD. Open interest is base units: the documents contradict each other, recorded
    rows fit base units only.
    """
    return {row.symbol: _stats(row) for row in found if row.symbol in symbols}


def _stats(row: PriceRow) -> MarketStats:
    interest, settled = row.open_interest, row.funding
    return MarketStats(
        symbol=row.symbol,
        mark=row.mark,
        index=row.oracle,
        funding_next=HourlyRate.from_hourly(row.next_funding),
        volume_24h_usd=row.volume_24h,
        at_ms=row.timestamp,
        mid=row.mid if row.mid else None,  # an empty book shows as zero
        funding_last=None if settled is None else HourlyRate.from_hourly(settled),
        open_interest_usd=None if interest is None else interest * row.mark,
    )


class _FeeRow(Row, frozen=True, kw_only=True):
    level: int
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal


def fee_schedule(data: msgspec.Raw) -> dict[int, FeeRates]:
    """Return `/info/fees`: the fees of each level, fractions of notional."""
    found = rows(data, _FeeRow, request="GET /info/fees")
    return {row.level: FeeRates(row.maker_fee_rate, row.taker_fee_rate) for row in found}


class LevelRow(Row, frozen=True, kw_only=True):
    """One price level: `p` USD, `a` base units in all orders there."""

    p: Decimal
    a: Decimal


class BookRow(Row, frozen=True, kw_only=True):
    """A whole book, up to ten levels a side, bids first, best first; `li` only in the stream."""

    s: str
    t: int
    l: tuple[list[LevelRow] | None, list[LevelRow] | None]  # noqa: E741  (the venue's name)
    li: int | None = None

    @property
    def bids(self) -> list[Level]:
        """Return the bids as levels."""
        return [(level.p, level.a) for level in self.l[0] or ()]

    @property
    def asks(self) -> list[Level]:
        """Return the asks as levels."""
        return [(level.p, level.a) for level in self.l[1] or ()]


class _CandleRow(Row, frozen=True, kw_only=True):
    s: str
    t: int
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741  (the venue's name)
    c: Decimal
    v: Decimal


def candles(data: msgspec.Raw) -> list[Candle]:
    """Return `/kline` or `/kline/mark`, oldest first; volume is base units, zero for mark bars."""
    found = [
        Candle(row.s, row.t, open=row.o, high=row.h, low=row.l, close=row.c, volume=row.v)
        for row in rows(data, _CandleRow, request="GET /kline")
    ]
    return sorted(found, key=lambda bar: bar.open_at_ms)


class _FundingRow(Row, frozen=True, kw_only=True):
    funding_rate: Decimal
    created_at: int


def funding_points(data: msgspec.Raw, *, symbol: str) -> list[FundingPoint]:
    """Return one page of `/funding_rate/history`, newest first as the venue sends it.

    A row is written a few seconds after the hour it settles; the instant given is that hour.
    """
    return [
        FundingPoint(
            symbol=symbol,
            rate=HourlyRate.from_hourly(row.funding_rate),
            settled_at_ms=row.created_at // SETTLEMENT_PERIOD_MS * SETTLEMENT_PERIOD_MS,
        )
        for row in rows(data, _FundingRow, request="GET /funding_rate/history")
    ]


def encode(body: Mapping[str, Any]) -> bytes:
    """Return a request body as compact JSON."""
    return msgspec.json.encode(body)
