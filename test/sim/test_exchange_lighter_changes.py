"""Lighter's orders after they were taken: cancels, expiry, modify, and orders linked to others."""

import pytest

from desk.core.order import Side
from desk.sim.exchange import (
    Grouping,
    NewOrder,
    OrderStatus,
    OrderType,
    Refusal,
    RefusalReason,
    TimeInForce,
)
from test.sim.exchange_bench import ME, START_MS, D, lighter, stop, trigger_order

BUY, SELL = Side.BUY, Side.SELL
IOC, POST = TimeInForce.IOC, TimeInForce.POST_ONLY
MINUTE_MS = 60_000


def test_cancelling_a_gone_order_fails_in_the_sequencer() -> None:
    """The cancel is taken; its transaction then fails."""
    bench = lighter()
    order = bench.take(BUY, "1")
    bench.exchange.cancel(ME, "ETH", order_id=order.order_id, tag="cancel")
    bench.pass_ms(200)
    assert RefusalReason.ORDER_NOT_FOUND is bench.outcome("cancel").reason


def test_a_cancel_can_overtake_its_own_taker() -> None:
    """A cancel sent with a taker runs first, finds nothing, and the taker fills."""
    bench = lighter()
    order_id = bench.send(BUY, "1", "2001", tif=IOC)
    bench.exchange.cancel(ME, "ETH", order_id=order_id, tag="cancel")
    bench.pass_ms(300)
    assert (False, OrderStatus.FILLED) == (bench.outcome("cancel").ok, bench.status(order_id))


def test_cancel_all_takes_triggers_too() -> None:
    """Everything live goes, after the cancel's delay."""
    bench = lighter()
    ids = [bench.run(BUY, "1", "1990").order_id]
    ids.append(bench.exchange.submit(ME, stop(SELL, "1900")))
    bench.pass_ms(200)
    assert 2 == bench.exchange.cancel_all(ME)
    bench.pass_ms(200)
    assert [OrderStatus.CANCELED] * 2 == [bench.status(order_id) for order_id in ids]


def test_a_scheduled_cancel_all_fires() -> None:
    """The dead man's switch cancels everything at its instant."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1990").order_id
    bench.exchange.schedule_cancel_all(ME, bench.exchange.now_ms + 5 * MINUTE_MS)
    bench.pass_ms(5 * MINUTE_MS)
    assert OrderStatus.CANCELED is bench.status(order_id)


def test_a_scheduled_cancel_all_can_be_aborted() -> None:
    """After the abort nothing is cancelled."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1990").order_id
    bench.exchange.schedule_cancel_all(ME, bench.exchange.now_ms + 5 * MINUTE_MS)
    bench.exchange.schedule_cancel_all(ME, None)
    bench.pass_ms(6 * MINUTE_MS)
    assert OrderStatus.OPEN is bench.status(order_id)


@pytest.mark.parametrize("ahead_ms", [5 * MINUTE_MS - 1, 15 * 24 * 60 * MINUTE_MS + 1])
def test_a_scheduled_cancel_all_has_a_window(ahead_ms: int) -> None:
    """Five minutes to fifteen days ahead."""
    exchange = lighter().exchange
    with pytest.raises(Refusal) as caught:
        exchange.schedule_cancel_all(ME, START_MS + ahead_ms)
    assert RefusalReason.INVALID_CANCEL_ALL_TIME is caught.value.reason


def test_only_one_cancel_all_is_scheduled() -> None:
    """Renewing means aborting first."""
    exchange = lighter().exchange
    exchange.schedule_cancel_all(ME, START_MS + 5 * MINUTE_MS)
    with pytest.raises(Refusal) as caught:
        exchange.schedule_cancel_all(ME, START_MS + 6 * MINUTE_MS)
    assert RefusalReason.CANCEL_ALL_ALREADY_SCHEDULED is caught.value.reason


@pytest.mark.parametrize("life_ms", [5 * MINUTE_MS - 1, 30 * 24 * 60 * MINUTE_MS + 1])
def test_an_expiry_has_a_window(life_ms: int) -> None:
    """Five minutes to thirty days."""
    reason = lighter().reason(BUY, "1", "1990", expires_at_ms=START_MS + life_ms)
    assert RefusalReason.INVALID_EXPIRY is reason


def test_an_order_expires() -> None:
    """At its expiry a resting order ends as canceled-expired."""
    bench = lighter()
    order = bench.run(BUY, "1", "1990", expires_at_ms=START_MS + 5 * MINUTE_MS)
    bench.pass_ms(5 * MINUTE_MS)
    assert OrderStatus.CANCELED_EXPIRED is bench.status(order.order_id)


def test_modify_keeps_the_id() -> None:
    """Price and size change in place after the maker's delay."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1990").order_id
    assert order_id == bench.exchange.modify(ME, "ETH", order_id=order_id, price=D(1991))
    bench.pass_ms(200)
    assert (D(1991), OrderStatus.OPEN) == (bench.order(order_id).price, bench.status(order_id))


def test_modify_across_the_book_trades() -> None:
    """A price moved through the other side takes from it."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1990").order_id
    bench.exchange.modify(ME, "ETH", order_id=order_id, price=D(2001))
    bench.pass_ms(200)
    assert OrderStatus.FILLED is bench.status(order_id)


def test_shrinking_keeps_the_place_in_the_queue() -> None:
    """A smaller size at the same price stays ahead of strangers who came later."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "2000").order_id
    bench.exchange.modify(ME, "ETH", order_id=order_id, size=D("0.5"))
    bench.pass_ms(200)
    bench.exchange.trade_ambient("ETH", SELL, D("0.5"))
    assert OrderStatus.FILLED is bench.status(order_id)


def test_modify_of_a_gone_order_fails_in_the_sequencer() -> None:
    """The transaction is taken and fails."""
    bench = lighter()
    order_id = bench.take(BUY, "1").order_id
    bench.exchange.modify(ME, "ETH", order_id=order_id, price=D(1991), tag="modify")
    bench.pass_ms(200)
    assert RefusalReason.ORDER_NOT_FOUND is bench.outcome("modify").reason


def test_one_cancels_other() -> None:
    """Of two linked triggers the one left over is cancelled when the first fires."""
    bench = lighter()
    bench.take(BUY, "1")
    legs = [
        stop(SELL, "1900"),
        trigger_order(SELL, "2100", OrderType.TAKE_PROFIT, price=D(2050)),
    ]
    first, second = bench.exchange.submit_group(ME, legs, Grouping.ONE_CANCELS_OTHER)
    bench.pass_ms(200)
    bench.price("1890")
    seen = bench.status(first), bench.status(second)
    assert (OrderStatus.FILLED, OrderStatus.CANCELED_OCO) == seen


def test_one_triggers_other_wakes_when_the_parent_fills() -> None:
    """A child waits for its parent, then watches its own price."""
    bench = lighter()
    parent = NewOrder("ETH", BUY, D(1), D(1990))
    group = [parent, stop(SELL, "1900")]
    _, child = bench.exchange.submit_group(ME, group, Grouping.ONE_TRIGGERS_OTHER)
    bench.pass_ms(200)
    waiting = bench.order(child).trigger_status
    bench.price("1985")
    assert ("parent-order", "mark-price") == (waiting, bench.order(child).trigger_status)


def test_a_child_goes_with_an_unfilled_parent() -> None:
    """When the parent ends without a fill its child ends as canceled-child."""
    bench = lighter()
    group = [NewOrder("ETH", BUY, D(1), D(1990)), stop(SELL, "1900")]
    parent, child = bench.exchange.submit_group(ME, group, Grouping.ONE_TRIGGERS_OTHER)
    bench.pass_ms(200)
    bench.exchange.cancel(ME, "ETH", order_id=parent)
    bench.pass_ms(200)
    assert OrderStatus.CANCELED_CHILD is bench.status(child)
