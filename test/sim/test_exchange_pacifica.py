"""Pacifica's rules: refusals in the reply, speed bump, slippage band, post-only, edits, TP/SL."""

from dataclasses import replace
from typing import Any

import pytest

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange import (
    MinimumReading,
    NewOrder,
    OrderChanged,
    OrderStatus,
    OrderType,
    PacificaEvent,
    PacificaStatus,
    PostOnlyReading,
    PriceReading,
    Refusal,
    RefusalReason,
    TimeInForce,
    pacifica_rules,
)
from test.sim.exchange_bench import ME, Bench, D, pacifica

BUY, SELL = Side.BUY, Side.SELL
ALO, IOC = TimeInForce.POST_ONLY, TimeInForce.IOC
MARKET = OrderType.MARKET


def market(bench: Bench, side: Side, size: str, slippage: str = "0.005", **fields: Any) -> int:
    """Send a market order within a slippage band."""
    return bench.send(side, size, type=MARKET, tif=IOC, slippage=D(slippage), **fields)


def refused(bench: Bench, order: NewOrder) -> RefusalReason:
    """Return why an order is refused."""
    with pytest.raises(Refusal) as caught:
        bench.exchange.submit(ME, order)
    return caught.value.reason


@pytest.mark.parametrize(("tif", "price"), [(TimeInForce.GTC, "1990"), (IOC, "2001")])
def test_gtc_and_ioc_wait_200_ms(tif: TimeInForce, price: str) -> None:
    """Whether or not they would trade, they sit out the speed bump."""
    bench = pacifica()
    order_id = bench.send(BUY, "1", price, tif=tif)
    bench.pass_ms(199)
    early = bench.status(order_id)
    bench.pass_ms(1)
    assert (OrderStatus.IN_PROGRESS, True) == (early, bench.status(order_id) is not early)


@pytest.mark.parametrize("tif", [ALO, TimeInForce.TOB])
def test_makers_do_not_wait(tif: TimeInForce) -> None:
    """Post-only and top-of-book orders rest at once."""
    bench = pacifica()
    assert OrderStatus.OPEN is bench.status(bench.send(BUY, "1", "1990", tif=tif))


def test_cancels_do_not_wait() -> None:
    """A cancel takes effect in the call."""
    bench = pacifica()
    order_id = bench.send(BUY, "1", "1990", tif=ALO)
    bench.exchange.cancel(ME, "ETH", order_id=order_id)
    assert OrderStatus.CANCELED is bench.status(order_id)


def test_a_cancel_beats_an_order_in_its_speed_bump() -> None:
    """An order cancelled on its way never reaches the book."""
    bench = pacifica()
    order_id = bench.send(BUY, "1", "2001", tif=IOC, client_id="a")
    bench.exchange.cancel(ME, "ETH", client_id="a")
    bench.pass_ms(300)
    assert (OrderStatus.CANCELED, D(0)) == (bench.status(order_id), bench.size)


def test_a_market_order_fills_inside_its_band() -> None:
    """0.01 % of 2,000 USD covers two levels; the rest is cancelled."""
    bench = pacifica()
    order_id = market(bench, BUY, "5", "0.0001")
    bench.pass_ms(200)
    order = bench.order(order_id)
    assert (D(2), OrderStatus.CANCELED) == (order.filled, order.status)


def test_nothing_in_the_band_is_no_reasonable_price() -> None:
    """A market order that would find nothing is refused in the reply."""
    with pytest.raises(Refusal) as caught:
        market(pacifica(), BUY, "1", "0.00001")
    assert RefusalReason.NO_REASONABLE_PRICE is caught.value.reason


def test_the_band_can_be_read_from_the_middle() -> None:
    """With the other reading of the documentation the book's middle is the reference."""
    bench = Bench(replace(pacifica_rules(), band_price=PriceReading.MID))
    bids, asks = [(D("2009.9"), D(1))], [(D("2010.1"), D(1))]
    bench.exchange.set_market(
        "ETH", index=D(2000), mark=D(2000), bids=bids, asks=asks, premium=D(0)
    )
    assert market(bench, BUY, "1", "0.001")


def test_an_unmatched_ioc_has_no_fill() -> None:
    """Depth that left during the speed bump is gone."""
    bench = pacifica()
    order_id = bench.send(BUY, "1", "2001", tif=IOC)
    bench.price("2010")
    bench.pass_ms(200)
    order = bench.order(order_id)
    assert (D(0), PacificaStatus.CANCELLED) == (order.filled, order.pacifica_status)


def test_a_crossing_post_only_is_taken_then_rejected() -> None:
    """The order has an id; its event is post_only_rejected and its status rejected."""
    bench = pacifica()
    order = bench.order(bench.send(BUY, "1", "2001", tif=ALO))
    seen = order.event, order.pacifica_status, order.pacifica_reason
    rejected = PacificaEvent.POST_ONLY_REJECTED
    assert (rejected, PacificaStatus.REJECTED, "post_only_rejected") == seen


def test_a_crossing_post_only_can_be_refused() -> None:
    """With the other reading the reply says so."""
    bench = Bench(replace(pacifica_rules(), post_only=PostOnlyReading.REFUSE))
    assert RefusalReason.POST_ONLY_WOULD_CROSS is bench.reason(BUY, "1", "2001", tif=ALO)


@pytest.mark.parametrize(
    ("side", "price", "stood"), [(BUY, "2005", "2000.0"), (SELL, "1995", "2000.0")]
)
def test_top_of_book_steps_behind(side: Side, price: str, stood: str) -> None:
    """An order that would cross is re-priced one tick behind the opposite best."""
    bench = pacifica()
    order = bench.order(bench.send(side, "1", price, tif=TimeInForce.TOB))
    assert (D(stood), OrderStatus.OPEN) == (order.price, order.status)


def test_reduce_only_without_position_is_refused() -> None:
    """Code 23 at the venue."""
    reason = pacifica().reason(SELL, "1", "1999", tif=IOC, reduce_only=True)
    assert RefusalReason.REDUCE_ONLY_NO_POSITION is reason


def test_reduce_only_on_the_positions_side_is_refused() -> None:
    """Code 21 at the venue."""
    bench = pacifica()
    bench.take(BUY, "1")
    reason = bench.reason(BUY, "1", "2010", tif=IOC, reduce_only=True)
    assert RefusalReason.REDUCE_ONLY_WRONG_SIDE is reason


def test_reduce_only_beyond_the_position_is_refused() -> None:
    """Code 22 at the venue, naming both amounts."""
    bench = pacifica()
    bench.take(BUY, "1")
    refusal = bench.refusal(SELL, "1.001", "1999", tif=IOC, reduce_only=True)
    seen = refusal.reason, refusal.values
    assert (RefusalReason.REDUCE_ONLY_TOO_BIG, ("1.001", "1")) == seen


def test_reduce_only_that_lost_its_position_on_the_way_is_cancelled() -> None:
    """The position closed during the speed bump: nothing trades."""
    bench = pacifica()
    bench.take(BUY, "1")
    late = bench.send(SELL, "1", "1990", tif=IOC, reduce_only=True)
    bench.exchange.liquidate(ME, "ETH", D(1))
    bench.pass_ms(200)
    assert (D(0), True) == (bench.size, bench.status(late).is_final)


def test_the_minimum_notional() -> None:
    """Below 10 USD an order is refused, naming the amount and the minimum."""
    refusal = pacifica().refusal(BUY, "0.004", "1900")
    seen = refusal.reason, refusal.values
    assert (RefusalReason.BELOW_MIN_QUOTE, ("7.600", "10")) == seen


@pytest.mark.parametrize(
    ("reading", "taken"),
    [(MinimumReading.ALL, False), (MinimumReading.REDUCE_ONLY_EXEMPT, True)],
)
def test_dust_and_the_minimum(reading: MinimumReading, *, taken: bool) -> None:
    """Whether reduce-only dust may be closed is uncertain: both readings exist."""
    bench = Bench(replace(pacifica_rules(), minimums=reading))
    bench.take(BUY, "0.010")
    bench.take(SELL, "0.006", reduce_only=True)
    try:
        closed = bench.take(SELL, "0.004", reduce_only=True).filled > 0
    except Refusal:
        closed = False
    assert taken is closed


@pytest.mark.parametrize(
    ("side", "price"), [(BUY, "2700"), (SELL, "1300"), (BUY, "100"), (SELL, "4000")]
)
def test_a_limit_far_from_mark_is_refused(side: Side, price: str) -> None:
    """30 % through or 90 % away from mark."""
    assert RefusalReason.PRICE_TOO_FAR is pacifica().reason(side, "0.1", price)


def test_not_enough_margin_is_refused_in_the_reply() -> None:
    """Takers too, naming what is needed and the account's value."""
    refusal = pacifica(collateral="10").refusal(BUY, "1", "2001", tif=IOC)
    assert (RefusalReason.NOT_ENOUGH_MARGIN, "10") == (refusal.reason, refusal.values[1])


def test_orders_on_their_way_tie_up_margin() -> None:
    """A second order cannot count on money the first will use."""
    bench = pacifica(collateral="50")
    bench.send(BUY, "1", "1990")
    assert RefusalReason.NOT_ENOUGH_MARGIN is bench.reason(BUY, "1", "1990")


def test_unknown_orders_cannot_be_cancelled() -> None:
    """By id and by client id the reply says so."""
    exchange = pacifica().exchange
    reasons = []
    for ids in ((1, None), (None, "a")):
        with pytest.raises(Refusal) as caught:
            exchange.cancel(ME, "ETH", order_id=ids[0], client_id=ids[1])
        reasons.append(caught.value.reason)
    assert [RefusalReason.ORDER_NOT_FOUND, RefusalReason.UNKNOWN_CLIENT_ID] == reasons


def test_an_edit_is_a_new_post_only_order() -> None:
    """New id, same client id, time in force ALO; the old one is cancelled."""
    bench = pacifica()
    old = bench.send(BUY, "1", "1990", tif=ALO, client_id="a")
    new = bench.exchange.modify(ME, "ETH", client_id="a", price=D(1991))
    order = bench.order(new)
    seen = bench.status(old), new > old, order.client_id, order.tif, order.price
    assert (OrderStatus.CANCELED, True, "a", ALO, D(1991)) == seen


def test_an_edit_keeps_what_is_left() -> None:
    """Without an amount the successor has the remaining size."""
    bench = pacifica()
    old = bench.send(BUY, "1", "2000", tif=ALO)
    bench.exchange.trade_ambient("ETH", SELL, D("0.4"))
    new = bench.exchange.modify(ME, "ETH", order_id=old, price=D(1991))
    assert D("0.6") == bench.order(new).size


def test_a_refused_edit_leaves_the_old_order() -> None:
    """Nothing happens when the successor would not be taken."""
    bench = pacifica()
    old = bench.send(BUY, "1", "1990", tif=ALO)
    with pytest.raises(Refusal):
        bench.exchange.modify(ME, "ETH", order_id=old, price=D(100))
    assert OrderStatus.OPEN is bench.status(old)


def test_ids_come_from_one_counter() -> None:
    """Order ids ascend across sides and never pass the exchange's sequence."""
    bench = pacifica()
    ids = [bench.send(side, "1", price) for side, price in ((BUY, "1990"), (SELL, "2010"))]
    assert (sorted(ids), True) == (ids, bench.exchange.sequence() >= ids[-1])


def test_fees_follow_the_tier() -> None:
    """Level 0 takers pay 4.0 bps, makers 1.5 bps, to six decimals, half up."""
    bench = pacifica()
    bench.take(BUY, "0.007")
    bench.send(SELL, "0.007", "2000.1", tif=ALO)
    bench.exchange.trade_ambient("ETH", BUY, D("1.1"), price=D("2000.1"))
    maker, taker = bench.exchange.fills(ME)
    assert (D("0.002100"), D("0.005600")) == (maker.fee, taker.fee)


def test_leverage_may_only_rise_with_a_position() -> None:
    """A lower multiple is refused while the position is open."""
    bench = pacifica()
    bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D("0.1"))
    bench.take(BUY, "1")
    with pytest.raises(Refusal) as caught:
        bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D("0.2"))
    bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D("0.05"))
    seen = caught.value.reason, bench.exchange.settings(ME)[0].leverage
    assert (RefusalReason.LEVERAGE_LOWERED_WITH_POSITION, 20) == seen


def test_the_default_leverage_is_the_highest() -> None:
    """An account that never set it has 50 times, and the setting says it is the default."""
    setting = pacifica().exchange.settings(ME)[0]
    assert (50, True) == (setting.leverage, setting.is_default)


def test_margin_mode_is_locked_by_a_position() -> None:
    """Cross cannot become isolated while the position is open."""
    bench = pacifica()
    bench.take(BUY, "1")
    with pytest.raises(Refusal) as caught:
        bench.exchange.set_margin_mode(ME, "ETH", MarginMode.ISOLATED)
    assert RefusalReason.MARGIN_MODE_LOCKED is caught.value.reason


def test_scheduled_cancel_all_does_not_exist() -> None:
    """Pacifica has no dead man's switch."""
    with pytest.raises(Refusal) as caught:
        pacifica().exchange.schedule_cancel_all(ME, None)
    assert RefusalReason.UNSUPPORTED is caught.value.reason


def test_the_events_of_an_order_are_kept() -> None:
    """History by id lists every event, newest first, with its own history id."""
    bench = pacifica()
    order_id = bench.run(BUY, "1.5", "2000.1").order_id
    bench.exchange.cancel(ME, "ETH", order_id=order_id)
    rows = bench.exchange.order_events(order_id)
    words = [PacificaEvent.CANCEL, PacificaEvent.MAKE, PacificaEvent.FULFILL_LIMIT]
    assert (words, True) == (
        [row.event for row in rows],
        rows[0].history_id > rows[1].history_id > rows[2].history_id,
    )


def test_a_market_order_tells_fulfill_market() -> None:
    """The word for a fill of a market order."""
    bench = pacifica()
    market(bench, BUY, "1")
    bench.pass_ms(200)
    assert PacificaEvent.FULFILL_MARKET is bench.seen(OrderChanged)[-1].event
