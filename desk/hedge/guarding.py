"""The venues guard too, in twins: which triggers to place, to replace and to take away, and when.

Each leg carries a stop and a take-profit at the same two marks, so that without us a large move
either way closes both legs, and none alone. Every step follows from a read of both venues; the
triggers are in the state before the first byte leaves, and one is placed anew under a new id only
when the old one is proved gone. One that cannot be placed ends no hold. What is known of the
triggers stands in `desk.hedge.triggers`.
"""

from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action, Alert, CancelOrders, Decision, Level, RestOrders, VenueOrder
from desk.core.events import AccountsRead, OrderReport, OrdersSettled, Verdict
from desk.core.order import NOT_SENT, OrderKind, OrderRequest
from desk.core.venue import VenueName
from desk.hedge import clocks, triggers
from desk.hedge.guard import Guard, Trigger, TriggerStage
from desk.hedge.orders import REQUEST_LIFE_MS
from desk.hedge.select import BOTH
from desk.hedge.sizing import band_price
from desk.hedge.state import BotState, Hedge
from desk.hedge.steps import Step, ask_hedge, hedge_of, linger, stay, tell_once

HOUR_MS = 3_600_000
VERIFY_MS = 2_000  # when to read back what was just placed: Lighter holds orders back for 300 ms
LOOK_MS = HOUR_MS
PAUSE_MS_MIN = 15_000
PAUSE_MS_MAX = HOUR_MS
CANCEL_PATIENCE_MS = 3_000
GONE_KEPT_MS = HOUR_MS
UNPROVED_MS_TOLD = 60_000
# How far beyond its mark a trigger may trade, basis points. Wide, because a mark may jump, and a
# stop that does not fill while its twin does leaves a naked leg. Both venues refuse prices too far
# from the trigger and publish no bound: each refusal tries the next.
BANDS_BPS = (Decimal(3_000), Decimal(1_500), Decimal(500))
# After so many tries in a row one of two twins is taken away that the other venue does not take.
LONE_TRIES = 3


def tend(state: BotState, event: AccountsRead, reason: str, *also: Action) -> Step:
    """Go on holding, and bring the triggers to what they should be as far as this read tells.

    With one venue away nothing is touched: a new trigger on the other would stand alone. Under the
    latch somebody else closes.
    """
    hedge = hedge_of(state)
    if len(event.venues) < len(BOTH) or state.is_latched:
        return Decision(_put_off(state, event), also, reason)
    if hedge.guard is None and not state.config.venue_triggers:
        return Decision(state, also, reason)
    guard = _placed_by(state, event)
    if guard is not hedge.guard:
        state = state.with_hedge(replace(hedge, guard=guard))
    surplus = _surplus(state, guard, event)
    if surplus:
        tried = replace(guard, tries=guard.tries + 1)
        state = state.with_hedge(replace(hedge, guard=tried))
        return _cancel(state, surplus, event.at_ms, f"{reason}; triggers to be replaced", *also)
    is_told = all(row.orders is not None for row in event.venues.values())
    if event.at_ms < guard.look_at_ms and (guard.tries or not is_told):
        return Decision(state, also, reason)
    missing = _missing(state, guard)
    if missing:
        return _place(state, missing, event.at_ms, reason, *also)
    if not is_told:
        return Decision(_put_off(state, event), also, reason)
    return _settle_down(state, event.at_ms, reason, *also)


def _put_off(state: BotState, event: AccountsRead) -> BotState:
    """Return the state with a look that is due put off: to when there is room for its requests;
    a little where both venues spoke but not of their orders; to a full check where one is away."""
    hedge, at_ms = hedge_of(state), event.at_ms
    if hedge.guard is None or hedge.guard.look_at_ms > at_ms:
        return state
    check_ms = state.config.check_ms
    room_ms = max(event.retry_ms.values(), default=check_ms if event.failures else PAUSE_MS_MIN)
    pause_ms = max(min(room_ms, check_ms), VERIFY_MS)
    guard = replace(hedge.guard, look_at_ms=at_ms + pause_ms)
    return state.with_hedge(replace(hedge, guard=guard))


def _placed_by(state: BotState, event: AccountsRead) -> Guard:
    """Return the guard, its marks chosen anew where the owner moved the stop, a liquidation has
    come nearer, or a venue's tick is another."""
    hedge, config = hedge_of(state), state.config
    guard = hedge.guard
    if guard is not None:
        is_same = guard.stop_loss_pct == config.stop_loss_pct
        is_placed = triggers.are_inside(hedge, guard, event) and triggers.are_aligned(hedge, guard)
        if is_same and is_placed:
            return guard
    low, high = triggers.marks_of(config, hedge, event)
    if guard is None:
        return Guard(low, high, config.stop_loss_pct)
    return replace(guard, low=low, high=high, stop_loss_pct=config.stop_loss_pct, look_at_ms=0)


def _belonging(state: BotState, guard: Guard) -> dict[triggers.Key, Decimal]:
    return triggers.wanted(hedge_of(state), guard) if state.config.venue_triggers else {}


def _surplus(state: BotState, guard: Guard, event: AccountsRead) -> tuple[Trigger, ...]:
    """Return the triggers to be taken away: what does not fit, what is there twice, and what has
    had no twin for long. Asked once, a cancel is asked again only where this read tells what rests:
    each puts off the look that would show it gone."""
    marks, hedge, at_ms = _belonging(state, guard), hedge_of(state), event.at_ms
    kept: dict[triggers.Key, Trigger] = {}
    surplus = []
    for row in guard.triggers:
        key = triggers.key_of(row)
        if not row.may_act:
            continue
        if key in kept or key not in marks or not _fits(hedge, row, marks[key], at_ms):
            surplus.append(row)
        else:
            kept[key] = row
    if guard.tries >= LONE_TRIES:
        surplus += [row for key, row in kept.items() if triggers.partner(key) not in kept]
    return tuple(
        row
        for row in surplus
        if row.cancel_at_ms is None
        or (event.venues[row.venue].orders is not None and _may_be_cancelled(row, at_ms))
    )


def _fits(hedge: Hedge, row: Trigger, mark: Decimal, at_ms: int) -> bool:
    return row.cancel_at_ms is None and triggers.fits(hedge, row, mark, at_ms=at_ms)


def _may_be_cancelled(row: Trigger, at_ms: int) -> bool:
    """A cancel takes its time; one that was asked for a moment ago is waited for."""
    return row.cancel_at_ms is None or at_ms - row.cancel_at_ms >= CANCEL_PATIENCE_MS


def _missing(state: BotState, guard: Guard) -> list[triggers.Key]:
    there = {triggers.key_of(row) for row in guard.triggers if row.may_act}
    return [key for key in _belonging(state, guard) if key not in there]


def _place(
    state: BotState, missing: list[triggers.Key], at_ms: int, reason: str, *also: Action
) -> Step:
    """Write down and send what is missing, and look at it soon."""
    guard = _guard_of(state)
    if not guard.tries and any(_was_taken(row, missing) for row in guard.triggers):
        text = f"another hand took triggers of {hedge_of(state).symbol} away; placed again"
        state, alerts = tell_once(state, "trigger taken", Alert(Level.WARNING, text))
        also = (*also, *alerts)
    hedge = hedge_of(state)
    new = tuple(
        _trigger(state, guard, key, number=guard.placed + number, at_ms=at_ms)
        for number, key in enumerate(missing)
    )
    kept = tuple(row for row in guard.triggers if not _is_forgotten(row, at_ms))
    guard = replace(
        guard,
        triggers=(*kept, *new),
        placed=guard.placed + len(new),
        tries=guard.tries + 1,
        look_at_ms=at_ms + VERIFY_MS,
    )
    state = state.with_hedge(replace(hedge, guard=guard))
    state = replace(state, asked=state.asked + 1, waiting=True)
    orders = tuple(VenueOrder(row.venue, _request(hedge.symbol, row)) for row in new)
    action = RestOrders(state.asked, orders)
    marks = f"{guard.low.normalize():f} and {guard.high.normalize():f}"
    return Decision(state, (*also, action), f"{reason}; {len(new)} triggers at {marks}")


def _was_taken(row: Trigger, missing: list[triggers.Key]) -> bool:
    """Return whether one that rested, and that we did not cancel, is missing."""
    return triggers.key_of(row) in missing and not row.may_act and row.cancel_at_ms is None


def _is_forgotten(row: Trigger, at_ms: int) -> bool:
    is_over = not row.may_act and not row.filled
    return is_over and at_ms > row.lands_until_ms + GONE_KEPT_MS


def _trigger(
    state: BotState, guard: Guard, key: triggers.Key, *, number: int, at_ms: int
) -> Trigger:
    """Return a trigger as it is written down, its id derived from what is on record."""
    hedge, (venue, kind) = hedge_of(state), key
    mark, side = triggers.wanted(hedge, guard)[key], hedge.side_at(venue).exit
    bps = BANDS_BPS[min(guard.refusals, len(BANDS_BPS) - 1)]
    return Trigger(
        venue=venue,
        client_id=state.trigger_key(number).text_for(venue),
        kind=kind,
        side=side,
        size=abs(hedge.held(venue)),
        trigger_price=mark,
        price=band_price(hedge.instruments[venue], mark, side, bps),
        saved_at_ms=at_ms,
        lands_until_ms=at_ms + REQUEST_LIFE_MS[venue] + clocks.behind_ms(state, venue),
        expires_at_ms=at_ms + triggers.LIFE_MS,
    )


def _request(symbol: str, row: Trigger) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=row.side,
        size=row.size,
        price=row.price,
        client_id=row.client_id,
        kind=row.kind,
        reduce_only=True,
        trigger_price=row.trigger_price,
        expires_at_ms=row.expires_at_ms,
    )


def _settle_down(state: BotState, at_ms: int, reason: str, *also: Action) -> Step:
    """Nothing is missing: look again in an hour when all rest, sooner while one was not seen."""
    hedge, guard = hedge_of(state), _guard_of(state)
    if any(row.stage is TriggerStage.SENT for row in guard.triggers):
        look_at_ms = at_ms + _pause_ms(guard.tries - 1)
        guard = replace(guard, tries=guard.tries + 1, look_at_ms=look_at_ms)
        text = f"{reason}; not all triggers are seen yet"
        return Decision(state.with_hedge(replace(hedge, guard=guard)), also, text)
    if guard.tries and state.config.venue_triggers:
        also = (*also, *(_resting(hedge, guard, venue) for venue in BOTH))
    guard = replace(guard, tries=0, look_at_ms=at_ms + LOOK_MS)
    return Decision(state.with_hedge(replace(hedge, guard=guard)), also, reason)


def _resting(hedge: Hedge, guard: Guard, venue: VenueName) -> Alert:
    """Return what rests at a venue, for people."""
    marks = triggers.wanted(hedge, guard)
    stop = marks[venue, OrderKind.STOP].normalize()
    gain = marks[venue, OrderKind.TAKE_PROFIT].normalize()
    leg = f"{hedge.held(venue).normalize():+f} {hedge.symbol}"
    return Alert(
        Level.INFO, f"{venue} guards {leg} itself: stop at {stop:f}, take-profit at {gain:f}"
    )


def _pause_ms(failures: int) -> int:
    return min(PAUSE_MS_MIN << min(max(failures, 0), 16), PAUSE_MS_MAX)


def _guard_of(state: BotState) -> Guard:
    guard = hedge_of(state).guard
    assert guard is not None, "triggers without a guard"
    return guard


def on_settled(state: BotState, event: OrdersSettled) -> Step:
    """Take in how the requests ended: read back what was accepted; wait, longer each time, after
    anything else."""
    hedge = triggers.settled(hedge_of(state), event.reports)
    if hedge.guard is None:
        return stay(state, "nothing was sent")
    guard, canceled = hedge.guard, {row.client_id for row in hedge.triggers if row.cancel_at_ms}
    placed = [row for row in event.reports if row.client_id not in canceled]
    refused = [row for row in placed if row.verdict is Verdict.REJECTED]
    is_well = all(row.verdict is Verdict.ACCEPTED for row in placed)
    by_venue = [row for row in refused if not row.detail.startswith(NOT_SENT)]
    is_soon = is_well and (placed or guard.tries <= 1)
    stayed = bool(refused) and not by_venue  # for want of room or of a save: no venue said no
    guard = replace(
        guard,
        tries=min(guard.tries, 1) if stayed else guard.tries,
        refusals=guard.refusals + bool(by_venue),
        look_at_ms=event.at_ms
        + (VERIFY_MS if is_soon else _pause_ms(0 if stayed else guard.tries - 1)),
    )
    state = state.with_hedge(replace(hedge, guard=guard))
    if not refused:
        return Decision(state, (), "triggers are sent" if placed else "triggers are cancelled")
    return _tell_refused(state, refused)


def _tell_refused(state: BotState, refused: list[OrderReport]) -> Step:
    """A refusal ends no hold: the owner hears of the first, and it is tried again."""
    said = "; ".join(f"{row.venue}: {row.detail}" for row in refused)
    text = f"triggers of {hedge_of(state).symbol} not placed, trying again: {said}"
    state, alerts = tell_once(state, "trigger refused", Alert(Level.CRITICAL, text))
    return Decision(state, alerts, text)


# The way out


def lift(state: BotState, at_ms: int, reason: str, *also: Action) -> Step | None:
    """Return the step that cancels what may still rest, None when all of that has been asked."""
    unasked = tuple(row for row in hedge_of(state).triggers if _is_unasked(row))
    return _cancel(state, unasked, at_ms, reason, *also) if unasked else None


def _is_unasked(row: Trigger) -> bool:
    return row.may_act and row.cancel_at_ms is None


def clear(state: BotState, event: AccountsRead, *also: Action) -> Step | None:
    """Nothing of ours is left to close: return the next step to prove that no trigger of ours
    rests, None once that is proved.

    What a reduce-only order could not do to a flat account it could do to the owner's next
    position. Both venues have spoken.
    """
    hedge, at_ms = hedge_of(state), event.at_ms
    left = [row for row in hedge.triggers if row.may_act]
    if not left:
        return None
    due = [
        row
        for row in left
        if _is_unasked(row)
        or (row.stage is TriggerStage.RESTING and _may_be_cancelled(row, at_ms))
    ]
    if due:
        return _cancel(state, tuple(due), at_ms, "take our triggers away", *also)
    if any(event.venues[row.venue].orders is None for row in left):
        reason = "do our triggers still rest?"
        return ask_hedge(state, reason, *also, rows=True, orders=True, can_wait=True)
    if at_ms - (hedge.close_began_at_ms or at_ms) > UNPROVED_MS_TOLD:
        text = f"triggers of {hedge.symbol} are not proved gone at {left[0].venue}; going on"
        state, alerts = tell_once(state, "triggers left", Alert(Level.CRITICAL, text))
        also = (*also, *alerts)
    return linger(state, at_ms, "a trigger of ours may still rest", *also)


def _cancel(
    state: BotState, rows: tuple[Trigger, ...], at_ms: int, reason: str, *also: Action
) -> Step:
    hedge = hedge_of(state)
    ids = {row.client_id for row in rows}
    hedge = triggers.each_trigger(
        hedge,
        lambda row: replace(row, cancel_at_ms=at_ms) if row.client_id in ids else row,
    )
    state = replace(state, hedge=hedge, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    orders = tuple((row.venue, row.client_id) for row in rows)
    return Decision(state, (*also, CancelOrders(state.asked, hedge.symbol, orders)), reason)
