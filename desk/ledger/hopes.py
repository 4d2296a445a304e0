"""What cycles were opened for, beside what the venues booked.

Pure sums. What nobody noted, or nobody read, is None: such a cycle is in no comparison.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from desk.ledger.cycles import Cycle
from desk.ledger.holding import ZERO

PARTS = ("funding", "fees", "impact", "prices")
"""`impact` is what fills lost against the prices that decisions saw, `prices` what moved between
opening and closing: expected was the half of an adverse gap between the venues' marks."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One cycle, or several: USD by part of `PARTS`, costs negative, and of all of them.

    `notional_usd` is one leg's. `realised_usd` has None where a part is not known; `planned_h` and
    `held_h` are hours.
    """

    count: int
    notional_usd: Decimal
    expected_usd: dict[str, Decimal]
    realised_usd: dict[str, Decimal | None]
    net_usd: Decimal
    planned_h: Decimal
    held_h: Decimal

    @property
    def expected_net_usd(self) -> Decimal:
        """Return what was to be left."""
        return sum(self.expected_usd.values(), ZERO)

    def bps(self, usd: Decimal) -> Decimal:
        """Return an amount in basis points of one leg's notional."""
        return usd / self.notional_usd * 10_000


def expected_net_usd(cycle: Cycle) -> Decimal | None:
    """Return what a cycle was opened for, None where nobody noted it."""
    expected = _expected(cycle)
    return None if expected is None else sum(expected.values(), ZERO)


def compared(cycles: Iterable[Cycle]) -> Compared | None:
    """Return the sums over the ended cycles of which both sides are known, None without any."""
    rows = [row for cycle in cycles if (row := _compared_one(cycle)) is not None]
    return _sum(rows) if rows else None


def _expected(cycle: Cycle) -> dict[str, Decimal] | None:
    note = cycle.note
    if note is None or note.notional_usd is None:
        return None
    costs = (note.expected_fees_bps, note.expected_impact_bps, note.expected_basis_bps)
    parts = (note.expected_funding_bps, *(None if cost is None else -cost for cost in costs))
    usd = {
        name: part * note.notional_usd / 10_000
        for name, part in zip(PARTS, parts, strict=True)
        if part is not None
    }
    return usd if len(usd) == len(PARTS) else None


def _compared_one(cycle: Cycle) -> Compared | None:
    note, ended_at_ms, expected = cycle.note, cycle.ended_at_ms, _expected(cycle)
    if note is None or note.notional_usd is None or expected is None:
        return None
    if ended_at_ms is None or cycle.unread:
        return None
    total, slipped = cycle.total, cycle.total.slippage_usd
    began_at_ms = cycle.began_at_ms if note.opened_at_ms is None else note.opened_at_ms
    return Compared(
        count=1,
        notional_usd=note.notional_usd,
        expected_usd=expected,
        realised_usd={
            "funding": total.funding_usd,
            "fees": -total.fee_usd,
            "impact": slipped,
            "prices": None if slipped is None else total.price_usd - slipped,
        },
        net_usd=total.net_usd,
        planned_h=Decimal(note.expected_hours or 0),
        held_h=Decimal(ended_at_ms - began_at_ms) / 3_600_000,
    )


def _sum(rows: Sequence[Compared]) -> Compared:
    return Compared(
        count=len(rows),
        notional_usd=sum((row.notional_usd for row in rows), ZERO),
        expected_usd={
            name: sum((row.expected_usd[name] for row in rows), ZERO) for name in PARTS
        },
        realised_usd={name: _total(row.realised_usd[name] for row in rows) for name in PARTS},
        net_usd=sum((row.net_usd for row in rows), ZERO),
        planned_h=sum((row.planned_h for row in rows), ZERO),
        held_h=sum((row.held_h for row in rows), ZERO),
    )


def _total(parts: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum, None where a part of it is not known."""
    known = list(parts)
    if any(part is None for part in known):
        return None
    return sum((part for part in known if part is not None), ZERO)
