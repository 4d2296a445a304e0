"""What holds for every sequence of orders: the books balance, reduce-only reduces, netting nets,
the book is never crossed, and the same requests give the same bytes."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.core.account import MarginMode
from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.sim.exchange import NewOrder, OrderType, Refusal, TimeInForce
from desk.sim.exchange.accounts import Holding
from test.sim.exchange_bench import ME, Bench, D, lighter, pacifica

OTHER = 8
TIFS = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.POST_ONLY)
sizes = st.integers(5, 3000).map(lambda lots: D(lots) / 1000)
ticks = st.integers(-60, 60)
sides = st.sampled_from(list(Side))
orders = st.tuples(
    st.sampled_from((ME, OTHER)), sides, sizes, ticks, st.sampled_from(TIFS), st.booleans()
)
steps = st.one_of(
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("mark"), st.integers(17_000, 23_000).map(lambda tenths: D(tenths) / 10)),
    st.tuples(st.just("stranger"), st.tuples(sides, sizes)),
    st.tuples(st.just("wait"), st.integers(1, 900)),
    st.tuples(st.just("hour"), st.integers(-30, 30).map(lambda bps: D(bps) / 100_000)),
    st.tuples(st.just("stop"), st.tuples(sides, ticks)),
    st.tuples(st.just("cut"), st.integers(1, 100).map(lambda percent: D(percent) / 100)),
)
histories = st.lists(steps, min_size=1, max_size=40)
venues = pytest.mark.parametrize("venue", [lighter, pacifica])


def play(bench: Bench, history: list[tuple[str, object]]) -> None:
    """Run a history; what is refused did not happen."""
    if OTHER not in bench.exchange.account_ids():
        bench.exchange.add_account(collateral=D(300), account_id=OTHER)
    for step in history:
        try:
            play_one(bench, step)
        except Refusal:
            continue


def play_one(bench: Bench, step: tuple[str, object]) -> None:
    """Run one step of a history."""
    exchange = bench.exchange
    mark = exchange.stats("ETH").mark
    match step:
        case (
            "order",
            (
                int(who),
                Side() as side,
                Decimal() as size,
                int(away),
                TimeInForce() as tif,
                bool(reduce),
            ),
        ):
            price = mark + D(away) / 10
            exchange.submit(who, NewOrder("ETH", side, size, price, tif=tif, reduce_only=reduce))
        case ("mark", Decimal() as price):
            bench.price(str(price))
        case ("stranger", (Side() as side, Decimal() as size)):
            exchange.trade_ambient("ETH", side, size)
        case ("wait", int(duration_ms)):
            bench.pass_ms(duration_ms)
        case ("hour", Decimal() as rate):
            exchange.pin_funding("ETH", HourlyRate(rate))
            bench.pass_ms(3_600_000)
        case ("stop", (Side() as side, int(away))):
            trigger = mark + D(away)
            worst = (trigger * (1 + side.sign * D("0.05"))).quantize(D("0.1"))
            kind = OrderType.STOP_LOSS
            order = NewOrder(
                "ETH", side, D(0), worst, type=kind, reduce_only=True, trigger_price=trigger
            )
            exchange.submit(ME, order)
        case ("cut", Decimal() as fraction):
            exchange.liquidate(ME, "ETH", fraction)


@venues
@settings(max_examples=60, deadline=None)
@given(history=histories)
def test_the_books_balance_to_the_last_decimal(
    venue: Callable[..., Bench], history: list[tuple[str, object]]
) -> None:
    """Cash equals what was booked, equity equals deposits and cash flows valued at mark."""
    bench = venue(collateral="400")
    play(bench, history)
    lines = bench.exchange.audit()
    assert [(D(0), D(0))] * 2 == [(line.difference, line.difference_equity) for line in lines]


@venues
@settings(max_examples=30, deadline=None)
@given(history=histories)
def test_isolated_books_balance_too(
    venue: Callable[..., Bench], history: list[tuple[str, object]]
) -> None:
    """The same with a margin of its own per position."""
    bench = venue(collateral="400")
    bench.exchange.set_margin_mode(ME, "ETH", MarginMode.ISOLATED)
    play(bench, history)
    assert D(0) == bench.exchange.audit()[0].difference_equity


@venues
@settings(max_examples=60, deadline=None)
@given(history=histories)
def test_reduce_only_never_increases(
    venue: Callable[..., Bench], history: list[tuple[str, object]]
) -> None:
    """No fill of a reduce-only order leaves more position than it found, nor the other sign."""
    bench = venue(collateral="400")
    play(bench, history)
    for account_id in bench.exchange.account_ids():
        for fill in bench.exchange.fills(account_id):
            order = bench.exchange.order(fill.order_id, symbol="ETH")
            if order is not None and order.reduce_only:
                before, after = fill.size_before, fill.size_after
                assert abs(after) < abs(before)
                assert after * before >= 0


@venues
@settings(max_examples=60, deadline=None)
@given(history=histories)
def test_the_book_is_never_crossed(
    venue: Callable[..., Bench], history: list[tuple[str, object]]
) -> None:
    """After any history the best bid is below the best ask."""
    bench = venue(collateral="400")
    play(bench, history)
    bids, asks = (bench.exchange.levels("ETH", side, 1) for side in (Side.BUY, Side.SELL))
    assert not bids or not asks or bids[0][0] < asks[0][0]


@venues
@settings(max_examples=40, deadline=None)
@given(history=histories)
def test_an_order_is_filled_cancelled_or_left(
    venue: Callable[..., Bench], history: list[tuple[str, object]]
) -> None:
    """Sizes add up, finished orders leave nothing, fills sum to what orders say."""
    bench = venue(collateral="400")
    play(bench, history)
    filled: dict[int, Decimal] = {}
    for fill in bench.exchange.fills(ME):
        filled[fill.order_id] = filled.get(fill.order_id, D(0)) + fill.size
    for order in (*bench.exchange.order_history(ME), *bench.exchange.orders(ME)):
        assert order.remaining >= 0
        assert not order.status.is_final or order.remaining == 0
        assert filled.get(order.order_id, D(0)) == order.filled


@venues
@settings(max_examples=30, deadline=None)
@given(history=histories)
def test_the_same_requests_give_the_same_events(
    venue: Callable[..., Bench], history: list[tuple[str, object]]
) -> None:
    """Two exchanges given the same history tell the same, byte for byte."""
    told = []
    for _ in range(2):
        bench = venue(collateral="400")
        play(bench, history)
        told.append(repr(bench.events))
    assert told[0] == told[1]


@settings(max_examples=200, deadline=None)
@given(
    fills=st.lists(
        st.tuples(
            st.integers(-500, 500).filter(bool),
            st.integers(1, 50_000).map(lambda cents: D(cents) / 100),
        ),
        max_size=20,
    )
)
def test_netting_is_exact(fills: list[tuple[int, Decimal]]) -> None:
    """Realised plus unrealised profit is the cash flow of the fills valued at mark, exactly."""
    holding, realized, flow, mark = Holding("ETH"), D(0), D(0), D("123.45")
    for lots, price in fills:
        change = D(lots) / 1000
        realized += holding.apply(change, price, 0)
        flow -= change * price
    assert flow + holding.size * mark == realized + holding.unrealized(mark)
