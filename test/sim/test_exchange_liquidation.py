"""Liquidation: when the venue closes, how far, at what price and fee, and by hand."""

from collections.abc import Callable

import pytest

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange import CashKind, FillCause, OrderStatus, Refusal, RefusalReason
from test.sim.exchange_bench import ME, Bench, D, lighter, pacifica, stop

BUY, SELL = Side.BUY, Side.SELL


def long_one(bench: Bench) -> Bench:
    """Return the bench with one ETH long from about 2,000."""
    bench.take(BUY, "1")
    return bench


def test_above_maintenance_nothing_happens() -> None:
    """Equity of 24.0 at a requirement of 23.3 is left alone."""
    bench = lighter(collateral="84")
    bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D("0.02"))
    long_one(bench).price("1940.1")
    assert D(1) == bench.size


def test_lighter_closes_back_to_initial_margin() -> None:
    """Below maintenance but above close-out, part of the position is closed in the book."""
    bench = long_one(lighter(collateral="120"))
    bench.price("1900")
    view = bench.exchange.account(ME)
    seen = 0 < bench.size < 1, view.equity > view.cross_maintenance_margin
    assert (True, True) == seen


def test_a_liquidation_fill_says_so() -> None:
    """Its cause is liquidation and the fee at most 1 % of what was closed."""
    bench = long_one(lighter(collateral="120"))
    bench.price("1900")
    fill = bench.exchange.fills(ME)[0]
    fees = -bench.exchange.audit()[0].booked[CashKind.LIQUIDATION_FEE]
    assert (FillCause.LIQUIDATION, True) == (
        fill.cause,
        0 < fees <= fill.size * fill.price * D("0.01"),
    )


def test_lighter_never_closes_below_its_zero_price() -> None:
    """When the book is worse than the zero price nothing is sold into it."""
    bench = long_one(lighter(collateral="120"))
    bids, asks = [(D(1800), D(9))], [(D(1801), D(9))]
    bench.exchange.set_market(
        "ETH", index=D(1900), mark=D(1900), bids=bids, asks=asks, premium=D(0)
    )
    assert D(1) == bench.size


def test_liquidation_cancels_orders_and_triggers() -> None:
    """The venue sweeps everything of the account first."""
    bench = long_one(lighter(collateral="120"))
    bench.exchange.submit(ME, stop(SELL, "1700"))
    bench.pass_ms(200)
    bench.price("1900")
    assert [OrderStatus.CANCELED_LIQUIDATION] == [
        row.status for row in bench.exchange.order_history(ME) if row.type.is_trigger
    ]


@pytest.mark.parametrize("make", [lighter, pacifica])
def test_below_the_last_threshold_everything_is_lost(make: Callable[..., Bench]) -> None:
    """The backstop takes the position and the collateral: flat with exactly nothing."""
    bench = long_one(make(collateral="120"))
    bench.price("1885")
    view = bench.exchange.account(ME)
    assert ({}, D(0), D(0)) == (view.positions, view.balance, view.equity)


def test_a_bankrupt_account_does_not_go_negative() -> None:
    """Past zero the backstop makes up for the rest."""
    bench = long_one(pacifica(collateral="120"))
    bench.price("1500")
    assert D(0) == bench.exchange.account(ME).balance


def test_the_backstop_has_its_own_cause_on_pacifica() -> None:
    """`backstop_liquidation` at the venue."""
    bench = long_one(pacifica(collateral="120"))
    bench.price("1885")
    assert FillCause.BACKSTOP is bench.exchange.fills(ME)[0].cause


def test_pacifica_closes_the_whole_position() -> None:
    """Between two thirds of maintenance and maintenance the position is sold into the book."""
    bench = long_one(pacifica(collateral="120"))
    bench.price("1898")
    fill = bench.exchange.fills(ME)[0]
    seen = bench.size, fill.cause, fill.price
    assert (D(0), FillCause.LIQUIDATION, D("1897.9")) == seen


def test_pacificas_fee_is_three_quarters_of_a_percent() -> None:
    """max(0.75 %, 0.4 x maintenance) of the value closed."""
    bench = long_one(pacifica(collateral="120"))
    bench.price("1898")
    booked = bench.exchange.audit()[0].booked[CashKind.LIQUIDATION_FEE]
    assert (D("-1897.9") * D("0.0075")).quantize(D("0.000001")) == booked


def test_an_isolated_position_falls_alone() -> None:
    """Its margin is lost, the shared cash is not."""
    bench = pacifica()
    bench.exchange.set_margin_mode(ME, "ETH", MarginMode.ISOLATED)
    long_one(bench)
    before = bench.exchange.account(ME).cross_balance
    bench.price("1950")
    after = bench.exchange.account(ME)
    assert (before, {}) == (after.balance, after.positions)


def test_a_liquidated_account_still_balances() -> None:
    """Nothing is lost in the books."""
    bench = long_one(pacifica(collateral="120"))
    bench.price("1898")
    assert D(0) == bench.exchange.audit()[0].difference_equity


@pytest.mark.parametrize("make", [lighter, pacifica])
@pytest.mark.parametrize("price", ["1899", "1898", "1885", "1500"])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_fills_explain_what_a_liquidation_cost(
    make: Callable[..., Bench], price: str, side: Side
) -> None:
    """Fees stand on the fills: their cash less their fees is the change of equity, to the last
    decimal, whether the book or the backstop took the position."""
    bench = make(collateral="120")
    bench.take(side, "1")
    bench.price(price if side is BUY else str(4000 - int(price)))

    fills = bench.exchange.fills(ME)
    view = bench.exchange.account(ME)
    cash = sum((-fill.side.sign * fill.size * fill.price - fill.fee for fill in fills), D(0))
    assert len(fills) > 1
    assert view.equity - 120 == cash + bench.size * bench.exchange.stats("ETH").mark


def test_a_fee_of_the_book_stays_within_what_the_zero_price_leaves() -> None:
    """Near its zero price a liquidation pays less than 1 %, in the millionths that are told."""
    bench = long_one(lighter(collateral="120"))
    bids, asks = [(D(1890), D(9))], [(D(1891), D(9))]
    bench.exchange.set_market(
        "ETH", index=D(1900), mark=D(1900), bids=bids, asks=asks, premium=D(0)
    )
    fill = bench.exchange.fills(ME)[0]
    assert 0 < fill.fee_rate < D("0.01")
    assert fill.fee_rate == fill.fee_rate.quantize(D("0.000001"))


@pytest.mark.parametrize(("fraction", "left"), [("0.5", "0.5"), ("1", "0"), ("0.0001", "0.999")])
def test_the_control_plane_liquidates_a_fraction(fraction: str, left: str) -> None:
    """Half, all, or at least one lot."""
    bench = long_one(lighter())
    bench.exchange.liquidate(ME, "ETH", D(fraction))
    assert D(left) == bench.size


def test_a_liquidation_by_hand_takes_its_fee() -> None:
    """1 % of the value at mark on Lighter."""
    fill = long_one(lighter()).exchange.liquidate(ME, "ETH", D(1))
    assert (D(2000), D(20), D("0.01")) == (fill.price, fill.fee, fill.fee_rate)


def test_deleveraging_takes_no_fee_and_leaves_orders() -> None:
    """The cut is at mark, its cause is deleverage, resting orders stay."""
    bench = long_one(lighter())
    order_id = bench.run(BUY, "1", "1990").order_id
    fill = bench.exchange.liquidate(ME, "ETH", D("0.3"), cause=FillCause.DELEVERAGE)
    seen = fill.cause, fill.fee, bench.status(order_id)
    assert (FillCause.DELEVERAGE, D(0), OrderStatus.OPEN) == seen


def test_the_venues_hand_does_not_move_the_price() -> None:
    """A take-over is printed but makes no candle and no last price."""
    bench = long_one(lighter())
    before = bench.exchange.stats("ETH").volume_24h
    bench.exchange.liquidate(ME, "ETH", D(1))
    seen = bench.exchange.trades("ETH")[0].cause, bench.exchange.stats("ETH").volume_24h
    assert (FillCause.LIQUIDATION, before) == seen


def test_there_must_be_a_position_to_liquidate() -> None:
    """Flat accounts are refused."""
    with pytest.raises(Refusal) as caught:
        lighter().exchange.liquidate(ME, "ETH", D(1))
    assert RefusalReason.POSITION_NOT_FOUND is caught.value.reason


def test_funding_can_liquidate() -> None:
    """An account that cannot carry its position after a settlement is closed then."""
    bench = long_one(pacifica(collateral="60"))
    bench.exchange.set_market(
        "ETH", index=D(2000), mark=D(2000), bids=[(D(1999), D(9))], asks=[], premium=D("0.9")
    )
    bench.pass_ms(3_600_000)
    assert D(0) == bench.size
