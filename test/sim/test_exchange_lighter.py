"""Lighter's rules: gateway and sequencer, speed bumps, ids, minimums, reduce-only."""

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange import (
    NewOrder,
    OrderStatus,
    OrderType,
    Refusal,
    RefusalReason,
    TimeInForce,
    lighter_rules,
)
from test.sim.exchange_bench import ME, Bench, D, lighter, stop, trigger_order

BUY, SELL = Side.BUY, Side.SELL
IOC, POST = TimeInForce.IOC, TimeInForce.POST_ONLY
MINUTE_MS = 60_000


def test_a_standard_taker_waits_300_ms() -> None:
    """Nothing has happened after 299 ms, everything after 300."""
    bench = lighter()
    order_id = bench.send(BUY, "1", "2001", tif=IOC)
    bench.pass_ms(299)
    early = bench.status(order_id)
    bench.pass_ms(1)
    assert (OrderStatus.IN_PROGRESS, OrderStatus.FILLED) == (early, bench.status(order_id))


@pytest.mark.parametrize("tif", [POST, TimeInForce.GTC])
def test_a_standard_maker_waits_200_ms(tif: TimeInForce) -> None:
    """An order that will rest is in the book after 200 ms."""
    bench = lighter()
    order_id = bench.send(BUY, "1", "1990", tif=tif)
    bench.pass_ms(199)
    early = bench.status(order_id)
    bench.pass_ms(1)
    assert (OrderStatus.IN_PROGRESS, OrderStatus.OPEN) == (early, bench.status(order_id))


def test_a_crossing_gtc_waits_like_a_taker() -> None:
    """A good-till-cancel order that would trade on arrival sits out the taker's delay."""
    bench = lighter()
    order_id = bench.send(BUY, "1", "2001")
    bench.pass_ms(299)
    assert OrderStatus.IN_PROGRESS is bench.status(order_id)


def test_a_standard_cancel_waits_200_ms() -> None:
    """The order can still fill for 200 ms after its cancel was taken."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1990").order_id
    bench.exchange.cancel(ME, "ETH", order_id=order_id)
    bench.pass_ms(199)
    early = bench.status(order_id)
    bench.pass_ms(1)
    assert (OrderStatus.OPEN, OrderStatus.CANCELED) == (early, bench.status(order_id))


def test_premium_makers_do_not_wait() -> None:
    """On the premium tier an order rests at once."""
    bench = lighter(fee_level=1)
    assert OrderStatus.OPEN is bench.status(bench.send(BUY, "1", "1990", tif=POST))


def test_standard_accounts_pay_no_fee() -> None:
    """The standard tier trades at 0 / 0."""
    bench = lighter()
    bench.take(BUY, "1")
    assert D(0) == bench.exchange.fills(ME)[0].fee


def test_premium_takers_pay_2_8_bps() -> None:
    """2.8 bps of 2,000.1 USD, to six decimals."""
    bench = lighter(fee_level=1)
    bench.take(BUY, "1")
    assert D("0.560028") == bench.exchange.fills(ME)[0].fee


def test_asks_count_up_and_bids_count_down() -> None:
    """Exchange ids of asks grow from 2**48, those of bids shrink from 2**49."""
    bench = lighter()
    asks = [bench.send(SELL, "1", "2010") for _ in range(2)]
    bids = [bench.send(BUY, "1", "1990") for _ in range(2)]
    assert ([2**48 + 1, 2**48 + 2], [2**49 - 1, 2**49 - 2]) == (asks, bids)


def test_a_maker_without_margin_is_refused_at_the_gateway() -> None:
    """An order that will rest is checked before it is taken."""
    bench = lighter(collateral="10")
    assert RefusalReason.NOT_ENOUGH_MARGIN is bench.reason(BUY, "1", "1990")


def test_a_taker_without_margin_is_cancelled_by_the_sequencer() -> None:
    """A taker passes the gateway, then ends as canceled-margin-not-allowed."""
    bench = lighter(collateral="10")
    order = bench.take(BUY, "1", tag="tx")
    seen = order.status, bench.outcome("tx").reason
    assert (OrderStatus.CANCELED_MARGIN_NOT_ALLOWED, RefusalReason.NOT_ENOUGH_MARGIN) == seen


def test_a_post_only_that_would_cross_is_cancelled_on_arrival() -> None:
    """It is taken, and ends as canceled-post-only."""
    order = lighter().run(BUY, "1", "2001", tif=POST)
    assert (OrderStatus.CANCELED_POST_ONLY, D(0)) == (order.status, order.filled)


def test_a_market_order_keeps_its_average_within_its_price() -> None:
    """It fills as far as the average price stays within the worst average asked for."""
    order = lighter().run(BUY, "9", "2000.2", type=OrderType.MARKET, tif=IOC)
    expected = (D(3), D("2000.2"), OrderStatus.CANCELED_TOO_MUCH_SLIPPAGE)
    assert expected == (order.filled, order.average_price, order.status)


def test_a_market_order_beyond_its_price_fills_nothing() -> None:
    """With nothing within the average it ends as canceled-too-much-slippage."""
    order = lighter().run(BUY, "1", "1999", type=OrderType.MARKET, tif=IOC)
    seen = order.filled, order.status
    assert (D(0), OrderStatus.CANCELED_TOO_MUCH_SLIPPAGE) == seen


def test_a_market_order_that_empties_the_book_lacks_liquidity() -> None:
    """With the whole side eaten the rest ends as canceled-not-enough-liquidity."""
    order = lighter().run(BUY, "11", "2100", type=OrderType.MARKET, tif=IOC)
    seen = order.filled, order.status
    assert (D(10), OrderStatus.CANCELED_NOT_ENOUGH_LIQUIDITY) == seen


def test_reduce_only_without_position_leaves_no_row() -> None:
    """The sequencer refuses it: the transaction failed and there is no order to be found."""
    bench = lighter()
    order_id = bench.send(SELL, "1", "1999", tif=IOC, reduce_only=True, tag="tx")
    bench.pass_ms(300)
    seen = bench.exchange.order(order_id, symbol="ETH"), bench.outcome("tx").reason
    assert (None, RefusalReason.REDUCE_ONLY_NO_POSITION) == seen


def test_reduce_only_on_the_wrong_side_leaves_no_row() -> None:
    """An order that would add to the position is refused after the gateway took it."""
    bench = lighter()
    bench.take(BUY, "1")
    order_id = bench.send(BUY, "1", "2010", tif=IOC, reduce_only=True, tag="tx")
    bench.pass_ms(300)
    seen = bench.exchange.order(order_id, symbol="ETH"), bench.outcome("tx").reason
    assert (None, RefusalReason.REDUCE_ONLY_INCREASES) == seen


def test_reduce_only_larger_than_the_position_is_cut() -> None:
    """It closes what there is and the rest ends as canceled-reduce-only."""
    bench = lighter()
    bench.take(BUY, "1")
    order = bench.take(SELL, "3", reduce_only=True)
    seen = order.filled, order.status, bench.size
    assert (D(1), OrderStatus.CANCELED_REDUCE_ONLY, D(0)) == seen


def test_size_zero_reduce_only_is_the_whole_position() -> None:
    """Base amount 0 closes everything."""
    bench = lighter()
    bench.take(BUY, "1.234")
    order = bench.take(SELL, "0", reduce_only=True)
    assert (D("1.234"), OrderStatus.FILLED, D(0)) == (order.filled, order.status, bench.size)


def test_a_resting_reduce_only_goes_when_the_position_is_gone() -> None:
    """Once flat, what waits to reduce is cancelled."""
    bench = lighter()
    bench.take(BUY, "1")
    order_id = bench.run(SELL, "1", "2010", reduce_only=True).order_id
    bench.take(SELL, "1")
    assert OrderStatus.CANCELED_REDUCE_ONLY is bench.status(order_id)


def test_a_resting_reduce_only_never_flips_the_position() -> None:
    """A maker fill is cut to what is left of the position."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.run(SELL, "0.6", "2000.0")
    order_id = bench.run(SELL, "1", "2000.0", reduce_only=True).order_id
    bench.exchange.trade_ambient("ETH", BUY, D("1.6"), price=D(2000))
    assert (D("0.4"), D(0)) == (bench.order(order_id).filled, bench.size)


@pytest.mark.parametrize(
    ("size", "price", "reason"),
    [
        ("1", "2000.05", RefusalReason.INVALID_PRICE),
        ("1.0001", "2000", RefusalReason.INVALID_SIZE),
        ("0", "2000", RefusalReason.INVALID_SIZE),
        ("0.004", "2000", RefusalReason.BELOW_MIN_BASE),
        ("0.005", "1900", RefusalReason.BELOW_MIN_QUOTE),
        ("1", "2400", RefusalReason.FAT_FINGER),
        ("1", "50", RefusalReason.PRICE_TOO_FAR),
    ],
)
def test_the_gateway_refuses_bad_numbers(size: str, price: str, reason: RefusalReason) -> None:
    """Off tick, off lot, nothing, too small, too little, too far through, too far away."""
    assert reason is lighter().reason(BUY, size, price)


def test_a_reduce_only_taker_may_close_dust() -> None:
    """The minimums hold for resting and opening orders only."""
    bench = lighter()
    bench.take(BUY, "0.007")
    bench.take(SELL, "0.005", reduce_only=True)
    assert OrderStatus.FILLED is bench.take(SELL, "0.002", reduce_only=True).status


def test_a_resting_reduce_only_is_held_to_the_minimum() -> None:
    """Dust cannot be left in the book."""
    bench = lighter()
    bench.take(BUY, "0.007")
    reason = bench.reason(SELL, "0.002", "2010", reduce_only=True)
    assert RefusalReason.BELOW_MIN_BASE is reason


def test_a_client_id_is_unique_among_live_orders() -> None:
    """A second order with the id of a live one is refused; after its end the id is free."""
    bench = lighter()
    first = bench.run(BUY, "1", "1990", client_id="42")
    reason = bench.reason(BUY, "1", "1990", client_id="42")
    bench.exchange.cancel(ME, "ETH", client_id="42")
    bench.pass_ms(200)
    second = bench.send(BUY, "1", "1990", client_id="42")
    assert (RefusalReason.DUPLICATE_CLIENT_ID, True) == (reason, second != first.order_id)


def limited(per_account: int, per_market: int) -> Bench:
    """Return a bench with few orders allowed, triggers as well."""
    rules = lighter_rules()
    limits = replace(
        rules.limits,
        per_account=per_account,
        per_market=per_market,
        triggers_per_account=per_account,
        triggers_per_market=per_market,
    )
    return Bench(replace(rules, limits=limits))


@pytest.mark.parametrize(
    ("per_account", "per_market", "reason"),
    [
        (2, 9, RefusalReason.TOO_MANY_ORDERS),
        (9, 2, RefusalReason.TOO_MANY_ORDERS_IN_MARKET),
    ],
)
def test_live_orders_are_counted(per_account: int, per_market: int, reason: RefusalReason) -> None:
    """One order more than allowed, per account or per market, is refused."""
    bench = limited(per_account, per_market)
    for _ in range(2):
        bench.run(BUY, "1", "1990")
    assert reason is bench.reason(BUY, "1", "1990")


def test_the_published_order_limits() -> None:
    """1,500 orders an account, 1,000 a market, 500 triggers, 16 a market."""
    limits = lighter_rules().limits
    published = (1500, 1000, 500, 16)
    assert published == (
        limits.per_account,
        limits.per_market,
        limits.triggers_per_account,
        limits.triggers_per_market,
    )


def test_the_seventeenth_trigger_in_a_market_is_refused() -> None:
    """Sixteen triggers may wait in one market."""
    bench = lighter()
    for _ in range(16):
        bench.exchange.submit(ME, stop(SELL, "1900"))
    with pytest.raises(Refusal) as caught:
        bench.exchange.submit(ME, stop(SELL, "1900"))
    assert RefusalReason.TOO_MANY_TRIGGERS_IN_MARKET is caught.value.reason


def test_a_triggers_limit_far_from_its_trigger_is_refused() -> None:
    """The worst price of a stop must lie near its trigger."""
    order = trigger_order(SELL, "1900", OrderType.STOP_LOSS, price=D(500))
    with pytest.raises(Refusal) as caught:
        lighter().exchange.submit(ME, order)
    assert RefusalReason.TRIGGER_PRICE_TOO_FAR is caught.value.reason


def test_default_leverage_is_the_markets_default() -> None:
    """Until set, 5 % initial margin: twenty times."""
    assert D("0.05") == lighter().exchange.settings(ME)[0].initial_margin_fraction


def test_leverage_beyond_the_market_is_refused() -> None:
    """Less initial margin than the market's minimum is no valid fraction."""
    with pytest.raises(Refusal) as caught:
        lighter().exchange.set_leverage(ME, "ETH", initial_margin_fraction=D("0.01"))
    assert RefusalReason.INVALID_LEVERAGE is caught.value.reason


def test_leverage_may_fall_with_a_position_it_can_carry() -> None:
    """Lighter lets the fraction be raised while the margin suffices."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D(1))
    assert D(2000) == bench.exchange.account(ME).initial_margin


def test_leverage_may_not_fall_below_what_the_account_carries() -> None:
    """Raising the fraction beyond the equity is refused."""
    bench = lighter(collateral="500")
    bench.take(BUY, "1")
    with pytest.raises(Refusal) as caught:
        bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D(1))
    assert RefusalReason.NOT_ENOUGH_MARGIN is caught.value.reason


def test_margin_mode_is_locked_by_an_order() -> None:
    """With an order open the mode cannot change."""
    bench = lighter()
    bench.run(BUY, "1", "1990")
    with pytest.raises(Refusal) as caught:
        bench.exchange.set_leverage(
            ME, "ETH", initial_margin_fraction=Decimal("0.05"), margin_mode=MarginMode.ISOLATED
        )
    assert RefusalReason.MARGIN_MODE_LOCKED is caught.value.reason


def test_below_initial_margin_only_reducing_is_taken() -> None:
    """In pre-liquidation a resting order that adds is refused with its own reason."""
    bench = lighter(collateral="150")
    bench.take(BUY, "1")
    bench.price("1940")
    assert RefusalReason.PRE_LIQUIDATION is bench.reason(BUY, "0.1", "1900")


def test_unknown_market_and_account_are_refused() -> None:
    """Names nobody listed."""
    exchange = lighter().exchange
    reasons = []
    for account_id, symbol in ((ME, "XYZ"), (99, "ETH")):
        with pytest.raises(Refusal) as caught:
            exchange.submit(account_id, NewOrder(symbol, BUY, D(1), D(2000)))
        reasons.append(caught.value.reason)
    assert [RefusalReason.MARKET_NOT_FOUND, RefusalReason.ACCOUNT_NOT_FOUND] == reasons
