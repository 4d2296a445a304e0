"""What a report is drawn from: the cycles of a stretch of time, their sums, and the statements.

Pure. One place that decides which rows a "since" keeps, for the terminal, the CSV and the page.
"""

from dataclasses import dataclass
from typing import Self

from desk.core.venue import VenueName
from desk.ledger.cycles import Cycle, Leg, Share, cycles_of, shares_of, sum_of
from desk.ledger.holding import ZERO
from desk.ledger.rows import BookedMovement, Ledger, Mark, RowKind, Span
from desk.ledger.statement import CENT_USD, Statement, days_of, statements_of
from desk.ledger.unread import unread

ROUND_MS_MAX = 90 * 60_000  # the lists are read once an hour


@dataclass(frozen=True, slots=True)
class Account:
    """A ledger's figures since an instant.

    `cycles` ended since then, or still stand. `foreign` are the sums of rows that are nobody's of
    ours. `unread` is what is missing, but for what the next round will read; `odd_days` are the
    days whose books do not close.
    """

    cycles: tuple[Cycle, ...]
    shares: tuple[Share, ...]
    movements: tuple[BookedMovement, ...]
    marks: tuple[Mark, ...]
    statements: tuple[Statement, ...]
    odd_days: tuple[Statement, ...]
    unread: tuple[Span, ...]
    between_ms: tuple[int, int]

    @classmethod
    def of(cls, ledger: Ledger, since_ms: int = 0) -> Self:
        """Return the figures of `ledger` since that instant."""
        shares = shares_of(ledger)
        cycles = cycles_of(ledger, shares)
        stretch = _stretch(ledger, since_ms)
        days = (day for day in days_of(ledger) if day.end.at_ms > since_ms)
        return cls(
            cycles=tuple(row for row in cycles if (row.ended_at_ms or stretch[1]) >= since_ms),
            shares=tuple(row for row in shares if row.at_ms >= since_ms),
            movements=tuple(row for row in ledger.movements if row.row.at_ms >= since_ms),
            marks=tuple(mark for mark in ledger.marks if mark.at_ms >= since_ms),
            statements=statements_of(ledger, since_ms),
            odd_days=tuple(day for day in days if abs(day.difference_usd) >= CENT_USD),
            unread=_unread(ledger, stretch),
            between_ms=stretch,
        )

    @property
    def ended(self) -> tuple[Cycle, ...]:
        """Return the cycles that are over."""
        return tuple(row for row in self.cycles if row.ended_at_ms is not None)

    @property
    def legs(self) -> tuple[Leg, ...]:
        """Return each venue's sums over the cycles that are over."""
        legs = [leg for cycle in self.ended for leg in cycle.legs]
        return tuple(
            sum_of(venue, [leg for leg in legs if leg.venue is venue])
            for venue in VenueName
            if any(leg.venue is venue for leg in legs)
        )

    @property
    def foreign(self) -> Leg | None:
        """Return the sums of what others did in these accounts, None where they did nothing."""
        rows = [row for row in self.shares if row.cycle is None]
        if not rows:
            return None
        return Leg(
            venue=rows[0].book.venue,
            price_usd=sum((row.price_usd for row in rows), ZERO),
            funding_usd=sum((row.funding_usd for row in rows), ZERO),
            fee_usd=sum((row.fee_usd for row in rows), ZERO),
        )


def _stretch(ledger: Ledger, since_ms: int) -> tuple[int, int]:
    """Return from when to when a report speaks: the first mark, or since; the newest of all."""
    begins = [mark.at_ms for mark in ledger.marks] or [span.from_ms for span in ledger.spans]
    ends = [mark.at_ms for mark in ledger.marks] + [span.until_ms for span in ledger.spans]
    start = max(since_ms, min(begins, default=since_ms))
    return start, max(start, max(ends, default=start))


def _unread(ledger: Ledger, stretch: tuple[int, int]) -> tuple[Span, ...]:
    missing = unread(ledger.spans, ledger.books, RowKind, stretch)
    newest_ms = stretch[1]
    return tuple(
        gap for gap in missing if gap.until_ms < newest_ms or newest_ms - gap.from_ms > ROUND_MS_MAX
    )
