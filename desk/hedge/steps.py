"""The small moves every phase is made of: ask, wait, leave, and bring an intent up to date."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from desk.core.actions import Action, Alert, Decision, Exit, Level, ReadAccounts, ReadMarkets
from desk.core.events import AccountsRead, OrderReport, VenueAccount, Verdict
from desk.core.ids import CYCLE_MAX, OrderKey
from desk.core.market import Instrument, MarketStatus
from desk.core.order import Fill, FillCause
from desk.core.venue import VenueName
from desk.core.words import span
from desk.hedge import triggers
from desk.hedge.config import Config
from desk.hedge.guard import Trigger, TriggerStage
from desk.hedge.state import Backoff, BotState, Hedge, Intent, Phase

Step = Decision[BotState]
_Order = TypeVar("_Order", Intent, Trigger)

PAUSE_MS_MIN = 1_000
# A venue that did not answer a check is asked again so soon, then ever later.
FAILED_CHECK_MS = 3_000
# Nothing is opened while the venues' clocks are seen to differ from ours by a fraction of it.
CLOCK_SKEW_MS_MAX = 60_000
# The venues stamp fills by their own clocks, and may not show these: ask for rows from well before.
ROWS_BEFORE_MS = 300_000
BACKOFF_MS_MIN = 60_000
BACKOFF_MS_MAX = 3_600_000
LEVERAGE_LOCK = 1


def stay(state: BotState, reason: str, *actions: Action) -> Step:
    """Return the state as it is."""
    return Decision(state, actions, reason)


def ask_markets(
    state: BotState, reason: str, *also: Action, histories: dict[str, int] | None = None
) -> Step:
    """Ask for the markets of every monitored symbol, and of the one that is held.

    `histories` are symbols whose settled rates are wanted besides, each since when (ms UTC).
    """
    state = replace(state, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    action = ReadMarkets(
        state.asked,
        symbols_of(state),
        histories=histories or {},
        notional_usd=state.config.base_capital_allocation,
        band_bps=state.config.slippage_max_bps,
    )
    return Decision(state, (*also, action), reason)


def symbols_of(state: BotState) -> tuple[str, ...]:
    """Return what to look at: the owner's list with the held symbol in it; empty means all."""
    symbols = state.config.symbols_to_monitor
    if state.hedge is None or not symbols or state.hedge.symbol in symbols:
        return symbols
    return (*symbols, state.hedge.symbol)


def ask_hedge(
    state: BotState,
    reason: str,
    *also: Action,
    rows: bool = False,
    orders: bool = False,
    can_wait: bool = False,
    market: tuple[VenueName, ...] = (),
) -> Step:
    """Ask how the hedge in hand stands, with a fence where an order is in doubt.

    `rows` asks for its fills, too: the dearest reads there are (see `needs_rows`). `orders` asks
    for what rests in its symbol, behind a fence where a trigger has not been seen yet, `market` for
    its steps and status on those venues. `can_wait`: nothing of ours stands, the rows (payments,
    too) are for the books.
    """
    hedge = hedge_of(state)
    state = replace(state, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    action = ReadAccounts(
        state.asked,
        symbol=hedge.symbol,
        orders=orders,
        since_ms=hedge.approved_at_ms - ROWS_BEFORE_MS if rows else None,
        fence=fenced(hedge, orders=orders),
        urgent=not can_wait,
        can_wait=can_wait,
        market=market,
    )
    return Decision(state, (*also, action), reason)


def ask_everything(
    state: BotState, reason: str, *also: Action, since_ms: int | None = None
) -> Step:
    """Ask what both accounts hold, and every order that rests there; all fills since `since_ms`.

    Where a former life may have sent more than the state knows, behind a fence.
    """
    state = replace(state, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    is_lost = state.doubt is not None and not state.doubt.is_first
    fence = tuple(VenueName) if is_lost else ()
    action = ReadAccounts(state.asked, orders=True, since_ms=since_ms, fence=fence, can_wait=True)
    return Decision(state, (*also, action), reason)


def fenced(hedge: Hedge, *, orders: bool) -> tuple[VenueName, ...]:
    """Return the venues to be fenced before they are read, with their open orders or without."""
    doubtful = {row.venue for row in hedge.in_doubt()}
    if orders:
        doubtful |= {row.venue for row in hedge.triggers if row.stage is TriggerStage.SENT}
    return tuple(sorted(doubtful))


def look(state: BotState, reason: str, *also: Action) -> Step:
    """Begin a new round."""
    assert state.doubt is None, "nothing is opened in doubt"
    return ask_markets(replace(state, phase=Phase.ANALYZE, choice=None), reason, *also)


def rest(state: BotState, at_ms: int, pause_ms: int, reason: str, *also: Action) -> Step:
    """Wait before the next look, or end the process where that is due."""
    if state.halt_reason is not None:
        return halt(state, state.halt_reason, *also)
    if state.doubt is not None:
        # What was found is done with; there may be more of the kind.
        state = replace(state, phase=Phase.RECOVER, doubt=state.doubt.anew())
        return ask_everything(state, reason, *also)
    until = at_ms + pause_ms
    state = replace(
        state, phase=Phase.WAIT, choice=None, look_at_ms=until, wake_at_ms=until, waiting=False
    )
    if state.leaving or state.cycles_left == 0 or state.stop_asked:
        paused = state.paused or state.stop_asked
        text = f"{reason}; leaving, flat of ours"
        return Decision(replace(state, paused=paused), (*also, Exit(0)), text)
    return Decision(state, also, reason)


def halt(state: BotState, reason: str, *also: Action) -> Step:
    """Stop opening anything until a human says `resume`; the first reason is kept."""
    state, alerts = latch(state, reason)
    state = replace(state, phase=Phase.HALT, wake_at_ms=None, waiting=False)
    return Decision(state, (*also, *alerts, *leave_halted(state)), f"halted: {state.halt_reason}")


def latch(state: BotState, reason: str) -> tuple[BotState, tuple[Action, ...]]:
    """Return the state in which nothing more is opened, and the alert if that is news."""
    if state.halt_reason is not None:
        return state, ()
    return replace(state, halt_reason=reason), (Alert(Level.CRITICAL, f"halted: {reason}"),)


def leave_halted(state: BotState) -> tuple[Action, ...]:
    """Return the exit of a halted process that nobody watches (`--cycles`) or that shall end; one
    that shall stop first closes what stands."""
    stands = state.hedge is not None and state.hedge.is_standing
    is_last = state.cycles_left is not None or state.leaving or (state.stop_asked and not stands)
    return (Exit(1),) if is_last else ()


def linger(
    state: BotState,
    at_ms: int,
    reason: str,
    *also: Action,
    pause_ms_max: int = 30_000,
    pause_ms: int | None = None,
) -> Step:
    """Come back after a pause, a longer one each time in a row inside this phase; after `pause_ms`
    where it is known how long it must be."""
    if pause_ms is None:
        pause_ms = PAUSE_MS_MIN << min(state.pauses, 16)
    pause = min(pause_ms, pause_ms_max)
    state = replace(state, pauses=state.pauses + 1, wake_at_ms=at_ms + pause)
    return Decision(state, also, f"{reason}; again in {pause / 1000:g} s")


def note_outages(
    state: BotState, at_ms: int, failures: Mapping[VenueName, str]
) -> tuple[BotState, tuple[Action, ...]]:
    """Keep since when each venue is silent; alert once when that begins and once when it ends."""
    if not failures and not state.outages:
        return state, ()
    outages = {venue: state.outages.get(venue, at_ms) for venue in failures}
    alerts: list[Action] = [
        Alert(Level.WARNING, f"no news from {venue}: {failures[venue]}")
        for venue in outages
        if venue not in state.outages
    ]
    for venue, since in state.outages.items():
        if venue not in outages:
            alerts.append(Alert(Level.INFO, f"news from {venue} again after {span(at_ms - since)}"))
    return replace(state, outages=outages), tuple(alerts)


def tell_once(state: BotState, what: str, alert: Alert) -> tuple[BotState, tuple[Action, ...]]:
    """Return the alert the first time that `what` is told of this hedge, then nothing."""
    hedge = hedge_of(state)
    if what in hedge.told:
        return state, ()
    return state.with_hedge(replace(hedge, told=(*hedge.told, what))), (alert,)


def back_off(state: BotState, symbol: str, at_ms: int) -> BotState:
    """Leave a symbol alone for a while, longer each time in a row.

    For two looks at least, or it would keep the next best from its turn.
    """
    failures = state.backoffs[symbol].failures if symbol in state.backoffs else 0
    pause = min(BACKOFF_MS_MIN << min(failures, 16), BACKOFF_MS_MAX)
    entry = Backoff(failures + 1, at_ms + max(pause, 2 * state.config.check_ms))
    return replace(state, backoffs={**state.backoffs, symbol: entry})


def adopt_config(state: BotState, config: Config, at_ms: int) -> BotState:
    """Return the state under an edited configuration.

    What an open hedge or a pause was given by the old one moves along: the end of the hold, the
    next full check, the next look.
    """
    hedge, old = state.hedge, state.config
    if hedge is not None and hedge.review_at_ms is not None:
        hedge = replace(
            hedge,
            review_at_ms=hedge.review_at_ms - old.hold_ms + config.hold_ms,
            next_check_at_ms=min(hedge.next_check_at_ms, at_ms + config.check_ms),
        )
    state = replace(state, config=config, hedge=hedge)
    if state.phase is not Phase.WAIT:
        return state
    look_at_ms = min(state.look_at_ms, at_ms + max(config.wait_ms, config.check_ms))
    return replace(state, look_at_ms=look_at_ms, wake_at_ms=look_at_ms)


def settle_reports(hedge: Hedge, reports: tuple[OrderReport, ...]) -> Hedge:
    """Return the hedge with what the engine saw of the orders just sent."""
    by_id = {report.client_id: report for report in reports}
    intents = tuple(
        _reported(row, by_id[row.client_id]) if row.client_id in by_id else row
        for row in hedge.intents
    )
    return replace(hedge, intents=intents)


def _reported(intent: Intent, report: OrderReport) -> Intent:
    if report.filled > intent.filled or intent.average_price is None:
        intent = replace(
            intent,
            filled=max(intent.filled, report.filled),
            average_price=report.average_price,
        )
    if report.verdict is Verdict.REJECTED:
        return replace(intent, in_doubt=False)
    expires = intent.expires_at_ms if report.expires_at_ms is None else report.expires_at_ms
    taken = report.verdict is Verdict.ACCEPTED
    return replace(intent, in_doubt=not report.is_final, was_taken=taken, expires_at_ms=expires)


def absorb(hedge: Hedge, venues: Mapping[VenueName, VenueAccount]) -> Hedge:
    """Return the hedge with what the venues say of its market and its orders.

    Fills say what happened; what has once been seen to fill is never taken back. That nothing more
    will happen is believed behind a fence, or after the order's expiry, and only while position and
    fills agree: else rows are late, or an order of ours has filled that they do not show yet.
    """
    for venue, row in venues.items():
        hedge = with_market(hedge, venue, row.instruments, is_delisted=row.is_delisted)
        hedge = _absorb_one(hedge, venue, row)
    return hedge


def with_market(
    hedge: Hedge, venue: VenueName, markets: Mapping[str, Instrument], *, is_delisted: bool = False
) -> Hedge:
    """Return the hedge with a venue's present steps, minimums and status of its market."""
    market = markets.get(hedge.symbol, hedge.instruments[venue])
    if is_delisted:
        market = replace(market, status=MarketStatus.INACTIVE)
    if market == hedge.instruments[venue]:
        return hedge
    return replace(hedge, instruments={**hedge.instruments, venue: market})


def _absorb_one(hedge: Hedge, venue: VenueName, row: VenueAccount) -> Hedge:
    def each_here(change: Callable[[Intent], Intent]) -> Hedge:
        intents = tuple(change(each) if each.venue is venue else each for each in hedge.intents)
        return hedge if intents == hedge.intents else replace(hedge, intents=intents)

    hedge = each_here(lambda intent: _with_fills(intent, row))
    hedge = triggers.each_trigger(
        hedge,
        lambda each: triggers.seen(_with_fills(each, row), row) if each.venue is venue else each,
    )
    if row.fills_missing:
        hedge = _believed(hedge, venue, row)
    # Where somebody else holds the symbol, too, his size may hide what ours did.
    agree = not _unexplained_at(hedge, row, venue)
    agree = agree and (row.fills is not None or not hedge.is_shared(venue))
    return each_here(lambda intent: _settled(intent, row, agree=agree))


def _believed(hedge: Hedge, venue: VenueName, row: VenueAccount) -> Hedge:
    """Return the hedge with an order in doubt filled where the position alone says so.

    Only without rows, behind a fence, and where what is there is to the lot what the one order in
    doubt had left to fill: better than to close its twin, and the books ask for the rows anyway.
    Not where a trigger of ours may have done it.
    """
    doubts = hedge.in_doubt_at(venue)
    odd = _unexplained_at(hedge, row, venue)
    if len(doubts) != 1 or not is_past(doubts[0], row):
        return hedge
    (intent,) = doubts
    if any(each.side is intent.side for each in hedge.triggers if each.venue is venue):
        return hedge
    if odd != (intent.size - intent.filled) * intent.side.sign:
        return hedge
    full = replace(intent, filled=intent.size)
    return replace(hedge, intents=tuple(full if it is intent else it for it in hedge.intents))


def is_past(intent: Intent, seen: VenueAccount) -> bool:
    """Return whether an order can no longer take effect, by a fence or by its expiry."""
    return seen.is_fenced or seen.surely_at_ms > intent.expires_at_ms


def _with_fills(intent: _Order, seen: VenueAccount) -> _Order:
    if not seen.fills:
        return intent
    filled, average = _summed([row for row in fills_in(seen) if row.client_id == intent.client_id])
    if filled > intent.filled or (filled == intent.filled and average is not None):
        return replace(intent, filled=filled, average_price=average)
    return intent


def _settled(intent: Intent, seen: VenueAccount, *, agree: bool) -> Intent:
    is_over = intent.filled >= intent.size or (is_past(intent, seen) and agree)
    return replace(intent, in_doubt=False) if intent.in_doubt and is_over else intent


def _summed(fills: list[Fill]) -> tuple[Decimal, Decimal | None]:
    size = sum((fill.size for fill in fills), Decimal(0))
    if not size:
        return size, None
    return size, sum((fill.size * fill.price for fill in fills), Decimal(0)) / size


def differences(hedge: Hedge, event: AccountsRead) -> dict[VenueName, Decimal]:
    """Return position less what is ours, signed base units, for each venue that spoke."""
    return {
        venue: row.account.size_of(hedge.symbol) - hedge.held(venue)
        for venue, row in event.venues.items()
    }


def has_rows(event: AccountsRead) -> bool:
    """Return whether every venue that spoke told its fills and payments."""
    return all(row.fills is not None for row in event.venues.values())


def was_told(event: AccountsRead) -> bool:
    """Return whether every venue that spoke told its fills, or was asked in vain."""
    return all(_was_told(row) for row in event.venues.values())


def _was_told(row: VenueAccount) -> bool:
    return row.fills is not None or bool(row.fills_missing)


def needs_rows(hedge: Hedge, event: AccountsRead) -> bool:
    """Return whether only a venue's fills can tell what became of an order in doubt: the position
    is not what the fills in hand make it."""
    moved = differences(hedge, event)
    unanswered = (
        (intent, event.venues[intent.venue])
        for intent in hedge.in_doubt()
        if intent.venue in event.venues and not _was_told(event.venues[intent.venue])
    )
    return any(
        moved[intent.venue] or (is_past(intent, row) and hedge.is_shared(intent.venue))
        for intent, row in unanswered
    )


def shortfall(hedge: Hedge, event: AccountsRead) -> tuple[VenueName, Decimal] | None:
    """Return a venue that holds less than is ours and how much less (base units), None if none."""
    for venue, difference in differences(hedge, event).items():
        missing = -difference * hedge.side_at(venue).sign
        if missing > 0:
            return venue, missing
    return None


def less_than_ours(short: tuple[VenueName, Decimal], symbol: str) -> Alert:
    """Return the alert about a leg that somebody else made smaller."""
    text = f"{short[0]} holds {short[1].normalize():f} {symbol} less than we opened"
    return Alert(Level.CRITICAL, text)


def unexplained(hedge: Hedge, event: AccountsRead) -> dict[VenueName, Decimal]:
    """Return what neither our fills nor anybody else's explain in the positions.

    The symbol was flat when the hedge was approved, so position and fills since then must agree;
    where they do not, rows are late or lost. Signed base units, venues that agree left out.
    """
    strange = {venue: _unexplained_at(hedge, row, venue) for venue, row in event.venues.items()}
    return {venue: difference for venue, difference in strange.items() if difference}


def _unexplained_at(hedge: Hedge, row: VenueAccount, venue: VenueName) -> Decimal:
    by_others = hedge.taken(venue)
    if row.fills is not None:
        others = (fill for fill in fills_in(row) if is_by_others(hedge, fill))
        by_others = sum((fill.size * fill.side.sign for fill in others), Decimal(0))
    return row.account.size_of(hedge.symbol) - hedge.traded(venue) - by_others


def fills_in(row: VenueAccount) -> tuple[Fill, ...]:
    """Return a venue's fills, each once: pages that overlap repeat rows."""
    return tuple({fill.fill_id: fill for fill in row.fills or ()}.values())


def is_by_others(hedge: Hedge, fill: Fill) -> bool:
    """Return whether a fill since the approval came from somebody else's hand, or the venue's.

    The last cycle may have closed in the same symbol a moment before, and a venue whose clock is
    ahead stamps that later than the approval: it is ours, and was flat by then. One whose clock is
    behind stamps what it took of ours earlier.
    """
    if fill.symbol != hedge.symbol or hedge.owns(fill.client_id):
        return False
    is_late = fill.at_ms > hedge.approved_at_ms + CLOCK_SKEW_MS_MAX
    by_venue = fill.cause is not FillCause.TRADE
    began_ms = hedge.approved_at_ms - (CLOCK_SKEW_MS_MAX if by_venue else 0)
    return is_late or (fill.at_ms >= began_ms and not _is_of_last_cycle(hedge, fill))


def _is_of_last_cycle(hedge: Hedge, fill: Fill) -> bool:
    key = OrderKey.parse(fill.client_id)
    return key is not None and key.cycle == (hedge.cycle - 1) % (CYCLE_MAX + 1)


def legs_text(hedge: Hedge) -> str:
    """Return what our fills hold on each venue, for people: "lighter +0.36 SOL"."""
    held = {venue: hedge.held(venue) for venue in hedge.instruments}
    legs = (f"{venue} {size.normalize():+f} {hedge.symbol}" for venue, size in held.items() if size)
    return ", ".join(legs)


def hedge_of(state: BotState) -> Hedge:
    """Return the hedge that this phase cannot be without."""
    assert state.hedge is not None, f"{state.phase} without a hedge"
    return state.hedge
