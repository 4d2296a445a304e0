"""Pacifica's account data by request: bytes in, our vocabulary out.

Pure, and strict: one unreadable row makes the whole answer unreadable, since a row left out would
read as "flat" or "no order". Shapes: docs.pacifica.fi, "REST API → Account" and "→ Orders",
checked against recorded answers.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol, TypeVar

import msgspec

from desk.core.account import Leverage, MarginMode, Position
from desk.core.funding import FundingPayment, HourlyRate
from desk.core.market import FeeRates
from desk.core.order import Fill, FillCause, Order, OrderKind, OrderStatus, Side
from desk.venues.pacifica.wire import bad_message, decode, rows
from desk.venues.rows import Row

_V = TypeVar("_V")
_V_co = TypeVar("_V_co", covariant=True)

BID, ASK = "bid", "ask"
_SIDES = {BID: Side.BUY, ASK: Side.SELL}
_FILL_SIDES = {
    "open_long": Side.BUY,
    "close_short": Side.BUY,
    "open_short": Side.SELL,
    "close_long": Side.SELL,
}
_STATUSES = {
    "open": OrderStatus.OPEN,
    "partially_filled": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "cancelled": OrderStatus.CANCELED,
    "rejected": OrderStatus.REJECTED,
}


def side_of(word: str) -> Side:
    """Return the order side of "bid" or "ask"; raises `ValueError` for another word."""
    return _known(_SIDES, word, "side")


def fill_side(word: str) -> Side:
    """Return what a trade did to the account: opening a long and closing a short are buys."""
    return _known(_FILL_SIDES, word, "trade side")


def status_of(word: str) -> OrderStatus:
    """Return an order's status; raises `ValueError` for a word we do not know."""
    return _known(_STATUSES, word, "order status")


def kind_of(order_type: str) -> OrderKind:
    """Return an order's kind: a take-profit, a stop (`stop_…`), or a plain order."""
    if order_type.startswith("take_profit"):
        return OrderKind.TAKE_PROFIT
    return OrderKind.STOP if order_type.startswith("stop") else OrderKind.LIMIT


def cause_of(word: str) -> FillCause:
    """Return why a trade happened; every cause but "normal" and the two liquidations is the
    venue reducing a position of ours (recorded: "settlement")."""
    if word == "normal":
        return FillCause.TRADE
    return FillCause.LIQUIDATION if "liquidation" in word else FillCause.DELEVERAGE


def _known(table: Mapping[str, _V], word: str, what: str) -> _V:
    if word not in table:
        raise ValueError(f"unknown {what} {word!r}")
    return table[word]


def _positive(value: Decimal | None) -> Decimal | None:
    """Return None for a missing, or zero, price: zero is how "none yet" is spelled."""
    return value if value else None


class AccountRow(Row, frozen=True, kw_only=True):
    """`/account`: money in USD; `account_equity` includes unrealised profit and spot assets."""

    balance: Decimal
    account_equity: Decimal
    available_to_spend: Decimal
    fee_level: int
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    positions_count: int | None = None
    updated_at: int | None = None

    @property
    def fees(self) -> FeeRates | None:
        """Return the account's own rates; None from servers older than January 2026."""
        if self.maker_fee is None or self.taker_fee is None:
            return None
        return FeeRates(self.maker_fee, self.taker_fee)


def account_row(data: msgspec.Raw) -> AccountRow:
    """Return `/account`: an object, or the list of one it used to be."""
    request = "GET /account"
    if bytes(data).lstrip().startswith(b"["):
        found = rows(data, AccountRow, request=request)
        if len(found) != 1:
            raise bad_message(f"{len(found)} accounts in the answer", data, request=request)
        return found[0]
    return decode(data, AccountRow, request=request)


class _SettingRow(Row, frozen=True, kw_only=True):
    symbol: str
    isolated: bool
    leverage: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.leverage < 1:
            raise ValueError("leverage below 1")


class _Settings(Row, frozen=True, kw_only=True):
    margin_settings: list[_SettingRow] | None


def leverage_settings(data: msgspec.Raw) -> dict[str, Leverage]:
    """Return `/account/settings` by symbol: an object, or the bare list it used to be.

    Symbols at their default (cross, the market's highest leverage) are absent.
    """
    request = "GET /account/settings"
    if bytes(data).lstrip().startswith(b"{"):
        found = decode(data, _Settings, request=request).margin_settings or []
    else:
        found = rows(data, _SettingRow, request=request)
    return {
        row.symbol: Leverage(row.symbol, Decimal(row.leverage), margin_mode(row.isolated))
        for row in found
    }


def margin_mode(isolated: bool) -> MarginMode:
    """Return the mode of the venue's `isolated` flag."""
    return MarginMode.ISOLATED if isolated else MarginMode.CROSS


class ValueRow(Protocol[_V_co]):
    """A row that stands for one value of ours."""

    def value(self) -> _V_co:
        """Return it; raises `ValueError` on a word we do not know."""
        ...


def values(data: msgspec.Raw, shape: type[ValueRow[_V]], *, request: str) -> list[_V]:
    """Return what every row of a list stands for; raises `BadMessage` if one cannot be read."""
    try:
        return [row.value() for row in rows(data, shape, request=request)]
    except ValueError as error:
        raise bad_message(str(error), data, request=request) from error


class PositionRow(Row, frozen=True, kw_only=True):
    """A row of `/positions`; `amount` has no sign, the side has it."""

    symbol: str
    side: str
    amount: Decimal
    entry_price: Decimal
    isolated: bool = False
    liquidation_price: Decimal | None = None

    def value(self) -> Position:
        """Return the position; a liquidation price at or below zero means that there is none."""
        if self.amount < 0:
            raise ValueError(f"negative amount {self.amount} beside a side")
        price = self.liquidation_price
        return Position(
            symbol=self.symbol,
            size=self.amount * side_of(self.side).sign,
            entry_price=self.entry_price,
            liquidation_price=price if price is not None and price > 0 else None,
            margin_mode=margin_mode(self.isolated),
        )


def positions(
    data: msgspec.Raw, shape: type[ValueRow[Position]] = PositionRow
) -> tuple[Position, ...]:
    """Return every open position; flat is no row, and a row of zero is flat."""
    found = values(data, shape, request="GET /positions")
    return tuple(each for each in found if each.size != 0)


class OrderRow(Row, frozen=True, kw_only=True):
    """What every list of orders tells alike; the lists differ in the names of the rest."""

    order_id: int
    symbol: str
    side: str
    order_type: str
    reduce_only: bool
    created_at: int
    updated_at: int | None = None
    client_order_id: str | None = None
    stop_price: Decimal | None = None

    def order(
        self,
        *,
        price: Decimal,
        size: Decimal,
        filled: Decimal,
        status: OrderStatus,
        average_price: Decimal | None = None,
        reason: str | None = None,
    ) -> Order:
        """Return the order in our words."""
        return Order(
            symbol=self.symbol,
            order_id=str(self.order_id),
            client_id=self.client_order_id,
            side=side_of(self.side),
            size=size,
            filled=filled,
            price=price,
            status=status,
            at_ms=self.updated_at or self.created_at,
            kind=kind_of(self.order_type),
            reduce_only=self.reduce_only,
            trigger_price=_positive(self.stop_price),
            average_price=_positive(average_price),
            reason=reason,
        )


class _OpenOrderRow(OrderRow, frozen=True, kw_only=True):
    price: Decimal
    initial_amount: Decimal
    filled_amount: Decimal

    def value(self) -> Order:
        return self.order(
            price=self.price,
            size=self.initial_amount,
            filled=self.filled_amount,
            status=OrderStatus.OPEN,
        )


def open_orders(data: msgspec.Raw) -> list[Order]:
    """Return `/orders`: everything resting, waiting stops included, whoever placed it."""
    return values(data, _OpenOrderRow, request="GET /orders")


class _PastOrderRow(OrderRow, frozen=True, kw_only=True):
    initial_price: Decimal
    amount: Decimal
    filled_amount: Decimal
    order_status: str
    average_filled_price: Decimal | None = None
    reason: str | None = None

    def value(self) -> Order:
        return self.order(
            price=self.initial_price,
            size=self.amount,
            filled=self.filled_amount,
            status=status_of(self.order_status),
            average_price=self.average_filled_price,
            reason=self.reason,
        )


def past_orders(data: msgspec.Raw) -> list[Order]:
    """Return one page of `/orders/history`, one row per order, newest first.

    Rows of orders still open are among them. "partially_filled" reads as OPEN: whether the rest
    still stands only the order's own events tell (`order_events`).
    """
    return values(data, _PastOrderRow, request="GET /orders/history")


class _OrderEventRow(OrderRow, frozen=True, kw_only=True):
    history_id: int
    price: Decimal
    initial_amount: Decimal
    filled_amount: Decimal
    cancelled_amount: Decimal
    event_type: str
    order_status: str

    def value(self) -> tuple[int, Order]:
        order = self.order(
            price=self.price,
            size=self.initial_amount,
            filled=self.filled_amount,
            status=self._status(),
            reason=self.event_type,
        )
        return self.history_id, order

    def _status(self) -> OrderStatus:
        """Return the status by the amounts, which cannot contradict themselves: the word for a
        partly filled order whose rest was cancelled is not documented."""
        status = status_of(self.order_status)
        is_over = self.filled_amount + self.cancelled_amount >= self.initial_amount > 0
        if status is not OrderStatus.OPEN or not is_over:
            return status
        return OrderStatus.CANCELED if self.cancelled_amount else OrderStatus.FILLED


def order_events(data: msgspec.Raw) -> Order | None:
    """Return the order of `/orders/history_by_id` as its latest event left it, None for no
    events."""
    found = values(data, _OrderEventRow, request="GET /orders/history_by_id")
    return max(found, key=lambda event: event[0])[1] if found else None


class TradeRow(Row, frozen=True, kw_only=True):
    """A row of `/trades/history`: one execution of the account's.

    `price` is the execution's; the field `entry_price` beside it is the position's average.
    """

    history_id: int
    order_id: int
    symbol: str
    amount: Decimal
    price: Decimal
    fee: Decimal
    event_type: str
    side: str
    created_at: int
    client_order_id: str | None = None
    cause: str = "normal"

    def value(self) -> Fill:
        """Return the fill; `fee` is positive when paid."""
        return Fill(
            symbol=self.symbol,
            fill_id=str(self.history_id),
            order_id=str(self.order_id),
            client_id=self.client_order_id,
            side=fill_side(self.side),
            size=self.amount,
            price=self.price,
            fee_usd=self.fee,
            at_ms=self.created_at,
            is_maker=self.event_type == "fulfill_maker",
            cause=cause_of(self.cause),
        )


def fills(data: msgspec.Raw) -> list[Fill]:
    """Return one page of `/trades/history`, newest first."""
    return values(data, TradeRow, request="GET /trades/history")


class _FundingRow(Row, frozen=True, kw_only=True):
    history_id: int
    symbol: str
    side: str
    amount: Decimal
    payout: Decimal
    rate: Decimal
    created_at: int

    def value(self) -> FundingPayment:
        return FundingPayment(
            symbol=self.symbol,
            payment_id=str(self.history_id),
            usd=self.payout,
            at_ms=self.created_at,
            rate=HourlyRate.from_hourly(self.rate),
            position_size=self.amount * side_of(self.side).sign,
        )


def funding_payments(data: msgspec.Raw) -> list[FundingPayment]:
    """Return one page of `/funding/history`, newest first.

    `payout` is USD, positive when received: recorded rows show a short receiving at a positive
    rate, against the documents' prose.
    """
    return values(data, _FundingRow, request="GET /funding/history")


class BalanceRow(Row, frozen=True, kw_only=True):
    """A row of `/account/balance/history`: one change of cash, and the cash after it."""

    event_type: str
    created_at: int
    amount: Decimal
    balance: Decimal
    pending_balance: Decimal = Decimal(0)


def balance_changes(data: msgspec.Raw) -> list[BalanceRow]:
    """Return one page of `/account/balance/history`, newest first."""
    return rows(data, BalanceRow, request="GET /account/balance/history")
