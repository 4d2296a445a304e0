"""The small moves every phase is made of: ask, wait, leave, and bring an intent up to date."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action, Alert, Decision, Exit, Level, ReadAccounts, ReadMarkets
from desk.core.events import AccountsRead, OrderReport, VenueAccount, Verdict
from desk.core.order import Fill, Order
from desk.core.venue import VenueName
from desk.hedge.state import Backoff, BotState, Hedge, Intent, Phase

Step = Decision[BotState]

RETRY_MS_MIN = 1_000
RETRY_MS_MAX = 30_000
BACKOFF_MS_MIN = 60_000
BACKOFF_MS_MAX = 3_600_000
LEVERAGE_LOCK = 1


def stay(state: BotState, reason: str, *actions: Action) -> Step:
    """Return the state as it is."""
    return Decision(state, actions, reason)


def ask_markets(state: BotState, reason: str, *also: Action) -> Step:
    """Ask for the markets of every monitored symbol."""
    state = replace(state, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    action = ReadMarkets(state.asked, state.config.symbols_to_monitor)
    return Decision(state, (*also, action), reason)


def ask_hedge(state: BotState, reason: str, *also: Action) -> Step:
    """Ask for everything that is known of the hedge in hand: accounts, fills, payments, doubts."""
    hedge = hedge_of(state)
    state = replace(state, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    action = ReadAccounts(
        state.asked,
        symbol=hedge.symbol,
        orders=True,
        since_ms=hedge.approved_at_ms,
        find=tuple((row.venue, row.client_id) for row in hedge.in_doubt()),
    )
    return Decision(state, (*also, action), reason)


def look(state: BotState, reason: str, *also: Action) -> Step:
    """Begin a new round."""
    return ask_markets(replace(state, phase=Phase.ANALYZE, choice=None), reason, *also)


def rest(state: BotState, at_ms: int, pause_ms: int, reason: str, *also: Action) -> Step:
    """Wait before the next look, or end the process where that is due."""
    until = at_ms + pause_ms
    state = replace(
        state, phase=Phase.WAIT, choice=None, look_at_ms=until, wake_at_ms=until, waiting=False
    )
    if state.leaving or state.cycles_left == 0 or state.stop_asked:
        paused = state.paused or state.stop_asked
        return Decision(replace(state, paused=paused), (*also, Exit(0)), f"{reason}; leaving, flat")
    return Decision(state, also, reason)


def halt(state: BotState, reason: str) -> Step:
    """Stop opening anything until a human says `resume`."""
    state = replace(state, phase=Phase.HALT, halt_reason=reason, wake_at_ms=None, waiting=False)
    alert = Alert(Level.CRITICAL, f"halted: {reason}")
    leave = () if state.cycles_left is None and not state.leaving else (Exit(1),)
    return Decision(state, (alert, *leave), reason)


def retry_later(state: BotState, at_ms: int, failures: Mapping[VenueName, str]) -> Step:
    """Note who does not answer and come back, ever more slowly."""
    state, alerts = note_outages(state, at_ms, failures)
    pause = min(RETRY_MS_MIN << min(state.failed_reads, 16), RETRY_MS_MAX)
    state = replace(state, failed_reads=state.failed_reads + 1, wake_at_ms=at_ms + pause)
    said = "; ".join(failures.values())
    return Decision(state, alerts, f"{said}; asking again in {pause / 1000:g} s")


def note_outages(
    state: BotState, at_ms: int, failures: Mapping[VenueName, str]
) -> tuple[BotState, tuple[Action, ...]]:
    """Keep since when each venue is silent; alert once when that begins and once when it ends."""
    outages = {venue: state.outages.get(venue, at_ms) for venue in failures}
    alerts: list[Action] = [
        Alert(Level.WARNING, f"{venue} does not answer: {failures[venue]}")
        for venue in outages
        if venue not in state.outages
    ]
    for venue, since in state.outages.items():
        if venue not in outages:
            away = (at_ms - since) // 1000
            alerts.append(Alert(Level.INFO, f"{venue} answers again after {away} s"))
    failed = state.failed_reads if failures else 0
    return replace(state, outages=outages, failed_reads=failed), tuple(alerts)


def back_off(state: BotState, symbol: str, at_ms: int) -> BotState:
    """Leave a symbol alone for a while after its opening failed, longer each time in a row."""
    failures = state.backoffs[symbol].failures if symbol in state.backoffs else 0
    pause = min(BACKOFF_MS_MIN << min(failures, 16), BACKOFF_MS_MAX)
    entry = Backoff(failures + 1, at_ms + pause)
    return replace(state, backoffs={**state.backoffs, symbol: entry})


def settle_reports(hedge: Hedge, reports: tuple[OrderReport, ...]) -> Hedge:
    """Return the hedge with what the engine saw of the orders just sent."""
    by_id = {report.client_id: report for report in reports}
    intents = tuple(
        _reported(row, by_id[row.client_id]) if row.client_id in by_id else row
        for row in hedge.intents
    )
    return replace(hedge, intents=intents)


def _reported(intent: Intent, report: OrderReport) -> Intent:
    if report.verdict is Verdict.REJECTED:
        return replace(intent, in_doubt=False)
    expires = report.expires_at_ms or intent.expires_at_ms
    return replace(
        intent,
        in_doubt=not report.is_final,
        expires_at_ms=expires,
        filled=max(intent.filled, report.filled),
        average_price=report.average_price or intent.average_price,
    )


def absorb(hedge: Hedge, venues: Mapping[VenueName, VenueAccount]) -> Hedge:
    """Return the hedge with what the venues say of its orders: fills first, order rows second.

    An order the venue does not know stays in doubt until the read is younger than its expiry.
    """
    intents = tuple(
        _absorbed(row, venues[row.venue]) if row.venue in venues else row for row in hedge.intents
    )
    return replace(hedge, intents=intents)


def _absorbed(intent: Intent, seen: VenueAccount) -> Intent:
    fills = [fill for fill in seen.fills or () if fill.client_id == intent.client_id]
    filled, average = _summed(fills)
    order = seen.found.get(intent.client_id)
    if order is not None and order.filled > filled:
        filled, average = order.filled, order.average_price
    if filled >= intent.filled:
        intent = replace(intent, filled=filled, average_price=average or intent.average_price)
    return replace(intent, in_doubt=intent.in_doubt and not _is_over(intent, order, seen))


def _is_over(intent: Intent, order: Order | None, seen: VenueAccount) -> bool:
    if order is not None and order.status.is_final:
        return True
    return intent.filled == intent.size or seen.account.asked_at_ms > intent.expires_at_ms


def _summed(fills: list[Fill]) -> tuple[Decimal, Decimal | None]:
    size = sum((fill.size for fill in fills), Decimal(0))
    if not size:
        return size, None
    return size, sum((fill.size * fill.price for fill in fills), Decimal(0)) / size


def differences(hedge: Hedge, event: AccountsRead) -> dict[VenueName, Decimal]:
    """Return position less the sum of our fills, signed base units, for each venue that spoke."""
    return {
        venue: row.account.size_of(hedge.symbol) - hedge.held(venue)
        for venue, row in event.venues.items()
    }


def hedge_of(state: BotState) -> Hedge:
    """Return the hedge that this phase cannot be without."""
    assert state.hedge is not None, f"{state.phase} without a hedge"
    return state.hedge
