"""Frozen pictures of what an exchange holds: accounts, positions, fills, trades, statistics.

Values only. Sizes are base units, money and prices USD, instants ms UTC, rates `HourlyRate`.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from desk.core.account import MarginMode
from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.sim.exchange.words import CashKind, FillCause, OrderType


@dataclass(frozen=True, slots=True)
class PositionView:
    """One position at the present mark; `size` is signed and never zero in `AccountView`.

    `entry_quote` is the exact signed cost, `entry_price` its quotient. `margin` is what an isolated
    position holds of its own, zero when cross. `funding` is received since it was opened (negative
    when paid). `realized_pnl` is before fees, since it was opened. `liquidation_price` is None
    where there is none (it may be negative for an over-collateralised long: servers decide).
    """

    symbol: str
    size: Decimal
    entry_price: Decimal
    entry_quote: Decimal
    mark: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    funding: Decimal
    margin_mode: MarginMode
    margin: Decimal
    initial_margin_fraction: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    liquidation_price: Decimal | None
    opened_at_ms: int
    updated_at_ms: int

    @property
    def notional(self) -> Decimal:
        """Return the unsigned value at mark, USD."""
        return abs(self.size) * self.mark


@dataclass(frozen=True, slots=True)
class MarketSetting:
    """An account's leverage and margin mode in one market.

    `is_default` says that the account never set it (Pacifica leaves such rows out).
    """

    symbol: str
    initial_margin_fraction: Decimal
    margin_mode: MarginMode
    is_default: bool
    created_at_ms: int
    updated_at_ms: int

    @property
    def leverage(self) -> int:
        """Return the nearest whole multiple (Pacifica's unit)."""
        return int((1 / self.initial_margin_fraction).to_integral_value())


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account at the present marks, all USD.

    `balance` is all cash including isolated margins, `cross_balance` without them. `equity` and
    `cross_equity` add unrealised profit. `initial_margin` counts positions and open orders, cross
    only under `cross_*`. `free` is what new positions may use (>= 0). `close_out_margin` is
    Lighter's third threshold, or the backstop threshold on Pacifica.
    """

    account_id: int
    balance: Decimal
    cross_balance: Decimal
    equity: Decimal
    cross_equity: Decimal
    initial_margin: Decimal
    cross_initial_margin: Decimal
    cross_maintenance_margin: Decimal
    close_out_margin: Decimal
    free: Decimal
    withdrawable: Decimal
    fee_level: int
    maker_fee: Decimal
    taker_fee: Decimal
    positions: dict[str, PositionView]
    open_orders: int
    trigger_orders: int
    cancel_all_at_ms: int | None
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class Fill:
    """One side of one execution, booked to one of our accounts.

    `fee` is positive when paid, USD, `fee_rate` its fraction; where the venue closed the position
    it is what the liquidation took. `pnl` is the realised profit before that fee. The `_before`
    fields are the position as it was: signed size, signed cost, margin fraction and isolated
    margin; `size_after`, `entry_after` and `margin_after` as it became.
    """

    fill_id: int
    trade_id: int
    account_id: int
    symbol: str
    order_id: int
    client_id: str | None
    order_type: OrderType
    side: Side
    size: Decimal
    price: Decimal
    fee: Decimal
    fee_rate: Decimal
    pnl: Decimal
    is_maker: bool
    cause: FillCause
    at_ms: int
    size_before: Decimal
    entry_quote_before: Decimal
    initial_margin_fraction_before: Decimal
    margin_before: Decimal
    size_after: Decimal
    entry_after: Decimal
    margin_after: Decimal

    @property
    def position_action(self) -> str:
        """Return open_long, open_short, close_long or close_short (Pacifica's `side` of a trade).

        A fill through zero counts as the closing it begins with.
        """
        if self.size_before and (self.size_before > 0) != (self.side is Side.BUY):
            return "close_long" if self.size_before > 0 else "close_short"
        return "open_long" if self.side is Side.BUY else "open_short"

    @property
    def sign_changed(self) -> bool:
        """Return whether the position's sign changed (Lighter counts flat as its own sign)."""
        return _sign(self.size_before) != _sign(self.size_after)


@dataclass(frozen=True, slots=True)
class TradeSide:
    """Who stood on one side of a public trade; `fill` is None for a stranger."""

    account_id: int
    order_id: int
    client_id: str | None = None
    fill: Fill | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """One public execution; `taker_side` says which way the aggressor went."""

    trade_id: int
    symbol: str
    taker_side: Side
    size: Decimal
    price: Decimal
    at_ms: int
    taker: TradeSide
    maker: TradeSide
    cause: FillCause = FillCause.TRADE

    @property
    def ask(self) -> TradeSide:
        """Return the selling side."""
        return self.maker if self.taker_side is Side.BUY else self.taker

    @property
    def bid(self) -> TradeSide:
        """Return the buying side."""
        return self.taker if self.taker_side is Side.BUY else self.maker


@dataclass(frozen=True, slots=True)
class RestingOrder:
    """One line of an un-aggregated book; strangers' levels appear as one order of `account_id`."""

    order_id: int
    account_id: int
    price: Decimal
    initial_size: Decimal
    remaining: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class FundingRow:
    """One settled period of one market.

    `value` is USD per base unit that a long paid (negative: received); `rate` is per hour;
    `premium` the time average behind it.
    """

    symbol: str
    settled_at_ms: int
    rate: HourlyRate
    value: Decimal
    premium: Decimal
    index: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """One funding payment of one account; `usd` is positive when received, `size` signed."""

    payment_id: int
    account_id: int
    symbol: str
    usd: Decimal
    rate: HourlyRate
    size: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class CashRow:
    """One change of an account's cash: signed `amount`, and the whole `balance` after it.

    `symbol` is None for deposits and withdrawals; `fill_id` is set where a fill is behind it.
    """

    row_id: int
    account_id: int
    kind: CashKind
    amount: Decimal
    balance: Decimal
    at_ms: int
    symbol: str | None = None
    fill_id: int | None = None
    cause: FillCause = FillCause.TRADE


class Bar(NamedTuple):
    """One candle: prices USD, `volume` base units, `quote_volume` USD, `open_at_ms` inclusive."""

    open_at_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    last_trade_id: int


@dataclass(slots=True)  # not frozen: made for every frame, and that would triple its cost
class Stats:
    """A market right now.

    `last`, `mid` are None where there was no trade or a side is empty. Volumes, highs and lows
    cover the last 24 hours; `price_24h_ago` is None without that history. `funding_last` is the
    rate settled last, `funding_next` the running estimate. `open_interest` is base units.
    """

    symbol: str
    at_ms: int
    index: Decimal
    mark: Decimal
    mid: Decimal | None
    last: Decimal | None
    volume_24h: Decimal
    quote_volume_24h: Decimal
    trades_24h: int
    high_24h: Decimal | None
    low_24h: Decimal | None
    price_24h_ago: Decimal | None
    open_interest: Decimal
    funding_last: HourlyRate
    funding_last_at_ms: int
    funding_next: HourlyRate
    funding_next_at_ms: int

    @property
    def change_24h_pct(self) -> Decimal:
        """Return the price change over 24 hours in percent, zero without that history."""
        if self.last is None or not self.price_24h_ago:
            return Decimal(0)
        return (self.last / self.price_24h_ago - 1) * 100


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One account's books: `difference` must be exactly zero.

    `cash` is the balance held, `booked` the sum of every change of it by kind.
    `difference_equity` compares cash + unrealised profit with deposits + the exact cash flows of
    all fills valued at the mark.
    """

    account_id: int
    cash: Decimal
    booked: dict[CashKind, Decimal]
    difference: Decimal
    difference_equity: Decimal


def _sign(size: Decimal) -> int:
    return (size > 0) - (size < 0)
