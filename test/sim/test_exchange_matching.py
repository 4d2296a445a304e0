"""Price-time matching of our orders inside strangers' depth."""

from decimal import Decimal

from desk.core.order import Side
from desk.sim.exchange import (
    BookChanged,
    FillBooked,
    NewOrder,
    OrderChanged,
    OrderStatus,
    PacificaEvent,
    SelfTrade,
    TimeInForce,
    TradePrinted,
)
from test.sim.exchange_bench import ME, D, lighter, pacifica

BUY, SELL = Side.BUY, Side.SELL
OTHER = 8


def test_a_taker_walks_the_book_best_first() -> None:
    """An order larger than the best level pays the average of the levels it eats."""
    order = lighter().take(BUY, "2.5")
    spent = D("2000.1") + D("2000.2") + D("0.5") * D("2000.3")
    assert (spent, OrderStatus.FILLED) == (order.filled_quote, order.status)


def test_a_limit_is_never_passed() -> None:
    """An immediate order stops at its limit and the rest is cancelled."""
    order = lighter().run(BUY, "5", "2000.2", tif=TimeInForce.IOC)
    assert (D(2), OrderStatus.CANCELED) == (order.filled, order.status)


def test_a_gtc_rests_with_what_did_not_fill() -> None:
    """The remainder of a good-till-cancel order stands in the book at its own price."""
    bench = lighter()
    bench.run(BUY, "3", "2000.2")
    assert [(D("2000.2"), D(1))] == bench.exchange.levels("ETH", BUY, 1)


def test_our_order_waits_behind_the_strangers_at_its_price() -> None:
    """A stranger's taker eats the size that was there first."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1999.9").order_id
    bench.exchange.trade_ambient("ETH", SELL, D("0.4"))
    assert D(0) == bench.order(order_id).filled


def test_our_order_fills_once_the_queue_ahead_is_gone() -> None:
    """After the stranger's size at the level is eaten, the next taker meets us."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1999.9").order_id
    bench.exchange.trade_ambient("ETH", SELL, D("1.25"))
    assert D("0.25") == bench.order(order_id).filled


def test_a_better_price_goes_first() -> None:
    """Our order ahead of the strangers' best level trades before it."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "2000.0").order_id
    bench.exchange.trade_ambient("ETH", SELL, D("0.5"))
    assert D("0.5") == bench.order(order_id).filled


def test_leaving_strangers_move_us_up() -> None:
    """When the depth at our price shrinks, the queue ahead of us shrinks with it."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1999.9").order_id
    bench.price("2000", size="0.1")
    bench.exchange.trade_ambient("ETH", SELL, D("0.3"))
    assert D("0.2") == bench.order(order_id).filled


def test_new_strangers_queue_behind_us() -> None:
    """When the depth at our price grows, our place does not get worse."""
    bench = lighter()
    order_id = bench.run(BUY, "1", "1999.9").order_id
    bench.price("2000", size="50")
    bench.exchange.trade_ambient("ETH", SELL, D("1.5"))
    assert D("0.5") == bench.order(order_id).filled


def test_depth_that_trades_through_us_fills_at_our_price() -> None:
    """A resting bid above the new best ask fills as a maker at its own price."""
    bench = lighter()
    order_id = bench.run(BUY, "0.5", "1990").order_id
    bench.price("1985")
    order = bench.order(order_id)
    assert (OrderStatus.FILLED, D(1990)) == (order.status, order.average_price)


def test_depth_that_trades_through_us_is_used_up() -> None:
    """The strangers' size that filled us is no longer in the book, which is not crossed."""
    bench = lighter()
    bench.run(BUY, "12", "1990")
    bench.price("1985")
    bid, ask = (bench.exchange.levels("ETH", side, 1) for side in (BUY, SELL))
    assert (D(1990), []) == (bid[0][0], ask)


def test_depth_that_trades_through_us_never_leaves_a_crossed_book() -> None:
    """Every stranger's level at or through our price is met before the book is shown."""
    bench = lighter()
    bench.run(BUY, "3", "1990")
    bench.price("1989.7")
    bid, ask = (bench.exchange.levels("ETH", side, 1)[0][0] for side in (BUY, SELL))
    assert bid < ask


def test_taken_depth_stays_taken_until_the_market_moves_on() -> None:
    """Two takers in a row do not meet the same size twice."""
    bench = lighter()
    bench.take(BUY, "1")
    assert D("2000.2") == bench.take(BUY, "1").average_price


def test_two_of_our_accounts_trade_with_each_other() -> None:
    """A taker of one account fills the resting order of another at the maker's price."""
    bench = lighter()
    bench.exchange.add_account(collateral=D(10_000), account_id=OTHER)
    bench.run(BUY, "1", "2000.0")
    bench.exchange.submit(OTHER, NewOrder("ETH", SELL, D(1), D(1999), tif=TimeInForce.IOC))
    bench.pass_ms(300)
    sizes = [bench.exchange.account(a).positions["ETH"].size for a in (ME, OTHER)]
    assert [D(1), D(-1)] == sizes


def test_price_time_among_our_own_orders() -> None:
    """Of two orders at one price the earlier fills first."""
    bench = lighter()
    bench.exchange.add_account(collateral=D(10_000), account_id=OTHER)
    first = bench.run(BUY, "1", "2000.0").order_id
    second = bench.exchange.submit(OTHER, NewOrder("ETH", BUY, D(1), D(2000)))
    bench.pass_ms(300)
    bench.exchange.trade_ambient("ETH", SELL, D("1.2"))
    assert (D(1), D("0.2")) == (bench.order(first).filled, bench.order(second).filled)


def self_trade(mode: SelfTrade) -> tuple[OrderStatus, Decimal, OrderStatus, Decimal]:
    """Return (maker status, maker filled, taker status, taker filled) of an account meeting
    itself."""
    bench = pacifica()
    maker = bench.run(BUY, "1", "2000.0", tif=TimeInForce.POST_ONLY).order_id
    taker = bench.run(SELL, "2", "1999.9", tif=TimeInForce.IOC, self_trade=mode)
    resting = bench.order(maker)
    return resting.status, resting.filled, taker.status, taker.filled


def test_meeting_oneself_cancels_the_maker_by_default() -> None:
    """The resting order ends and the taker goes on to the strangers."""
    expected = (OrderStatus.CANCELED_SELF_TRADE, D(0), OrderStatus.CANCELED, D(1))
    assert expected == self_trade(SelfTrade.EXPIRE_MAKER)


def test_meeting_oneself_can_cancel_the_taker() -> None:
    """The resting order stays and the taker ends unfilled."""
    expected = (OrderStatus.OPEN, D(0), OrderStatus.CANCELED_SELF_TRADE, D(0))
    assert expected == self_trade(SelfTrade.EXPIRE_TAKER)


def test_meeting_oneself_can_cancel_both() -> None:
    """Neither order survives, nothing trades."""
    expected = (OrderStatus.CANCELED_SELF_TRADE, D(0), OrderStatus.CANCELED_SELF_TRADE, D(0))
    assert expected == self_trade(SelfTrade.EXPIRE_BOTH)


def test_meeting_oneself_can_reduce_both() -> None:
    """The overlapping size vanishes from both and the rest of the taker trades."""
    expected = (OrderStatus.CANCELED_SELF_TRADE, D(0), OrderStatus.FILLED, D(1))
    assert expected == self_trade(SelfTrade.REDUCE)


def test_a_stranger_can_be_limited_by_price() -> None:
    """A stranger's taker with a price stops there and says how much it took."""
    assert D(2) == lighter().exchange.trade_ambient("ETH", BUY, D(9), price=D("2000.2"))


def test_levels_show_strangers_and_us_together() -> None:
    """An aggregated level holds both sizes and counts both orders."""
    bench = lighter()
    bench.run(BUY, "0.5", "1999.9")
    exchange = bench.exchange
    shown = exchange.levels("ETH", BUY, 1), exchange.level_counts("ETH", BUY, 1)
    assert ([(D("1999.9"), D("1.5"))], [2]) == shown


def test_single_orders_are_listed_in_price_order() -> None:
    """The un-aggregated book lists our order between the strangers' levels."""
    bench = lighter()
    bench.run(BUY, "0.5", "2000.0")
    listed = bench.exchange.resting_orders("ETH", BUY, 2)
    assert [(ME, D(2000)), (-1, D("1999.9"))] == [(row.account_id, row.price) for row in listed]


def test_events_of_a_fill_come_order_fill_trade() -> None:
    """Listeners hear the order, then the fill, then the public print, then one book change."""
    bench = pacifica()
    bench.send(BUY, "1", "2000.1", tif=TimeInForce.IOC)
    bench.events.clear()
    bench.pass_ms(200)
    wanted = (OrderChanged, FillBooked, TradePrinted, BookChanged)
    assert list(wanted) == [type(event) for event in bench.events if isinstance(event, wanted)]


def test_a_resting_order_is_told_as_made() -> None:
    """Pacifica's word for coming to rest is `make`."""
    bench = pacifica()
    bench.run(BUY, "1", "1990")
    assert PacificaEvent.MAKE is bench.seen(OrderChanged)[-1].event
