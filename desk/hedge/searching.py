"""ANALYZE, SELECT and WAIT: look at every symbol, look closely at the best, or rest."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action, Decision, ReadAccounts
from desk.core.events import AccountsRead, MarketsRead, Tick, VenueAccount
from desk.core.venue import VenueName
from desk.hedge import economics
from desk.hedge.orders import send_orders
from desk.hedge.select import BOTH, Candidate, Refusal, best, rank
from desk.hedge.sizing import band_price, choose_size
from desk.hedge.state import BotState, Choice, Hedge, Phase, Role
from desk.hedge.steps import LEVERAGE_LOCK, Step, back_off, look, note_outages, rest, stay


def on_markets(state: BotState, event: MarketsRead) -> Step:
    """ANALYZE: rank what was read and look closely at the best."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    pause = state.config.check_ms
    if event.failures:
        return rest(state, event.at_ms, pause, "; ".join(event.failures.values()), *alerts)
    candidates = rank(
        state.config, event.venues, at_ms=event.at_ms, set_aside=_set_aside(state, event.at_ms)
    )
    state = replace(state, refusals=_spoken(candidates))
    chosen = best(candidates)
    if chosen is None:
        return rest(state, event.at_ms, pause, _nothing(candidates), *alerts)
    return _look_closely(state, event, chosen, alerts)


def _set_aside(state: BotState, at_ms: int) -> dict[str, str]:
    return {
        symbol: f"opening failed {row.failures}x in a row, left alone for now"
        for symbol, row in state.backoffs.items()
        if row.until_ms > at_ms
    }


def _spoken(candidates: list[Candidate]) -> dict[str, str]:
    return {
        row.symbol: "; ".join(refusal.reason for refusal in row.refusals)
        for row in candidates
        if row.refusals
    }


def _nothing(candidates: list[Candidate]) -> str:
    if not candidates:
        return "no symbol is listed on both venues"
    first = candidates[0]
    return f"nothing to open; nearest is {first.symbol}: {first.refusals[0].reason}"


def _look_closely(
    state: BotState, event: MarketsRead, chosen: Candidate, also: tuple[Action, ...]
) -> Step:
    assert chosen.long_venue is not None, "an eligible candidate has a direction"
    assert chosen.spread is not None, "an eligible candidate has a spread"
    instruments = {venue: event.venues[venue].instruments[chosen.symbol] for venue in BOTH}
    assert chosen.funding_bps is not None, "what has a spread has an expected funding"
    choice = Choice(
        symbol=chosen.symbol,
        long_venue=chosen.long_venue,
        spread_apr_pct=chosen.spread.apr_pct,
        funding_bps=chosen.funding_bps,
        instruments=instruments,
    )
    asked = state.asked + 1
    state = replace(state, phase=Phase.SELECT, choice=choice, asked=asked, waiting=True)
    action = ReadAccounts(asked, symbol=chosen.symbol, orders=True, leverage=LEVERAGE_LOCK)
    reason = f"{choice.symbol} has the widest spread, {choice.spread_apr_pct:.2f} % APR"
    return Decision(state, (*also, action), reason)


def on_close_look(state: BotState, event: AccountsRead) -> Step:
    """SELECT: approve a size for the chosen pair and write the orders down, or refuse it."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    choice = state.choice
    assert choice is not None, "SELECT without a choice"
    refusal = _refusal(state, choice, event)
    if refusal is None:
        size = _size(state, choice, event.venues)
        if isinstance(size, Decimal):
            return _approve(state, choice, size, event, alerts)
        refusal = size.reason
    # A pair that cannot be opened must not keep the next best from being looked at.
    if not event.failures:
        state = back_off(state, choice.symbol, event.at_ms)
    reason = f"{choice.symbol} refused: {refusal}"
    return rest(state, event.at_ms, state.config.check_ms, reason, *alerts)


def _refusal(state: BotState, choice: Choice, event: AccountsRead) -> str | None:
    if event.failures:
        return "; ".join(event.failures.values())
    if state.paused or state.close_asked:
        return "paused by the owner"
    for venue, row in event.venues.items():
        reason = _unfit(choice.symbol, row)
        if reason is not None:
            return f"{venue} {reason}"
    return None


def _unfit(symbol: str, row: VenueAccount) -> str | None:
    """Return what keeps a venue's account from opening `symbol` now."""
    if row.account.size_of(symbol) != 0:
        return "already holds a position that is not ours"
    if row.orders:
        return "already has orders that are not ours"
    if row.leverage is None or row.leverage.value != LEVERAGE_LOCK:
        shown = "unknown" if row.leverage is None else f"{row.leverage.value:g}x"
        return f"leverage is {shown}, not {LEVERAGE_LOCK}x"
    if row.quote is None:
        return "book not fresh"
    if row.fees is None:
        return "did not tell the account's fees"
    return None


def _size(
    state: BotState, choice: Choice, venues: Mapping[VenueName, VenueAccount]
) -> Decimal | Refusal:
    quotes = {venue: row.quote for venue, row in venues.items() if row.quote is not None}
    fees = {venue: row.fees for venue, row in venues.items() if row.fees is not None}
    refusal = _unprofitable(state, choice, economics.round_trip_cost_bps(fees, quotes))
    return refusal or choose_size(
        state.config,
        choice.instruments,
        quotes,
        accounts={venue: row.account for venue, row in venues.items()},
        fees=fees,
        is_first=state.cycles_done == 0,
    )


def _unprofitable(state: BotState, choice: Choice, cost_bps: Decimal) -> Refusal | None:
    """Ask again whether the trade pays, now with the account's own fees and the latest books."""
    if not state.config.require_expected_profit or choice.funding_bps > cost_bps:
        return None
    text = f"expected funding {choice.funding_bps:.2f} bp does not pay {cost_bps:.2f} bp of costs"
    return Refusal(text, "require_expected_profit")


def _approve(
    state: BotState,
    choice: Choice,
    size: Decimal,
    event: AccountsRead,
    also: tuple[Action, ...],
) -> Step:
    hedge = Hedge(
        cycle=state.cycle,
        symbol=choice.symbol,
        size=size,
        long_venue=choice.long_venue,
        spread_apr_pct=choice.spread_apr_pct,
        approved_at_ms=event.at_ms,
        equity_before_usd={v: row.account.equity_usd for v, row in event.venues.items()},
        instruments=choice.instruments,
    )
    state = replace(state, phase=Phase.OPEN, hedge=hedge, choice=None, cycle=state.cycle + 1)
    prices = {
        venue: band_price(
            choice.instruments[venue],
            row.quote.mid,
            choice.side_at(venue).entry,
            state.config.slippage_max_bps,
        )
        for venue, row in event.venues.items()
        if row.quote is not None
    }
    reason = (
        f"open {size.normalize():f} {hedge.symbol}: long {hedge.long_venue}, "
        f"short {hedge.long_venue.twin}, {hedge.spread_apr_pct:.2f} % APR"
    )
    sizes = dict.fromkeys(BOTH, size)
    return send_orders(state, Role.OPEN, sizes, prices, event.at_ms, reason, *also)


def on_tick_waiting(state: BotState, event: Tick) -> Step:
    """WAIT: look again when it is time and nobody said pause."""
    if event.at_ms < state.look_at_ms:
        return stay(state, "resting")
    if state.paused:
        later = event.at_ms + state.config.check_ms
        return stay(replace(state, look_at_ms=later, wake_at_ms=later), "paused")
    return look(state, "time to look")
