"""What the venues' own rows prove about positions: which part is ours, and which hedge it was.

Pure arithmetic over one read of both accounts. What follows from it stands in
`desk.hedge.doubting`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from desk.core.events import AccountsRead, VenueAccount
from desk.core.ids import OrderKey
from desk.core.order import Fill
from desk.core.venue import VenueName
from desk.hedge.select import BOTH
from desk.hedge.state import CloseReason, Hedge, Intent, Role
from desk.hedge.steps import absorb, fills_in

Life = tuple[int, int]  # epoch and cycle of an order's id: which hedge it belongs to


@dataclass(frozen=True, slots=True)
class Leg:
    """One venue's position in a symbol, followed back through its fills to when there was none.

    `position` is signed base units, `ours` are our own fills since then, oldest first. `is_whole`:
    the rows do reach back to a flat position; otherwise they prove nothing.
    """

    position: Decimal
    ours: tuple[Fill, ...]
    is_whole: bool

    @property
    def standing(self) -> Decimal:
        """Return how much of ours is still there, signed: never more than our fills add up to."""
        net = _net(self.ours)
        if net * self.position <= 0:
            return Decimal(0)
        return min(net, self.position, key=abs)


@dataclass(frozen=True, slots=True)
class Trace:
    """A symbol in which somebody holds something: each venue's leg."""

    symbol: str
    legs: Mapping[VenueName, Leg]

    @property
    def is_whole(self) -> bool:
        """Return whether the rows explain both positions from the first fill on."""
        return all(leg.is_whole for leg in self.legs.values())

    @property
    def is_ours(self) -> bool:
        """Return whether it is proved that something of ours stands here."""
        return self.is_whole and any(leg.standing for leg in self.legs.values())

    @property
    def is_even(self) -> bool:
        """Return whether what stands of ours cancels out."""
        return sum((leg.standing for leg in self.legs.values()), Decimal(0)) == 0

    @property
    def lives(self) -> frozenset[Life]:
        """Return which of our hedges had a hand in it."""
        return frozenset(_life(row) for leg in self.legs.values() for row in leg.ours)

    @property
    def looks_like_ours(self) -> bool:
        """Return whether it has the shape of a hedge: both venues, opposite sides."""
        first, second = (leg.position for leg in self.legs.values())
        return first * second < 0

    def __str__(self) -> str:
        """Name each position: "lighter holds 0.01 ETH"."""
        held = (
            f"{venue} holds {leg.position.normalize():f} {self.symbol}"
            for venue, leg in self.legs.items()
            if leg.position
        )
        return ", ".join(held)


def traces_in(event: AccountsRead) -> tuple[Trace, ...]:
    """Return a trace for each symbol that a venue shows a position in, sorted by symbol."""
    held = {row.symbol for seen in event.venues.values() for row in seen.account.positions}
    return tuple(
        Trace(symbol, {venue: _leg(event.venues[venue], symbol) for venue in BOTH})
        for symbol in sorted(held)
    )


def _leg(seen: VenueAccount, symbol: str) -> Leg:
    position = left = seen.account.size_of(symbol)
    ours: list[Fill] = []
    for fill in reversed(fills_in(seen)):
        if not left:
            break
        if fill.symbol == symbol:
            left -= fill.size * fill.side.sign
            if OrderKey.parse(fill.client_id) is not None:
                ours.append(fill)
    return Leg(position, tuple(reversed(ours)), is_whole=not left)


def _net(fills: Iterable[Fill]) -> Decimal:
    return sum((fill.size * fill.side.sign for fill in fills), Decimal(0))


def _life(row: Fill | Intent) -> Life:
    key = OrderKey.parse(row.client_id)
    assert key is not None, "an id of ours"
    return key.epoch, key.cycle


def lives_of(hedge: Hedge) -> frozenset[Life]:
    """Return the epochs and cycles of its orders."""
    return frozenset(_life(row) for row in hedge.intents)


def epochs_in(event: AccountsRead) -> frozenset[int]:
    """Return the epochs of all our ids among the fills."""
    fills = (row for seen in event.venues.values() for row in fills_in(seen))
    keys = (OrderKey.parse(row.client_id) for row in fills)
    return frozenset(key.epoch for key in keys if key is not None)


def brought_up(hedge: Hedge, event: AccountsRead) -> Hedge:
    """Return the hedge with all its fills in it, those of orders that it does not know too.

    Where one of these closed something, a close had begun: it is to be ended.
    """
    unknown = [
        row
        for row in _orders(event, hedge.symbol, lives_of(hedge))
        if not hedge.owns(row.client_id)
    ]
    hedge = absorb(replace(hedge, intents=(*hedge.intents, *unknown)), event.venues)
    rounds = hedge.rounds + len(unknown)
    if hedge.close_reason is None and _has_closing(unknown):
        return replace(hedge, rounds=rounds, close_reason=CloseReason.RECOVERY)
    return replace(hedge, rounds=rounds)


def is_over(hedge: Hedge, event: AccountsRead) -> bool:
    """Return whether nothing of the hedge is left, nor can come any more."""
    for row in hedge.intents:
        seen_at_ms = event.venues[row.venue].surely_at_ms
        if row.in_doubt and seen_at_ms <= row.expires_at_ms:
            return False
    return not any(hedge.held(venue) for venue in BOTH)


def hedge_from(trace: Trace, event: AccountsRead, *, cycle: int) -> Hedge | None:
    """Return the hedge that a trace is what is left of, None where a venue does not list it.

    It stands when both legs are even and nobody had begun to close it. What only the lost state
    knew is left out: the spread that it was chosen for, and the equity before.
    """
    instruments = {venue: event.venues[venue].instruments.get(trace.symbol) for venue in BOTH}
    listed = {venue: row for venue, row in instruments.items() if row is not None}
    if len(listed) < len(BOTH):
        return None
    orders = _orders(event, trace.symbol, trace.lives)
    closing = _has_closing(orders)
    opened = [row.saved_at_ms for row in orders if row.role is Role.OPEN]
    return Hedge(
        cycle=cycle,
        symbol=trace.symbol,
        size=max(abs(leg.standing) for leg in trace.legs.values()),
        long_venue=next(venue for venue in BOTH if _is_long(trace, venue)),
        spread_apr_pct=None,
        approved_at_ms=min(row.saved_at_ms for row in orders),
        equity_before_usd={},
        instruments=listed,
        intents=orders,
        opened_at_ms=max(opened) if trace.is_even and not closing else None,
        close_reason=CloseReason.RECOVERY if closing else None,
        rounds=len(orders),
    )


def _is_long(trace: Trace, venue: VenueName) -> bool:
    return trace.legs[venue].standing > 0 or trace.legs[venue.twin].standing < 0


def _has_closing(orders: Iterable[Intent]) -> bool:
    return any(row.role is not Role.OPEN for row in orders)


def _orders(event: AccountsRead, symbol: str, lives: frozenset[Life]) -> tuple[Intent, ...]:
    """Return the orders of these lives that filled in a symbol, as the fills tell them."""
    return tuple(
        order
        for venue in BOTH
        for order in _venue_orders(venue, event.venues[venue], symbol, lives)
    )


def _venue_orders(
    venue: VenueName, seen: VenueAccount, symbol: str, lives: frozenset[Life]
) -> list[Intent]:
    orders: dict[OrderKey, list[Fill]] = {}
    for fill in fills_in(seen):
        key = OrderKey.parse(fill.client_id)
        if key is not None and fill.symbol == symbol and (key.epoch, key.cycle) in lives:
            orders.setdefault(key, []).append(fill)
    return [_order(venue, Role.of(key), fills) for key, fills in orders.items()]


def _order(venue: VenueName, role: Role, fills: list[Fill]) -> Intent:
    size = sum((fill.size for fill in fills), Decimal(0))
    average = sum((fill.size * fill.price for fill in fills), Decimal(0)) / size
    first = fills[0]
    assert first.client_id is not None, "it was parsed"
    return Intent(
        venue=venue,
        client_id=first.client_id,
        role=role,
        side=first.side,
        size=size,
        price=average,
        saved_at_ms=first.at_ms,
        expires_at_ms=first.at_ms,
        in_doubt=False,
        filled=size,
        average_price=average,
    )
