"""Funding: the rate from the premium, the average over the hour, and who pays what."""

from decimal import Decimal

import pytest

from desk.core.account import MarginMode
from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.sim.exchange import (
    FundingRow,
    FundingSettled,
    PositionChanged,
    lighter_rules,
    pacifica_rules,
)
from desk.sim.exchange.funding import FundingMeter, hourly_rate
from test.sim.exchange_bench import HOUR_MS, ME, START_MS, Bench, D, lighter, pacifica

BUY, SELL = Side.BUY, Side.SELL
LIGHTER, PACIFICA = lighter_rules().funding, pacifica_rules().funding


@pytest.mark.parametrize("premium", ["0", "0.0001", "0.0005", "-0.0003"])
def test_lighter_floor(premium: str) -> None:
    """Inside the clamp the rate is 0.01 % per 8 h, published as 0.0012 % per hour."""
    assert HourlyRate(D("0.000012")) == hourly_rate(LIGHTER, D(premium))


@pytest.mark.parametrize("premium", ["0", "0.0001", "0.0006", "-0.0004"])
def test_pacifica_floor(premium: str) -> None:
    """Inside the clamp the rate is 0.0000125 per hour."""
    assert HourlyRate(D("0.0000125")) == hourly_rate(PACIFICA, D(premium))


@pytest.mark.parametrize(("premium", "hourly"), [("0.0013", "0.0001"), ("-0.0021", "-0.0002")])
def test_outside_the_clamp_the_premium_counts(premium: str, hourly: str) -> None:
    """(premium -+ 0.05 %) / 8."""
    expected = HourlyRate(D(hourly))
    rates = [hourly_rate(formula, D(premium)) for formula in (LIGHTER, PACIFICA)]
    assert [expected, expected] == rates


def test_lighter_cuts_towards_zero() -> None:
    """The fourth decimal of a percent is the last; nothing is rounded up."""
    premium = D("-0.00119")  # (-0.00119 + 0.0005) / 8 = -0.00008625
    assert HourlyRate(D("-0.000086")) == hourly_rate(LIGHTER, premium)


def test_the_caps() -> None:
    """4 % per 8 h on Lighter, 4 % per hour on Pacifica."""
    rates = [hourly_rate(formula, D("0.9")).fraction for formula in (LIGHTER, PACIFICA)]
    assert [D("0.005"), D("0.04")] == rates


def test_the_estimate_is_the_average_over_time() -> None:
    """Half an hour at 0.0013 and half at 0.0021 make 0.0017."""
    meter = FundingMeter(PACIFICA, START_MS)
    meter.sample(START_MS, D("0.0013"))
    meter.sample(START_MS + HOUR_MS // 2, D("0.0021"))
    assert HourlyRate(D("0.00015")) == meter.estimate(START_MS + HOUR_MS)


def test_a_new_hour_starts_a_new_average() -> None:
    """After the settlement the past hour no longer counts."""
    bench = pacifica()
    bench.price("2000", premium="0.0013")
    bench.pass_ms(HOUR_MS)
    bench.price("2000", premium="0.0021")
    bench.pass_ms(HOUR_MS)
    rates = [row.rate.fraction for row in bench.exchange.funding_history("ETH")]
    assert [D("0.0002"), D("0.0001")] == rates


def test_settlement_is_on_the_hour() -> None:
    """From any instant the next one is the top of the hour."""
    bench = lighter()
    bench.pass_ms(1234)
    assert START_MS + HOUR_MS == bench.exchange.next_due_ms()


def payment(bench: Bench, side: Side, premium: str) -> Decimal:
    """Return what two ETH of `side` at a mark of 2,000 receive after an hour."""
    bench.price("2000", premium=premium)
    bench.take(side, "2")
    bench.pass_ms(HOUR_MS)
    return bench.exchange.funding_payments(ME)[0].usd


@pytest.mark.parametrize(
    ("side", "premium", "usd"),
    [
        (BUY, "0.0013", "-0.4"),
        (SELL, "0.0013", "0.4"),
        (BUY, "-0.0013", "0.4"),
        (SELL, "-0.0013", "-0.4"),
    ],
)
def test_longs_pay_when_the_rate_is_positive(side: Side, premium: str, usd: str) -> None:
    """2 ETH x 2,000 USD x 0.01 % = 0.40 USD, from longs to shorts or back."""
    seen = [payment(bench, side, premium) for bench in (lighter(), pacifica())]
    assert [D(usd), D(usd)] == seen


def test_lighter_pays_on_index_and_pacifica_on_mark() -> None:
    """With the index at 1,900 and the mark at 2,000 the payments differ."""
    paid = []
    for bench in (lighter(), pacifica()):
        bench.take(BUY, "1")
        bench.exchange.set_market(
            "ETH", index=D(1900), mark=D(2000), bids=[], asks=[], premium=D("0.0013")
        )
        bench.exchange.pin_funding("ETH", HourlyRate(D("0.0001")))
        bench.pass_ms(HOUR_MS)
        paid.append(bench.exchange.funding_payments(ME)[0].usd)
    assert [D("-0.19"), D("-0.2")] == paid


def test_a_pinned_rate_is_what_is_settled() -> None:
    """The control plane's rate replaces the estimate until it is taken back."""
    bench = pacifica()
    bench.exchange.pin_funding("ETH", HourlyRate(D("-0.0003")))
    bench.pass_ms(HOUR_MS)
    bench.exchange.pin_funding("ETH", None)
    bench.pass_ms(HOUR_MS)
    rates = [row.rate.fraction for row in bench.exchange.funding_history("ETH")]
    assert [D("0.0000125"), D("-0.0003")] == rates


def test_a_shorter_interval_pays_its_part() -> None:
    """Settling each minute moves a sixtieth of the hourly rate."""
    bench = Bench(pacifica_rules(funding_interval_ms=60_000))
    bench.take(BUY, "1")
    bench.exchange.pin_funding("ETH", HourlyRate(D("0.0006")))
    bench.pass_ms(60_000)
    assert D("-0.02") == bench.exchange.funding_payments(ME)[0].usd


def test_funding_moves_cash_and_is_told() -> None:
    """Balance, the position's own tally, the event and the history row agree."""
    bench = pacifica()
    usd = payment(bench, SELL, "0.0013")
    row = bench.exchange.balance_history(ME)[0]
    tally = bench.exchange.account(ME).positions["ETH"].funding
    event = bench.seen(FundingSettled)[0].payments[0].usd
    assert [usd] * 3 == [row.amount, tally, event]


def test_funding_tells_the_position() -> None:
    """Position listeners hear of the payment."""
    bench = pacifica()
    bench.take(BUY, "1")
    bench.events.clear()
    bench.pass_ms(HOUR_MS)
    assert 1 == len(bench.seen(PositionChanged))


def test_an_isolated_position_pays_from_its_margin() -> None:
    """The shared cash is untouched."""
    bench = pacifica()
    bench.exchange.set_margin_mode(ME, "ETH", MarginMode.ISOLATED)
    bench.take(BUY, "1")
    before = bench.exchange.account(ME)
    bench.exchange.pin_funding("ETH", HourlyRate(D("0.0001")))
    bench.pass_ms(HOUR_MS)
    after = bench.exchange.account(ME)
    moved = after.positions["ETH"].margin - before.positions["ETH"].margin
    assert (D("-0.2"), before.cross_balance) == (moved, after.cross_balance)


def test_a_flat_account_pays_nothing() -> None:
    """No position, no row."""
    bench = pacifica()
    bench.pass_ms(HOUR_MS)
    assert () == bench.exchange.funding_payments(ME)


def test_every_hour_passed_is_settled() -> None:
    """A jump over three hours settles three times, each at its own instant."""
    bench = pacifica()
    bench.pass_ms(3 * HOUR_MS + 1)
    hours = [row.settled_at_ms for row in bench.exchange.funding_history("ETH")]
    assert [START_MS + HOUR_MS * hour for hour in (3, 2, 1)] == hours


def test_the_value_is_per_base_unit() -> None:
    """Lighter's `value` is what one unit long paid."""
    bench = lighter()
    bench.pass_ms(HOUR_MS)
    assert D("0.024") == bench.exchange.funding_history("ETH")[0].value


def test_backfilled_funding_comes_first() -> None:
    """History from before the start is in front, and the newest of it is the last rate."""
    bench = pacifica()
    rate = HourlyRate(D("0.0007"))
    old = FundingRow("ETH", START_MS, rate, D("1.4"), D("0.0061"), D(2000), D(2000))
    bench.exchange.backfill("ETH", funding=[old])
    assert rate == bench.exchange.stats("ETH").funding_last
