"""What of the decisions goes into the log file: what a person looks for when something went wrong.

Every step that touches money, each with its reason: transitions, orders before they are sent and
what became of them, the owner's voice. Of the looks and checks that found nothing new, one line an
hour; the journal has them all.
"""

from decimal import Decimal
from typing import Any

import structlog

from desk.core.actions import (
    Action,
    CancelOrders,
    Decision,
    ReadAccounts,
    ReadMarkets,
    RestOrders,
    SendOrders,
    Watch,
)
from desk.core.events import (
    AccountsRead,
    Event,
    MarketsRead,
    OrderReport,
    OrdersSettled,
    Tick,
    Verdict,
)
from desk.core.order import OrderRequest
from desk.engine.said import Said

_ROUTINE = (Tick, MarketsRead, AccountsRead)
_LOOKS = (ReadMarkets, ReadAccounts)
_ORDERS = (SendOrders, RestOrders)

log = structlog.get_logger()


class DecisionLog:
    """Writes decisions to the log, each when it is made."""

    def __init__(self) -> None:
        """Begin a life: nothing has been said."""
        self._said = Said()

    def note(
        self, event: Event, decision: Decision[Any], *, before: Watch, after: Watch
    ) -> None:
        """Log what is worth a line of one decision."""
        if isinstance(event, OrdersSettled):
            for report in event.reports:
                _note_report(report)
        heading = f"{after.label} {after.held} {decision.reason}"
        if self._said.is_news(heading, event.at_ms) or _is_step(event, decision, before, after):
            log.info(
                "decision",
                was=before.label,
                now=after.label,
                on=type(event).__name__,
                reason=decision.reason,
                **_if_known(symbol=after.held or before.held),
            )
        for action in decision.actions:
            _note_orders(action)


def _is_step(event: Event, decision: Decision[Any], before: Watch, after: Watch) -> bool:
    """Return whether a decision moved something, or came from anything but time and reads."""
    if before.label != after.label and not (before.is_idle and after.is_idle):
        return True
    if not isinstance(event, _ROUTINE):
        return True
    return any(not isinstance(action, _LOOKS) for action in decision.actions)


def _note_orders(action: Action) -> None:
    """Log orders and cancels before they are sent."""
    if isinstance(action, CancelOrders):
        for venue, client_id in action.orders:
            log.info("order.cancel", venue=venue, symbol=action.symbol, client_id=client_id)
    if not isinstance(action, _ORDERS):
        return
    for order in action.orders:
        request = order.request
        log.info(
            "order.intended",
            venue=order.venue,
            symbol=request.symbol,
            side=request.side,
            size=f"{request.size:f}",
            price=f"{request.price:f}",
            **_trigger_of(request),
            reduce_only=request.reduce_only,
            client_id=request.client_id,
        )


def _trigger_of(request: OrderRequest) -> dict[str, str]:
    """Return what a trigger says besides, nothing for another order."""
    if request.trigger_price is None:
        return {}
    return {"kind": request.kind, "trigger_price": f"{request.trigger_price:f}"}


def _note_report(report: OrderReport) -> None:
    """Log what became of one order."""
    write = log.info if report.verdict is Verdict.ACCEPTED else log.warning
    write(
        "order.settled",
        venue=report.venue,
        client_id=report.client_id,
        verdict=report.verdict,
        is_final=report.is_final,
        filled=f"{report.filled:f}",
        **_if_known(
            price=report.average_price, fee_usd=report.fee_usd, detail=report.detail or None
        ),
    )


def _if_known(**values: Decimal | str | None) -> dict[str, str]:
    """Return the values that are there, as text."""
    return {
        name: f"{value:f}" if isinstance(value, Decimal) else value
        for name, value in values.items()
        if value is not None
    }
