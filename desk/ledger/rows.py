"""What stands in the ledger: rows of the venues, marks of the accounts, notes on our own doings.

Values only. Money is USD, sizes are base units, instants ms UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from desk.core.books import Movement
from desk.core.funding import FundingPayment
from desk.core.order import Fill, Side
from desk.core.venue import VenueName


@dataclass(frozen=True, slots=True, order=True)
class Book:
    """One account on one venue; ids of rows are unique in it."""

    venue: VenueName
    account: str


class RowKind(StrEnum):
    """The three lists that a venue keeps of an account."""

    FILLS = "fills"
    PAYMENTS = "payments"
    MOVEMENTS = "movements"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time [from, until] of one list that was read whole."""

    book: Book
    kind: RowKind
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Held:
    """A position as the venue told it: signed size, average entry price."""

    symbol: str
    size: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True)
class Mark:
    """What an account was worth when it was asked."""

    book: Book
    at_ms: int
    equity_usd: Decimal
    balance_usd: Decimal
    positions: tuple[Held, ...]

    @property
    def unrealised_usd(self) -> Decimal:
        """Return the profit of open positions that is not cash yet."""
        return self.equity_usd - self.balance_usd


@dataclass(frozen=True, slots=True, order=True)
class CycleId:
    """A cycle of one installation; the epoch is drawn anew when its state is lost."""

    epoch: int
    cycle: int


@dataclass(frozen=True, slots=True)
class CycleNote:
    """What the bot knew of a cycle when it decided; None is what it has not said yet.

    `forecast_usd` is the funding expected at the opening up to the first review, `legging_ms` how
    long a leg of the opening could stand alone, `equity_change_usd` what both venues' equity showed
    around the cycle.

    `expected_…` is what it was opened for: payments over so many hours, and the costs (positive),
    bp of `notional_usd`, a leg's worth when that was decided.
    """

    id: CycleId
    symbol: str
    size: Decimal
    long_venue: VenueName
    approved_at_ms: int | None = None
    spread_apr_pct: Decimal | None = None
    funding_bps: Decimal | None = None
    opened_at_ms: int | None = None
    closed_at_ms: int | None = None
    close_reason: str | None = None
    renewals: int | None = None
    forecast_usd: Decimal | None = None
    legging_ms: int | None = None
    equity_change_usd: Decimal | None = None
    notional_usd: Decimal | None = None
    expected_hours: int | None = None
    expected_funding_bps: Decimal | None = None
    expected_fees_bps: Decimal | None = None
    expected_impact_bps: Decimal | None = None
    expected_basis_bps: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderNote:
    """One order of ours as it was decided. `seen_price` is the mid or mark that the decision saw on
    that venue, None where it saw none: slippage is measured against it."""

    venue: VenueName
    client_id: str
    cycle: CycleId
    at_ms: int
    role: str
    symbol: str
    side: Side
    size: Decimal
    price: Decimal
    seen_price: Decimal | None


@dataclass(frozen=True, slots=True)
class OrderEnd:
    """What became of an order, as far as the bot heard."""

    venue: VenueName
    client_id: str
    verdict: str
    filled: Decimal
    average_price: Decimal | None
    detail: str


@dataclass(frozen=True, slots=True)
class StepNote:
    """One step of a cycle and why it was taken; `phase` is where it led."""

    cycle: CycleId
    at_ms: int
    phase: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One list of one book, read whole over a span."""

    span: Span
    rows: Sequence[Fill] | Sequence[FundingPayment] | Sequence[Movement]


Entry = Reading | Mark | CycleNote | OrderNote | OrderEnd | StepNote


@dataclass(frozen=True, slots=True)
class BookedFill:
    """A fill and whose it is."""

    book: Book
    row: Fill


@dataclass(frozen=True, slots=True)
class BookedPayment:
    """A funding payment and whose it is."""

    book: Book
    row: FundingPayment


@dataclass(frozen=True, slots=True)
class BookedMovement:
    """Money moved and whose it is."""

    book: Book
    row: Movement


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that a ledger holds, each list oldest first."""

    fills: tuple[BookedFill, ...] = ()
    payments: tuple[BookedPayment, ...] = ()
    movements: tuple[BookedMovement, ...] = ()
    marks: tuple[Mark, ...] = ()
    spans: tuple[Span, ...] = ()
    cycles: tuple[CycleNote, ...] = ()
    orders: tuple[OrderNote, ...] = ()
    ends: tuple[OrderEnd, ...] = ()
    steps: tuple[StepNote, ...] = ()

    @property
    def books(self) -> tuple[Book, ...]:
        """Return every account in it."""
        lists = (self.fills, self.payments, self.movements, self.marks, self.spans)
        return tuple(sorted({row.book for rows in lists for row in rows}))

    @property
    def is_empty(self) -> bool:
        """Return whether nothing has been written yet."""
        return not (self.books or self.cycles or self.orders)
