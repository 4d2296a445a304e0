"""Flatten an account, whoever opened what: which order next, and what is left.

Pure, and apart from any strategy: it knows no hedge and asks for no reason. Every position is taken
as the venue shows it now, so it is idempotent: what was sent before matters only for how far to
reach, and for how long to wait.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from desk.core.account import Position
from desk.core.events import Verdict
from desk.core.ids import ATTEMPT_MAX_31, CYCLE_MAX, OrderKey
from desk.core.market import BPS, Instrument
from desk.core.order import Order, OrderRequest, Outcome, Side
from desk.core.venue import VenueName

# Fields of an id that no hedge has: an installation draws its epoch from 1, a leg begins at 1.
EMERGENCY_EPOCH = 0
EMERGENCY_LEG = 0
BAND_BPS_STEP = Decimal(50)  # begins wide, as every urgent close does, and widens by as much
# The venues refuse prices too far from the mark (the exact bound is not published): a band wider
# than this would be refused rather than filled.
BAND_BPS_MAX = Decimal(500)
WAIT_MS_EXTRA = 100
QUICK_TRIES = 3  # then each is waited for twice as long: the venues ration requests
DOUBLINGS_MAX = 5
# Room below the price for the smallest order through zero, so that the way back is no dust either.
FLOOR_BPS = 2 * BAND_BPS_MAX


@dataclass(frozen=True, slots=True)
class Sight:
    """What one venue holds of ours: one look. `asked_at_ms` is when the earlier request left."""

    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    asked_at_ms: int

    @property
    def is_flat(self) -> bool:
        """Return whether this look shows nothing."""
        return not self.positions and not self.orders

    def only(self, symbol: str | None) -> "Sight":
        """Return what of it concerns one symbol; None: all."""
        if symbol is None:
            return self
        return replace(
            self,
            positions=tuple(row for row in self.positions if row.symbol == symbol),
            orders=tuple(row for row in self.orders if row.symbol == symbol),
        )

    def size_of(self, symbol: str) -> Decimal:
        """Return the signed size held in a symbol, zero for none."""
        return sum((row.size for row in self.positions if row.symbol == symbol), Decimal(0))

    def summary(self) -> str:
        """Return everything it shows in one line."""
        rows = [f"{row.symbol} {row.size.normalize():f}" for row in self.positions]
        if self.orders:
            rows.append(f"{len(self.orders)} orders" if len(self.orders) > 1 else "1 order")
        return f"open: {', '.join(rows)}"


@dataclass(frozen=True, slots=True)
class Market:
    """Where a position is closed: the venue's steps, and its mark (USD)."""

    instrument: Instrument
    mark: Decimal


@dataclass(frozen=True, slots=True)
class Close:
    """One order to be: reduce-only, unless it goes `through` zero because nothing smaller is taken.
    """

    symbol: str
    side: Side
    size: Decimal
    price: Decimal
    through: bool = False

    def request(self, client_id: str) -> OrderRequest:
        """Return it as an order: at this price or better, at once or not at all."""
        return OrderRequest(
            symbol=self.symbol,
            side=self.side,
            size=self.size,
            price=self.price,
            client_id=client_id,
            reduce_only=not self.through,
        )


@dataclass(frozen=True, slots=True)
class Effort:
    """The last order in one symbol, and how far the efforts before it went.

    `held` is the signed position when it left. Until `may_act_until_ms` it may still take effect.
    `widenings` counts the orders before it that were accepted and did not close.
    """

    close: Close
    held: Decimal
    verdict: Verdict
    may_act_until_ms: int
    widenings: int

    def is_open(self, held: Decimal, now_ms: int) -> bool:
        """Return whether its effect is still to be waited for."""
        is_unmoved = held == self.held
        return is_unmoved and self.may_act(now_ms)

    def may_act(self, now_ms: int) -> bool:
        """Return whether it may still take effect."""
        return self.verdict is not Verdict.REJECTED and now_ms < self.may_act_until_ms

    def may_turn(self, now_ms: int) -> bool:
        """Return whether it may still make a position out of none."""
        return self.close.through and self.may_act(now_ms)


Heard = Callable[[Close | None, Outcome], None]
"""Told how each order was answered; None stands for the cancel of all orders."""


def wait_ms(settle_ms: int, widenings: int = 0) -> int:
    """Return how long an accepted order is given: at first twice the venue's usual delay and a
    little."""
    doublings = min(max(widenings + 1 - QUICK_TRIES, 0), DOUBLINGS_MAX)
    return (2 * settle_ms + WAIT_MS_EXTRA) << doublings


def band_bps(widenings: int) -> Decimal:
    """Return how far from the mark the next order may trade."""
    return min(BAND_BPS_STEP * (1 + widenings), BAND_BPS_MAX)


def widenings_after(last: Effort | None) -> int:
    """Return how often the band has been widened for the next order: a refusal is no reason to."""
    if last is None:
        return 0
    return last.widenings + (last.verdict is not Verdict.REJECTED)


def next_close(market: Market, held: Decimal, last: Effort | None, now_ms: int) -> Close | None:
    """Return the order that closes `held` (signed, not zero), None while the last one may act.

    A rest too small for the venue is tried reduce-only once, since a venue may take it; where that
    changed nothing, it goes through zero, to a size that can be closed.
    """
    if last is not None and last.is_open(held, now_ms):
        return None
    instrument = market.instrument
    side = Side.SELL if held > 0 else Side.BUY
    price = instrument.worst_price(market.mark, side, band_bps(widenings_after(last)))
    size, through = abs(held), False
    least = instrument.size_floor(market.mark * (1 - FLOOR_BPS / BPS))
    is_dust = size < instrument.size_floor(min(price, market.mark))
    if is_dust and last is not None and last.held == held:
        size, through = size + least, True
    elif instrument.notional_max_usd is not None:
        most = instrument.size_down(instrument.notional_max_usd / max(price, market.mark))
        size = min(size, most)
    size = instrument.size_down(size) or instrument.size_lot
    return Close(instrument.symbol, side, size, price, through)


def client_id(venue: VenueName, *, started_at_ms: int, number: int, bits: int = 48) -> str:
    """Return the id of the `number`th order of an emergency that began then.

    Marked as ours, and unlike any id of a hedge. Runs hours apart may repeat one another's, which
    the venues allow once an order is gone.
    """
    carry, attempt = divmod(number, ATTEMPT_MAX_31 + 1)
    cycle = (started_at_ms // 1000 + carry) % (CYCLE_MAX + 1)
    key = OrderKey(epoch=EMERGENCY_EPOCH, cycle=cycle, leg=EMERGENCY_LEG, attempt=attempt)
    return key.text_for(venue, bits=bits)


def named(symbol: str, listings: Iterable[Mapping[str, object]]) -> str | None:
    """Return how the venues spell a symbol that somebody typed, None where none lists it."""
    known = {name for listing in listings for name in listing}
    if symbol in known:
        return symbol
    alike = [name for name in known if name.casefold() == symbol.casefold()]
    return alike[0] if len(alike) == 1 else None
