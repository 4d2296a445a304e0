"""When a hedge must not be held any longer: worst-leg loss, distance to liquidation, legs that
differ.

Reads only what the venues say; a mark that is missing fires nothing and is reported as missing.
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

    None while that leg has filled nothing.
    """
    size = abs(hedge.held(venue))
    notional = hedge.entry_notional_usd(venue)
    if not size or not notional:
        return None
    entry = notional / size
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
    """Return the leg whose stop is reached, and whether its mark can be believed."""
    for venue, view in marks.items():
        price = stop_price(config, hedge, venue)
        if price is None:
            continue
        is_long = hedge.side_at(venue) is PositionSide.LONG
        if view.mark <= price if is_long else view.mark >= price:
            return venue, _is_credible(view, marks.get(venue.twin))
    return None


def _is_credible(view: MarkView, other: MarkView | None) -> bool:
    """A mark that neither its own index nor the other venue supports is not believed alone."""
    if abs(view.mark / view.index - 1) <= MARK_DOUBT:
        return True
    return other is not None and abs(view.mark / other.mark - 1) <= MARK_DOUBT


def thin_margin(
    config: Config, hedge: Hedge, venues: Mapping[VenueName, VenueAccount]
) -> str | None:
    """Return which leg stands too close to its liquidation price, None if none does."""
    for venue, row in venues.items():
        if row.stats is None:
            continue
        for position in row.account.positions:
            price = position.liquidation_price
            if position.symbol != hedge.symbol or price is None or price <= 0:
                continue
            distance_pct = abs(row.stats.mark - price) / row.stats.mark * 100
            if distance_pct < config.min_margin_distance_pct:
                return f"{venue} is {distance_pct:.1f} % from liquidation"
    return None
