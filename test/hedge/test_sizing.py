"""How large a leg may be."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from desk.core.market import FeeRates
from desk.core.order import Side
from desk.hedge.config import Config
from desk.hedge.select import BOTH, Refusal
from desk.hedge.sizing import band_price, choose_size, common_multiple
from test.hedge.builders import FEES, LIGHTER, PACIFICA, account, config, d, instrument, quote

lots = st.sampled_from([d(text) for text in ("0.00001", "0.001", "0.5", "1", "3", "1E+1", "25")])
prices = st.decimals("0.001", 100_000, places=4)
notionals = st.decimals(10, 5_000, places=2)


def size_for(wanted: Config, is_first: bool = False, **changes: Any) -> Decimal | Refusal:
    """Return the size chosen for the usual pair, or why there is none."""
    plain: dict[str, Any] = {
        "instruments": {venue: instrument(venue) for venue in BOTH},
        "quotes": {venue: quote() for venue in BOTH},
        "accounts": {venue: account() for venue in BOTH},
        "fees": FEES,
    }
    known = plain | changes
    return choose_size(
        wanted,
        known["instruments"],
        known["quotes"],
        accounts=known["accounts"],
        fees=known["fees"],
        is_first=is_first,
    )


def refusal(outcome: Decimal | Refusal) -> str:
    """Return why there is no size; every such refusal names the allocation."""
    assert isinstance(outcome, Refusal)
    assert "base_capital_allocation" == outcome.key
    return outcome.reason


@given(lots, lots)
def test_the_common_multiple_is_a_multiple_of_both(first: Decimal, second: Decimal) -> None:
    """And the smallest there is: no smaller multiple of one is a multiple of the other."""
    common = common_multiple([first, second])
    assert 0 == common % first == common % second
    multiples = (first * count for count in range(1, int(common / first)))
    assert not any(multiple % second == 0 for multiple in list(multiples)[:2000])


@given(lots, lots, prices, notionals)
def test_a_size_fits_both_venues(
    first: Decimal, second: Decimal, price: Decimal, notional: Decimal
) -> None:
    """It is on both lots, above both minimums even at the stop, and not above the allocation."""
    wanted = config(base_capital_allocation=notional)
    sizes = {LIGHTER: first, PACIFICA: second}
    instruments = {venue: instrument(venue, size_lot=lot) for venue, lot in sizes.items()}
    quotes = {venue: quote(mid=price, half="0") for venue in BOTH}
    accounts = {venue: account(equity=100_000) for venue in BOTH}
    size = size_for(wanted, instruments=instruments, quotes=quotes, accounts=accounts)
    assume(isinstance(size, Decimal))
    assert isinstance(size, Decimal)
    for venue in BOTH:
        instruments[venue].check_size(size)
        assert size >= instruments[venue].size_min
        assert size * price / 2 >= 10 * d("0.999999999"), "cannot be closed at the stop"
    assert size * price <= notional * d("1.000000001")


@given(notionals, st.decimals(10, 3_000, places=2), st.sampled_from(["0", "0.0004", "0.01"]))
def test_the_lock_is_never_exceeded(notional: Decimal, free: Decimal, taker: str) -> None:
    """Notional with band and fee stays within the share of free equity, on the poorer venue."""
    wanted = config(base_capital_allocation=notional, equity_use_max=d("0.8"))
    fees = dict.fromkeys(BOTH, FeeRates(d(0), d(taker)))
    accounts = {LIGHTER: account(equity=5000), PACIFICA: account(equity=str(free))}
    size = size_for(wanted, accounts=accounts, fees=fees)
    if isinstance(size, Decimal):
        needed = size * 3000 * (1 + wanted.slippage_max_bps / 10_000 + d(taker))
        assert needed <= free * d("0.8")
    elif "allows" in size.reason:
        assert notional * d("1.02") > free * d("0.8") - 3


def test_a_smaller_hedge_than_asked_for_is_no_hedge() -> None:
    """Too little equity refuses and says how much would be needed; it does not shrink."""
    accounts = {LIGHTER: account(equity=40), PACIFICA: account()}
    reason = refusal(size_for(config(), accounts=accounts))
    assert "a leg needs 34.83 USD, lighter allows 32.00 USD at 1x" == reason


def test_less_than_one_lot_is_refused() -> None:
    """Where a lot costs more than the allocation there is nothing to open."""
    coarse = {venue: instrument(venue, size_lot=d(1)) for venue in BOTH}
    assert "35 USD is less than one lot" == refusal(size_for(config(), instruments=coarse))


def test_a_leg_that_could_not_be_closed_at_the_stop_is_refused() -> None:
    """At half the price 15 USD are 7.50 USD: below the 10 USD that the venue takes."""
    small = config(base_capital_allocation=d(15))
    assert "could still close at the stop" in refusal(size_for(small))
    tight = config(base_capital_allocation=d(15), stop_loss_pct=d(10))
    assert d("0.005") == size_for(tight)


def test_the_venues_largest_order_is_respected() -> None:
    """A leg above it is refused, not split."""
    instruments = {venue: instrument(venue, notional_max_usd=d(30)) for venue in BOTH}
    assert "largest order of 30 USD" in refusal(size_for(config(), instruments=instruments))


@pytest.mark.parametrize(
    ("first_usd", "is_first", "size"),
    [("0", True, "0.0116"), ("25", True, "0.0083"), ("25", False, "0.0116")],
)
def test_the_first_trade_may_be_smaller(first_usd: str, is_first: bool, size: str) -> None:
    """`first_trade_usd` sizes the first hedge only, and not at all when it is 0."""
    assert d(size) == size_for(config(first_trade_usd=d(first_usd)), is_first)


@given(prices, st.decimals("0.1", 1000, places=1), st.sampled_from([d("0.1"), d("0.01"), d(5)]))
def test_a_band_is_never_wider_than_said(price: Decimal, bps: Decimal, tick: Decimal) -> None:
    """The worst acceptable price is on the tick and at most `bps` from the reference."""
    market = instrument(LIGHTER, price_tick=tick)
    worst_buy = band_price(market, price, Side.BUY, bps)
    worst_sell = band_price(market, price, Side.SELL, bps)
    assert worst_buy <= price * (1 + bps / 10_000)
    assert worst_sell >= price * (1 - bps / 10_000)
    assert 0 == worst_buy % tick == worst_sell % tick
