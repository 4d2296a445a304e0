"""Whether the books close: what an account was worth, what was booked since, what it is worth now.

Pure. Equity at the start + price + funding - fees + money moved = equity at the end, to the cent;
what is left over is shown, never spread. A mark counts only where nobody can be in doubt which rows
came before it: the venue's clock and ours may differ by seconds.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise

from desk.core.order import Fill, Side
from desk.ledger.holding import ZERO, Holding
from desk.ledger.rows import Book, BookedMovement, BookedPayment, Ledger, Mark, RowKind, Span
from desk.ledger.unread import unread

SKEW_MS = 10_000
DAY_MS = 86_400_000
CENT_USD = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Statement:
    """One account between two marks, USD. `price_usd` is realised and unrealised profit; with
    anything `unread` the difference says nothing."""

    book: Book
    start: Mark
    end: Mark
    price_usd: Decimal
    funding_usd: Decimal
    fee_usd: Decimal
    moved_usd: Decimal
    unread: tuple[Span, ...] = ()

    @property
    def earned_usd(self) -> Decimal:
        """Return what trading brought; money moved is no part of it."""
        return self.price_usd + self.funding_usd - self.fee_usd

    @property
    def difference_usd(self) -> Decimal:
        """Return what the rows do not explain."""
        explained = self.start.equity_usd + self.earned_usd + self.moved_usd
        return self.end.equity_usd - explained

    @property
    def closes(self) -> bool:
        """Return whether the books close to the cent."""
        return not self.unread and abs(self.difference_usd) < CENT_USD


def statements_of(ledger: Ledger, since_ms: int = 0) -> tuple[Statement, ...]:
    """Return each account's statement from the last sure mark at `since_ms`, else the first one
    after it, to the newest; none for an account without two sure marks."""
    found = []
    for book in ledger.books:
        points = _points(ledger, book)
        start = max(0, bisect_right([point.mark.at_ms for point in points], since_ms) - 1)
        if len(points) - start >= 2:
            found.append(_between(ledger, points[start], points[-1]))
    return tuple(found)


def days_of(ledger: Ledger) -> tuple[Statement, ...]:
    """Return a statement for each account and day (UTC), from sure mark to sure mark."""
    found = []
    for book in ledger.books:
        points = _points(ledger, book)
        ends = {point.mark.at_ms // DAY_MS: point for point in points}
        found += [_between(ledger, *pair) for pair in pairwise([*points[:1], *ends.values()])]
    return tuple(row for row in found if row.start.at_ms < row.end.at_ms)


@dataclass(frozen=True, slots=True)
class _Point:
    """A sure mark, and what all rows up to it come to since the ledger began."""

    mark: Mark
    realised_usd: Decimal
    fee_usd: Decimal
    funding_usd: Decimal
    moved_usd: Decimal


class _Sums:
    """Amounts by instant, added up from the first on."""

    def __init__(self, rows: Iterable[BookedPayment | BookedMovement]) -> None:
        """Take rows of one book, oldest first."""
        known = [row.row for row in rows]
        self.stamps_ms = [row.at_ms for row in known]
        self._sums_usd = [ZERO, *accumulate(row.usd for row in known)]

    def until(self, at_ms: int) -> Decimal:
        """Return the sum of all that came up to an instant."""
        return self._sums_usd[bisect_right(self.stamps_ms, at_ms)]

    def has_near(self, at_ms: int) -> bool:
        """Return whether a row lies so close to an instant that either may be first."""
        later = bisect_right(self.stamps_ms, at_ms - SKEW_MS)
        return later < len(self.stamps_ms) and self.stamps_ms[later] < at_ms + SKEW_MS


def _points(ledger: Ledger, book: Book) -> list[_Point]:
    """Return the sure marks of a book, oldest first, but those that no list has been read up to."""
    read_ms = _read_until(ledger, book)
    marks = [mark for mark in ledger.marks if mark.book == book and mark.at_ms <= read_ms]
    if not marks:
        return []
    fills = [row.row for row in ledger.fills if row.book == book]
    paid = _Sums(row for row in ledger.payments if row.book == book)
    moved = _Sums(row for row in ledger.movements if row.book == book)
    tally = _Tally(marks[0], [fill for fill in fills if fill.at_ms > marks[0].at_ms])
    sure = (mark for mark in marks if not paid.has_near(mark.at_ms) | moved.has_near(mark.at_ms))
    return [
        _Point(mark, *traded, paid.until(mark.at_ms), moved.until(mark.at_ms))
        for mark in sure
        if (traded := tally.at(mark)) is not None
    ]


def _read_until(ledger: Ledger, book: Book) -> int:
    """Return until when every list of a book has been read, whatever may be missing before."""
    latest = dict.fromkeys(RowKind, 0)
    for span in ledger.spans:
        if span.book == book:
            latest[span.kind] = max(latest[span.kind], span.until_ms)
    return min(latest.values())


class _Tally:
    """Adds fills up, from the positions of the first mark on."""

    def __init__(self, first: Mark, fills: Sequence[Fill]) -> None:
        self._fills = fills
        self._next = 0
        self._held = {
            row.symbol: Holding(row.size, row.size * row.entry_price) for row in first.positions
        }
        self._realised_usd = ZERO
        self._fee_usd = ZERO

    def at(self, mark: Mark) -> tuple[Decimal, Decimal] | None:
        """Return what was realised and paid in fees up to a mark, None where no cut among the fills
        around it explains its positions. Marks come oldest first."""
        self._take_until(mark.at_ms - SKEW_MS)
        limit_ms = mark.at_ms + SKEW_MS
        wanted = {row.symbol: row.size for row in mark.positions}
        while self._sizes() != wanted:
            if self._next == len(self._fills) or self._fills[self._next].at_ms > limit_ms:
                return None
            self._take()
        return self._realised_usd, self._fee_usd

    def _take_until(self, at_ms: int) -> None:
        while self._next < len(self._fills) and self._fills[self._next].at_ms <= at_ms:
            self._take()

    def _take(self) -> None:
        fill = self._fills[self._next]
        self._next += 1
        holding = self._held.setdefault(fill.symbol, Holding())
        size = fill.size if fill.side is Side.BUY else -fill.size
        self._realised_usd += holding.add(size, fill.price)
        self._fee_usd += fill.fee_usd

    def _sizes(self) -> dict[str, Decimal]:
        return {symbol: row.size for symbol, row in self._held.items() if row.size}


def _between(ledger: Ledger, start: _Point, end: _Point) -> Statement:
    book, stretch = start.mark.book, (start.mark.at_ms, end.mark.at_ms)
    unrealised = end.mark.unrealised_usd - start.mark.unrealised_usd
    return Statement(
        book=book,
        start=start.mark,
        end=end.mark,
        price_usd=end.realised_usd - start.realised_usd + unrealised,
        funding_usd=end.funding_usd - start.funding_usd,
        fee_usd=end.fee_usd - start.fee_usd,
        moved_usd=end.moved_usd - start.moved_usd,
        unread=unread(ledger.spans, [book], RowKind, stretch),
    )
