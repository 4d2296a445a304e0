"""What a strategy asks for, and the shape of its decisions.

The engine carries actions out in order; those with an `ask` number are answered by one event that
echoes it.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from desk.core.events import Event
from desk.core.order import OrderRequest
from desk.core.venue import VenueName

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class ReadMarkets:
    """Read statistics, instruments and fresh quotes of `symbols` (empty: all) on both venues.

    `histories` names symbols whose settled rates are to be read besides, each since when (ms UTC).
    With `notional_usd` the streamed books are walked for that amount, no further than `band_bps`
    from their middle.
    """

    ask: int
    symbols: tuple[str, ...]
    histories: dict[str, int] = field(default_factory=dict)
    notional_usd: Decimal | None = None
    band_bps: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ReadAccounts:
    """Read both accounts. The rest only where it is asked for:

    resting orders (of `symbol`, or of all when None) with `orders`; fills and funding payments
    since `since_ms` (without a symbol the fills only); leverage (set to `leverage` first where it
    differs), fees and the quote of `symbol` with `leverage`; its market (steps, minimums, status)
    on the venues in `market`. Venues in `fence` are fenced before they are read (`Venue.fence`).

    `urgent`: something unguarded waits for the answer. `can_wait`: nothing of ours is at stake, so
    a read that a request budget holds back is waited for instead of failing.
    """

    ask: int
    symbol: str | None = None
    orders: bool = False
    since_ms: int | None = None
    fence: tuple[VenueName, ...] = ()
    leverage: int | None = None
    urgent: bool = False
    can_wait: bool = False
    market: tuple[VenueName, ...] = ()


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order and where it goes."""

    venue: VenueName
    request: OrderRequest


@dataclass(frozen=True, slots=True)
class SendOrders:
    """Sign all, send all at once, then watch until each is final or `deadline_s` has passed."""

    ask: int
    orders: tuple[VenueOrder, ...]
    deadline_s: Decimal


@dataclass(frozen=True, slots=True)
class RestOrders:
    """Sign and send orders that are meant to rest, one after the other on each venue.

    Answered once each is acknowledged, refused or unknown: nobody watches them after that.
    """

    ask: int
    orders: tuple[VenueOrder, ...]


@dataclass(frozen=True, slots=True)
class CancelOrders:
    """Cancel orders of `symbol` by venue and our id; answered once each request has its outcome.

    That a cancel was accepted or refused does not say that the order is gone: read the orders.
    """

    ask: int
    symbol: str
    orders: tuple[tuple[VenueName, str], ...]


class Level(StrEnum):
    """How loud an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """Tell the owner."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Exit:
    """End the process with `code` (0 done, 1 failed or halted)."""

    code: int


Action = ReadMarkets | ReadAccounts | SendOrders | RestOrders | CancelOrders | Alert | Exit


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """A new state, what to do about it, and why: the reason goes to the journal."""

    state: S
    actions: tuple[Action, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class GuardLine:
    """Feed a tick at once when `venue`'s mark of `symbol` is at or beyond `price` (USD) on that
    side.
    """

    venue: VenueName
    symbol: str
    price: Decimal
    above: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """What the engine keeps an eye on between decisions; derived from the state, never stored.

    `wake_at_ms` None: no tick is due. `tick_ms`, if given, is the pace of regular ticks. `symbols`
    are streamed (empty: all that both venues list); marks of `held` travel in every tick, and with
    `on_fills` each streamed fill of it that nobody waits for is one. `label` names the phase for
    people; `is_idle` says that nothing is held or in flight.
    """

    label: str
    is_idle: bool
    symbols: tuple[str, ...]
    wake_at_ms: int | None
    held: str | None = None
    lines: tuple[GuardLine, ...] = ()
    tick_ms: int | None = None
    on_fills: bool = False


class Strategy(Protocol[S]):
    """What the engine runs. Both methods are pure."""

    def decide(self, state: S, event: Event) -> Decision[S]:
        """Return what follows from `event`."""
        ...

    def watch(self, state: S) -> Watch:
        """Return what to keep an eye on in `state`."""
        ...
