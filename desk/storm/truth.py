"""What is really held, and whose it is, from the exchanges' own fills.

Knows that the bot alone gives its orders ids, and nothing else of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from desk.core.venue import VenueName
from desk.sim.exchange import (
    ExchangeEvent,
    Fill,
    FillBooked,
    FillCause,
    OrderChanged,
    OrderView,
)
from desk.storm.stage import ACCOUNT, SYMBOLS, Stage

ZERO = Decimal(0)
Filled = Callable[[VenueName, Fill, Decimal], None]
Changed = Callable[[VenueName, OrderView], None]


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands in a symbol (base units, unsigned) and on which venue.

    As a rule: how far its legs are from cancelling out, and where the larger one is.
    """

    symbol: str
    size: Decimal
    venue: VenueName


class Truth:
    """Positions of the account, and which part of them came from orders with our mark."""

    def __init__(self, stage: Stage, *, filled: Filled, changed: Changed) -> None:
        """Listen to both exchanges from now on; `filled` is told what was ours before a fill."""
        self._filled = filled
        self._changed = changed
        self._net = {(venue, symbol): ZERO for venue in VenueName for symbol in SYMBOLS}
        self._there = dict(self._net)
        self._taken = dict(self._net)
        self._returned = dict(self._net)
        self._lot = {
            symbol: max(stage.world.spec(venue, symbol).instrument.size_lot for venue in VenueName)
            for symbol in SYMBOLS
        }
        for venue, exchange in stage.world.exchanges.items():
            exchange.listen(partial(self._hear, venue), FillBooked, OrderChanged)

    def ours(self, venue: VenueName, symbol: str) -> Decimal:
        """Return what of our fills is still there, signed base units.

        Another hand takes first what is not ours. Whether what it adds later is ours again is
        anybody's guess: that much (`returned`) may be held and closed as ours, and need not be.
        """
        return self._net[venue, symbol]

    def returned(self, venue: VenueName, symbol: str) -> Decimal:
        """Return how much another hand has put back of what it took of ours, unsigned."""
        return self._returned[venue, symbol]

    def there(self, venue: VenueName, symbol: str) -> Decimal:
        """Return the whole position, signed base units."""
        return self._there[venue, symbol]

    def gap(self) -> Gap | None:
        """Return the naked part of what is ours, None while every leg has its twin."""
        for symbol in SYMBOLS:
            lighter, pacifica = (self.ours(venue, symbol) for venue in VenueName)
            larger = VenueName.LIGHTER if abs(lighter) >= abs(pacifica) else VenueName.PACIFICA
            size = abs(lighter + pacifica) - self.returned(larger.twin, symbol)
            if size >= self._lot[symbol]:
                return Gap(symbol, size, larger)
        return None

    def largest(self) -> Gap | None:
        """Return the largest leg of ours that is at least a lot, None where there is none."""
        size, (venue, symbol) = max((abs(size), key) for key, size in self._net.items())
        return Gap(symbol, size, venue) if size >= self._lot[symbol] else None

    def is_flat(self) -> bool:
        """Return whether nothing of ours is held anywhere."""
        return not any(self.ours(venue, symbol) for venue, symbol in self._net)

    def _hear(self, venue: VenueName, event: ExchangeEvent) -> None:
        if isinstance(event, FillBooked) and event.fill.account_id == ACCOUNT:
            self._book(venue, event.fill)
        elif isinstance(event, OrderChanged) and event.order.account_id == ACCOUNT:
            self._changed(venue, event.order)

    def _book(self, venue: VenueName, fill: Fill) -> None:
        key, there = (venue, fill.symbol), fill.size_after
        before = self._net[key]
        if is_ours(fill.client_id) and fill.cause is FillCause.TRADE:
            self._net[key] = self._after_ours(key, fill)
        else:
            self._net[key] = _clamp(before, there)
            self._taken[key] += abs(before - self._net[key])
            grown = abs(there) - abs(self._there[key]) if before * there > 0 else ZERO
            self._returned[key] = min(self._returned[key] + max(grown, ZERO), self._taken[key])
        if not self._net[key] and not there:
            self._taken[key] = self._returned[key] = ZERO
        self._there[key] = there
        self._filled(venue, fill, before)
        self._net[key] = _clamp(self._net[key], there)

    def _after_ours(self, key: tuple[VenueName, str], fill: Fill) -> Decimal:
        """Return what is ours after an order of ours: a close takes what was put back, too."""
        after = self._net[key] + fill.size * fill.side.sign
        if after * self._there[key] >= 0:
            return after
        beyond = min(abs(after), self._returned[key])
        self._returned[key] -= beyond
        return after - beyond * fill.side.sign


def _clamp(ours: Decimal, there: Decimal) -> Decimal:
    """Return what can still be ours of a position, signed."""
    if ours * there <= 0:
        return ZERO
    return ours if abs(ours) <= abs(there) else there


def is_ours(client_id: str | None) -> bool:
    """Return whether an order is the bot's: nobody else here gives his orders an id."""
    return client_id is not None
