"""What a finished cycle brought, from the venues' own rows: price, funding and fees of each leg."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from desk.core.events import VenueAccount
from desk.core.order import Fill
from desk.core.venue import VenueName
from desk.hedge.state import CloseReason, CycleResult, Hedge, LegResult


def is_complete(hedge: Hedge, venues: Mapping[VenueName, VenueAccount]) -> bool:
    """Return whether the fills handed out add up to what is known to have filled."""
    for venue, row in venues.items():
        listed = sum((fill.size for fill in _ours(hedge, row)), Decimal(0))
        known = sum((item.filled for item in hedge.intents if item.venue is venue), Decimal(0))
        if listed != known:
            return False
    return True


def cycle_result(
    hedge: Hedge, venues: Mapping[VenueName, VenueAccount], *, at_ms: int, complete: bool
) -> CycleResult:
    """Return the books of a flat hedge."""
    equity_after = sum((row.account.equity_usd for row in venues.values()), Decimal(0))
    equity_before = sum(hedge.equity_before_usd.values(), Decimal(0))
    return CycleResult(
        cycle=hedge.cycle,
        symbol=hedge.symbol,
        size=hedge.size,
        long_venue=hedge.long_venue,
        opened_at_ms=hedge.opened_at_ms,
        closed_at_ms=at_ms,
        close_reason=hedge.close_reason or CloseReason.RECOVERY,
        renewals=hedge.renewals,
        legs={venue: _leg_result(hedge, venue, row) for venue, row in venues.items()},
        equity_change_usd=equity_after - equity_before,
        is_complete=complete,
    )


def _leg_result(hedge: Hedge, venue: VenueName, row: VenueAccount) -> LegResult:
    fills = _ours(hedge, row)
    cash = sum((-fill.side.sign * fill.size * fill.price for fill in fills), Decimal(0))
    fees = sum((fill.fee_usd for fill in fills), Decimal(0))
    paid = [entry.usd for entry in row.payments or () if entry.symbol == hedge.symbol]
    return LegResult(hedge.side_at(venue), cash, sum(paid, Decimal(0)), fees)


def _ours(hedge: Hedge, row: VenueAccount) -> Sequence[Fill]:
    return [fill for fill in row.fills or () if hedge.owns(fill.client_id)]
