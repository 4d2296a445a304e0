"""Whether the hedge in hand is still worth holding: looked at after each settlement, and at the end
of each hold.

Pure, like everything here. Acts only where the owner asks for expected profit and lets holds be
renewed; else a hold ends by its time alone.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from desk.core.actions import Action, Decision
from desk.core.events import MarketsRead
from desk.core.funding import HourlyRate, next_settlement_ms
from desk.core.words import span
from desk.hedge import economics, history, worth
from desk.hedge.closing import begin_close
from desk.hedge.config import Config
from desk.hedge.history import BOOKED_MS
from desk.hedge.opening import review_after
from desk.hedge.searching import set_aside
from desk.hedge.select import BOTH, Candidate, rank
from desk.hedge.state import BotState, CloseReason, Hedge
from desk.hedge.steps import Step, ask_markets, hedge_of
from desk.hedge.worth import Call

NEAR_MS = 600_000
"""So near to a settlement the leg that is paid on it waits for it."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What to do with the hedge in hand, and why, in words."""

    call: Call
    reason: str


def applies(config: Config) -> bool:
    """Return whether holds are weighed at all."""
    return config.require_expected_profit and config.renew_hold


def still_earns(config: Config, rate: HourlyRate) -> bool:
    """Return whether a hold is renewed where nothing can be weighed: what its direction is paid an
    hour is still the threshold."""
    return rate.apr_pct >= config.min_net_apr_threshold


def is_due(state: BotState, hedge: Hedge, at_ms: int) -> bool:
    """Return whether an hour has settled, and been published, since the hedge was last weighed."""
    since_ms = hedge.weighed_at_ms or hedge.opened_at_ms
    if since_ms is None or not applies(state.config):
        return False
    return economics.settlements_between(since_ms - BOOKED_MS, at_ms - BOOKED_MS) > 0


def weigh(
    state: BotState, event: MarketsRead, *also: Action, is_over: bool, why_last: str | None
) -> Step | None:
    """Keep, renew or close by what holding on is worth; None where nobody can tell.

    `is_over`: the hold has come to its end; then `why_last`, if there is a reason, says why it is
    the last one.
    """
    if why_last is not None:
        return _end(state, event, why_last, *also)
    hedge, at_ms = hedge_of(state), event.at_ms
    candidates = rank(
        state.config,
        event.venues,
        at_ms=at_ms,
        set_aside=set_aside(state, at_ms),
        histories=state.histories,
    )
    unknown = _unknown(state, hedge, candidates, at_ms)
    if unknown:
        state = replace(state, histories=history.mark_asked(state.histories, unknown, at_ms))
        reason = f"what has funding of {', '.join(unknown)} been so far?"
        return ask_markets(state, reason, *also, histories=unknown)
    weighed = judged(state, hedge, event, candidates)
    if weighed is None:
        return None
    if weighed.call is not Call.KEEP:
        return begin_close(state, CloseReason.HOLD_ENDED, at_ms, *also, why=weighed.reason)
    state = state.with_hedge(replace(hedge, weighed_at_ms=at_ms))
    if is_over:
        return renew(state, at_ms, f"renewed: {weighed.reason}", *also)
    return Decision(state, also, f"kept: {weighed.reason}")


def renew(state: BotState, at_ms: int, reason: str, *also: Action) -> Step:
    """Begin another hold of what is held."""
    hedge = hedge_of(state)
    renewed = replace(
        hedge,
        review_at_ms=review_after(state, at_ms, opened_at_ms=hedge.opened_at_ms or at_ms),
        renewals=hedge.renewals + 1,
    )
    return Decision(state.with_hedge(renewed), also, reason)


def _end(state: BotState, event: MarketsRead, why: str, *also: Action) -> Step:
    """Close what is not to be renewed, but not just before a payment to us."""
    later_ms = after_payment_ms(hedge_of(state), event)
    if later_ms is None:
        text = f"not renewed: {why}"
        return begin_close(state, CloseReason.HOLD_ENDED, event.at_ms, *also, why=text)
    later = replace(hedge_of(state), review_at_ms=later_ms)
    wait = span(later_ms - event.at_ms)
    reason = f"not renewed: {why}; closing in {wait}, after the coming payment"
    return Decision(state.with_hedge(later), also, reason)


def _unknown(
    state: BotState, hedge: Hedge, candidates: list[Candidate], at_ms: int
) -> dict[str, int]:
    """Return whose history to read first, each since when: of what is held, and of what could be
    held instead."""
    others = [row.symbol for row in candidates if row.is_eligible and row.symbol != hedge.symbol]
    symbols = (hedge.symbol, *others[: history.ASKED_AT_ONCE_MAX - 1])
    return history.wanted(state.histories, symbols, at_ms)


def judged(
    state: BotState, hedge: Hedge, event: MarketsRead, candidates: list[Candidate]
) -> Weighed | None:
    """Return what to do with the hedge in hand; None where its own history does not tell.

    `candidates` are all the symbols of this look.
    """
    held = next((row for row in candidates if row.symbol == hedge.symbol), None)
    rates = [] if held is None else [held.rates[venue] for venue in BOTH]
    known = [rate for rate in rates if rate is not None]
    if held is None or len(known) < len(BOTH):
        return None
    kept = state.histories.get(hedge.symbol)
    forecast = history.foresee(kept, known[0] - known[1], event.at_ms)
    if forecast is None:
        return None
    value = worth.holding_bps(forecast, hedge.long_venue)
    other = next((row for row in candidates if _may_follow(row, hedge)), None)
    plan = None if other is None else other.plan
    call = worth.judge(value, held.cost_bps, plan)
    because = _because(call, value, held, other)
    return Weighed(call, f"{_so_far(hedge, event.at_ms)}{because}")


def _may_follow(row: Candidate, hedge: Hedge) -> bool:
    """Return whether another pair could be opened, on its own history."""
    return row.is_eligible and not row.is_prior and row.symbol != hedge.symbol


def _so_far(hedge: Hedge, at_ms: int) -> str:
    renewed = f", renewed {hedge.renewals}x" if hedge.renewals else ""
    return f"held {span(at_ms - (hedge.opened_at_ms or at_ms))}{renewed}"


def _because(call: Call, value: Decimal, held: Candidate, other: Candidate | None) -> str:
    if call is Call.TURNED:
        return f"; now the spread has turned, holding on is worth {value:.2f} bp at best"
    if call is Call.BETTER and other is not None and other.plan is not None:
        return (
            f"; now {other.symbol} leaves {other.plan.sure_bps:.2f} bp for sure, holding on is "
            f"worth {value:.2f}, and a round trip costs {held.cost_bps:.2f}"
        )
    return f", because holding on is worth {value:.2f} bp and closing nothing"


def is_near_settlement(config: Config, at_ms: int) -> bool:
    """Return whether to ask, before closing, if the coming payment is worth waiting for."""
    return applies(config) and next_settlement_ms(at_ms) - at_ms <= NEAR_MS


def after_payment_ms(hedge: Hedge, event: MarketsRead) -> int | None:
    """Return when to close instead of now: a settlement is near, and we are paid on it. None where
    nothing is to be waited for."""
    settled_ms = next_settlement_ms(event.at_ms)
    stats = [event.venues[venue].stats.get(hedge.symbol) for venue in BOTH if venue in event.venues]
    if settled_ms - event.at_ms > NEAR_MS or len(stats) < len(BOTH):
        return None
    first, second = stats
    if first is None or second is None:
        return None
    earned = second.funding_next - first.funding_next
    is_paid = (earned.fraction > 0) is (hedge.long_venue is BOTH[0]) and earned.fraction != 0
    return settled_ms + BOOKED_MS if is_paid else None

