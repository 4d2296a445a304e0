"""What a finished cycle brought, from the venues' own rows: price, funding and fees of each leg."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.events import VenueAccount
from desk.core.funding import FundingPayment
from desk.core.order import Fill
from desk.core.venue import VenueName
from desk.hedge.economics import settlements_between
from desk.hedge.select import BOTH
from desk.hedge.state import CloseReason, CycleResult, Hedge, LegResult, Role
from desk.hedge.steps import fills_in, is_by_others


def is_complete(hedge: Hedge, venues: Mapping[VenueName, VenueAccount]) -> bool:
    """Return whether the rows handed out tell the whole story on both venues.

    The fills add up to what is known to have filled and leave nothing open, and no settlement that
    the leg lived through lacks its payment.
    """
    return all(venue in venues and _is_told(hedge, venue, venues[venue]) for venue in BOTH)


def _is_told(hedge: Hedge, venue: VenueName, row: VenueAccount) -> bool:
    if row.fills is None or row.payments is None:
        return False
    fills = _ours(hedge, row)
    listed = sum((fill.size for fill in fills), Decimal(0))
    known = sum((item.filled for item in hedge.orders if item.venue is venue), Decimal(0))
    if listed != known or _signed([*fills, *_by_hand(hedge, venue, row)]) != 0:
        return False
    return len(_payments(hedge, row)) >= _settlements(hedge, venue, fills)


def _settlements(hedge: Hedge, venue: VenueName, fills: list[Fill]) -> int:
    """Return how many hourly payments the leg certainly lived through: verified to last close."""
    opening = {row.client_id for row in hedge.intents if row.role is Role.OPEN}
    closing = {row.client_id for row in hedge.orders} - opening
    ends = [fill.at_ms for fill in fills if fill.client_id in closing]
    if hedge.opened_at_ms is None or not ends:
        return 0
    # The instant itself is left out: which side of it a fill fell on, the venue decides.
    return settlements_between(hedge.opened_at_ms, max(ends) - 1)


def cycle_result(
    hedge: Hedge, venues: Mapping[VenueName, VenueAccount], *, at_ms: int, complete: bool
) -> CycleResult:
    """Return the books of a flat hedge."""
    change = None
    if all(venue in venues and venue in hedge.equity_before_usd for venue in BOTH):
        change = sum(
            (venues[v].account.equity_usd - hedge.equity_before_usd[v] for v in BOTH), Decimal(0)
        )
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
        equity_change_usd=change,
        is_complete=complete,
        forecast_usd=_forecast_usd(hedge),
        legging_ms=_legging_ms(hedge),
        slippage_bps=_slippage_bps(hedge),
        cuts=hedge.cuts,
    )


def _legging_ms(hedge: Hedge) -> int | None:
    if hedge.first_sent_at_ms is None or hedge.last_filled_at_ms is None:
        return None
    return hedge.last_filled_at_ms - hedge.first_sent_at_ms


def _slippage_bps(hedge: Hedge) -> Decimal | None:
    """Return what both entries cost against the mids of the decision, negative for a gain."""
    total = Decimal(0)
    for venue in BOTH:
        entry, mid = hedge.entry_price(venue), hedge.mids.get(venue)
        if entry is None or mid is None:
            return None
        total += (entry / mid - 1) * hedge.side_at(venue).sign
    return total * 10_000


def _forecast_usd(hedge: Hedge) -> Decimal | None:
    """Return the funding expected when the hedge was approved, on the notional that was filled."""
    price = hedge.entry_price(hedge.long_venue)
    if price is None or hedge.funding_bps is None:
        return None
    return hedge.size * price * hedge.funding_bps / 10_000


def _leg_result(hedge: Hedge, venue: VenueName, row: VenueAccount) -> LegResult:
    """Return the sums over a leg's rows. A size whose closing fill is missing brings no price."""
    fills = [*_ours(hedge, row), *_by_hand(hedge, venue, row)]
    cash = sum((-fill.side.sign * fill.size * fill.price for fill in fills), Decimal(0))
    open_size = _signed(fills)
    if open_size:
        entry = hedge.entry_price(venue)
        cash += open_size * (entry if entry is not None else fills[0].price)
    fees = sum((fill.fee_usd for fill in fills), Decimal(0))
    funding = sum((payment.usd for payment in _payments(hedge, row)), Decimal(0))
    return LegResult(hedge.side_at(venue), cash, funding, fees)


def _ours(hedge: Hedge, row: VenueAccount) -> list[Fill]:
    return [fill for fill in fills_in(row) if hedge.owns(fill.client_id)]


def _by_hand(hedge: Hedge, venue: VenueName, row: VenueAccount) -> list[Fill]:
    """Return the fills by which somebody else closed our leg, none where we closed it ourselves.

    The owner's hand, a liquidation, a deleveraging: oldest first, as far as our size goes.
    """
    left = hedge.traded(venue)
    taken: list[Fill] = []
    for fill in fills_in(row):
        reduces = fill.side.sign * left < 0
        if reduces and is_by_others(hedge, fill):
            part = min(fill.size, abs(left))
            taken.append(_part(fill, part))
            left += part * fill.side.sign
    return taken


def _part(fill: Fill, size: Decimal) -> Fill:
    """Return the share of a fill that closed `size` of ours, its fee in proportion."""
    if size == fill.size:
        return fill
    return replace(fill, size=size, fee_usd=fill.fee_usd * size / fill.size)


def _signed(fills: list[Fill]) -> Decimal:
    return sum((fill.size * fill.side.sign for fill in fills), Decimal(0))


def _payments(hedge: Hedge, row: VenueAccount) -> list[FundingPayment]:
    """Return the payments of this hedge, each once; rows from before it are another cycle's.

    It begins with its first fill, by the venue's own clock: ours may be ahead of the settlement.
    """
    began_at_ms = min((fill.at_ms for fill in _ours(hedge, row)), default=hedge.approved_at_ms)
    rows = {entry.payment_id: entry for entry in row.payments or ()}
    return [
        entry
        for entry in rows.values()
        if entry.symbol == hedge.symbol and entry.at_ms >= began_at_ms
    ]
