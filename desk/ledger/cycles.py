"""Which cycle a row belongs to, and what each cycle brought.

Pure. A fill is ours by its client id. One without it that cuts our leg (the owner's hand, a
liquidation, a deleveraging) takes first what is not ours. A payment belongs to whoever held the
position then; nothing is counted that was not read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from desk.core.ids import OrderKey
from desk.core.order import Fill, Side
from desk.core.venue import VenueName
from desk.ledger.holding import ZERO, Holding
from desk.ledger.rows import (
    Book,
    BookedFill,
    BookedPayment,
    CycleId,
    CycleNote,
    Ledger,
    OrderNote,
    RowKind,
    Span,
)
from desk.ledger.unread import unread

STAMP_MS_MAX = 60_000  # a payment may be stamped so late after its settlement

OrderRef = tuple[VenueName, str]


@dataclass(frozen=True, slots=True)
class Share:
    """The part of one row that is a cycle's, nobody's of ours where `cycle` is None.

    `price_usd` is what closing realised; `fee_usd` is positive when paid, `funding_usd` when
    received; `size` signed base units of a fill, at `price`.
    """

    cycle: CycleId | None
    book: Book
    symbol: str
    at_ms: int
    row_id: str
    client_id: str | None = None
    size: Decimal = ZERO
    price: Decimal = ZERO
    price_usd: Decimal = ZERO
    fee_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Leg:
    """One venue's half of a cycle, USD. `slippage_usd` is a part of `price_usd`: what the fills
    brought against the prices the decisions saw (negative: worse), None where one was not noted."""

    venue: VenueName
    price_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    fee_usd: Decimal = ZERO
    slippage_usd: Decimal | None = None
    open_size: Decimal = ZERO

    @property
    def net_usd(self) -> Decimal:
        """Return the leg's result."""
        return self.price_usd + self.funding_usd - self.fee_usd


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle as the venues booked it. `note` is None where only its rows are left; `unread` are
    stretches of its life whose rows nobody has read: they are missing, not zero."""

    id: CycleId
    note: CycleNote | None
    legs: tuple[Leg, ...]
    shares: tuple[Share, ...]
    unread: tuple[Span, ...] = field(default=())

    @property
    def symbol(self) -> str:
        """Return what was traded."""
        return self.note.symbol if self.note is not None else self.shares[0].symbol

    @property
    def began_at_ms(self) -> int:
        """Return when it was approved, else its first row."""
        approved = None if self.note is None else self.note.approved_at_ms
        return approved if approved is not None else min(row.at_ms for row in self.shares)

    @property
    def ended_at_ms(self) -> int | None:
        """Return when it was closed, None while it stands."""
        if self.note is not None and self.note.closed_at_ms is not None:
            return self.note.closed_at_ms
        if self.is_open or not self.shares:
            return None
        return max(row.at_ms for row in self.shares)

    @property
    def is_open(self) -> bool:
        """Return whether a leg still stands as far as its rows tell."""
        return any(leg.open_size for leg in self.legs)

    @property
    def total(self) -> Leg:
        """Return both legs together, under the first one's venue."""
        return sum_of(self.legs[0].venue if self.legs else VenueName.LIGHTER, self.legs)


def sum_of(venue: VenueName, legs: Sequence[Leg]) -> Leg:
    """Return legs added up; slippage that one of them does not know is not known."""
    known = [leg.slippage_usd for leg in legs if leg.slippage_usd is not None]
    return Leg(
        venue=venue,
        price_usd=sum((leg.price_usd for leg in legs), ZERO),
        funding_usd=sum((leg.funding_usd for leg in legs), ZERO),
        fee_usd=sum((leg.fee_usd for leg in legs), ZERO),
        slippage_usd=sum(known, ZERO) if known and len(known) == len(legs) else None,
    )


def shares_of(ledger: Ledger) -> tuple[Share, ...]:
    """Return every row's parts with their owners, oldest first."""
    matcher = _Matcher(ledger.orders)
    rows: dict[tuple[Book, str], list[BookedFill | BookedPayment]] = {}
    both: list[BookedFill | BookedPayment] = [*ledger.payments, *ledger.fills]
    for row in both:
        rows.setdefault((row.book, row.row.symbol), []).append(row)
    found: list[Share] = []
    for (book, symbol), group in rows.items():
        account = _Account(book, symbol, matcher, _theirs(ledger, book, symbol, group))
        for row in sorted(group, key=lambda each: each.row.at_ms):
            found += account.book_row(row)
    return tuple(sorted(found, key=lambda share: (share.at_ms, share.book, share.row_id)))


def cycles_of(ledger: Ledger, shares: Iterable[Share]) -> tuple[Cycle, ...]:
    """Return every cycle that was noted or has rows, oldest first."""
    notes = {note.id: note for note in ledger.cycles}
    groups: dict[CycleId, list[Share]] = {key: [] for key in notes}
    for share in shares:
        if share.cycle is not None:
            groups.setdefault(share.cycle, []).append(share)
    seen = _seen_prices(ledger.orders)
    cycles = (_cycle(key, notes.get(key), group, seen) for key, group in groups.items())
    books = ledger.books
    known = [row for row in cycles if row.note is not None or row.shares]
    told = (replace(row, unread=_missing(ledger.spans, books, row)) for row in known)
    return tuple(sorted(told, key=lambda row: (row.began_at_ms, row.id)))


def _cycle(
    key: CycleId, note: CycleNote | None, shares: list[Share], seen: Mapping[OrderRef, Decimal]
) -> Cycle:
    venues = sorted({share.book.venue for share in shares})
    legs = [_leg(v, [row for row in shares if row.book.venue is v], seen) for v in venues]
    return Cycle(key, note, tuple(legs), tuple(shares))


def _leg(venue: VenueName, shares: list[Share], seen: Mapping[OrderRef, Decimal]) -> Leg:
    slippage: Decimal | None = ZERO
    for share in shares:
        if not share.size:
            continue
        price = seen.get((venue, share.client_id or ""))
        if price is None or slippage is None:
            slippage = None
            continue
        slippage += share.size * (price - share.price)
    return Leg(
        venue=venue,
        price_usd=sum((row.price_usd for row in shares), ZERO),
        funding_usd=sum((row.funding_usd for row in shares), ZERO),
        fee_usd=sum((row.fee_usd for row in shares), ZERO),
        slippage_usd=slippage,
        open_size=sum((row.size for row in shares), ZERO),
    )


def _seen_prices(orders: Iterable[OrderNote]) -> dict[OrderRef, Decimal]:
    """Return the price each order was decided on; a later try of the same step that saw none has
    that of the first: it still serves the first decision."""
    seen: dict[OrderRef, Decimal] = {}
    first: dict[tuple[CycleId, VenueName, str], Decimal] = {}
    for order in orders:
        step = order.cycle, order.venue, order.role
        price = order.seen_price if order.seen_price is not None else first.get(step)
        if price is not None:
            first.setdefault(step, price)
            seen[order.venue, order.client_id] = price
    return seen


def _missing(
    spans: Iterable[Span], books: Iterable[Book], cycle: Cycle
) -> tuple[Span, ...]:
    """Return what was not read of both venues while the cycle lived."""
    if cycle.ended_at_ms is None:
        return ()
    kinds = (RowKind.FILLS, RowKind.PAYMENTS)
    return unread(spans, books, kinds, (cycle.began_at_ms, cycle.ended_at_ms))


class _Matcher:
    """Tells whose order a client id is: as noted, else as the id itself says."""

    def __init__(self, orders: Iterable[OrderNote]) -> None:
        self._noted = {(row.venue, row.client_id): row.cycle for row in orders}

    def cycle_of(self, venue: VenueName, client_id: str | None) -> CycleId | None:
        if client_id is None:
            return None
        noted = self._noted.get((venue, client_id))
        key = OrderKey.parse(client_id)
        if noted is not None or key is None:
            return noted
        return CycleId(key.epoch, key.cycle)


class _Account:
    """One symbol on one account, row by row: what each cycle of ours holds, and what others do."""

    def __init__(self, book: Book, symbol: str, matcher: _Matcher, theirs: Holding) -> None:
        self._book = book
        self._symbol = symbol
        self._matcher = matcher
        self._ours: dict[CycleId, Holding] = {}
        self._theirs = theirs
        self._last: tuple[int, CycleId] | None = None

    def book_row(self, row: BookedFill | BookedPayment) -> list[Share]:
        """Return the shares of one row; rows come oldest first."""
        if isinstance(row, BookedPayment):
            return self._pay(row)
        cycle = self._matcher.cycle_of(self._book.venue, row.row.client_id)
        if cycle is None:
            return self._by_others(row.row)
        return [self._trade(cycle, row.row, _signed(row.row))]

    def _trade(self, cycle: CycleId | None, fill: Fill, size: Decimal) -> Share:
        """Book a signed part of a fill to a cycle, or to the others."""
        holding = self._theirs
        if cycle is not None:
            holding = self._ours.setdefault(cycle, Holding())
            self._last = fill.at_ms, cycle
        realised = holding.add(size, fill.price)
        if cycle is not None and not holding.size:
            del self._ours[cycle]
        return Share(
            cycle=cycle,
            book=self._book,
            symbol=self._symbol,
            at_ms=fill.at_ms,
            row_id=fill.fill_id,
            client_id=fill.client_id,
            size=size,
            price=fill.price,
            price_usd=realised,
            fee_usd=fill.fee_usd if size == _signed(fill) else fill.fee_usd * abs(size) / fill.size,
        )

    def _by_others(self, fill: Fill) -> list[Share]:
        left = _signed(fill)
        parts: list[tuple[CycleId | None, Decimal]] = [(None, -self._theirs.closed_by(left))]
        left -= parts[0][1]
        for cycle, holding in self._ours.items():
            part = -holding.closed_by(left)
            parts.append((cycle, part))
            left -= part
        parts.append((None, left))
        return [self._trade(cycle, fill, part) for cycle, part in parts if part]

    def _pay(self, row: BookedPayment) -> list[Share]:
        held = {key: holding.size for key, holding in self._ours.items()}
        whole = sum(held.values(), self._theirs.size)
        if not whole:
            return [self._paid(self._just_held(row.row.at_ms), row, row.row.usd)]
        shares = [
            self._paid(key, row, row.row.usd if size == whole else row.row.usd * size / whole)
            for key, size in held.items()
        ]
        rest = row.row.usd - sum((share.funding_usd for share in shares), ZERO)
        return shares if not rest else [*shares, self._paid(None, row, rest)]

    def _just_held(self, at_ms: int) -> CycleId | None:
        """Return the cycle that closed between a settlement and the stamp of its payment."""
        if self._last is None or at_ms - self._last[0] > STAMP_MS_MAX:
            return None
        return self._last[1]

    def _paid(self, cycle: CycleId | None, row: BookedPayment, usd: Decimal) -> Share:
        payment = row.row
        return Share(
            cycle, self._book, self._symbol, payment.at_ms, payment.payment_id, funding_usd=usd
        )


def _theirs(
    ledger: Ledger, book: Book, symbol: str, rows: list[BookedFill | BookedPayment]
) -> Holding:
    """Return what stood in a symbol before its first row: whatever it was, it was not ours."""
    first_ms = min(row.row.at_ms for row in rows)
    for mark in ledger.marks:
        if mark.book != book:
            continue
        held = [row for row in mark.positions if row.symbol == symbol]
        if mark.at_ms >= first_ms or not held:
            break
        return Holding(held[0].size, held[0].size * held[0].entry_price)
    return Holding()


def _signed(fill: Fill) -> Decimal:
    return fill.size if fill.side is Side.BUY else -fill.size
