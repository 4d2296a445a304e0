"""When a hedge must not be held any longer: worst-leg loss, and distance to liquidation.

Reads only what the venues say; a mark that is missing fires nothing.
"""

from collections.abc import Mapping
from decimal import Decimal

from desk.core.actions import GuardLine
from desk.core.events import MarkView, VenueAccount
from desk.core.order import PositionSide
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.select import BOTH
from desk.hedge.state import Hedge

# A mark this far (fraction) from its own index AND from the other venue's mark is a broken mark.
MARK_DOUBT = Decimal("0.05")


def stop_price(config: Config, hedge: Hedge, venue: VenueName) -> Decimal | None:
    """Return the mark (USD) at which the leg on `venue` has lost `stop_loss_pct` of its filled
    entry.

    None while nothing is held there.
    """
    entry = hedge.entry_price(venue)
    if entry is None or not hedge.held(venue):
        return None
    loss = entry * config.stop_loss_pct / 100
    return entry - loss if hedge.side_at(venue) is PositionSide.LONG else entry + loss


def guard_lines(config: Config, hedge: Hedge) -> tuple[GuardLine, ...]:
    """Return the marks at which the engine must wake us at once."""
    lines = []
    for venue in BOTH:
        price = stop_price(config, hedge, venue)
        if price is not None:
            above = hedge.side_at(venue) is PositionSide.SHORT
            lines.append(GuardLine(venue, hedge.symbol, price, above))
    return tuple(lines)


def stopped_leg(
    config: Config, hedge: Hedge, marks: Mapping[VenueName, MarkView]
) -> tuple[VenueName, bool] | None:
    """Return the leg whose stop is reached, and whether its mark can be believed.

    A leg whose mark is believed comes before one whose mark is not.
    """
    doubted = None
    for venue in BOTH:
        price, view = stop_price(config, hedge, venue), marks.get(venue)
        if price is None or view is None:
            continue
        is_long = hedge.side_at(venue) is PositionSide.LONG
        if view.mark <= price if is_long else view.mark >= price:
            if _is_credible(view, marks.get(venue.twin)):
                return venue, True
            doubted = venue, False
    return doubted


def _is_credible(view: MarkView, other: MarkView | None) -> bool:
    """A mark that neither its own index nor the other venue supports is not believed alone."""
    if _is_near(view.mark, view.index):
        return True
    return other is not None and _is_near(view.mark, other.mark)


def _is_near(price: Decimal, witness: Decimal) -> bool:
    """Return whether the witness, a price of its own, is within the doubt of `price`."""
    return witness > 0 and abs(price - witness) <= witness * MARK_DOUBT


def marks_of(venues: Mapping[VenueName, VenueAccount], at_ms: int) -> dict[VenueName, MarkView]:
    """Return the marks that a read brought with it: the second source where a stream is silent."""
    rows = {venue: row.stats for venue, row in venues.items()}
    return {
        venue: MarkView(stats.mark, stats.index, at_ms)
        for venue, stats in rows.items()
        if stats is not None and stats.mark > 0
    }


def price_loss_bps(hedge: Hedge, marks: Mapping[VenueName, MarkView]) -> Decimal | None:
    """Return what both legs together have lost by price since their entry, basis points of the
    long one, negative for a gain; None while a mark is missing."""
    long, short = marks.get(hedge.long_venue), marks.get(hedge.long_venue.twin)
    bought, sold = hedge.entry_price(hedge.long_venue), hedge.entry_price(hedge.long_venue.twin)
    if long is None or short is None or bought is None or sold is None:
        return None
    return ((short.mark - sold) - (long.mark - bought)) / bought * 10_000


def thin_margin(
    config: Config, hedge: Hedge, venues: Mapping[VenueName, VenueAccount]
) -> str | None:
    """Return which leg stands too close to its liquidation price, None if none does."""
    for venue, left_pct in margin_distances(hedge, venues).items():
        if left_pct < config.min_margin_distance_pct:
            return f"{venue} is {left_pct:.1f} % from liquidation"
    return None


def margin_distances(
    hedge: Hedge, venues: Mapping[VenueName, VenueAccount]
) -> dict[VenueName, Decimal]:
    """Return how far each leg is from the liquidation price that its venue tells, percent of the
    mark; one without such a price, or without a mark, is not among them."""
    distances = {}
    for venue, row in venues.items():
        mark = _mark(row)
        for position in row.account.positions:
            price = position.liquidation_price
            if mark is None or position.symbol != hedge.symbol or price is None or price <= 0:
                continue
            distances[venue] = distance_pct(mark, price)
    return distances


def distance_pct(mark: Decimal, liquidation_price: Decimal) -> Decimal:
    """Return how far a mark is from a liquidation price, percent of the mark."""
    return abs(mark - liquidation_price) / mark * 100


def _mark(row: VenueAccount) -> Decimal | None:
    """Return the mark, or the middle of a fresh book where no mark is told."""
    if row.stats is not None and row.stats.mark > 0:
        return row.stats.mark
    return row.quote.mid if row.quote is not None else None
