"""The answer to `what-if`: every figure it was asked for, and how little it proves."""

from dataclasses import replace
from typing import Any

from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.economics import Costs
from desk.hedge.select import Refusal
from desk.hedge.worth import Plan
from desk.proof.past import Replay
from desk.proof.slot import Trade
from desk.screen.what_if import what_if_json, what_if_lines
from test.hedge.builders import d

FEES = dict.fromkeys(VenueName, "of the first tier")
LOW = Refusal("spread below threshold", "min_net_apr_threshold")
WIDE = Refusal("funding below the costs", "require_expected_profit")
HOURS = range(490_000, 490_721)


def trade(net: float, *, at: int = 0, **changes: Any) -> Trade:
    """Return a trade of a day that was expected to leave 5 bp and left `net`."""
    plan = Plan(settlements=24, funding_bps=d("14.54"), doubt_bps=d(1), cost_bps=d(9))
    since = HOURS[at]
    made = Trade("ETH", VenueName.LIGHTER, since, plan, since + 30, net + 9, ended="turned")
    return replace(made, **changes)


def found(*trades: Trade, **changes: Any) -> Replay:
    """Return a replay with these trades."""
    costs = {"ETH": Costs(d(8), d(1))}
    empty = Replay(Config(), HOURS, costs, {}, {"ETH": 700}, trades, {})
    return replace(empty, **changes)


def said(replayed: Replay) -> str:
    """Return all lines in one text."""
    return "\n".join(what_if_lines(replayed, FEES, 120))


def test_each_trade_is_told_with_what_was_expected() -> None:
    """Symbol, side, hold, plan, what was expected and what came in bp and money, and its end."""
    (line,) = [row for row in said(found(trade(2))).splitlines() if row.startswith("2025")]
    bps_and_usd = ["+5.00", "+0.0250", "+2.00", "+0.0100"]
    assert ["ETH", "lighter", "30", "24", *bps_and_usd, "turned"] == line.split()[1:]


def test_the_sum_is_told_with_and_without_the_best() -> None:
    """Net, mean, dispersion, share won, and what is left without the best three."""
    text = said(found(*(trade(net) for net in (1, -2, 30, 40, 50))))
    assert "5 trades. Net +119.00 bp, +0.5950 USD; +23.80 bp each (deviation 23.31)" in text
    assert "where +5.00 were expected; 80% won." in text
    assert "Without the best 3: -1.00 bp, -0.0050 USD." in text


def test_few_trades_are_no_evidence() -> None:
    """Fewer than thirty are called that, thirty are not."""
    few, enough = (said(found(*[trade(9)] * count)) for count in (29, 30))
    assert "Fewer than 30 trades: no evidence, whatever they made." in few
    assert "no evidence" not in enough


def test_no_trade_is_told_with_the_most_frequent_reasons() -> None:
    """The share of all that was looked at, and the key that would change it."""
    text = said(found(refused={WIDE: 30, LOW: 70}))
    assert "0 trades." in text
    rows = [line.split(maxsplit=1) for line in text.splitlines() if line.startswith("  ")]
    assert [
        ["70%", "spread below threshold (min_net_apr_threshold)"],
        ["30%", "funding below the costs (require_expected_profit)"],
    ] == rows


def test_costs_and_what_is_left_out_are_told() -> None:
    """Whose fees, from which books, how many hours are known, and who is not in it."""
    text = said(found(left_out={"XYZ": "today: lighter does not list XYZ"}))
    assert "fees lighter of the first tier" in text
    assert "ETH     8.00    1.00        9.00   700 of 721" in text
    assert "Left out: XYZ, today: lighter does not list XYZ." in text


def test_a_trade_across_a_gap_is_counted_apart() -> None:
    """It is in no sum."""
    text = said(found(trade(5), trade(70, is_cut=True)))
    assert "1 trade, 1 more cut off by gaps. Net +5.00 bp" in text
    assert "an hour not known" in text


def test_json_says_the_same() -> None:
    """Plain values under plain names; what is no figure is null."""
    told = what_if_json(found(trade(5), trade(70, is_cut=True), refused={LOW: 3}), FEES)
    assert [5.0, None] == [row["net_bps"] for row in told["trades"]]
    assert (5.0, False, None) == (told["net_bps"], told["is_evidence"], told["without_best_bps"])
    assert [{"reason": LOW.reason, "key": LOW.key, "count": 3}] == told["refused"]
    assert 9.0 == told["costs"]["ETH"]["round_trip_bps"]
