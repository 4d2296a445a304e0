"""What the exchange holds of an account, in Pacifica's keys: REST rows and stream rows.

Pure. The conventions are those of `rows`.
"""

from decimal import Decimal

from desk.core.account import MarginMode
from desk.sim.exchange import (
    AccountView,
    CashKind,
    CashRow,
    Fill,
    FillCause,
    FundingPaid,
    MarketSetting,
    OrderType,
    OrderView,
    PositionView,
)
from desk.sim.pacifica_server.rows import CAUSES, SIDES, Row, money
from desk.sim.web import plain

ORDER_TYPES = {
    OrderType.LIMIT: "limit",
    OrderType.MARKET: "market",
    OrderType.LIQUIDATION: "market",
    OrderType.STOP: "stop_market",
    OrderType.STOP_LIMIT: "stop_limit",
    OrderType.STOP_LOSS: "stop_loss_market",
    OrderType.STOP_LOSS_LIMIT: "stop_loss_limit",
    OrderType.TAKE_PROFIT: "take_profit_market",
    OrderType.TAKE_PROFIT_LIMIT: "take_profit_limit",
}
CASH_EVENTS = {
    FillCause.TRADE: "trade",
    FillCause.LIQUIDATION: "market_liquidation",
    FillCause.BACKSTOP: "backstop_liquidation",
    FillCause.DELEVERAGE: "adl_liquidation",
}


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _position_side(size: Decimal) -> str:
    return "bid" if size > 0 else "ask"


def account(view: AccountView) -> Row:
    """Return `/account`'s data; no spot here, so spot values are zero."""
    return {
        "balance": money(view.balance),
        "fee_level": view.fee_level,
        "maker_fee": plain(view.maker_fee),
        "taker_fee": plain(view.taker_fee),
        "account_equity": money(view.equity),
        "cross_account_equity": money(view.cross_equity),
        "spot_market_value": "0",
        "spot_collateral": "0",
        "available_to_spend": money(view.free),
        "available_to_withdraw": money(view.withdrawable),
        "pending_balance": "0",
        "pending_interest": "0",
        "total_margin_used": money(view.initial_margin),
        "cross_mmr": money(view.cross_maintenance_margin),
        "positions_count": len(view.positions),
        "orders_count": view.open_orders,
        "stop_orders_count": view.trigger_orders,
        "spot_balances": [],
        "updated_at": view.updated_at_ms,
    }


def stream_account(view: AccountView) -> Row:
    """Return the `account_info` stream's data."""
    return {
        "ae": money(view.equity),
        "as": money(view.free),
        "aw": money(view.withdrawable),
        "b": money(view.balance),
        "f": view.fee_level,
        "mu": money(view.initial_margin),
        "cm": money(view.cross_maintenance_margin),
        "oc": view.open_orders,
        "pb": "0",
        "pc": len(view.positions),
        "sc": view.trigger_orders,
        "sb": [],
        "t": view.updated_at_ms,
    }


def setting(row: MarketSetting) -> Row:
    """Return an element of `margin_settings`."""
    return {
        "symbol": row.symbol,
        "isolated": row.margin_mode is MarginMode.ISOLATED,
        "leverage": row.leverage,
        "created_at": row.created_at_ms,
        "updated_at": row.updated_at_ms,
    }


def position(view: PositionView) -> Row:
    """Return a row of `/positions`; `funding` is positive when received."""
    isolated = view.margin_mode is MarginMode.ISOLATED
    return {
        "symbol": view.symbol,
        "side": _position_side(view.size),
        "amount": plain(abs(view.size)),
        "entry_price": money(view.entry_price),
        "margin": money(view.margin) if isolated else "0",
        "funding": money(view.funding),
        "isolated": isolated,
        "liquidation_price": _liquidation_price(view),
        "created_at": view.opened_at_ms,
        "updated_at": view.updated_at_ms,
    }


def stream_position(view: PositionView) -> Row:
    """Return an element of the `account_positions` stream."""
    isolated = view.margin_mode is MarginMode.ISOLATED
    return {
        "s": view.symbol,
        "d": _position_side(view.size),
        "a": plain(abs(view.size)),
        "p": money(view.entry_price),
        "m": money(view.margin) if isolated else "0",
        "f": plain(view.funding),
        "i": isolated,
        "l": _liquidation_price(view),
        "t": view.updated_at_ms,
    }


def _liquidation_price(view: PositionView) -> str | None:
    return None if view.liquidation_price is None else money(view.liquidation_price)


def _order_price(view: OrderView) -> str:
    """Return the limit; a market order shows its average price, or 0 before it filled."""
    return plain(view.price) if view.price is not None else _average(view)


def _average(view: OrderView) -> str:
    average = view.average_price
    return "0" if average is None else money(average)


def open_order(view: OrderView) -> Row:
    """Return a row of `/orders`, resting stops included."""
    return {
        "order_id": view.order_id,
        "client_order_id": view.client_id,
        "symbol": view.symbol,
        "side": SIDES[view.side],
        "price": _order_price(view),
        "initial_amount": plain(view.size),
        "filled_amount": plain(view.filled),
        "cancelled_amount": plain(view.canceled),
        "stop_price": _optional(view.trigger_price),
        "order_type": ORDER_TYPES[view.type],
        "stop_parent_order_id": view.parent_id,
        "trigger_price_type": view.trigger_by.value if view.type.is_trigger else None,
        "reduce_only": view.reduce_only,
        "created_at": view.created_at_ms,
        "updated_at": view.updated_at_ms,
    }


def past_order(view: OrderView) -> Row:
    """Return a row of `/orders/history`: one per order."""
    return {
        "order_id": view.order_id,
        "client_order_id": view.client_id,
        "symbol": view.symbol,
        "side": SIDES[view.side],
        "initial_price": _order_price(view),
        "average_filled_price": _average(view),
        "amount": plain(view.size),
        "filled_amount": plain(view.filled),
        "order_status": view.pacifica_status.value,
        "order_type": ORDER_TYPES[view.type],
        "stop_price": _optional(view.trigger_price),
        "stop_parent_order_id": view.parent_id,
        "reduce_only": view.reduce_only,
        "reason": view.pacifica_reason,
        "created_at": view.created_at_ms,
        "updated_at": view.updated_at_ms,
    }


def order_event(view: OrderView) -> Row:
    """Return a row of `/orders/history_by_id`: the order after one event."""
    return {
        "history_id": view.history_id,
        "order_id": view.order_id,
        "client_order_id": view.client_id,
        "symbol": view.symbol,
        "side": SIDES[view.side],
        "price": _order_price(view),
        "initial_amount": plain(view.size),
        "filled_amount": plain(view.filled),
        "cancelled_amount": plain(view.canceled),
        "event_type": view.event.value,
        "order_type": ORDER_TYPES[view.type],
        "order_status": view.pacifica_status.value,
        "stop_price": _optional(view.trigger_price),
        "stop_parent_order_id": view.parent_id,
        "reduce_only": view.reduce_only,
        "created_at": view.updated_at_ms,
    }


def stream_open_order(view: OrderView) -> Row:
    """Return an element of the `account_orders` stream."""
    return {
        "i": view.order_id,
        "I": view.client_id,
        "s": view.symbol,
        "d": SIDES[view.side],
        "p": _order_price(view),
        "a": plain(view.size),
        "f": plain(view.filled),
        "c": plain(view.canceled),
        "ot": ORDER_TYPES[view.type],
        "ro": view.reduce_only,
        "sp": _optional(view.trigger_price),
        "st": view.trigger_by.value if view.type.is_trigger else None,
        "t": view.updated_at_ms,
    }


def order_update(view: OrderView, *, account: str, sequence: int) -> Row:
    """Return an element of the `account_order_updates` stream; `p` is the average fill price."""
    return {
        "i": view.order_id,
        "I": view.client_id,
        "u": account,
        "s": view.symbol,
        "d": SIDES[view.side],
        "p": _average(view),
        "ip": _order_price(view),
        "lp": plain(view.last_fill_price or Decimal(0)),
        "a": plain(view.size),
        "f": plain(view.filled),
        "oe": view.event.value,
        "os": view.pacifica_status.value,
        "ot": ORDER_TYPES[view.type],
        "sp": _optional(view.trigger_price),
        "si": view.parent_id,
        "tp": view.trigger_by.value if view.type.is_trigger else None,
        "r": view.reduce_only,
        "ct": view.created_at_ms,
        "ut": view.updated_at_ms,
        "li": sequence,
    }


def _net_pnl(fill: Fill) -> Decimal:
    """Return realised profit after this fill's fee, as live samples compute."""
    return fill.pnl - fill.fee


def _entry(fill: Fill) -> Decimal:
    """Return the position's average entry as the fill found it; its own price when it opened
    one."""
    if fill.position_action.startswith("close"):
        return fill.entry_quote_before / fill.size_before
    return fill.entry_after


def past_fill(fill: Fill) -> Row:
    """Return a row of `/trades/history`; `price` is the fill's, `entry_price` the position's."""
    return {
        "history_id": fill.fill_id,
        "order_id": fill.order_id,
        "client_order_id": fill.client_id,
        "symbol": fill.symbol,
        "amount": plain(fill.size),
        "price": plain(fill.price),
        "entry_price": money(_entry(fill)),
        "fee": money(fill.fee),
        "pnl": money(_net_pnl(fill)),
        "event_type": "fulfill_maker" if fill.is_maker else "fulfill_taker",
        "side": fill.position_action,
        "created_at": fill.at_ms,
        "cause": CAUSES[fill.cause],
    }


def stream_fill(fill: Fill, *, account: str, sequence: int) -> Row:
    """Return an element of the `account_trades` stream."""
    return {
        "h": fill.fill_id,
        "i": fill.order_id,
        "I": fill.client_id,
        "u": account,
        "s": fill.symbol,
        "p": plain(fill.price),
        "o": money(_entry(fill)),
        "a": plain(fill.size),
        "te": "fulfill_maker" if fill.is_maker else "fulfill_taker",
        "ts": fill.position_action,
        "tc": CAUSES[fill.cause],
        "f": money(fill.fee),
        "n": money(_net_pnl(fill)),
        "t": fill.at_ms,
        "li": sequence,
    }


def funding_payment(row: FundingPaid) -> Row:
    """Return a row of `/funding/history`; `payout` is positive when received."""
    return {
        "history_id": row.payment_id,
        "symbol": row.symbol,
        "side": _position_side(row.size),
        "amount": plain(abs(row.size)),
        "payout": plain(row.usd),
        "rate": plain(row.rate.fraction),
        "created_at": row.at_ms,
    }


def cash_row(row: CashRow) -> Row:
    """Return a row of `/account/balance/history`."""
    is_trade = row.kind in (CashKind.PNL, CashKind.FEE, CashKind.LIQUIDATION_FEE)
    return {
        "amount": money(row.amount),
        "balance": money(row.balance),
        "pending_balance": "0",
        "event_type": CASH_EVENTS[row.cause] if is_trade else row.kind.value,
        "created_at": row.at_ms,
    }
