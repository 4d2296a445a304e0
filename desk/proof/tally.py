"""What a handful of trades comes to, and how little of it is evidence.

Sums only; figures are bp of one leg's notional.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

BEST_LEFT_OUT = 3
EVIDENCE_MIN = 30


@dataclass(frozen=True, slots=True)
class Tally:
    """The nets of finished trades, in any order."""

    net_bps: Sequence[float]

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self.net_bps)

    @property
    def is_evidence(self) -> bool:
        """Return whether there are enough to speak of: fewer are none, whatever they made."""
        return self.count >= EVIDENCE_MIN

    @property
    def total_bps(self) -> float:
        """Return the sum."""
        return sum(self.net_bps)

    @property
    def rest_bps(self) -> list[float]:
        """Return the nets without the best few."""
        return sorted(self.net_bps)[:-BEST_LEFT_OUT]

    @property
    def mean_bps(self) -> float | None:
        """Return what one made, None without any."""
        return mean(self.net_bps) if self.net_bps else None

    @property
    def deviation_bps(self) -> float | None:
        """Return how far they lie apart, None with fewer than two."""
        return stdev(self.net_bps) if self.count > 1 else None

    @property
    def won_share(self) -> float | None:
        """Return the share that made more than nothing, None without any."""
        return sum(net > 0 for net in self.net_bps) / self.count if self.count else None
