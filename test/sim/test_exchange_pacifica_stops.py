"""Pacifica's stops: attached to an order, tied to a position, or standing alone."""

import pytest

from desk.core.order import Side
from desk.sim.exchange import (
    OrderStatus,
    OrderType,
    PacificaEvent,
    Refusal,
    RefusalReason,
    TimeInForce,
    TriggerLeg,
    TriggerStatus,
)
from test.sim.exchange_bench import ME, Bench, D, pacifica, trigger_order

BUY, SELL = Side.BUY, Side.SELL
IOC = TimeInForce.IOC


def test_an_attached_stop_wakes_with_its_parent() -> None:
    """TP/SL of an order wait for it, then rest on the position."""
    bench = pacifica()
    parent = bench.run(BUY, "1", "2001", tif=IOC, stop_loss=TriggerLeg(D(1900)))
    child = bench.exchange.orders(ME)[0]
    seen = child.parent_id, child.event, child.reduce_only, child.side
    woken = PacificaEvent.STOP_PARENT_ORDER_FILLED
    assert (parent.order_id, woken, True, SELL) == seen


def test_an_attached_stop_goes_with_an_unfilled_parent() -> None:
    """When the parent never filled its stop is cancelled with it."""
    bench = pacifica()
    parent = bench.run(BUY, "1", "1990", stop_loss=TriggerLeg(D(1900)))
    bench.exchange.cancel(ME, "ETH", order_id=parent.order_id)
    assert () == bench.exchange.orders(ME)


def test_an_attached_stop_is_held_against_the_position_its_parent_makes() -> None:
    """A buy that turns a short into a long may bring the stop of the long."""
    bench = pacifica()
    bench.take(SELL, "1")
    bench.run(BUY, "2", "2001", tif=IOC, stop_loss=TriggerLeg(D(1900)))
    (child,) = bench.exchange.orders(ME)
    assert (D(1), SELL, TriggerStatus.MARK_PRICE) == (bench.size, child.side, child.trigger_status)


def test_an_attached_stop_ends_with_a_parent_that_leaves_nothing_to_stop() -> None:
    """A buy that only makes a short smaller leaves no place for a stop of a long."""
    bench = pacifica()
    bench.take(SELL, "2")
    bench.run(BUY, "1", "2001", tif=IOC, stop_loss=TriggerLeg(D(1900)))
    ended = bench.exchange.order_history(ME)[0]
    assert (D(-1), ()) == (bench.size, bench.exchange.orders(ME))
    assert OrderStatus.CANCELED_REDUCE_ONLY is ended.status


def tpsl(bench: Bench, profit: str | None, loss: str | None) -> tuple[int, ...]:
    """Set take-profit and stop-loss of a long."""
    return bench.exchange.set_position_tpsl(
        ME,
        "ETH",
        side=SELL,
        take_profit=TriggerLeg(D(profit)) if profit else None,
        stop_loss=TriggerLeg(D(loss)) if loss else None,
    )


def test_position_tpsl_needs_a_position() -> None:
    """Without one it is refused."""
    with pytest.raises(Refusal) as caught:
        tpsl(pacifica(), "2100", "1900")
    assert RefusalReason.POSITION_NOT_FOUND is caught.value.reason


def test_position_tpsl_keeps_the_valid_leg() -> None:
    """A leg on the wrong side of mark is left out, the other rests."""
    bench = pacifica()
    bench.take(BUY, "1")
    ids = tpsl(bench, "1950", "1900")
    assert [OrderType.STOP_LOSS] == [bench.order(order_id).type for order_id in ids]


def test_position_tpsl_replaces_the_earlier_one() -> None:
    """One take-profit and one stop-loss for the whole position."""
    bench = pacifica()
    bench.take(BUY, "1")
    tpsl(bench, "2100", "1900")
    tpsl(bench, None, "1950")
    assert [D(2100), D(1950)] == [order.trigger_price for order in bench.exchange.orders(ME)]


def test_position_tpsl_goes_with_the_position() -> None:
    """Once flat the triggers are gone."""
    bench = pacifica()
    bench.take(BUY, "1")
    tpsl(bench, "2100", "1900")
    bench.take(SELL, "1", reduce_only=True)
    assert () == bench.exchange.orders(ME)


def test_a_reduce_only_stop_on_the_positions_side_is_refused() -> None:
    """`Invalid stop order side`."""
    bench = pacifica()
    bench.take(BUY, "1")
    with pytest.raises(Refusal) as caught:
        bench.exchange.submit(ME, trigger_order(BUY, "2100", OrderType.STOP))
    assert RefusalReason.INVALID_STOP_SIDE is caught.value.reason
