"""Triggers: what fires them, what they become, and when they fail."""

import pytest

from desk.core.order import Side
from desk.sim.exchange import (
    NewOrder,
    OrderChanged,
    OrderStatus,
    OrderType,
    PacificaEvent,
    Refusal,
    RefusalReason,
    TimeInForce,
    TriggerBy,
)
from test.sim.exchange_bench import ME, START_MS, D, lighter, pacifica, stop, trigger_order

BUY, SELL = Side.BUY, Side.SELL
STOP, PROFIT = OrderType.STOP_LOSS, OrderType.TAKE_PROFIT


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "fires_at", "sleeps_at"),
    [
        (SELL, STOP, "1900", "1900", "1900.1"),
        (BUY, STOP, "2100", "2100", "2099.9"),
        (SELL, PROFIT, "2100", "2100", "2099.9"),
        (BUY, PROFIT, "1900", "1900", "1900.1"),
    ],
)
def test_the_mark_fires_a_trigger(
    side: Side, kind: OrderType, trigger: str, *, fires_at: str, sleeps_at: str
) -> None:
    """A stop fires against the position, a take-profit with it, at the trigger itself."""
    bench = lighter()
    bench.take(side.opposite, "1")
    bench.exchange.submit(ME, stop(side, trigger, kind=kind))
    bench.pass_ms(200)
    bench.price(sleeps_at)
    asleep = bench.size
    bench.price(fires_at)
    assert (D(side.opposite.sign), D(0)) == (asleep, bench.size)


def test_a_fired_stop_closes_the_whole_position() -> None:
    """Size zero means whatever is open when it fires."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.exchange.submit(ME, stop(SELL, "1900"))
    bench.pass_ms(200)
    bench.take(BUY, "0.5")
    bench.price("1890")
    assert D(0) == bench.size


def test_a_trigger_beyond_its_worst_price_fills_nothing() -> None:
    """After a gap past its price a stop ends as canceled-too-much-slippage, the position stays."""
    bench = lighter()
    bench.take(BUY, "1")
    order_id = bench.exchange.submit(ME, stop(SELL, "1900"))
    bench.pass_ms(200)
    bench.price("1700")
    seen = bench.status(order_id), bench.size
    assert (OrderStatus.CANCELED_TOO_MUCH_SLIPPAGE, D(1)) == seen


def test_a_stop_limit_rests_after_it_fired() -> None:
    """Its limit waits in the book when it cannot trade at once."""
    bench = lighter()
    bench.take(BUY, "1")
    order = trigger_order(
        SELL, "1900", OrderType.STOP_LOSS_LIMIT, price=D(1905), tif=TimeInForce.GTC
    )
    order_id = bench.exchange.submit(ME, order)
    bench.pass_ms(200)
    bench.price("1900")
    assert [(OrderStatus.OPEN, D(1905))] == [
        (row.status, row.price) for row in bench.exchange.orders(ME) if row.order_id == order_id
    ]


def test_a_reduce_only_trigger_without_position_is_cancelled_when_it_fires() -> None:
    """It rested, so it has a row: canceled-reduce-only."""
    bench = lighter()
    order = trigger_order(SELL, "1900", STOP, size=D(1), price=D(1850))
    order_id = bench.exchange.submit(ME, order)
    bench.pass_ms(200)
    bench.price("1890")
    assert OrderStatus.CANCELED_REDUCE_ONLY is bench.status(order_id)


def test_a_trigger_with_a_size_outlives_the_position() -> None:
    """Only triggers for the whole position go with it; one with a size of its own stays."""
    bench = lighter()
    bench.take(BUY, "1")
    sized = bench.exchange.submit(ME, trigger_order(SELL, "1900", STOP, size=D(1), price=D(1850)))
    tied = bench.exchange.submit(ME, stop(SELL, "1900"))
    bench.pass_ms(200)
    bench.take(SELL, "1")
    seen = bench.status(sized), bench.status(tied)
    assert (OrderStatus.PENDING, OrderStatus.CANCELED_REDUCE_ONLY) == seen


def test_a_trigger_ties_up_no_margin() -> None:
    """Waiting costs nothing."""
    bench = lighter()
    bench.exchange.submit(ME, stop(SELL, "1900"))
    bench.pass_ms(200)
    assert D(0) == bench.exchange.account(ME).initial_margin


def test_a_trigger_expires() -> None:
    """At its expiry it ends as canceled-expired and can no longer fire."""
    bench = lighter()
    bench.take(BUY, "1")
    order_id = bench.exchange.submit(ME, stop(SELL, "1900", expires_at_ms=START_MS + 400_000))
    bench.pass_ms(400_000)
    bench.price("1890")
    assert (OrderStatus.CANCELED_EXPIRED, D(1)) == (bench.status(order_id), bench.size)


def test_a_trigger_needs_its_price() -> None:
    """A stop without a trigger price is refused."""
    order = NewOrder("ETH", SELL, D(1), D(1850), type=STOP)
    with pytest.raises(Refusal) as caught:
        lighter().exchange.submit(ME, order)
    assert RefusalReason.INVALID_TRIGGER_PRICE is caught.value.reason


def test_a_trigger_off_the_tick_is_refused() -> None:
    """Trigger prices have ticks too."""
    with pytest.raises(Refusal) as caught:
        lighter().exchange.submit(ME, trigger_order(SELL, "1900.05", STOP, price=D(1850)))
    assert RefusalReason.INVALID_TRIGGER_PRICE is caught.value.reason


def test_a_pacifica_stop_needs_no_limit() -> None:
    """Without one it executes at market inside the venue's band."""
    bench = pacifica()
    bench.take(BUY, "1")
    bench.exchange.submit(ME, trigger_order(SELL, "1900", OrderType.STOP))
    bench.price("1890")
    assert D(0) == bench.size


def test_a_pacifica_stop_can_watch_the_last_trade() -> None:
    """It fires on the last print, not on mark."""
    bench = pacifica()
    bench.take(BUY, "1")
    order = trigger_order(SELL, "1999.9", OrderType.STOP, trigger_by=TriggerBy.LAST)
    bench.exchange.submit(ME, order)
    bench.price("1999")
    asleep = bench.size
    bench.exchange.trade_ambient("ETH", SELL, D("0.1"))
    bench.price("1999")
    assert (D(1), D(0)) == (asleep, bench.size)


def test_a_stop_on_the_middle_of_an_empty_book_sleeps() -> None:
    """Without a middle there is nothing to compare."""
    bench = pacifica()
    bench.take(BUY, "1")
    bench.exchange.submit(ME, trigger_order(SELL, "1900", OrderType.STOP, trigger_by=TriggerBy.MID))
    bench.exchange.set_market("ETH", index=D(1800), mark=D(1800), bids=[], asks=[], premium=D(0))
    assert D(1) == bench.size


def test_a_pacifica_stop_tells_its_life() -> None:
    """stop_created, stop_triggered, then its fill."""
    bench = pacifica()
    bench.take(BUY, "1")
    order_id = bench.exchange.submit(ME, trigger_order(SELL, "1900", OrderType.STOP))
    bench.price("1890")
    told = [seen.event for seen in bench.seen(OrderChanged) if seen.order.order_id == order_id]
    created, triggered = PacificaEvent.STOP_CREATED, PacificaEvent.STOP_TRIGGERED
    assert [created, triggered, PacificaEvent.FULFILL_MARKET] == told


def test_a_trigger_can_be_cancelled_and_then_never_fires() -> None:
    """A cancelled stop is gone."""
    bench = pacifica()
    bench.take(BUY, "1")
    order_id = bench.exchange.submit(ME, trigger_order(SELL, "1900", OrderType.STOP))
    bench.exchange.cancel(ME, "ETH", order_id=order_id, triggers_only=True)
    bench.price("1890")
    assert D(1) == bench.size


def test_a_trigger_can_be_moved_on_lighter() -> None:
    """Modify changes the trigger price in place."""
    bench = lighter()
    bench.take(BUY, "1")
    order_id = bench.exchange.submit(ME, stop(SELL, "1900"))
    bench.pass_ms(200)
    bench.exchange.modify(ME, "ETH", order_id=order_id, trigger_price=D(1880), price=D(1800))
    bench.pass_ms(200)
    bench.price("1890")
    asleep = bench.size
    bench.price("1879")
    assert (D(1), D(0)) == (asleep, bench.size)


def test_twin_triggers_fire_on_their_own_sides() -> None:
    """Of a stop and a take-profit only the one reached fires; the other goes with the position."""
    bench = pacifica()
    bench.take(SELL, "1")
    ids = [
        bench.exchange.submit(ME, trigger_order(BUY, "2100", STOP)),
        bench.exchange.submit(ME, trigger_order(BUY, "1900", PROFIT)),
    ]
    bench.price("2110")
    seen = [bench.status(order_id) for order_id in ids]
    assert [OrderStatus.FILLED, OrderStatus.CANCELED_REDUCE_ONLY] == seen
