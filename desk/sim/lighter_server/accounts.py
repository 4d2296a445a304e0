"""Rows of private data as Lighter prints them: accounts, positions, orders, payments, statistics.

Pure functions from exchange views to JSON-ready dictionaries. Field names, types and units are
those of the venue's REST reference and of recorded frames; `initial_margin_fraction` is percent
text here ("5.00" is 20x), unlike the 1e-4 integers elsewhere.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange import (
    AccountView,
    CashRow,
    FundingPaid,
    MarketSetting,
    OrderStatus,
    OrderView,
    PositionView,
    TimeInForce,
)
from desk.sim.lighter_server import numbers
from desk.sim.lighter_server.markets import Row, WireMarket, block_height
from desk.sim.lighter_server.numbers import padded, percent, usd
from desk.sim.lighter_server.switches import LighterSwitches, OrderTimes

USDC_ASSET_ID = 3
ZERO = Decimal(0)

_TIME_IN_FORCE = {
    TimeInForce.GTC: "good-till-time",
    TimeInForce.IOC: "immediate-or-cancel",
    TimeInForce.POST_ONLY: "post-only",
    TimeInForce.TOB: "post-only",
}


def order_row(market: WireMarket, order: OrderView, switches: LighterSwitches) -> Row:
    """Return one order.

    `base_size` and `remaining_base_amount` are what may still fill, `nonce` counts changes of the
    book and is no transaction's. `side` is an empty text in recorded frames: `is_ask` tells.
    """
    unit = 1 if switches.order_times is OrderTimes.MILLISECONDS else 1000
    remaining, price = market.size(order.remaining), market.price(order.price)
    client_id = order.client_id or "0"
    return {
        "order_index": order.order_id,
        "client_order_index": int(client_id),
        "order_id": str(order.order_id),
        "client_order_id": client_id,
        "market_index": market.market_id,
        "owner_account_index": order.account_id,
        "initial_base_amount": market.size(order.size),
        "price": price,
        "nonce": order.nonce,
        "remaining_base_amount": remaining,
        "is_ask": order.side is Side.SELL,
        "base_size": numbers.digits(remaining),
        "base_price": numbers.digits(price),
        "filled_base_amount": market.size(order.filled),
        "filled_quote_amount": usd(order.filled_quote),
        "side": order.side.value if switches.side_text else "",
        "type": order.type.value,
        "time_in_force": _TIME_IN_FORCE[order.tif],
        "reduce_only": order.reduce_only,
        "trigger_price": market.price(order.trigger_price),
        "order_expiry": order.expires_at_ms or 0,
        "status": order.status.value,
        "trigger_status": order.trigger_status.value,
        "trigger_time": order.triggered_at_ms,
        **_links(order),
        "integrator_fee_collector_index": "0",
        "integrator_taker_fee": "0",
        "integrator_maker_fee": "0",
        "order_flags": 0,
        "block_height": block_height(order.updated_at_ms),
        "timestamp": order.updated_at_ms // unit,
        "created_at": order.created_at_ms // unit,
        "updated_at": order.updated_at_ms // unit,
        "transaction_time": order.updated_at_ms * 1000,
    }


def _links(order: OrderView) -> Row:
    parent = order.parent_id or 0
    return {
        "parent_order_index": parent,
        "parent_order_id": str(parent),
        "to_trigger_order_id_0": "0",
        "to_trigger_order_id_1": "0",
        "to_cancel_order_id_0": str(order.oco_id or 0),
    }


def position_row(
    market: WireMarket,
    setting: MarketSetting,
    position: PositionView | None,
    orders: Iterable[OrderView],
) -> Row:
    """Return one position; a flat market prints zeros and sign +1.

    `position` is the unsigned size, `sign` its direction. `total_funding_paid_out` is positive
    when paid (the sources do not settle its sign on receipt).
    """
    size = position.size if position else ZERO
    own = [order for order in orders if order.symbol == market.symbol]
    pending = sum(order.status is OrderStatus.PENDING for order in own)
    row: Row = {
        "market_id": market.market_id,
        "symbol": market.name,
        "initial_margin_fraction": percent(setting.initial_margin_fraction, 2),
        "open_order_count": len(own) - pending,
        "pending_order_count": pending,
        "position_tied_order_count": 0,
        "sign": -1 if size < 0 else 1,
        "position": market.size(abs(size)),
        "avg_entry_price": market.price(position.entry_price if position else None),
        "position_value": usd(position.notional if position else ZERO),
        "unrealized_pnl": usd(position.unrealized_pnl if position else ZERO),
        "realized_pnl": usd(position.realized_pnl if position else ZERO),
        "liquidation_price": _liquidation_price(market, position),
        "margin_mode": 1 if setting.margin_mode is MarginMode.ISOLATED else 0,
        "margin_set_flag": 0 if setting.is_default else 1,
        "allocated_margin": usd(position.margin if position else ZERO),
        "total_discount": usd(ZERO),
    }
    if position is not None:
        row["total_funding_paid_out"] = usd(-position.funding)
    return row


def _liquidation_price(market: WireMarket, position: PositionView | None) -> str:
    price = position.liquidation_price if position else None
    return "0" if price is None or price <= 0 else market.price(price)


def account_head(view: AccountView, l1_address: str, *, account_type: int = 0) -> Row:
    """Return the fields that `account` and `accountsByL1Address` share."""
    return {
        "code": 0,
        "account_type": account_type,
        "index": view.account_id,
        "l1_address": l1_address,
        "cancel_all_time": view.cancel_all_at_ms or 0,
        "total_order_count": view.open_orders + view.trigger_orders,
        "total_isolated_order_count": 0,
        "pending_order_count": view.trigger_orders,
        "available_balance": usd(view.free),
        "status": 1,
        "collateral": usd(view.cross_balance),
        "transaction_time": view.updated_at_ms * 1000,
        "account_trading_mode": 0,
    }


def account_row(view: AccountView, l1_address: str, positions: list[Row]) -> Row:
    """Return one row of `account` (`DetailedAccount`)."""
    return {
        **account_head(view, l1_address),
        "account_index": view.account_id,
        "name": "",
        "description": "",
        "can_invite": False,
        "referral_points_percentage": "",
        "can_rfq": False,
        "can_rfq_market_ids": None,
        "created_at": 0,
        "metadata": {"color": ""},
        "positions": positions,
        "assets": list(assets(view).values()),
        "total_asset_value": usd(view.equity),
        "cross_asset_value": usd(view.cross_equity),
        "cross_initial_margin_requirement": usd(view.cross_initial_margin),
        "cross_maintenance_margin_requirement": usd(view.cross_maintenance_margin),
        "shares": [],
        "pending_unlocks": [],
        "approved_integrators": [],
    }


def assets(view: AccountView) -> dict[str, Row]:
    """Return the account's assets by id: the USDC behind its perpetuals, no spot."""
    return {
        str(USDC_ASSET_ID): {
            "symbol": "USDC",
            "asset_id": USDC_ASSET_ID,
            "balance": usd(ZERO),
            "locked_balance": usd(ZERO),
            "margin_mode": "disabled",
            "margin_balance": usd(view.balance),
        }
    }


def asset_detail() -> Row:
    """Return the one row of `assetDetails`."""
    return {
        "asset_id": USDC_ASSET_ID,
        "symbol": "USDC",
        "l1_decimals": 6,
        "decimals": 6,
        "min_transfer_amount": "1.000000",
        "min_withdrawal_amount": "1.000000",
        "margin_mode": "enabled",
        "index_price": "1.000000",
        "l1_address": "0x95Fd23d5110f9D89A4b0B7d63D78F5B5Ea5074D1",
    }


def user_stats(view: AccountView) -> Row:
    """Return the `stats` object of the user_stats stream; `margin_usage` is percent."""
    notional = sum((row.notional for row in view.positions.values()), ZERO)
    cross_rows = (row for row in view.positions.values() if row.margin_mode is MarginMode.CROSS)
    cross_notional = sum((row.notional for row in cross_rows), ZERO)
    cross = _stats_block(
        view,
        collateral=view.cross_balance,
        value=view.cross_equity,
        margin=view.cross_initial_margin,
        notional=cross_notional,
    )
    total = _stats_block(
        view,
        collateral=view.balance,
        value=view.equity,
        margin=view.initial_margin,
        notional=notional,
    )
    return {"account_trading_mode": 0, **total, "cross_stats": cross, "total_stats": total}


def _stats_block(
    view: AccountView, *, collateral: Decimal, value: Decimal, margin: Decimal, notional: Decimal
) -> Row:
    return {
        "available_balance": usd(view.free),
        "buying_power": "0",
        "collateral": usd(collateral),
        "leverage": padded(notional / value if value > 0 else ZERO, 2),
        "margin_usage": percent(margin / value if value > 0 else ZERO, 2),
        "portfolio_value": usd(value),
    }


def payment_row(market: WireMarket, payment: FundingPaid) -> Row:
    """Return one row of `positionFunding`: `change` is negative when the account paid."""
    return {
        "timestamp": payment.at_ms // 1000,
        "market_id": market.market_id,
        "funding_id": payment.payment_id,
        "change": usd(payment.usd),
        "discount": usd(ZERO),
        "rate": percent(payment.rate.fraction),
        "position_size": market.size(abs(payment.size)),
        "position_side": "long" if payment.size > 0 else "short",
    }


def moved_row(row: CashRow, *, status: str) -> Row:
    """Return one row of the deposit and withdraw histories; amounts are unsigned."""
    return {
        "id": str(row.row_id),
        "amount": usd(abs(row.amount)),
        "timestamp": row.at_ms,
        "status": status,
        "l1_tx_hash": "",
        "asset_id": USDC_ASSET_ID,
    }


def limits_row(view: AccountView, tier: str) -> Row:
    """Return the body of `accountLimits`; fee ticks are 1e-6 of notional."""
    return {
        "code": 200,
        "max_llp_percentage": 100,
        "max_llp_amount": usd(ZERO),
        "user_tier": tier,
        "can_create_public_pool": False,
        "user_tier_name": tier,
        "current_maker_fee_tick": numbers.fee_ticks(view.maker_fee),
        "current_taker_fee_tick": numbers.fee_ticks(view.taker_fee),
        "leased_lit": "0.00000000",
        "effective_lit_stakes": "0.00000000",
        "user_tier_last_update": 0,
    }


def pnl_row(at_ms: int, trade_pnl: Decimal, inflow: Decimal, volume: Decimal) -> Row:
    """Return one row of `pnl`; every amount is a JSON number of USDC."""
    zeros = (
        "trade_spot_pnl",
        "outflow",
        "spot_inflow",
        "spot_outflow",
        "pool_pnl",
        "pool_inflow",
        "pool_outflow",
        "staking_pnl",
        "staking_inflow",
        "staking_outflow",
        "pool_total_shares",
        "staked_lit",
    )
    return {
        "timestamp": at_ms // 1000,
        "trade_pnl": numbers.json_number(trade_pnl),
        "inflow": numbers.json_number(inflow),
        "volume": numbers.json_number(volume),
        **dict.fromkeys(zeros, 0.0),
    }


def grouped(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return rows by market index as text, in the order they come."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for market_id, row in rows:
        groups.setdefault(str(market_id), []).append(row)
    return groups
