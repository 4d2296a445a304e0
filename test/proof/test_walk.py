"""The recorded hours, once through."""

import pytest

from desk.proof.records import load
from desk.proof.walk import Trades, fixed_trades, our_trades


def test_the_fixed_rule_loses_what_it_is_known_to_lose() -> None:
    """Some 1,090 trades of twelve hours at 5 % a year and more, 6.0 bp lost on each."""
    records = load()
    if records is None:
        pytest.skip("no recorded funding here")
    trades = fixed_trades(records.dated)
    assert 1_050 < len(trades.net_bps) < 1_110
    assert -6.1 < sum(trades.net_bps) / len(trades.net_bps) < -5.9


def test_an_hour_nobody_recorded_cannot_be_paid() -> None:
    """A trade that meets a gap is counted apart, not guessed."""
    rows = {hour: (1.0, 0.0) for hour in range(30) if hour != 5}
    trades = fixed_trades({"ETH": rows})
    assert 2 == trades.cut
    assert [4.0] == trades.net_bps


def test_ours_trades_what_stood_for_a_fortnight() -> None:
    """A level that pays is entered once, and left when the record ends."""
    rows = dict.fromkeys(range(400), (0.6, 0.0))
    trades = our_trades({"ETH": rows}, since_hour=336)
    assert [pytest.approx(63 * 0.6 - 8)] == trades.net_bps


def test_few_trades_are_no_evidence() -> None:
    """Fewer than thirty are called that, whatever they made."""
    assert "no evidence" in Trades([100.0] * 29).told()
    assert "no evidence" not in Trades([100.0] * 30).told()
    assert "no evidence" in Trades().told()
