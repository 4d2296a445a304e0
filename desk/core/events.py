"""What happened, as a strategy hears it: answers to its asks, time, and its owner's voice.

Every event carries `at_ms`, the engine's clock when it was fed in: a strategy has no other clock.
Answers echo the `ask` number of the action they answer, so a late one is recognised. Events are
plain data, so that a journal of them can be replayed; a venue missing from a mapping did not
answer and stands in `failures` with the reason. Events that carry a strategy's own types (its
configuration, say) live with that strategy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from desk.core.account import Account, Leverage
from desk.core.book import Impact, Quote
from desk.core.funding import FundingPayment, FundingPoint
from desk.core.market import FeeRates, Instrument, MarketStats
from desk.core.order import Fill, Order
from desk.core.venue import VenueName


class Event(Protocol):
    """Anything that may be fed to a strategy."""

    @property
    def at_ms(self) -> int:
        """Return when it was fed in, ms UTC."""
        ...


@dataclass(frozen=True, slots=True)
class VenueMarkets:
    """One venue's view of the symbols asked for; a symbol it does not list is absent.

    `quotes` holds only fresh books (see `Venue.quote`). `fees` is None where no account was asked.
    `impacts` and `history` (oldest first) hold what was asked for and could be told: a book that
    cannot take the amount stands in `thin` instead, with what its thinner side holds inside the
    band (USD), and a history that was refused is absent.
    """

    instruments: dict[str, Instrument]
    stats: dict[str, MarketStats]
    quotes: dict[str, Quote]
    fees: FeeRates | None = None
    impacts: dict[str, Impact] = field(default_factory=dict)
    thin: dict[str, Decimal] = field(default_factory=dict)
    history: dict[str, tuple[FundingPoint, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarketsRead:
    """The answer to `ReadMarkets`."""

    at_ms: int
    ask: int
    venues: dict[VenueName, VenueMarkets]
    failures: dict[VenueName, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VenueAccount:
    """One venue's answer to `ReadAccount`; what was not asked for is None, never empty.

    `orders` are resting orders and triggers of the symbol (of every symbol when none was named).
    `is_fenced`: nothing of ours sent before this read can take effect any more. `quote` and
    `stats` are best effort and None when not fresh. `opening_wait_ms` is how long our own request
    budget keeps an opening back there (see `Venue.opening_wait_s`), told where the read could wait.
    `instruments` are those of what either account holds, told where the fills of every symbol were
    asked for, or that of the symbol where its market was, best effort. `is_delisted`: the venue
    lists it no more. `fills_missing` is why an urgent read has no fills although it asked: what is
    known of the account counts without them. `leverage_refusal` is why the leverage asked for was
    not set. `skew_ms` is the venue's clock minus ours, None while its answers do not show it.
    """

    account: Account
    orders: tuple[Order, ...] | None = None
    fills: tuple[Fill, ...] | None = None
    payments: tuple[FundingPayment, ...] | None = None
    is_fenced: bool = False
    leverage: Leverage | None = None
    leverage_refusal: str = ""
    fees: FeeRates | None = None
    quote: Quote | None = None
    stats: MarketStats | None = None
    opening_wait_ms: int = 0
    fills_missing: str = ""
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    is_delisted: bool = False
    skew_ms: int | None = None

    @property
    def surely_at_ms(self) -> int:
        """Return when the account was asked for, by our clock or by the venue's: whichever is
        behind. What expired before that has expired."""
        return self.account.asked_at_ms + min(self.skew_ms or 0, 0)


@dataclass(frozen=True, slots=True)
class AccountsRead:
    """The answer to `ReadAccounts`. A venue that failed any part of the read is missing.

    `retry_ms`: after how long a venue that keeps us away, or our own count, lets the read through.
    """

    at_ms: int
    ask: int
    venues: dict[VenueName, VenueAccount]
    failures: dict[VenueName, str] = field(default_factory=dict)
    retry_ms: dict[VenueName, int] = field(default_factory=dict)


class Verdict(StrEnum):
    """How a write ended (see `desk.core.order.Outcome`)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What became of one order by the deadline.

    `filled` is base units, at `average_price` USD, for `fee_usd` (positive: paid); the last two
    are None while unknown or nothing filled. `is_final` says that nothing more can happen to it.
    After `expires_at_ms` an unknown request can no longer take effect; None where that question
    does not arise. `sent_at_ms` and `filled_at_ms`, when we heard of the last fill, frame the wait
    for it by our own clock.
    """

    venue: VenueName
    client_id: str
    verdict: Verdict
    is_final: bool
    filled: Decimal
    detail: str = ""
    average_price: Decimal | None = None
    fee_usd: Decimal | None = None
    expires_at_ms: int | None = None
    sent_at_ms: int | None = None
    filled_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OrdersSettled:
    """The answer to `SendOrders`, `RestOrders` and `CancelOrders`: one report for each order, in
    the same sequence.

    To a cancel the report says how the request ended, not the order.
    """

    at_ms: int
    ask: int
    reports: tuple[OrderReport, ...]


@dataclass(frozen=True, slots=True)
class MarkView:
    """A venue's mark and index (USD) of the held symbol, as last streamed at `received_at_ms`."""

    mark: Decimal
    index: Decimal
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed, a guard line was crossed, or the held position has `stirred`: a fill in its
    symbol was streamed, ours or not. A venue whose feed is silent has no mark here."""

    at_ms: int
    marks: dict[VenueName, MarkView] = field(default_factory=dict)
    stirred: bool = False


@dataclass(frozen=True, slots=True)
class ActionBroke:
    """Carrying out an action met a bug of ours; it will not be answered otherwise."""

    at_ms: int
    text: str


class Command(StrEnum):
    """What an owner may ask of a running strategy."""

    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"
    STOP = "stop"
    HALT = "halt"  # open nothing until the owner has looked
    LEAVE = "leave"  # the process is asked to end; whatever is held stays held


@dataclass(frozen=True, slots=True)
class OwnerAsked:
    """The owner's command, from a signal, a file or the control socket; `note` says why."""

    at_ms: int
    command: Command
    note: str = ""
