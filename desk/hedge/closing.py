"""CLOSE: flatten what is ours, prove it, and add up what the cycle brought.

A close is idempotent: read what is left of ours, send that much reduce-only, read again. Its band
widens step by step and it never gives up. No second closing order leaves for a leg while the fate
of the first is open; a fence decides that fate. What is left to close the accounts tell; the
venues' rows, which cost much, are read for the proof and the books, and where an order's fate needs
them. A stop does not wait for a read: our own fills say how much, the marks that fired it at what
price.

A rest that is too small for the venue (its minimum may bind reduce-only orders too) is closed by
one order through zero, then reduce-only back; the only order that closes and is not reduce-only,
and never sent where somebody else holds the symbol too: there the rest stays, and is told of.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action, Alert, Level
from desk.core.book import BPS
from desk.core.events import AccountsRead, MarkView, OrdersSettled, Tick, VenueAccount
from desk.core.order import FillCause, Side
from desk.core.venue import VenueName
from desk.hedge import cuts, guarding, proving, risk, triggers
from desk.hedge.config import Config
from desk.hedge.orders import Wanted, send_orders
from desk.hedge.results import cycle_result, is_complete
from desk.hedge.select import BOTH
from desk.hedge.sizing import band_price
from desk.hedge.state import BotState, CloseReason, Hedge, Intent, Phase, Role
from desk.hedge.steps import (
    Step,
    absorb,
    ask_hedge,
    back_off,
    differences,
    halt,
    has_rows,
    hedge_of,
    is_past,
    legs_text,
    linger,
    needs_rows,
    note_outages,
    rest,
    settle_reports,
    shortfall,
    stay,
    tell_once,
    unexplained,
    was_told,
)

PROOF_TRIES_MAX = 6
REFUSED_LOOKS_MAX = 3  # looks at what is missing while the rows that could prove it are refused
WIDENINGS_MAX = 4
# Pacifica and Lighter refuse prices too far from the mark (the exact bound is not published): a
# band wider than this would be refused rather than filled.
BAND_BPS_MAX = Decimal(500)
TRIES_BEFORE_ALERT = 5
NAKED_MS_TOLD = 10_000
PAUSE_MS_MAX = 4_000
EMPTY_TRIES_BEFORE_THROUGH = 2
BACK_BPS = Decimal(100)  # so far a price may fall before what went through zero is too small, too
# Each symbol has its own pauses after a failed opening. That so many fail in a row, whatever the
# symbol, has one cause that no pause mends, and each costs fees.
UNWOUND_MAX = 5
NAKED, DUST = "naked", "dust"  # told of once in a close


# What looks like a fault or a fired trigger, where the latch was set to have the venues emptied.
_CUTS = (CloseReason.IMBALANCE, CloseReason.TRIGGERED)


def begin_close(
    state: BotState,
    reason: CloseReason,
    at_ms: int,
    *also: Action,
    why: str = "",
    marks: Mapping[VenueName, MarkView] | None = None,
) -> Step:
    """Decide to flatten; `why` is added for people. With `marks`, of a stop, the orders leave at
    once; else the first thing is to read what is there."""
    if reason in _CUTS and state.is_latched:
        reason = CloseReason.LATCHED
    hedge = replace(_with_reason(hedge_of(state), reason), close_began_at_ms=at_ms)
    state = replace(state, phase=Phase.CLOSE, hedge=hedge)
    verb = "reduce" if hedge.is_reducing else "close"
    text = f"{verb} {hedge.symbol}: {hedge.close_reason}{why and ', '}{why}"
    if reason.is_urgent:
        also = (*also, Alert(Level.WARNING, text))
    if marks and not hedge.in_doubt():
        return _send_unread(state, marks, at_ms, *also)
    return _ask(state, text, *also)


def _ask(state: BotState, reason: str, *also: Action) -> Step:
    """Ask how things stand, for the last rows too once nothing of ours is known to be left."""
    hedge = hedge_of(state)
    is_over = _is_over(hedge)
    orders = is_over and any(row.may_act for row in hedge.triggers)
    market = tuple(row for row in BOTH if row in hedge.shut() or _last_was_empty(hedge, row))
    return ask_hedge(
        state, reason, *also, rows=is_over, orders=orders, can_wait=is_over, market=market
    )


def _last_was_empty(hedge: Hedge, venue: VenueName) -> bool:
    """Return whether the last closing order on `venue` did nothing: its steps may have been old."""
    rows = [row for row in hedge.intents if row.venue is venue and row.role is not Role.OPEN]
    return bool(rows) and not rows[-1].in_doubt and not rows[-1].filled


def _is_over(hedge: Hedge) -> bool:
    """Return whether nothing of ours is known to be left."""
    return not hedge.in_doubt() and not any(hedge.held(venue) for venue in BOTH)


def _send_unread(
    state: BotState, marks: Mapping[VenueName, MarkView], at_ms: int, *also: Action
) -> Step:
    """Close what our own fills say; a venue whose feed is silent is priced by the other's mark."""
    hedge = hedge_of(state)
    bps = close_band_bps(state.config, hedge)
    wanted = {}
    for venue in BOTH:
        held = hedge.held(venue)
        view = marks.get(venue) or marks[venue.twin]
        if hedge.instruments[venue].size_down(abs(held)):
            wanted[venue] = _order(hedge, venue, held, view.mark, bps=bps, is_alone=False)
    return _send_try(state, wanted, *also, at_ms=at_ms, bps=bps)


def _with_reason(hedge: Hedge, reason: CloseReason) -> Hedge:
    """The first reason stands, unless it gives way to the new one."""
    if hedge.close_reason is None or hedge.close_reason.gives_way_to(reason):
        return replace(hedge, close_reason=reason)
    return hedge


def on_settled(state: BotState, event: OrdersSettled) -> Step:
    """Closing orders are done for this try: read what is left, at once when all of it filled."""
    hedge = triggers.settled(settle_reports(hedge_of(state), event.reports), event.reports)
    state = state.with_hedge(hedge)
    sent = {report.client_id for report in event.reports}
    if all(row.filled == row.size for row in hedge.intents if row.client_id in sent):
        return _after_orders(state, event.at_ms, sent)
    reason = "not all of it closed"
    return linger(state, event.at_ms, reason, pause_ms_max=PAUSE_MS_MAX)


def _after_orders(state: BotState, at_ms: int, sent: set[str]) -> Step:
    """Ask what is left; where nothing can be, first take our triggers away and let that happen."""
    hedge = hedge_of(state)
    if not _is_over(hedge):
        return _ask(state, "what is left?")
    if any(row.client_id in sent for row in hedge.triggers):
        return linger(state, at_ms, "our triggers are cancelled")
    step = guarding.lift(state, at_ms, "both legs are closed; take our triggers away")
    return step or _ask(state, "what is left?")


def on_tick(state: BotState, event: Tick) -> Step:
    """Read what is left after a pause; a leg at its stop does not wait for the other venue."""
    hedge = hedge_of(state)
    assert hedge.close_reason is not None, "CLOSE without a reason"
    if hedge.close_reason.gives_way_to(CloseReason.STOP_LOSS):
        stopped = risk.stopped_leg(state.config, hedge, event.marks)
        if stopped is not None and stopped[1]:
            state = state.with_hedge(_with_reason(hedge, CloseReason.STOP_LOSS))
            text = f"{stopped[0]} {hedge.symbol} is at its stop while closing"
            alert = Alert(Level.CRITICAL, text)
            return stay(state, text, alert) if state.waiting else _ask(state, text, alert)
    if state.waiting or state.wake_at_ms is None or event.at_ms < state.wake_at_ms:
        return stay(state, "closing")
    return _ask(state, "what is left?")


def on_accounts(state: BotState, event: AccountsRead, *also: Action) -> Step:
    """Send what is left of ours, or finish when both venues prove that nothing is."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    alerts = (*also, *alerts)
    state, doubts = proving.take_in(state, event)
    alerts = (*alerts, *doubts)
    hedge = absorb(hedge_of(state), event.venues)
    assert hedge.close_reason is not None, "CLOSE without a reason"
    hedge = cuts.booked(hedge, event)
    if risk.thin_margin(state.config, hedge, event.venues) is not None:
        hedge = _with_reason(hedge, CloseReason.MARGIN)
    is_twin_gone = _is_probably_bare(state, hedge, event)
    is_bare = is_twin_gone or _is_bare(hedge, event)
    if is_bare and not hedge.is_reducing:
        hedge = _with_reason(hedge, CloseReason.IMBALANCE)
    state, more = _tell_if_naked(state.with_hedge(hedge), event)
    alerts = (*alerts, *more)
    left = _left(hedge, event, is_twin_gone=is_twin_gone)
    state, left, more = _without_dust(state, left, event)
    alerts = (*alerts, *more)
    assert hedge.close_reason is not None, "a close has a reason"
    if not hedge.close_reason.is_urgent and shortfall(hedge, event) is not None:
        step = _look_for_missing(state, event, *alerts)
        if step is not None:
            return step
    if any(left.values()):
        if hedge.close_tries and not was_told(event) and _is_short(hedge, left, event):
            return _ask_what_filled(state, event, *alerts)
        return _send(state, left, event, alerts)
    if needs_rows(hedge, event):
        return _ask_what_filled(state, event, *alerts)
    if event.failures:
        return _linger(state, event, "; ".join(event.failures.values()), *alerts)
    if hedge.in_doubt():
        said = f"{hedge.in_doubt()[0].venue} has not said what became of an order"
        return _linger(state, event, said, *alerts)
    step = None if _is_over(hedge) else _look_for_missing(state, event, *alerts)
    step = step or guarding.clear(state, event, *alerts)
    if step is not None:
        return step
    if not has_rows(event):
        reason = "nothing of ours is left; the last rows"
        return ask_hedge(state, reason, *alerts, rows=True, can_wait=True)
    return _prove(state, event, alerts)


def _look_for_missing(state: BotState, event: AccountsRead, *also: Action) -> Step | None:
    """What is ours by our fills is not there: look again for a while, for a leg may stand that is
    not shown. None once patience is over."""
    hedge = hedge_of(state)
    if hedge.result_tries >= PROOF_TRIES_MAX or hedge.suspicions >= REFUSED_LOOKS_MAX:
        return None
    if not was_told(event):
        return ask_hedge(state, "who took what was ours?", *also, rows=True)
    if has_rows(event):
        hedge = replace(hedge, result_tries=hedge.result_tries + 1)
    else:
        hedge = replace(hedge, suspicions=hedge.suspicions + 1)
    state = state.with_hedge(hedge)
    text = "no fill tells who took what was ours"
    return linger(state, event.at_ms, text, *also, pause_ms_max=PAUSE_MS_MAX)


def _linger(state: BotState, event: AccountsRead, reason: str, *also: Action) -> Step:
    """Come back soon where a leg may stand without its twin, else with the usual patience.

    Where a venue keeps us away, as soon as it lets us: before that it would be in vain.
    """
    at_ms = event.at_ms
    if hedge_of(state).is_even:
        return linger(state, at_ms, reason, *also)
    pause_ms = max(event.retry_ms.values(), default=None)
    return linger(state, at_ms, reason, *also, pause_ms_max=PAUSE_MS_MAX, pause_ms=pause_ms)


def _ask_what_filled(state: BotState, event: AccountsRead, *also: Action) -> Step:
    """A position is not what our fills make it, so an order in doubt has filled: ask for rows."""
    symbol = hedge_of(state).symbol
    stands = any(row.account.size_of(symbol) for row in event.venues.values())
    is_flat = not stands and not event.failures
    reason = "a position is not what our fills make it: what filled?"
    return ask_hedge(state, reason, *also, rows=True, can_wait=is_flat)


def _is_probably_bare(state: BotState, hedge: Hedge, event: AccountsRead) -> bool:
    """Return whether a closing order has been in doubt for long at a venue that does not answer.

    It has probably filled: the other leg does not wait for that venue any more.
    """
    patience_ms = state.config.unknown_s_max * 1000
    return any(
        row.venue in event.failures and event.at_ms - row.saved_at_ms > patience_ms
        for row in hedge.in_doubt()
        if row.role is not Role.OPEN
    )


def _is_bare(hedge: Hedge, event: AccountsRead) -> bool:
    """Return whether a leg has stood without its twin for long: no time for narrow bands."""
    began_at_ms = hedge.close_began_at_ms or event.at_ms
    return not hedge.is_even and event.at_ms - began_at_ms >= NAKED_MS_TOLD


def _tell_if_naked(state: BotState, event: AccountsRead) -> tuple[BotState, tuple[Action, ...]]:
    """Tell the owner once of a leg that stands without its twin for long."""
    hedge = hedge_of(state)
    if not _is_bare(hedge, event):
        return state, ()
    began_at_ms = hedge.close_began_at_ms or event.at_ms
    seconds = (event.at_ms - began_at_ms) // 1000
    text = f"not hedged after {seconds} s of closing, going on: {legs_text(hedge)}"
    return tell_once(state, NAKED, Alert(Level.CRITICAL, text))


def _left(hedge: Hedge, event: AccountsRead, *, is_twin_gone: bool) -> dict[VenueName, Decimal]:
    """Return what is still ours to close now on each venue that spoke, signed base units.

    Never more than is ours, never more than is there, in whole lots. Without the other venue's
    answer only what stands above the other leg: to close more would be to make a naked leg.
    """
    assert hedge.close_reason is not None, "a close has a reason"
    left = {}
    for venue, row in event.venues.items():
        ours, there = hedge.held(venue), row.account.size_of(hedge.symbol)
        stands = min(abs(ours), abs(there)) if ours * there > 0 else Decimal(0)
        size = min(abs(cuts.surplus(hedge, venue)), stands)
        if event.failures and not hedge.close_reason.leaves_twin:
            twin = Decimal(0) if is_twin_gone else abs(hedge.held(venue.twin))
            size = min(size, max(stands - twin, Decimal(0)))
        size = hedge.instruments[venue].size_down(size)
        left[venue] = size if ours > 0 else -size
    return left


def _is_short(hedge: Hedge, left: Mapping[VenueName, Decimal], event: AccountsRead) -> bool:
    """Return whether a venue where something is left to close holds less than what is ours: a
    trigger of ours has traded, or another hand; then what is left may not be ours any more."""
    moved = differences(hedge, event)
    return any(size * moved[venue] < 0 for venue, size in left.items())


def _without_dust(
    state: BotState, left: Mapping[VenueName, Decimal], event: AccountsRead
) -> tuple[BotState, dict[VenueName, Decimal], tuple[Action, ...]]:
    """Leave what a venue does not take where somebody else holds the symbol too: to go through zero
    there would be to trade his part."""
    hedge = hedge_of(state)
    alerts: tuple[Action, ...] = ()
    kept = dict(left)
    for venue, size in left.items():
        there = event.venues[venue].account.size_of(hedge.symbol)
        if there != hedge.held(venue) and is_too_small(hedge, event, venue, size):
            kept[venue] = Decimal(0)
            text = f"{abs(size).normalize():f} {hedge.symbol} of ours stays on {venue}: too small"
            alert = Alert(Level.CRITICAL, f"{text} for an order, and you hold {hedge.symbol} too")
            state, more = tell_once(state, DUST, alert)
            alerts = (*alerts, *more)
    return state, kept, alerts


def _send(
    state: BotState,
    left: Mapping[VenueName, Decimal],
    event: AccountsRead,
    also: tuple[Action, ...],
) -> Step:
    """Send closing orders where their fate is clear and there is a price to start from."""
    hedge = hedge_of(state)
    wanted, obstacles = {}, []
    bps = close_band_bps(state.config, hedge)
    for venue, size in left.items():
        if not size:
            continue
        there = event.venues[venue].account.size_of(hedge.symbol)
        reference = _reference(event, venue)
        if any(_is_obstacle(hedge, row, event.venues[venue]) for row in hedge.in_doubt_at(venue)):
            obstacles.append(f"{venue} has not said what became of the last try")
        elif venue in hedge.shut() and _belong_together(hedge):
            obstacles.append(f"{venue} takes no orders in {hedge.symbol}")
        elif reference is None:
            obstacles.append(f"{venue} shows no price to close at")
        else:
            is_alone = there == hedge.held(venue) and not hedge.is_reducing
            wanted[venue] = _order(hedge, venue, size, reference, bps=bps, is_alone=is_alone)
    if not wanted or (obstacles and _belong_together(hedge)):
        if needs_rows(hedge, event):
            return _ask_what_filled(state, event, *also)
        return _linger(state, event, "; ".join(obstacles), *also)
    can_wait = _belong_together(hedge) and not event.failures
    if can_wait or any(row.role is Role.THROUGH for row in wanted.values()):
        step = guarding.lift(state, event.at_ms, "take our triggers away first", *also)
        if step is not None:
            return step
    return _send_try(state, wanted, *also, at_ms=event.at_ms, bps=bps)


def _is_obstacle(hedge: Hedge, intent: Intent, row: VenueAccount) -> bool:
    """Return whether a try in doubt keeps the next one back.

    Not a reduce-only one that can no longer act and whose rows are refused: what is left shows in
    the position, but where somebody else is known to hold the symbol, too.
    """
    if intent.role is Role.OPEN:
        return False
    is_spent = intent.role is Role.CLOSE and is_past(intent, row) and bool(row.fills_missing)
    return not is_spent or hedge.is_shared(intent.venue)


def _send_try(
    state: BotState,
    wanted: Mapping[VenueName, Wanted],
    *also: Action,
    at_ms: int,
    bps: Decimal,
) -> Step:
    """Send the next try; many of them are worth an alert."""
    hedge = hedge_of(state)
    state = state.with_hedge(replace(hedge, close_tries=hedge.close_tries + 1))
    if hedge.close_tries == TRIES_BEFORE_ALERT:
        text = f"{hedge.symbol} is not closed after {hedge.close_tries} tries; going on"
        state, alerts = tell_once(state, text, Alert(Level.CRITICAL, text))
        also = (*also, *alerts)
    reason = f"close at {bps:f} bp or better, try {hedge.close_tries + 1}"
    return send_orders(state, wanted, *also, at_ms=at_ms, reason=reason)


def _belong_together(hedge: Hedge) -> bool:
    """Return whether both legs should leave at the same moment or not yet."""
    assert hedge.close_reason is not None, "a close has a reason"
    return not hedge.close_reason.is_urgent and hedge.is_even


def _order(
    hedge: Hedge,
    venue: VenueName,
    size: Decimal,
    reference: Decimal,
    *,
    bps: Decimal,
    is_alone: bool,
) -> Wanted:
    """Return the order that closes `size` (signed), through zero where it is too small.

    A venue may weigh an order by its limit: one that a wide band would make too small keeps to the
    price at which it is not.
    """
    side = Side.SELL if size > 0 else Side.BUY
    instrument = hedge.instruments[venue]
    price = band_price(instrument, reference, side, bps)
    least = instrument.size_floor(min(price, reference))
    if abs(size) < least and is_alone and _was_refused(hedge, venue):
        least = max(least, instrument.size_floor(reference * (1 - BACK_BPS / BPS)))
        return Wanted(Role.THROUGH, side, abs(size) + least, price)
    if side is Side.SELL and instrument.size_floor(reference) <= abs(size) < least:
        price = instrument.price_up(instrument.notional_min_usd / abs(size))
    return Wanted(Role.CLOSE, side, abs(size), price)


def is_too_small(hedge: Hedge, event: AccountsRead, venue: VenueName, size: Decimal) -> bool:
    """Return whether `venue` did not take closing orders, and `size` is less than it must take."""
    price = _reference(event, venue) if venue in event.venues else None
    if not size or price is None or not _was_refused(hedge, venue):
        return False
    return abs(size) < hedge.instruments[venue].size_floor(price)


def _was_refused(hedge: Hedge, venue: VenueName) -> bool:
    """Return whether the last closing orders on `venue` all filled nothing."""
    rows = [row for row in hedge.intents if row.venue is venue and row.role is not Role.OPEN]
    last = rows[-EMPTY_TRIES_BEFORE_THROUGH:]
    return len(last) == EMPTY_TRIES_BEFORE_THROUGH and not any(row.filled for row in last)


def close_band_bps(config: Config, hedge: Hedge) -> Decimal:
    """Return how far from the middle this try may trade; urgent closes start at the wide band."""
    assert hedge.close_reason is not None, "a close has a reason"
    first, wide = config.slippage_max_bps, config.close_slippage_max_bps
    if hedge.close_reason.is_urgent:
        bps = wide * (1 + min(hedge.close_tries, WIDENINGS_MAX))
    else:
        bps = first + (wide - first) * min(Decimal(hedge.close_tries) / WIDENINGS_MAX, Decimal(2))
    return min(bps, max(BAND_BPS_MAX, wide))


def _reference(event: AccountsRead, venue: VenueName) -> Decimal | None:
    """Return the price a band starts from: a fresh book if there is one, else the mark, else what
    the other venue shows.

    A stale book never blocks a close.
    """
    for row in (event.venues[venue], event.venues.get(venue.twin)):
        if row is not None and row.quote is not None:
            return row.quote.mid
        if row is not None and row.stats is not None:
            return row.stats.mark
    return None


def _prove(state: BotState, event: AccountsRead, also: tuple[Action, ...]) -> Step:
    """Nothing of ours is left to close. Wait for the last rows of the books, then close them.

    A position that the fills do not explain, or a flat one that they contradict, may be ours with
    rows late or lost: then a human looks, and vouches for it by `resume`.
    """
    hedge = hedge_of(state)
    odd = ", ".join(unexplained(hedge, event)) if not hedge.is_vouched else ""
    is_done = not odd and is_complete(hedge, event.venues)
    if not is_done and hedge.result_tries < PROOF_TRIES_MAX:
        state = state.with_hedge(replace(hedge, result_tries=hedge.result_tries + 1))
        return linger(state, event.at_ms, "waiting for the venues' last rows", *also)
    if odd:
        state = state.with_hedge(replace(hedge, result_tries=0))
        text = f"{odd}: {hedge.symbol} position and fills do not agree; look, then resume"
        return halt(state, text, *also)
    return _finish(state, event, also, is_whole=is_done)


def _finish(
    state: BotState, event: AccountsRead, also: tuple[Action, ...], *, is_whole: bool
) -> Step:
    """Both venues prove flat: book the cycle and rest."""
    hedge = hedge_of(state)
    was_held = hedge.opened_at_ms is not None
    if not was_held:
        state = back_off(state, hedge.symbol, event.at_ms)
    state, alerts = _note_strange_hands(state, hedge)
    state = replace(state, hedge=None, close_asked=False)
    if not any(row.filled for row in hedge.intents):
        reason = f"{hedge.symbol}: nothing was opened"
        return rest(state, event.at_ms, state.config.wait_ms, reason, *also, *alerts)
    result = cycle_result(hedge, event.venues, at_ms=event.at_ms, complete=is_whole)
    left = state.cycles_left
    if left is not None and (was_held or hedge.close_reason is CloseReason.RECOVERY):
        left = max(left - 1, 0)
    done = state.cycles_done + was_held
    state = replace(state, result=result, cycles_done=done, cycles_left=left)
    if hedge.close_reason is CloseReason.UNWIND:
        usd = state.unwound_usd + result.net_usd
        state = replace(state, unwound=state.unwound + 1, unwound_usd=usd)
        if state.unwound >= UNWOUND_MAX:
            text = f"{state.unwound} openings in a row were unwound, {usd:+.2f} USD"
            return halt(state, f"{text}; look, then resume", *also, *alerts)
    reason = f"cycle {result.cycle} closed flat, net {result.net_usd:+.4f} USD"
    return rest(state, event.at_ms, state.config.wait_ms, reason, *also, *alerts)


def _note_strange_hands(state: BotState, hedge: Hedge) -> tuple[BotState, tuple[Action, ...]]:
    """Somebody else closed a leg of ours: leave that symbol alone until the owner resumes."""
    was_cut = any(cut.cause is FillCause.TRADE for cut in hedge.cuts)
    is_missing = was_cut or any(hedge.held(venue) for venue in BOTH)
    if not is_missing or hedge.symbol in state.by_hand:
        return state, ()
    if hedge.close_reason is CloseReason.LATCHED:
        text = f"{hedge.symbol} was closed by another hand: the emergency close, as it seems"
        return state, (Alert(Level.INFO, text),)
    what = "has a rest of ours" if DUST in hedge.told else "was closed by another hand"
    text = f"{hedge.symbol} {what}; not opened again until resume"
    state = replace(state, by_hand=(*state.by_hand, hedge.symbol))
    return state, (Alert(Level.WARNING, text),)
