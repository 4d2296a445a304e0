"""What the owner may do with the money on both venues while a hedge stands: advice, in figures.

Nothing here acts, and nothing of ours could: money is moved by its owner, in the venues' own apps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from desk.core.account import Account
from desk.core.venue import VenueName

LOW_MARGIN_PCT = Decimal(20)
"""Nearer than this to its liquidation, percent of the mark, a leg's margin is told to be low: above
every sensible `min_margin_distance_pct`, at which the hedge is closed."""
UNEVEN_SHARE = Decimal("0.1")
"""Margins that differ by less, as a share of the smaller one, are as good as equal."""


@dataclass(frozen=True, slots=True)
class Move:
    """So many USDC from one venue to the other would make both legs' margins equal."""

    usd: Decimal
    source: VenueName

    def __str__(self) -> str:
        """Return the advice in words."""
        return f"move {self.usd:,.2f} USDC from {self.source} to {self.source.twin}"


def spare_usd(account: Account, notional_usd: Decimal) -> Decimal:
    """Return what may leave a venue without touching the leg there (its notional, >= 0).

    No more than is free, and no more than leaves the leg at 1x.
    """
    return max(Decimal(0), min(account.free_usd, account.equity_usd - notional_usd))


def evening_move(
    equity_usd: Mapping[VenueName, Decimal], spare: Mapping[VenueName, Decimal]
) -> Move | None:
    """Return what would make both equities equal, the legs being of one size.

    None where they nearly are, or nothing may leave the richer venue.
    """
    richer = max(equity_usd, key=lambda venue: equity_usd[venue])
    gap = equity_usd[richer] - equity_usd[richer.twin]
    if gap <= abs(equity_usd[richer.twin]) * UNEVEN_SHARE:
        return None
    usd = min(gap / 2, spare[richer]).quantize(Decimal("0.01"))
    return Move(usd, richer) if usd > 0 else None
