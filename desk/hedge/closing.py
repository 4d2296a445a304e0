"""CLOSE: flatten what is ours, prove it, and add up what the cycle brought.

A close is idempotent: read what is left of ours, send that much reduce-only, read again. Its band
widens step by step and it never gives up.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action
from desk.core.events import AccountsRead, OrdersSettled, Tick, VenueAccount
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.orders import send_orders
from desk.hedge.results import cycle_result, is_complete
from desk.hedge.sizing import band_price
from desk.hedge.state import BotState, CloseReason, Hedge, Phase, Role
from desk.hedge.steps import (
    RETRY_MS_MIN,
    Step,
    absorb,
    ask_hedge,
    back_off,
    hedge_of,
    note_outages,
    rest,
    retry_later,
    settle_reports,
    stay,
)

RESULT_TRIES_MAX = 10
WIDENINGS_MAX = 4


def begin_close(state: BotState, reason: CloseReason, at_ms: int, *also: Action) -> Step:
    """Decide to flatten; the first thing is to read what is there."""
    hedge = hedge_of(state)
    hedge = replace(hedge, close_reason=hedge.close_reason or reason)
    state = replace(state, phase=Phase.CLOSE, hedge=hedge)
    return ask_hedge(state, f"close {hedge.symbol}: {hedge.close_reason}", *also)


def on_settled(state: BotState, event: OrdersSettled) -> Step:
    """Closing orders are done for this try: read what is left."""
    hedge = settle_reports(hedge_of(state), event.reports)
    return ask_hedge(state.with_hedge(hedge), "what is left?")


def on_tick(state: BotState, event: Tick) -> Step:
    """Read what is left, after a pause."""
    return ask_hedge(state, "what is left?")


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """Send what is left of ours, or finish when both venues prove that nothing is."""
    hedge = absorb(hedge_of(state), event.venues)
    state = state.with_hedge(hedge)
    assert hedge.close_reason is not None, "CLOSE without a reason"
    if event.failures and not (hedge.close_reason.is_urgent and event.venues):
        return retry_later(state, event.at_ms, event.failures)
    state, alerts = note_outages(state, event.at_ms, event.failures)
    sizes = {venue: _left(hedge, venue, row) for venue, row in event.venues.items()}
    sizes = {venue: size for venue, size in sizes.items() if size > 0}
    if sizes:
        return _send(state, hedge, sizes, event, *alerts)
    if event.failures:
        return retry_later(state, event.at_ms, event.failures)
    if hedge.in_doubt():
        state = replace(state, wake_at_ms=event.at_ms + RETRY_MS_MIN)
        doubt = hedge.in_doubt()[0]
        return stay(state, f"{doubt.venue} has not said what became of an order", *alerts)
    return _finish(state, hedge, event, *alerts)


def _left(hedge: Hedge, venue: VenueName, row: VenueAccount) -> Decimal:
    """Return what is still ours to close: never more than our fills, never more than is there."""
    sign = hedge.side_at(venue).sign
    ours = hedge.held(venue) * sign
    there = row.account.size_of(hedge.symbol) * sign
    return max(min(ours, there), Decimal(0))


def _send(
    state: BotState,
    hedge: Hedge,
    sizes: Mapping[VenueName, Decimal],
    event: AccountsRead,
    *also: Action,
) -> Step:
    bps = close_band_bps(state.config, hedge)
    prices = {}
    for venue in sizes:
        reference = _reference(event.venues[venue])
        if reference is None:
            return retry_later(state, event.at_ms, {venue: f"{venue} shows no price to close at"})
        side = hedge.side_at(venue).exit
        prices[venue] = band_price(hedge.instruments[venue], reference, side, bps)
    hedge = replace(hedge, close_tries=hedge.close_tries + 1)
    reason = f"close at {bps:f} bp or better, try {hedge.close_tries}"
    state = state.with_hedge(hedge)
    return send_orders(state, Role.CLOSE, sizes, prices, event.at_ms, reason, *also)


def close_band_bps(config: Config, hedge: Hedge) -> Decimal:
    """Return how far from the middle this try may trade; urgent closes start at the wide band."""
    assert hedge.close_reason is not None
    first, wide = config.slippage_max_bps, config.close_slippage_max_bps
    if hedge.close_reason.is_urgent:
        return wide * (1 + min(hedge.close_tries, WIDENINGS_MAX))
    steps = min(Decimal(hedge.close_tries) / WIDENINGS_MAX, Decimal(2))
    return first + (wide - first) * steps


def _reference(row: VenueAccount) -> Decimal | None:
    """Return the price a band starts from: a fresh book if there is one, else the mark.

    A stale book never blocks a close.
    """
    if row.quote is not None:
        return row.quote.mid
    return row.stats.mark if row.stats is not None else None


def _finish(state: BotState, hedge: Hedge, event: AccountsRead, *also: Action) -> Step:
    """Both venues prove flat. Wait a little for the last rows of the books, then close them."""
    complete = is_complete(hedge, event.venues)
    if not complete and hedge.result_tries < RESULT_TRIES_MAX:
        hedge = replace(hedge, result_tries=hedge.result_tries + 1)
        state = replace(state, hedge=hedge, wake_at_ms=event.at_ms + RETRY_MS_MIN)
        return stay(state, "flat; waiting for the venues' last rows", *also)
    result = cycle_result(hedge, event.venues, at_ms=event.at_ms, complete=complete)
    if hedge.opened_at_ms is None:
        state = back_off(state, hedge.symbol, event.at_ms)
    left = state.cycles_left if state.cycles_left is None else max(state.cycles_left - 1, 0)
    state = replace(
        state,
        hedge=None,
        result=result,
        cycles_done=state.cycles_done + 1,
        cycles_left=left,
        close_asked=False,
    )
    reason = f"cycle {result.cycle} closed flat, net {result.net_usd:+.4f} USD"
    return rest(state, event.at_ms, state.config.wait_ms, reason, *also)
