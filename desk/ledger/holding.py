"""A position as its fills make it: signed size, what it cost, and what closing parts of it brought.

Pure. Average cost, as both venues reckon.
"""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(slots=True)
class Holding:
    """`size` is signed base units, `cost_usd` signed with it: size times average entry price."""

    size: Decimal = ZERO
    cost_usd: Decimal = ZERO

    def add(self, size: Decimal, price: Decimal) -> Decimal:
        """Add a signed size at `price`; return the profit (USD) that closing a part realised."""
        closing = self.closed_by(size)
        realised = ZERO
        if closing:
            cost = self.cost_usd * closing / self.size
            realised = closing * price - cost
            self.size -= closing
            self.cost_usd -= cost
        opening = size + closing
        self.size += opening
        self.cost_usd += opening * price
        return realised

    def closed_by(self, size: Decimal) -> Decimal:
        """Return the signed part of this position that a signed size would close."""
        if self.size * size >= 0:
            return ZERO
        return self.size if abs(size) >= abs(self.size) else -size
