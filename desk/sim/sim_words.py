"""The exchange's pictures in the desk's words, and the desk's requests in the exchange's.

Pure translation for the simulated client; the wire servers have their own, into bytes.
"""

from decimal import Decimal

from desk.core.account import Account, Leverage, Position
from desk.core.books import Movement, MovementKind
from desk.core.errors import InvariantBroken
from desk.core.funding import FundingPayment, FundingPoint
from desk.core.market import Candle, MarketStats
from desk.core.order import (
    Fill,
    FillCause,
    Order,
    OrderKind,
    OrderRequest,
    OrderStatus,
    TimeInForce,
)
from desk.sim import exchange as sim

_TIMES = {
    TimeInForce.GTC: sim.TimeInForce.GTC,
    TimeInForce.IOC: sim.TimeInForce.IOC,
    TimeInForce.POST_ONLY: sim.TimeInForce.POST_ONLY,
}
_STATUSES = {
    sim.OrderStatus.IN_PROGRESS: OrderStatus.PENDING,
    sim.OrderStatus.PENDING: OrderStatus.PENDING,
    sim.OrderStatus.OPEN: OrderStatus.OPEN,
    sim.OrderStatus.FILLED: OrderStatus.FILLED,
}
_CAUSES = {
    sim.FillCause.TRADE: FillCause.TRADE,
    sim.FillCause.LIQUIDATION: FillCause.LIQUIDATION,
    sim.FillCause.BACKSTOP: FillCause.LIQUIDATION,
    sim.FillCause.DELEVERAGE: FillCause.DELEVERAGE,
}
_MOVEMENTS = {
    sim.CashKind.DEPOSIT: MovementKind.DEPOSIT,
    sim.CashKind.WITHDRAW: MovementKind.WITHDRAWAL,
}
_STOPS = (
    sim.OrderType.STOP,
    sim.OrderType.STOP_LIMIT,
    sim.OrderType.STOP_LOSS,
    sim.OrderType.STOP_LOSS_LIMIT,
)


def new_order(request: OrderRequest) -> sim.NewOrder:
    """Return a limit order, or a Lighter trigger (executes at `price` on average or better)."""
    types = {
        OrderKind.LIMIT: sim.OrderType.LIMIT,
        OrderKind.STOP: sim.OrderType.STOP_LOSS,
        OrderKind.TAKE_PROFIT: sim.OrderType.TAKE_PROFIT,
    }
    return sim.NewOrder(
        symbol=request.symbol,
        side=request.side,
        size=request.size,
        price=request.price,
        type=types[request.kind],
        tif=_TIMES[request.time_in_force],
        reduce_only=request.reduce_only,
        trigger_price=request.trigger_price,
        client_id=request.client_id,
        expires_at_ms=request.expires_at_ms,
    )


def stop_order(request: OrderRequest) -> sim.NewOrder:
    """Return Pacifica's stop: a limit order that waits for the mark."""
    return sim.NewOrder(
        symbol=request.symbol,
        side=request.side,
        size=request.size,
        price=request.price,
        type=sim.OrderType.STOP_LIMIT,
        reduce_only=request.reduce_only,
        trigger_price=request.trigger_price,
        client_id=request.client_id,
    )


def take_profit_leg(request: OrderRequest) -> sim.TriggerLeg:
    """Return Pacifica's take-profit, which exists only as part of a position's protection."""
    if request.trigger_price is None:
        raise InvariantBroken(f"{request.client_id}: a take-profit without a trigger price")
    return sim.TriggerLeg(
        stop_price=request.trigger_price,
        limit_price=request.price,
        size=request.size,
        client_id=request.client_id,
    )


def order_of(view: sim.OrderView) -> Order:
    """Return an order as the desk knows it; every final status but filled counts as canceled, and
    `reason` keeps the venue's word for it."""
    status = _STATUSES.get(view.status, OrderStatus.CANCELED)
    kind = OrderKind.LIMIT
    if view.type.is_trigger:
        kind = OrderKind.STOP if view.type in _STOPS else OrderKind.TAKE_PROFIT
    return Order(
        symbol=view.symbol,
        order_id=str(view.order_id),
        client_id=view.client_id,
        side=view.side,
        size=view.size,
        filled=view.filled,
        price=view.price if view.price is not None else Decimal(0),
        status=status,
        at_ms=view.updated_at_ms,
        kind=kind,
        reduce_only=view.reduce_only,
        trigger_price=view.trigger_price,
        average_price=view.average_price,
        reason=view.status.value if status is OrderStatus.CANCELED else None,
    )


def fill_of(fill: sim.Fill) -> Fill:
    """Return one execution."""
    return Fill(
        symbol=fill.symbol,
        fill_id=str(fill.fill_id),
        order_id=str(fill.order_id),
        client_id=fill.client_id,
        side=fill.side,
        size=fill.size,
        price=fill.price,
        fee_usd=fill.fee,
        at_ms=fill.at_ms,
        is_maker=fill.is_maker,
        cause=_CAUSES[fill.cause],
    )


def account_of(view: sim.AccountView, *, asked_at_ms: int, at_ms: int) -> Account:
    """Return an account read."""
    positions = tuple(
        Position(
            symbol=row.symbol,
            size=row.size,
            entry_price=row.entry_price,
            liquidation_price=row.liquidation_price,
            margin_mode=row.margin_mode,
        )
        for row in view.positions.values()
        if row.size
    )
    return Account(view.equity, view.balance, view.free, positions, asked_at_ms, at_ms)


def stats_of(stats: sim.Stats) -> MarketStats:
    """Return a market's statistics, volume and open interest in USD."""
    return MarketStats(
        symbol=stats.symbol,
        mark=stats.mark,
        index=stats.index,
        funding_next=stats.funding_next,
        volume_24h_usd=stats.quote_volume_24h,
        at_ms=stats.at_ms,
        mid=stats.mid,
        funding_last=stats.funding_last,
        open_interest_usd=stats.open_interest * stats.mark,
    )


def point_of(row: sim.FundingRow) -> FundingPoint:
    """Return a settled hour."""
    return FundingPoint(row.symbol, row.rate, row.settled_at_ms)


def payment_of(row: sim.FundingPaid) -> FundingPayment:
    """Return a payment booked to the account."""
    return FundingPayment(row.symbol, str(row.payment_id), row.usd, row.at_ms, row.rate, row.size)


def candle_of(symbol: str, bar: sim.Bar) -> Candle:
    """Return a bar of trades."""
    return Candle(symbol, bar.open_at_ms, bar.open, bar.high, bar.low, bar.close, bar.volume)


def leverage_of(setting: sim.MarketSetting) -> Leverage:
    """Return a market's setting as a multiple."""
    return Leverage(setting.symbol, Decimal(setting.leverage), setting.margin_mode)


def movement_of(row: sim.CashRow) -> Movement | None:
    """Return a deposit or withdrawal, None for any other change of cash."""
    kind = _MOVEMENTS.get(row.kind)
    if kind is None:
        return None
    return Movement(str(row.row_id), kind, row.amount, row.at_ms, row.kind.value)
