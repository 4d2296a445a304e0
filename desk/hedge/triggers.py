"""What is known of the triggers that rest at the venues, and where they belong.

Facts only: which marks, which orders, what a read says of them. What to do about it stands in
`desk.hedge.guarding`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.account import Account
from desk.core.events import AccountsRead, MarkView, OrderReport, VenueAccount, Verdict
from desk.core.ids import OrderKey
from desk.core.market import step_down, step_up
from desk.core.order import Order, OrderKind, PositionSide
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.guard import Guard, Trigger, TriggerStage
from desk.hedge.select import BOTH
from desk.hedge.sizing import common_multiple
from desk.hedge.state import GUARD_LEG, Hedge

# How far beyond the line at which the bot itself would close, toward the liquidation price: this
# share of the way, and at most this share of the entry. The bot, while it lives, comes first.
BEYOND_SHARE = Decimal("0.1")
BEYOND_ENTRY_MAX = Decimal("0.05")
# Where no liquidation price is told, a leg at 1x is taken to have one: a long has none above zero,
# so this share of its entry is caution; a short's follows from its maintenance margin.
LONG_LIQUIDATION_SHARE = Decimal("0.1")
# Lighter drops an order after 28 days where nobody says otherwise, and knows at most 30; Pacifica
# keeps its own for good.
LIFE_MS = 28 * 86_400_000
EXPIRY_LEFT_MS = 2 * 86_400_000  # an order nearer to its end is replaced

Key = tuple[VenueName, OrderKind]


# Where they belong


def marks_of(config: Config, hedge: Hedge, event: AccountsRead) -> tuple[Decimal, Decimal]:
    """Return the low and the high mark (USD), on both venues' ticks.

    Beyond the stop of either leg's entry, or the margin guard where that comes first, and inside
    the liquidation price of the leg that loses there.
    """
    long, short = hedge.long_venue, hedge.long_venue.twin
    entries = _entry(hedge, long), _entry(hedge, short)
    share, distance = config.stop_loss_pct / 100, config.min_margin_distance_pct / 100
    lower_line, upper_line = min(entries) * (1 - share), max(entries) * (1 + share)
    floor, ceiling = told_liquidation(hedge, long, event), told_liquidation(hedge, short, event)
    if floor is None:
        floor = entries[0] * LONG_LIQUIDATION_SHARE
    else:
        lower_line = max(lower_line, floor / (1 - distance))
    if ceiling is None:
        maintenance = hedge.instruments[short].maintenance_margin_fraction
        ceiling = 2 * entries[1] / (1 + maintenance)
    else:
        upper_line = min(upper_line, ceiling / (1 + distance))
    room = max(entries) * BEYOND_ENTRY_MAX
    low = lower_line - min((lower_line - floor) * BEYOND_SHARE, room)
    high = upper_line + min((ceiling - upper_line) * BEYOND_SHARE, room)
    return _aligned(hedge, low, high, floor=floor, ceiling=ceiling)


def _entry(hedge: Hedge, venue: VenueName) -> Decimal:
    entry = hedge.entry_price(venue)
    assert entry is not None, "a leg that stands has an entry"
    return entry


def _aligned(
    hedge: Hedge, low: Decimal, high: Decimal, *, floor: Decimal, ceiling: Decimal
) -> tuple[Decimal, Decimal]:
    """Return the marks on a common multiple of both ticks: outward, but never to liquidation."""
    tick = common_multiple([row.price_tick for row in hedge.instruments.values()])
    down, up = step_down(low, tick), step_up(high, tick)
    return (
        down if down > floor else step_up(low, tick),
        up if up < ceiling else step_down(high, tick),
    )


def told_liquidation(hedge: Hedge, venue: VenueName, event: AccountsRead) -> Decimal | None:
    """Return the liquidation price (USD) a venue tells of our leg, None where it tells none that
    can be one."""
    row = event.venues.get(venue)
    price = None if row is None else _price_in(row.account, hedge.symbol)
    if price is None or price <= 0:
        return None
    is_long = hedge.side_at(venue) is PositionSide.LONG
    return price if (price < _entry(hedge, venue)) is is_long else None


def _price_in(account: Account, symbol: str) -> Decimal | None:
    prices = [row.liquidation_price for row in account.positions if row.symbol == symbol]
    return prices[0] if prices else None


def are_inside(hedge: Hedge, guard: Guard, event: AccountsRead) -> bool:
    """Return whether both marks still come before the liquidations that the venues tell."""
    floor = told_liquidation(hedge, hedge.long_venue, event)
    ceiling = told_liquidation(hedge, hedge.long_venue.twin, event)
    return (floor is None or floor < guard.low) and (ceiling is None or guard.high < ceiling)


def are_aligned(hedge: Hedge, guard: Guard) -> bool:
    """Return whether both marks lie on the ticks that the venues have now."""
    ticks = [row.price_tick for row in hedge.instruments.values()]
    return not any(mark % tick for mark in (guard.low, guard.high) for tick in ticks)


def wanted(hedge: Hedge, guard: Guard) -> dict[Key, Decimal]:
    """Return the triggers that belong there and their marks: each leg's stop where it loses, its
    take-profit where its twin does."""
    marks = {}
    for venue in BOTH:
        is_long = hedge.side_at(venue) is PositionSide.LONG
        marks[venue, OrderKind.STOP] = guard.low if is_long else guard.high
        marks[venue, OrderKind.TAKE_PROFIT] = guard.high if is_long else guard.low
    return marks


def partner(key: Key) -> Key:
    """Return the twin: the other venue's trigger at the same mark."""
    venue, kind = key
    return venue.twin, OrderKind.STOP if kind is OrderKind.TAKE_PROFIT else OrderKind.TAKE_PROFIT


def key_of(trigger: Trigger) -> Key:
    """Return which of the four a trigger is."""
    return trigger.venue, trigger.kind


def fits(hedge: Hedge, trigger: Trigger, mark: Decimal, *, at_ms: int) -> bool:
    """Return whether a trigger is what belongs there: its mark, all of the leg, and time left."""
    is_whole = trigger.size == abs(hedge.held(trigger.venue))
    has_time = trigger.expires_at_ms - at_ms > EXPIRY_LEFT_MS
    return trigger.trigger_price == mark and is_whole and has_time


# What a read says


def each_trigger(hedge: Hedge, change: Callable[[Trigger], Trigger]) -> Hedge:
    """Return the hedge with every trigger changed."""
    if hedge.guard is None:
        return hedge
    triggers = tuple(change(row) for row in hedge.guard.triggers)
    if triggers == hedge.guard.triggers:
        return hedge
    return replace(hedge, guard=replace(hedge.guard, triggers=triggers))


def seen(trigger: Trigger, row: VenueAccount) -> Trigger:
    """Return a trigger with what its venue's open orders say of it.

    One that was seen and is no longer there is gone. One that never was may still be on its way,
    until a fence or its last instant says no.
    """
    if row.orders is None:
        return trigger
    for order in row.orders:
        if order.client_id == trigger.client_id and not order.status.is_final:
            if trigger.stage is TriggerStage.RESTING and order.filled <= trigger.filled:
                return trigger
            filled = max(trigger.filled, order.filled)
            return replace(trigger, stage=TriggerStage.RESTING, filled=filled)
    if not trigger.may_act or (trigger.stage is TriggerStage.SENT and not _is_past(trigger, row)):
        return trigger
    return replace(trigger, stage=TriggerStage.GONE)


def _is_past(trigger: Trigger, row: VenueAccount) -> bool:
    is_void = row.is_fenced and trigger.was_answered
    return is_void or row.surely_at_ms > trigger.lands_until_ms


def found_again(hedge: Hedge, event: AccountsRead, config: Config) -> Hedge:
    """Return the hedge with its triggers that rest and went with a lost state, known by their ids.

    Where they do not show the two marks, these are to be chosen anew.
    """
    lives = {key[:2] for row in hedge.intents if (key := _fields(row.client_id)) is not None}
    found = [
        _trigger_from(venue, order)
        for venue, row in event.venues.items()
        for order in row.orders or ()
        if not hedge.owns(order.client_id) and order.symbol == hedge.symbol
        if (key := _fields(order.client_id)) and key[:2] in lives and key[2] == GUARD_LEG
    ]
    if not found:
        return hedge
    guard = hedge.guard
    if guard is None:
        marks = sorted({row.trigger_price for row in found})
        pct = config.stop_loss_pct if len(marks) == len(BOTH) else Decimal(0)
        guard = Guard(marks[0], marks[-1], pct)
    return replace(hedge, guard=replace(guard, triggers=(*guard.triggers, *found)))


def _fields(client_id: str | None) -> tuple[int, int, int] | None:
    key = OrderKey.parse(client_id)
    return None if key is None else (key.epoch, key.cycle, key.leg)


def _trigger_from(venue: VenueName, order: Order) -> Trigger:
    assert order.client_id is not None, "it was parsed"
    return Trigger(
        venue=venue,
        client_id=order.client_id,
        kind=order.kind,
        side=order.side,
        size=order.size,
        trigger_price=order.trigger_price or order.price,
        price=order.price,
        saved_at_ms=order.at_ms,
        lands_until_ms=order.at_ms,
        expires_at_ms=order.at_ms + LIFE_MS,
        stage=TriggerStage.RESTING,
        was_answered=True,
    )


def settled(hedge: Hedge, reports: tuple[OrderReport, ...]) -> Hedge:
    """Return the hedge with how the requests about its triggers ended."""
    by_id = {report.client_id: report for report in reports}
    return each_trigger(
        hedge,
        lambda row: _reported(row, by_id[row.client_id]) if row.client_id in by_id else row,
    )


def _reported(trigger: Trigger, report: OrderReport) -> Trigger:
    """What became of an order after a cancel, only a read can say; its own request has ended."""
    if trigger.cancel_at_ms is not None:
        return replace(trigger, was_answered=True)
    if report.verdict is Verdict.REJECTED:
        return replace(trigger, stage=TriggerStage.GONE)
    lands_until_ms = report.expires_at_ms or trigger.lands_until_ms
    return replace(trigger, was_answered=True, lands_until_ms=lands_until_ms)


def has_fired(hedge: Hedge, event: AccountsRead) -> bool:
    """Return whether a trigger of ours has traded: by its fills, or because it is gone, nobody of
    us took it away, and its venue holds as much less."""
    if any(row.filled for row in hedge.triggers):
        return True
    return any(
        _has_lost(hedge, row, event) and row.cancel_at_ms is None
        for row in hedge.triggers
        if not row.may_act
    )


def _has_lost(hedge: Hedge, trigger: Trigger, event: AccountsRead) -> bool:
    row = event.venues.get(trigger.venue)
    if row is None:
        return False
    lost = (row.account.size_of(hedge.symbol) - hedge.held(trigger.venue)) * trigger.side.sign
    return 0 < lost <= trigger.size


def is_reached(hedge: Hedge, marks: Mapping[VenueName, MarkView]) -> bool:
    """Return whether a venue's mark is where its triggers fire."""
    guard = hedge.guard
    if guard is None:
        return False
    return any(view.mark <= guard.low or view.mark >= guard.high for view in marks.values())
