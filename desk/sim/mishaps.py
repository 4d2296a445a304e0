"""What may become of an order although it was accepted: half filled, not filled, or taken back.

Sits between a wire server and the exchange. The exchange is honest and knows no faults, so it is
given a lesser order, and `seen` shows that order as the one that was asked for.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from desk.core.order import Side
from desk.sim.exchange import (
    Exchange,
    NewOrder,
    OrderStatus,
    OrderType,
    OrderView,
    Refusal,
    TimeInForce,
)
from desk.sim.faults import ORDER_KINDS, Fault, FaultKind, FaultPlan

Schedule = Callable[[int, Callable[[], None]], None]

HOPELESS_BAND = Decimal("0.02")
"""How far behind mark an order is put that shall not fill: inside both venues' collars."""
REMEMBERED_MAX = 10_000


class Mishaps:
    """Submits orders to one exchange as the plan allows."""

    def __init__(self, exchange: Exchange, plan: FaultPlan, *, schedule: Schedule) -> None:
        """`schedule(at_ms, action)` runs an action when the world reaches an instant."""
        self._exchange = exchange
        self._plan = plan
        self._schedule = schedule
        self._asked: dict[tuple[str, int], NewOrder] = {}

    def submit(self, account_id: int, order: NewOrder, *, operation: str) -> int:
        """Submit an order and return its id; one fault that matches `operation` may befall it.

        Triggers and post-only orders are let through: nothing fills when they are accepted.
        Raises `Refusal`.
        """
        fault = self._take(order, operation)
        if fault is None:
            return self._exchange.submit(account_id, order)
        if fault.kind is FaultKind.ACCEPTED_THEN_CANCELLED and order.tif is TimeInForce.GTC:
            return self._take_back(account_id, order, fault)
        lesser = self._half(order) if fault.kind is FaultKind.PARTIAL_FILL else None
        order_id = self._exchange.submit(account_id, lesser or self._hopeless(order))
        self._remember(order_id, order)
        return order_id

    def seen(self, view: OrderView) -> OrderView:
        """Return an order as its owner should see it: with the size, type and price asked for,
        what was withheld being cancelled."""
        asked = self._asked.get((view.symbol, view.order_id))
        if asked is None:
            return view
        withheld = asked.size - view.size
        status, canceled = view.status, view.canceled
        if status.is_final:
            canceled += withheld
            status = OrderStatus.CANCELED
        return replace(
            view,
            type=asked.type,
            tif=asked.tif,
            price=asked.price,
            size=asked.size,
            canceled=canceled,
            status=status,
        )

    def _take(self, order: NewOrder, operation: str) -> Fault | None:
        fills_at_once = order.type in (OrderType.LIMIT, OrderType.MARKET) and order.tif in (
            TimeInForce.GTC,
            TimeInForce.IOC,
        )
        if not fills_at_once or not order.size:
            return None
        struck = self._plan.take(self._exchange.rules.venue, operation, ORDER_KINDS)
        return struck[0] if struck else None

    def _half(self, order: NewOrder) -> NewOrder | None:
        """Return the order at half its size and good for an instant, None where half is too
        little to trade."""
        instrument = self._exchange.markets[order.symbol].instrument
        half = instrument.size_down(order.size / 2)
        if half < instrument.size_floor(self._exchange.stats(order.symbol).mark):
            return None
        return replace(order, size=half, tif=TimeInForce.IOC)

    def _hopeless(self, order: NewOrder) -> NewOrder:
        """Return the order as one that finds nobody."""
        instrument = self._exchange.markets[order.symbol].instrument
        mark = self._exchange.stats(order.symbol).mark
        is_buy = order.side is Side.BUY
        price = mark * (1 - HOPELESS_BAND if is_buy else 1 + HOPELESS_BAND)
        return replace(
            order,
            type=OrderType.LIMIT,
            tif=TimeInForce.IOC,
            price=instrument.price_down(price) if is_buy else instrument.price_up(price),
            slippage=None,
        )

    def _take_back(self, account_id: int, order: NewOrder, fault: Fault) -> int:
        order_id = self._exchange.submit(account_id, order)

        def cancel() -> None:
            # Filled before the venue thought better of it: nothing is left to take back.
            with contextlib.suppress(Refusal):
                self._exchange.cancel(account_id, order.symbol, order_id=order_id)

        bump_ms = max(tier.bumps.taker_ms for tier in self._exchange.rules.tiers)
        rests_at_ms = self._exchange.now_ms + bump_ms
        self._schedule(rests_at_ms + round(fault.delay_s * 1000), cancel)
        return order_id

    def _remember(self, order_id: int, order: NewOrder) -> None:
        if len(self._asked) >= REMEMBERED_MAX:
            del self._asked[next(iter(self._asked))]
        self._asked[(order.symbol, order_id)] = order
