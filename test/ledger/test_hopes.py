"""What cycles were opened for beside what they brought: whole figures, or none."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from desk.core.venue import VenueName
from desk.ledger.cycles import Cycle, Leg
from desk.ledger.hopes import compared, expected_net_usd
from desk.ledger.rows import CycleNote
from test.ledger.test_cycles import HOUR_MS, OURS, READ

D = Decimal
LEG = Leg(VenueName.LIGHTER, D(-3), D("2.5"), D("0.8"), slippage_usd=D("-0.4"))
NOTE = CycleNote(
    OURS,
    "BTC",
    D(1),
    VenueName.LIGHTER,
    opened_at_ms=0,
    closed_at_ms=30 * HOUR_MS,
    notional_usd=D(1000),
    expected_hours=24,
    expected_funding_bps=D(30),
    expected_fees_bps=D(8),
    expected_impact_bps=D(3),
    expected_basis_bps=D(2),
)


def cycle(leg: Leg = LEG, **changes: Any) -> Cycle:
    """Return a cycle of one leg that has ended."""
    return Cycle(OURS, replace(NOTE, **changes), (leg,), ())


def test_costs_are_expected_as_losses() -> None:
    """Funding less fees, impact and adverse prices, on a leg's notional."""
    assert D("1.7") == expected_net_usd(cycle())


def test_each_part_stands_beside_what_came() -> None:
    """What fills lost is the impact, the rest of the price is what prices moved."""
    found = compared([cycle()])
    assert found is not None
    assert {"funding": D(3), "fees": D("-0.8"), "impact": D("-0.3"), "prices": D("-0.2")} == (
        found.expected_usd
    )
    assert {"funding": D("2.5"), "fees": D("-0.8"), "impact": D("-0.4"), "prices": D("-2.6")} == (
        found.realised_usd
    )
    assert (D("-1.3"), D(24), D(30)) == (found.net_usd, found.planned_h, found.held_h)
    assert sum(value or D(0) for value in found.realised_usd.values()) == found.net_usd


def test_several_are_added_up() -> None:
    """Basis points are of all their legs together."""
    found = compared([cycle(), cycle(notional_usd=D(3000))])
    assert found is not None
    assert (2, D(4000), D("6.8")) == (found.count, found.notional_usd, found.expected_net_usd)
    assert D(17) == found.bps(found.expected_net_usd)


def test_what_is_not_known_is_in_no_comparison() -> None:
    """No note of it, still open, or rows unread; a part that is not known is no zero."""
    assert expected_net_usd(cycle(expected_basis_bps=None)) is None
    assert compared([cycle(notional_usd=None)]) is None
    assert compared([replace(cycle(), unread=READ[:1])]) is None
    standing = cycle(replace(LEG, open_size=D(1)), closed_at_ms=None)
    assert compared([standing]) is None
    blind = compared([cycle(replace(LEG, slippage_usd=None))])
    assert blind is not None
    assert (None, None) == (blind.realised_usd["impact"], blind.realised_usd["prices"])
