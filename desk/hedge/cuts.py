"""What is known of a leg that another hand made smaller: how much is left, and whose hand it was.

Facts only. What to do about it stands in `desk.hedge.reducing`.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from desk.core.events import AccountsRead, VenueAccount
from desk.core.market import step_down
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.select import BOTH
from desk.hedge.sizing import common_multiple, least_closable
from desk.hedge.state import Cut, Hedge
from desk.hedge.steps import differences, fills_in, is_by_others, unexplained


def kept(hedge: Hedge, sizes: Iterable[Decimal] | None = None) -> Decimal:
    """Return the size (base units) that both legs can keep: the smaller one's, on both lots.

    `sizes` stand for what is ours on each venue where that is not known yet.
    """
    lot = common_multiple([row.size_lot for row in hedge.instruments.values()])
    held = (hedge.held(venue) for venue in BOTH)
    return step_down(min(map(abs, held if sizes is None else sizes)), lot)


def surplus(hedge: Hedge, venue: VenueName) -> Decimal:
    """Return what of ours is to be closed on `venue`, signed: all of it, but what a reduction
    keeps."""
    held = hedge.held(venue)
    if not hedge.is_reducing:
        return held
    return (abs(held) - kept(hedge)) * hedge.side_at(venue).sign


def is_enough(config: Config, hedge: Hedge, size: Decimal) -> bool:
    """Return whether legs of `size` can be held on: both venues would still close them at the
    stop."""
    return size > 0 and all(
        size >= least_closable(config, hedge.instruments[venue], _entry(hedge, venue))
        for venue in BOTH
    )


def _entry(hedge: Hedge, venue: VenueName) -> Decimal:
    entry = hedge.entry_price(venue)
    assert entry is not None, "a leg that stood has an entry"
    return entry


def left(hedge: Hedge, event: AccountsRead) -> Decimal:
    """Return what both legs could keep by the positions of this read."""
    sizes = [abs(hedge.held(venue)) - _lost(hedge, venue, event) for venue in BOTH]
    return kept(hedge, sizes)


def _lost(hedge: Hedge, venue: VenueName, event: AccountsRead) -> Decimal:
    """Return how much of ours is missing on `venue`, base units; what is not known is there."""
    missing = -differences(hedge, event).get(venue, Decimal(0)) * hedge.side_at(venue).sign
    return min(max(missing, Decimal(0)), abs(hedge.held(venue)))


def proved(hedge: Hedge, event: AccountsRead) -> tuple[Cut, ...]:
    """Return the cuts that the venues' own rows prove: fills of others that explain the position
    to the lot. None of them, while one leg's loss is not explained."""
    odd = unexplained(hedge, event)
    cuts = []
    for venue, row in event.venues.items():
        lost = _lost(hedge, venue, event)
        if not lost:
            continue
        if row.fills is None or venue in odd:
            return ()
        cuts.append(_cut(hedge, venue, row, lost))
    return tuple(cuts)


def booked(hedge: Hedge, event: AccountsRead) -> Hedge:
    """Return the hedge with the cuts written down that this read proves: the rest is ours alone,
    and if it is too small for an order it may be closed through zero."""
    return replace(hedge, cuts=(*hedge.cuts, *proved(hedge, event)))


def _cut(hedge: Hedge, venue: VenueName, row: VenueAccount, lost: Decimal) -> Cut:
    side = hedge.side_at(venue).exit
    fills = [fill for fill in fills_in(row) if is_by_others(hedge, fill) and fill.side is side]
    last = max(fills, key=lambda fill: fill.at_ms)
    return Cut(venue, lost * side.sign, last.cause, last.at_ms)
