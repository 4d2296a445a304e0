"""What of the strategy's decisions goes into the ledger: cycles, their steps and orders, and why.

Pure: records in, entries out. Rows of the venues come from elsewhere; these only explain them.
"""

from decimal import Decimal
from typing import Any

from desk.core.actions import CancelOrders, Decision, RestOrders, SendOrders, VenueOrder
from desk.core.events import (
    AccountsRead,
    Event,
    MarketsRead,
    OrderReport,
    OrdersSettled,
    Tick,
)
from desk.core.ids import OrderKey
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, CycleResult, Hedge, Role
from desk.ledger.rows import CycleId, CycleNote, Entry, OrderEnd, OrderNote, StepNote

_WRITES = (SendOrders, RestOrders, CancelOrders)


class NoteTaker:
    """Turns decisions into entries, each thing once."""

    def __init__(self) -> None:
        """Know of nothing yet: the first record tells of what an earlier life left, too."""
        self._hedge: Hedge | None = None
        self._noted: CycleNote | None = None
        self._result: CycleResult | None = None
        self._cancels: set[int] = set()

    def take(self, record: Record[BotState]) -> list[Entry]:
        """Return what one decision adds, most often nothing."""
        decision, before = record.decision, self._hedge
        hedge, epoch = decision.state.hedge, decision.state.epoch
        self._hedge = hedge
        entries: list[Entry] = []
        if hedge is not None and hedge is not before:
            entries += self._cycle(hedge, epoch)
        if decision.state.result is not None and decision.state.result is not self._result:
            self._result = decision.state.result
            entries.append(_ended(self._result, epoch))
        subject = hedge or before
        if subject is None:
            return entries
        cycle = CycleId(epoch, subject.cycle)
        if _is_step(record, before):
            phase, at_ms = record.after.label, record.event.at_ms
            entries.append(StepNote(cycle, at_ms, phase, decision.reason))
        entries += _orders(record.event, decision, cycle)
        return entries + self._ends(record)

    def _ends(self, record: Record[BotState]) -> list[Entry]:
        """Return what became of orders; the answer to a cancel tells of the request alone."""
        event, entries = record.event, list[Entry]()
        if isinstance(event, OrdersSettled) and event.ask not in self._cancels:
            entries += [_end(report) for report in event.reports]
        asked = {row.ask for row in record.decision.actions if isinstance(row, CancelOrders)}
        self._cancels = asked or self._cancels
        return entries

    def _cycle(self, hedge: Hedge, epoch: int) -> list[Entry]:
        note = CycleNote(
            id=CycleId(epoch, hedge.cycle),
            symbol=hedge.symbol,
            size=hedge.size,
            long_venue=hedge.long_venue,
            approved_at_ms=hedge.approved_at_ms,
            spread_apr_pct=hedge.spread_apr_pct,
            funding_bps=hedge.funding_bps,
            opened_at_ms=hedge.opened_at_ms,
            close_reason=hedge.close_reason,
            renewals=hedge.renewals,
            **_expected(hedge),
        )
        is_known, self._noted = note == self._noted, note
        return [] if is_known else [note]


def _expected(hedge: Hedge) -> dict[str, Any]:
    """Return what a hedge was opened for, as the fields of its note."""
    expected = hedge.expected
    if expected is None:
        return {}
    return {
        "notional_usd": hedge.notional_usd,
        "expected_hours": expected.settlements,
        "expected_funding_bps": expected.funding_bps,
        "expected_fees_bps": expected.costs.fees_bps,
        "expected_impact_bps": expected.costs.impact_bps,
        "expected_basis_bps": expected.costs.basis_bps,
    }


def _ended(result: CycleResult, epoch: int) -> CycleNote:
    return CycleNote(
        id=CycleId(epoch, result.cycle),
        symbol=result.symbol,
        size=result.size,
        long_venue=result.long_venue,
        opened_at_ms=result.opened_at_ms,
        closed_at_ms=result.closed_at_ms,
        close_reason=result.close_reason,
        renewals=result.renewals,
        forecast_usd=result.forecast_usd,
        legging_ms=result.legging_ms,
        equity_change_usd=result.equity_change_usd,
    )


def _is_step(record: Record[BotState], before: Hedge | None) -> bool:
    """Return whether a decision moved a cycle on: another phase, a renewal, orders."""
    hedge = record.decision.state.hedge
    if record.before.label != record.after.label:
        return True
    if hedge is not None and before is not None and hedge.renewals != before.renewals:
        return True
    return any(isinstance(action, _WRITES) for action in record.decision.actions)


def _orders(event: Event, decision: Decision[BotState], cycle: CycleId) -> list[OrderNote]:
    return [
        _order(order, event, cycle)
        for action in decision.actions
        if isinstance(action, SendOrders | RestOrders)
        for order in action.orders
    ]


def _order(order: VenueOrder, event: Event, cycle: CycleId) -> OrderNote:
    request = order.request
    return OrderNote(
        venue=order.venue,
        client_id=request.client_id,
        cycle=cycle,
        at_ms=event.at_ms,
        role=_role(order),
        symbol=request.symbol,
        side=request.side,
        size=request.size,
        price=request.price,
        seen_price=_seen(event, order.venue, request.symbol),
    )


def _role(order: VenueOrder) -> str:
    """Return what an order is for: the kind of a trigger, else the role in its id."""
    if order.request.trigger_price is not None:
        return order.request.kind.value
    key = OrderKey.parse(order.request.client_id)
    return "unknown" if key is None else Role.of(key).name.lower()


def _seen(event: Event, venue: VenueName, symbol: str) -> Decimal | None:
    """Return the mid, else the mark, that a decision saw of a symbol; None where it saw neither."""
    if isinstance(event, MarketsRead):
        markets = event.venues.get(venue)
        if markets is None:
            return None
        quote, stats = markets.quotes.get(symbol), markets.stats.get(symbol)
    elif isinstance(event, AccountsRead):
        account = event.venues.get(venue)
        if account is None:
            return None
        quote, stats = account.quote, account.stats
    elif isinstance(event, Tick):
        view = event.marks.get(venue)
        return None if view is None else view.mark
    else:
        return None
    if quote is not None:
        return quote.mid
    return None if stats is None else stats.mark


def _end(report: OrderReport) -> OrderEnd:
    return OrderEnd(
        venue=report.venue,
        client_id=report.client_id,
        verdict=report.verdict,
        filled=report.filled,
        average_price=report.average_price,
        detail=report.detail,
    )
