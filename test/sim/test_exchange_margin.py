"""Positions, margin and leverage: netting, profit, what is tied up and what is free."""

from dataclasses import replace

import pytest

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.sim.exchange import (
    AccountView,
    PositionView,
    Refusal,
    RefusalReason,
    TimeInForce,
    pacifica_market,
    pacifica_rules,
)
from desk.sim.exchange.accounts import Holding
from desk.sim.exchange.floor import Market
from desk.sim.exchange.margin import Pool, liquidation_price
from test.sim.exchange_bench import ME, START_MS, Bench, D, eth, lighter, pacifica

BUY, SELL = Side.BUY, Side.SELL


def account(bench: Bench) -> AccountView:
    """Return the account."""
    return bench.exchange.account(ME)


def position(bench: Bench) -> PositionView:
    """Return the open ETH position."""
    return account(bench).positions["ETH"]


def isolated(bench: Bench, fraction: str = "0.1") -> Bench:
    """Return the bench with ETH isolated at an initial margin fraction."""
    bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D(fraction))
    bench.exchange.set_margin_mode(ME, "ETH", MarginMode.ISOLATED)
    return bench


def test_adding_averages_the_entry() -> None:
    """Two buys make one position at the average of both prices."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.price("2100")
    bench.take(BUY, "1")
    assert (D(2), D("2050.1")) == (position(bench).size, position(bench).entry_price)


def test_reducing_realises_its_part() -> None:
    """Closing half keeps the entry and books half the profit to cash."""
    bench = lighter()
    bench.take(BUY, "2")
    bench.price("2100")
    bench.take(SELL, "1")
    entry = (D("2000.1") + D("2000.2")) / 2
    seen = position(bench).entry_price, account(bench).balance
    assert (entry, D(10_000) + D("2099.9") - entry) == seen


def test_a_fill_through_zero_flips() -> None:
    """The surplus opens the other way at the fill's price, the rest is realised."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.price("2100")
    bench.take(SELL, "1.5")
    gained = D("2099.9") - D("2000.1")
    seen = bench.size, position(bench).entry_price, account(bench).balance
    assert (D("-0.5"), D("2099.8"), D(10_000) + gained) == seen


def test_a_short_gains_when_the_mark_falls() -> None:
    """Unrealised profit of a short is entry minus mark, times size."""
    bench = lighter()
    bench.take(SELL, "2")
    bench.price("1900")
    assert D("1999.9") + D("1999.8") - 3800 == position(bench).unrealized_pnl


def test_equity_is_cash_and_unrealised_profit() -> None:
    """Equity moves with the mark, the balance does not."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.price("2100")
    view = account(bench)
    assert (D(10_000), D("10099.9")) == (view.balance, view.equity)


def test_initial_margin_follows_the_mark_on_lighter() -> None:
    """5 % of the value at mark."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.price("2100")
    assert D(105) == account(bench).initial_margin


def test_initial_margin_follows_the_entry_on_pacifica() -> None:
    """Size times entry over leverage."""
    bench = pacifica()
    bench.take(BUY, "1")
    bench.price("2100")
    assert D("40.002") == account(bench).initial_margin


def test_maintenance_margin_is_the_markets() -> None:
    """1.2 % of the value at mark, whatever leverage the account chose."""
    bench = lighter()
    bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D(1))
    bench.take(BUY, "1")
    assert D(24) == account(bench).cross_maintenance_margin


def test_free_is_what_positions_and_orders_leave() -> None:
    """A resting order ties up initial margin like the position it may become."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.run(BUY, "1", "1990")
    view = account(bench)
    assert view.equity - 200 == view.free


def test_an_order_that_only_reduces_ties_up_nothing() -> None:
    """A sell against a long of its size adds no exposure."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.run(SELL, "1", "2010")
    assert D(100) == account(bench).initial_margin


def test_both_sides_tie_up_the_worse_one() -> None:
    """Of bids and asks in one market only the larger exposure counts."""
    bench = lighter()
    bench.run(BUY, "1", "1990")
    bench.run(SELL, "3", "2010")
    assert D(300) == account(bench).initial_margin


def test_at_one_time_an_account_cannot_hold_more_than_its_equity() -> None:
    """With leverage 1 the whole notional is tied up."""
    bench = lighter(collateral="2000")
    bench.exchange.set_leverage(ME, "ETH", initial_margin_fraction=D(1))
    refused = bench.reason(BUY, "1.1", "1990")
    taken = bench.run(BUY, "0.9", "1990")
    assert (RefusalReason.NOT_ENOUGH_MARGIN, D(0)) == (refused, taken.filled)


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)])
def test_the_liquidation_price_leaves_exactly_the_maintenance_margin(side: Side, sign: int) -> None:
    """At that mark equity and maintenance meet."""
    bench = pacifica(collateral="100")
    bench.take(side, "1")
    price = position(bench).liquidation_price
    assert price is not None
    equity = account(bench).balance + (price - position(bench).entry_price) * sign
    assert abs(equity - price * D("0.01")) < D("1e-18")


def test_a_recorded_liquidation_price_is_reproduced() -> None:
    """Short 0.007 BTC at 89,114 with 100.476985 USD of equity and 1 % maintenance: 102,443.4208
    (a position recorded on Pacifica)."""
    spec = pacifica_market(replace(eth(VenueName.PACIFICA), symbol="BTC"))
    market = Market(spec, pacifica_rules(), START_MS)
    market.mark = D(89_114)
    holding = Holding("BTC", size=D("-0.007"), cost=D("-0.007") * 89_114)
    maintenance = D("0.007") * 89_114 * D("0.01")
    pool = Pool([holding], equity=D("100.476985"), maintenance=maintenance)
    price = liquidation_price(market, holding, pool)
    assert D("102443.4208") == price.quantize(D("0.0001"))


def test_withdrawable_keeps_a_tenth_of_the_notional_on_pacifica() -> None:
    """Cash plus profit minus the larger of initial margin and 10 % of notional."""
    bench = pacifica()
    bench.take(BUY, "1")
    view = account(bench)
    assert view.equity - 200 == view.withdrawable


def test_an_isolated_position_takes_its_margin_along() -> None:
    """Opening moves initial margin from the shared cash to the position."""
    bench = isolated(lighter())
    bench.take(BUY, "1")
    view = account(bench)
    seen = view.positions["ETH"].margin, view.cross_balance, view.balance
    assert (D("200.01"), D("9799.99"), D(10_000)) == seen


def test_an_isolated_loss_does_not_touch_the_shared_equity() -> None:
    """The shared equity stays what it was while the position loses."""
    bench = isolated(lighter())
    bench.take(BUY, "1")
    bench.price("1950")
    view = account(bench)
    assert (D("9799.99"), D("9949.9")) == (view.cross_equity, view.equity)


def test_closing_half_returns_half_of_the_isolated_margin() -> None:
    """What is closed gives back its part."""
    bench = isolated(lighter())
    bench.take(BUY, "1")
    bench.take(SELL, "0.5")
    assert D("100.005") == position(bench).margin


def test_margin_can_be_added_to_an_isolated_position() -> None:
    """It moves the liquidation price away."""
    bench = isolated(pacifica())
    bench.take(BUY, "1")
    before = position(bench).liquidation_price
    bench.exchange.move_isolated_margin(ME, "ETH", D(100))
    after = position(bench).liquidation_price
    assert (D("300.01"), True) == (position(bench).margin, (after or 0) < (before or 0))


def test_pacifica_only_adds_margin() -> None:
    """Taking it out is refused."""
    bench = isolated(pacifica())
    bench.take(BUY, "1")
    with pytest.raises(Refusal) as caught:
        bench.exchange.move_isolated_margin(ME, "ETH", D(-1))
    assert RefusalReason.INVALID_MARGIN_AMOUNT is caught.value.reason


def test_lighter_gives_back_only_spare_margin() -> None:
    """Initial margin has to stay."""
    bench = isolated(lighter())
    bench.take(BUY, "1")
    bench.exchange.move_isolated_margin(ME, "ETH", D(50))
    bench.exchange.move_isolated_margin(ME, "ETH", D(-49))
    with pytest.raises(Refusal) as caught:
        bench.exchange.move_isolated_margin(ME, "ETH", D(-2))
    assert RefusalReason.NOT_ENOUGH_MARGIN is caught.value.reason


def test_margin_needs_an_isolated_position() -> None:
    """Neither flat nor cross positions have margin of their own."""
    bench = pacifica()
    reasons = []
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            bench.exchange.move_isolated_margin(ME, "ETH", D(1))
        reasons.append(caught.value.reason)
        bench.take(BUY, "1")
    assert [RefusalReason.POSITION_NOT_FOUND, RefusalReason.INVALID_MARGIN_MODE] == reasons


def test_deposits_and_withdrawals_change_the_balance() -> None:
    """Both are in the balance history with their kind."""
    bench = lighter()
    bench.exchange.deposit(ME, D(5))
    bench.exchange.deposit(ME, D(-2))
    rows = bench.exchange.balance_history(ME, limit=2)
    assert [("withdraw", D(10_003)), ("deposit", D(10_005))] == [
        (row.kind.value, row.balance) for row in rows
    ]


def test_a_resting_order_that_could_not_be_carried_is_not_rested() -> None:
    """Margin that was spent during the speed bump cancels the order on arrival."""
    bench = pacifica(collateral="60")
    late = bench.send(BUY, "1", "1990")
    bench.exchange.deposit(ME, D(-50))
    bench.pass_ms(200)
    assert "canceled-margin-not-allowed" == bench.status(late).value


def test_a_fill_tells_the_position_before_it() -> None:
    """Size, cost and margin fraction as they were, for Lighter's trade rows."""
    bench = lighter()
    bench.take(BUY, "1")
    bench.take(SELL, "0.4")
    fill = bench.exchange.fills(ME)[0]
    before = fill.size_before, fill.entry_quote_before, fill.initial_margin_fraction_before
    assert (D(1), D("2000.1"), D("0.05")) == before


@pytest.mark.parametrize(
    ("first", "second", "action"),
    [
        (None, BUY, "open_long"),
        (None, SELL, "open_short"),
        (BUY, SELL, "close_long"),
        (SELL, BUY, "close_short"),
    ],
)
def test_a_fill_names_what_it_did(first: Side | None, second: Side, action: str) -> None:
    """Pacifica's words for the side of a trade."""
    bench = pacifica()
    if first is not None:
        bench.take(first, "1")
    bench.run(second, "0.5", "2050" if second is BUY else "1950", tif=TimeInForce.IOC)
    assert action == bench.exchange.fills(ME)[0].position_action
