"""Lighter's public REST answers as our values: markets, statistics, funding history, bars.

Pure: bytes in, core values out, `BadMessage` for anything else. Shapes and units are those of the
official OpenAPI description (apidocs.lighter.xyz) unless a docstring says "recorded". What belongs
to an account is in `lighter.account`, stream frames in `lighter.frames`, requests in `lighter.tx`.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from desk.core.errors import BadMessage
from desk.core.funding import FundingPoint, HourlyRate
from desk.core.market import Candle, Instrument, MarketStats, MarketStatus
from desk.core.venue import VenueName
from desk.venues.lighter.decode import (
    bad,
    canonical,
    decode,
    positive_or_none,
    readable,
    rows_of,
    to_ms,
)
from desk.venues.rows import Row

CODE_OK = 200
FRACTION_UNIT = Decimal("0.0001")  # margin fractions are integers in ten-thousandths
RATE_8H_STEP = Decimal("1e-12")
_RESOLUTIONS = {
    60: "1m",
    300: "5m",
    900: "15m",
    1_800: "30m",
    3_600: "1h",
    14_400: "4h",
    43_200: "12h",
    86_400: "1d",
    604_800: "1w",
}


class Verdict(Row, frozen=True):
    """The part every answer has: 200, or one of the venue's error codes with its text."""

    code: int
    message: str | None = None


def read_verdict(body: bytes, request: str) -> Verdict:
    """Return an answer's own code and message."""
    return decode(body, Verdict, request)


# Markets


class MarketConfig(Row, frozen=True):
    """Switches of a market."""

    force_reduce_only: bool = False


class MarketDetails(Row, frozen=True):
    """One perpetual of `orderBookDetails`.

    Margin fractions in ten-thousandths, `open_interest` in base units (the stream has USD),
    `mark_price` and `index_price` only on newer deployments.
    """

    symbol: str
    market_id: int
    status: str
    min_base_amount: Decimal
    min_quote_amount: Decimal
    default_initial_margin_fraction: int
    min_initial_margin_fraction: int
    maintenance_margin_fraction: int
    daily_quote_token_volume: Decimal
    open_interest: Decimal
    supported_size_decimals: int
    supported_price_decimals: int
    order_quote_limit: str = ""
    mark_price: str = ""
    index_price: str = ""
    market_config: MarketConfig = MarketConfig()


class _Kind(Row, frozen=True):
    market_type: str = "perp"


class _Details(Row, frozen=True):
    order_book_details: list[msgspec.Raw] | None = None


def read_market_details(body: bytes) -> dict[str, MarketDetails]:
    """Return the perpetuals of `orderBookDetails` by canonical symbol.

    Rows of another kind, or that do not read as a perpetual, are left out: a market we cannot
    read is one we do not trade. Raises `BadMessage` when not one is readable.
    """
    request = "orderBookDetails"
    rows = decode(body, _Details, request).order_book_details or []
    markets = (_market(row) for row in rows)
    found = {canonical(market.symbol): market for market in markets if market is not None}
    if not found:
        raise bad("no readable perpetual", request, body)
    return found


def _market(raw: msgspec.Raw) -> MarketDetails | None:
    try:
        if decode(bytes(raw), _Kind, "market").market_type != "perp":
            return None
        market = decode(bytes(raw), MarketDetails, "market")
        instrument(market)
    except (BadMessage, ArithmeticError, ValueError):
        return None
    return market


def instrument(market: MarketDetails) -> Instrument:
    """Return a market's trading rules; raises `ValueError` or `ArithmeticError` on nonsense."""
    return Instrument(
        venue=VenueName.LIGHTER,
        symbol=canonical(market.symbol),
        price_tick=Decimal(1).scaleb(-market.supported_price_decimals),
        size_lot=Decimal(1).scaleb(-market.supported_size_decimals),
        size_min=market.min_base_amount,
        notional_min_usd=market.min_quote_amount,
        leverage_max=10_000 // market.min_initial_margin_fraction,
        maintenance_margin_fraction=market.maintenance_margin_fraction * FRACTION_UNIT,
        notional_max_usd=positive_or_none(market.order_quote_limit),
        market_id=market.market_id,
        status=_status(market),
    )


def _status(market: MarketDetails) -> MarketStatus:
    if market.status != "active":
        return MarketStatus.INACTIVE
    is_closing = market.market_config.force_reduce_only
    return MarketStatus.REDUCE_ONLY if is_closing else MarketStatus.ACTIVE


def symbols_of(markets: Mapping[str, MarketDetails]) -> dict[int, str]:
    """Return canonical symbols by market id."""
    return {market.market_id: symbol for symbol, market in markets.items()}


# Statistics


class _FundingRate(Row, frozen=True):
    market_id: int
    exchange: str
    rate: Decimal


class _FundingRates(Row, frozen=True):
    funding_rates: list[msgspec.Raw] | None = None


def read_funding_rates(body: bytes) -> dict[int, HourlyRate]:
    """Return the estimate for the hour in progress by market id, from `funding-rates`.

    Signed fraction per 8 hours for every exchange listed, although Lighter settles hourly; only
    the rows named "lighter" are Lighter's own. The number is printed from a float
    (0.00009599999999999999 for 0.000096), so its last digits are dropped.
    """
    raws = decode(body, _FundingRates, "funding-rates").funding_rates
    rows = rows_of(raws, _FundingRate, key="market_id", request="funding-rates")
    with readable("funding-rates", body):
        return {
            row.market_id: HourlyRate.from_8h(row.rate.quantize(RATE_8H_STEP))
            for row in rows
            if row.exchange == "lighter"
        }


def stats_of(
    market: MarketDetails,
    funding: HourlyRate | None,
    streamed: MarketStats | None,
    *,
    at_ms: int,
) -> MarketStats | None:
    """Return one market's statistics from the two REST answers and a fresh streamed row.

    Mark and index come from REST where the deployment has them, else from the stream; a market
    with neither, or without a funding rate, has no statistics: nothing is made up.
    """
    mark, index = positive_or_none(market.mark_price), positive_or_none(market.index_price)
    if (mark is None or index is None) and streamed is not None:
        mark, index = streamed.mark, streamed.index
    if mark is None or index is None or funding is None:
        return None
    return MarketStats(
        symbol=canonical(market.symbol),
        mark=mark,
        index=index,
        funding_next=funding,
        volume_24h_usd=market.daily_quote_token_volume,
        at_ms=at_ms,
        mid=streamed.mid if streamed else None,
        funding_last=streamed.funding_last if streamed else None,
        open_interest_usd=market.open_interest * mark,
    )


class _FundingPoint(Row, frozen=True):
    timestamp: int
    rate: Decimal
    direction: str


class _Fundings(Row, frozen=True):
    fundings: list[msgspec.Raw] | None = None


def read_funding_history(body: bytes, symbol: str) -> list[FundingPoint]:
    """Return the settled hours of `fundings`, oldest first.

    `rate` is an unsigned percent per hour, `direction` the side that paid: "long" is positive
    for us. Checked on recorded rows: value / rate gives the index price only in this reading.
    """
    raws = decode(body, _Fundings, "fundings").fundings
    rows = rows_of(raws, _FundingPoint, key="timestamp", request="fundings")
    with readable("fundings", body):
        points = [
            FundingPoint(
                symbol,
                HourlyRate.from_hourly_percent(_PAYING[row.direction] * abs(row.rate)),
                to_ms(row.timestamp),
            )
            for row in rows
        ]
    return sorted(points, key=lambda point: point.settled_at_ms)


_PAYING = {"long": 1, "short": -1}


class _Candle(Row, frozen=True):
    t: int
    o: Decimal = Decimal(0)
    h: Decimal = Decimal(0)
    l: Decimal = Decimal(0)  # noqa: E741 - the venue's own name for the low
    c: Decimal = Decimal(0)
    v: Decimal = Decimal(0)


class _Candles(Row, frozen=True):
    c: list[msgspec.Raw] | None = None


def read_candles(body: bytes, symbol: str) -> list[Candle]:
    """Return bars, oldest first.

    Zero fields are omitted on the wire, so an absent volume is zero; an absent price is none,
    and such a bar is refused.
    """
    raws = decode(body, _Candles, "candles").c
    rows = rows_of(raws, _Candle, key="t", request="candles")
    with readable("candles", body):
        if any(min(row.o, row.h, row.l, row.c) <= 0 for row in rows):
            raise ValueError("a bar without prices")
        bars = [Candle(symbol, to_ms(row.t), row.o, row.h, row.l, row.c, row.v) for row in rows]
    return sorted(bars, key=lambda bar: bar.open_at_ms)


def resolution(interval_s: int) -> str:
    """Return the venue's word for a bar length; raises `ValueError` for one it does not have."""
    if interval_s not in _RESOLUTIONS:
        raise ValueError(f"no bars of {interval_s} s; there are {sorted(_RESOLUTIONS)}")
    return _RESOLUTIONS[interval_s]
