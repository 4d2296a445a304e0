"""What the dashboard shows, as one frozen value: figures with their age, never a stand-in."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from desk.core.order import OrderKind, PositionSide
from desk.core.venue import VenueName
from desk.hedge.guard import TriggerStage
from desk.hedge.purse import Move
from desk.hedge.state import Phase

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Reading(Generic[A]):
    """A value as it was told at `at_ms`, and until when that may be shown as the present one.

    `value` None: nobody has told it.
    """

    value: A | None = None
    at_ms: int = 0
    good_until_ms: int = 0

    @classmethod
    def of(cls, value: A | None, at_ms: int, good_ms: int) -> "Reading[A]":
        """Return a value that is good for so long."""
        return cls(value, at_ms, at_ms + good_ms)

    def is_good(self, now_ms: int) -> bool:
        """Return whether it may be shown as the present value."""
        return self.value is not None and now_ms <= self.good_until_ms

    def map(self, change: Callable[[A], B]) -> "Reading[B]":
        """Return what follows from it, of the same age."""
        if self.value is None:
            return Reading()
        return Reading(change(self.value), self.at_ms, self.good_until_ms)

    def join(self, other: "Reading[B]", change: Callable[[A, B], C]) -> "Reading[C]":
        """Return what follows from two: as old as the older, good as long as the shorter."""
        if self.value is None or other.value is None:
            return Reading()
        return Reading(
            change(self.value, other.value),
            min(self.at_ms, other.at_ms),
            min(self.good_until_ms, other.good_until_ms),
        )


@dataclass(frozen=True, slots=True)
class StopView:
    """How far the mark is from the leg's stop: percent of the mark, and the share (0..1) that is
    left of the way from the entry to `price` (USD)."""

    price: Decimal
    away_pct: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class TriggerView:
    """One trigger of ours at a venue, and what is known of it."""

    kind: OrderKind
    price: Decimal
    stage: TriggerStage


@dataclass(frozen=True, slots=True)
class LegView:
    """One leg: `size` is signed base units, amounts are USD, `exit_price` is the book's side that
    a close would take. `hours_told` payments have been seen."""

    venue: VenueName
    side: PositionSide
    size: Decimal
    entry: Decimal | None
    mark: Reading[Decimal]
    price_usd: Reading[Decimal]
    funding_usd: Decimal
    hours_told: int
    fees_usd: Decimal | None
    net_usd: Reading[Decimal]
    leverage: Reading[Decimal]
    margin_pct: Reading[Decimal]
    stop: Reading[StopView]
    exit_price: Reading[Decimal]
    triggers: tuple[TriggerView, ...] = ()
    in_doubt: int = 0


@dataclass(frozen=True, slots=True)
class ExitView:
    """What closing both legs now would cost: books and fees in bp of one leg, and both in USD."""

    books_bps: Decimal
    fees_bps: Decimal
    usd: Decimal


@dataclass(frozen=True, slots=True)
class HedgeView:
    """The hedge in hand. Spreads are signed percent a year: negative means that we pay.

    `apr_average` is what was paid since the opening, over the hours that both venues told.
    `renews`: the end of the hold is a review. `net_usd` is None-valued while a part is not known.
    """

    symbol: str
    cycle: int
    legs: tuple[LegView, ...]
    opened_at_ms: int | None
    review_at_ms: int | None
    renews: bool
    renewals: int
    close_reason: str | None
    hours_due: int
    price_usd: Reading[Decimal]
    net_usd: Reading[Decimal]
    equity_change_usd: Decimal | None
    apr_now: Reading[Decimal]
    apr_entry: Decimal | None
    apr_average: Decimal | None
    exit: Reading[ExitView]
    has_triggers: bool


@dataclass(frozen=True, slots=True)
class VenueView:
    """One venue: what the account holds there, and how the venue serves us.

    `heard_at_ms` is when its stream last said anything, `down` why it is silent; `away_since_ms` is
    since when requests have failed. `room` is the share (0..1) of our request budget that is left.
    """

    venue: VenueName
    equity_usd: Reading[Decimal]
    free_usd: Reading[Decimal]
    spare_usd: Reading[Decimal]
    heard_at_ms: int | None
    down: str | None
    round_trip_ms: Reading[int]
    room: Decimal | None
    away_since_ms: int | None
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MarketView:
    """One symbol on both venues: percent a year, bp over the hold that was weighed, hours until the
    costs are back, and the first thing that stands against opening it."""

    symbol: str
    apr: dict[VenueName, Reading[Decimal]]
    spread_apr: Reading[Decimal]
    long_venue: VenueName | None
    net_bps: Decimal | None
    break_even_h: int | None
    verdict: str
    is_eligible: bool


@dataclass(frozen=True, slots=True)
class Results:
    """What the finished cycles of this run brought, and both accounts since its start (USD)."""

    cycles: int
    net_usd: Decimal
    equity_change_usd: Reading[Decimal]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the dashboard shows, at one instant.

    `mode` says whose money it is. `steps` are what comes next and when, `restraints` what holds the
    bot back until `resume`. `looked_at_ms` is when the markets were ranked last. `log` are the
    latest lines, oldest first, with their colours.
    """

    at_ms: int
    mode: str
    phase: Phase
    cycle: int
    reason: str
    steps: tuple[str, ...]
    restraints: tuple[str, ...]
    doubt: str | None
    is_saved: bool
    hedge: HedgeView | None
    venues: tuple[VenueView, ...]
    move: Move | None
    is_low: bool
    markets: tuple[MarketView, ...]
    looked_at_ms: int | None
    results: Results
    log: tuple[str, ...] = ()
