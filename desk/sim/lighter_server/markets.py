"""Rows of public market data as Lighter prints them.

Pure functions from exchange views to JSON-ready dictionaries. Field names, types and units are
those of the venue's REST reference and of recorded answers (ETH and BTC on mainnet).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from desk.core.book import Level
from desk.core.funding import HourlyRate
from desk.core.market import MarketStatus
from desk.core.order import Side
from desk.sim.exchange import (
    Bar,
    Fill,
    FillCause,
    FundingRow,
    MarketSpec,
    RestingOrder,
    Stats,
    Trade,
    TradeSide,
    VenueRules,
)
from desk.sim.lighter_server import numbers
from desk.sim.lighter_server.numbers import json_number, padded, usd

Row = dict[str, Any]

INSURANCE_FUND_ACCOUNT_INDEX = (1 << 48) - 1
ORDER_QUOTE_LIMIT = Decimal("281474976.710655")
OPEN_INTEREST_LIMIT = "72057594037927936.000000"
DAY_MS = 86_400_000
ORDER_LIFE_MS = 28 * DAY_MS
LIQUIDATION_FEE_PERCENT = "1.0000"
COMPARED_EXCHANGES = ("binance", "bybit", "hyperliquid")
COMPARED_RATE_8H = Decimal("0.0001")  # the others sit at their floor, which is not Lighter's

_BLOCK_MS = 168  # recorded heights 227535532 and 227557648 lie 3719.5 s apart
_BLOCK_EPOCH_MS = 1_777_941_383_576
_BLOCK_EPOCH_HEIGHT = 227_535_532
_TRADE_TYPES = {
    FillCause.TRADE: "trade",
    FillCause.LIQUIDATION: "liquidation",
    FillCause.BACKSTOP: "liquidation",
    FillCause.DELEVERAGE: "deleverage",
}


@dataclass(frozen=True, slots=True)
class WireMarket:
    """One market and how its numbers are printed and scaled."""

    spec: MarketSpec
    market_id: int
    symbol: str
    price_decimals: int
    size_decimals: int

    @classmethod
    def of(cls, spec: MarketSpec) -> "WireMarket":
        """Return the market of `spec`; raises `ValueError` for an instrument without an id."""
        instrument = spec.instrument
        if instrument.market_id is None:
            raise ValueError(f"{instrument.symbol} has no Lighter market id")
        return cls(
            spec=spec,
            market_id=instrument.market_id,
            symbol=instrument.symbol,
            price_decimals=numbers.decimals_of(instrument.price_tick),
            size_decimals=numbers.decimals_of(instrument.size_lot),
        )

    @property
    def name(self) -> str:
        """Return what the venue calls the market."""
        return venue_name(self.symbol)

    @property
    def quote_decimals(self) -> int:
        """Return the decimals of price times size."""
        return self.price_decimals + self.size_decimals

    def price(self, value: Decimal | None) -> str:
        """Return a price padded to the market's decimals; None is zero."""
        return padded(value or Decimal(0), self.price_decimals)

    def size(self, value: Decimal) -> str:
        """Return a size padded to the market's decimals."""
        return padded(value, self.size_decimals)

    def price_of(self, number: int) -> Decimal:
        """Return the USD price of a wire integer."""
        return numbers.unscaled(number, self.price_decimals)

    def size_of(self, number: int) -> Decimal:
        """Return the base units of a wire integer."""
        return numbers.unscaled(number, self.size_decimals)


def venue_name(symbol: str) -> str:
    """Return how the venue spells a symbol: contracts of a thousand coins, kPEPE among us, are
    called 1000PEPE on mainnet."""
    is_thousand = symbol.startswith("k") and symbol[1:].isupper()
    return f"1000{symbol[1:]}" if is_thousand else symbol


def block_height(at_ms: int) -> int:
    """Return the height of the block at an instant, at the pace mainnet was recorded at."""
    return _BLOCK_EPOCH_HEIGHT + (at_ms - _BLOCK_EPOCH_MS) // _BLOCK_MS


def order_book_row(market: WireMarket) -> Row:
    """Return one row of `orderBooks`."""
    instrument = market.spec.instrument
    return {
        "symbol": market.name,
        "market_id": market.market_id,
        "market_type": "perp",
        "base_asset_id": 0,
        "quote_asset_id": 0,
        "status": "inactive" if instrument.status is MarketStatus.INACTIVE else "active",
        "taker_fee": "0.0000",
        "is_taker_fee_enabled": True,
        "maker_fee": "0.0000",
        "is_maker_fee_enabled": True,
        "liquidation_fee": LIQUIDATION_FEE_PERCENT,
        "min_base_amount": market.size(instrument.size_min),
        "min_quote_amount": usd(instrument.notional_min_usd),
        "order_quote_limit": usd(instrument.notional_max_usd or ORDER_QUOTE_LIMIT),
        "supported_size_decimals": market.size_decimals,
        "supported_price_decimals": market.price_decimals,
        "supported_quote_decimals": market.quote_decimals,
    }


def order_book_detail(market: WireMarket, stats: Stats) -> Row:
    """Return one row of `orderBookDetails`; `open_interest` is base units here."""
    spec = market.spec
    return {
        **order_book_row(market),
        "size_decimals": market.size_decimals,
        "price_decimals": market.price_decimals,
        "quote_multiplier": 1,
        "default_initial_margin_fraction": numbers.fraction_units(spec.initial_default),
        "min_initial_margin_fraction": numbers.fraction_units(spec.initial_min),
        "maintenance_margin_fraction": numbers.fraction_units(spec.maintenance),
        "closeout_margin_fraction": numbers.fraction_units(spec.close_out),
        "last_trade_price": json_number(stats.last or Decimal(0)),
        **_daily(stats),
        "open_interest": json_number(stats.open_interest),
        "daily_chart": {},
        "market_config": {
            "market_margin_mode": 1 if spec.isolated_only else 0,
            "insurance_fund_account_index": INSURANCE_FUND_ACCOUNT_INDEX,
            "liquidation_mode": 0,
            "force_reduce_only": spec.instrument.status is MarketStatus.REDUCE_ONLY,
            "trading_hours": "",
            "funding_fee_discounts_enabled": False,
            "hidden": False,
            "rfq_enabled": True,
        },
        "strategy_index": 2,
        "mark_price": market.price(stats.mark),
        "index_price": market.price(stats.index),
    }


def _daily(stats: Stats) -> Row:
    """Return the 24 h figures as JSON numbers; the change is percent."""
    return {
        "daily_trades_count": stats.trades_24h,
        "daily_base_token_volume": json_number(stats.volume_24h),
        "daily_quote_token_volume": json_number(stats.quote_volume_24h),
        "daily_price_low": json_number(stats.low_24h or Decimal(0)),
        "daily_price_high": json_number(stats.high_24h or Decimal(0)),
        "daily_price_change": json_number(stats.change_24h_pct),
    }


def exchange_stats(rows: Iterable[Stats]) -> Row:
    """Return the body of `exchangeStats`."""
    stats = list(rows)
    return {
        "code": 200,
        "total": len(stats),
        "order_book_stats": [_stats_row(row) for row in stats],
        "daily_usd_volume": json_number(sum((row.quote_volume_24h for row in stats), Decimal(0))),
        "daily_trades_count": sum(row.trades_24h for row in stats),
    }


def _stats_row(stats: Stats) -> Row:
    daily = _daily(stats)
    del daily["daily_price_low"], daily["daily_price_high"]
    return {
        "symbol": venue_name(stats.symbol),
        "last_trade_price": json_number(stats.last or Decimal(0)),
        **daily,
    }


def market_stats(market: WireMarket, stats: Stats, rules: VenueRules) -> Row:
    """Return the `market_stats` object of the stream.

    Rates are percent per hour, clamps and interest percent per eight hours, `open_interest` is
    USDC here (a recorded BTC frame holds 102 million).
    """
    funding = rules.funding
    return {
        "symbol": market.name,
        "market_id": market.market_id,
        "index_price": market.price(stats.index),
        "mark_price": market.price(stats.mark),
        "mid_price": market.price(stats.mid),
        "open_interest": usd(stats.open_interest * stats.mark),
        "open_interest_limit": OPEN_INTEREST_LIMIT,
        "funding_clamp_small": numbers.percent(funding.clamp_small_8h),
        "funding_clamp_big": numbers.percent(funding.cap_hourly * 8),
        "base_interest_rate": numbers.percent(funding.interest_8h),
        "last_trade_price": market.price(stats.last),
        "current_funding_rate": numbers.percent(stats.funding_next.fraction),
        "funding_rate": numbers.percent(stats.funding_last.fraction),
        "funding_timestamp": stats.funding_last_at_ms,
        **{key: value for key, value in _daily(stats).items() if key != "daily_trades_count"},
    }


def resting_row(market: WireMarket, order: RestingOrder, *, stranger: int, now_ms: int) -> Row:
    """Return one order of `orderBookOrders`; `stranger` owns what none of our accounts does, and
    has had it since midnight."""
    at_ms = order.at_ms or now_ms // DAY_MS * DAY_MS
    return {
        "order_index": order.order_id,
        "order_id": str(order.order_id),
        "owner_account_index": order.account_id if order.account_id >= 0 else stranger,
        "initial_base_amount": market.size(order.initial_size),
        "remaining_base_amount": market.size(order.remaining),
        "price": market.price(order.price),
        "order_expiry": at_ms + ORDER_LIFE_MS,
        "transaction_time": order.at_ms * 1000,
    }


def level_rows(market: WireMarket, levels: Iterable[Level]) -> list[Row]:
    """Return aggregated levels as price and absolute size; size zero removes a level."""
    return [{"price": market.price(price), "size": market.size(size)} for price, size in levels]


def trade_row(market: WireMarket, trade: Trade) -> Row:
    """Return one trade; fees in 1e-6 of notional and left out when zero."""
    ask, bid = trade.ask, trade.bid
    row: Row = {
        "trade_id": trade.trade_id,
        "trade_id_str": str(trade.trade_id),
        "tx_hash": f"{trade.trade_id:016x}{trade.at_ms:016x}".ljust(80, "0"),
        "type": _TRADE_TYPES[trade.cause],
        "market_id": market.market_id,
        "size": market.size(trade.size),
        "price": market.price(trade.price),
        "usd_amount": usd(trade.size * trade.price),
        **_side_ids("ask", ask),
        **_side_ids("bid", bid),
        "ask_account_id": ask.account_id,
        "bid_account_id": bid.account_id,
        "is_maker_ask": trade.taker_side is Side.BUY,
        "block_height": block_height(trade.at_ms),
        "timestamp": trade.at_ms,
        **_fill_extras(market, "taker", trade.taker.fill),
        **_fill_extras(market, "maker", trade.maker.fill),
        "transaction_time": trade.at_ms * 1000,
    }
    for name, side in (("ask", ask), ("bid", bid)):
        if side.fill is not None:
            row[f"{name}_account_pnl"] = usd(side.fill.pnl)
    return row


def _side_ids(name: str, side: TradeSide) -> Row:
    client_id = side.client_id or "0"
    return {
        f"{name}_id": side.order_id,
        f"{name}_id_str": str(side.order_id),
        f"{name}_client_id": int(client_id),
        f"{name}_client_id_str": client_id,
    }


def _fill_extras(market: WireMarket, name: str, fill: Fill | None) -> Row:
    """Return fee and position before for the side of an account of ours."""
    if fill is None:
        return {}
    ticks = numbers.fee_ticks(fill.fee_rate)
    extras: Row = {f"{name}_fee": ticks} if ticks else {}
    fraction = numbers.fraction_units(fill.initial_margin_fraction_before)
    return {
        **extras,
        f"{name}_position_size_before": market.size(fill.size_before),
        f"{name}_entry_quote_before": usd(abs(fill.entry_quote_before)),
        f"{name}_initial_margin_fraction_before": fraction,
        **({f"{name}_position_sign_changed": True} if fill.sign_changed else {}),
    }


def candle_row(bar: Bar) -> Row:
    """Return one candle; zero fields are left out, as the venue does."""
    row: Row = {
        "t": bar.open_at_ms,
        "o": json_number(bar.open),
        "h": json_number(bar.high),
        "l": json_number(bar.low),
        "c": json_number(bar.close),
        "v": json_number(bar.volume),
        "V": json_number(bar.quote_volume),
        "i": bar.last_trade_id,
    }
    return {key: value for key, value in row.items() if value}


def funding_row(row: FundingRow) -> Row:
    """Return one row of `fundings`: unsigned percent per hour, and the side that pays."""
    return {
        "timestamp": row.settled_at_ms // 1000,
        "value": padded(abs(row.value), 8),
        "rate": numbers.percent(abs(row.rate.fraction)),
        "direction": "long" if row.rate.fraction >= 0 else "short",
    }


def funding_rate_rows(market: WireMarket, rate: HourlyRate) -> list[Row]:
    """Return one market's rows of `funding-rates`: fractions per EIGHT hours, ours last."""
    rates = [(name, COMPARED_RATE_8H) for name in COMPARED_EXCHANGES]
    return [
        {
            "market_id": market.market_id,
            "exchange": exchange,
            "symbol": market.name,
            "rate": json_number(fraction),
        }
        for exchange, fraction in (*rates, ("lighter", rate.fraction * 8))
    ]
