"""ANALYZE, SELECT and WAIT: look at every symbol, look closely at the best, or rest."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from desk.core.account import MarginMode
from desk.core.actions import Action, Decision, ReadAccounts
from desk.core.events import AccountsRead, MarketsRead, Tick, VenueAccount
from desk.core.venue import VenueName
from desk.core.words import span
from desk.hedge import clocks, economics, history, proving
from desk.hedge.config import Config
from desk.hedge.economics import Costs, Expected
from desk.hedge.history import Histories
from desk.hedge.orders import Wanted, send_orders
from desk.hedge.select import BOTH, Candidate, Refusal, best, rank
from desk.hedge.sizing import band_price, choose_size
from desk.hedge.state import BotState, Choice, Hedge, Phase, Role
from desk.hedge.steps import (
    LEVERAGE_LOCK,
    Step,
    ask_markets,
    back_off,
    look,
    note_outages,
    rest,
    stay,
)

# A price that gates an opening: the last frame on that connection may be this old.
QUOTE_AGE_MS_MAX = 2_000
LOOKS_MAX = 4
# What must be left of the spread that a pair was chosen for, by the last look before it is opened.
SPREAD_LEFT_MIN = Decimal("0.5")


def on_markets(state: BotState, event: MarketsRead) -> Step:
    """ANALYZE: rank what was read and look closely at the best."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    pause = state.config.check_ms
    obstacle = _owners_no(state) or proving.obstacle(state.rate_proofs)
    obstacle = obstacle or "; ".join(event.failures.values())
    if obstacle:
        return rest(state, event.at_ms, pause, obstacle, *alerts)
    state = replace(state, histories=history.take_in(state.histories, event.venues))
    candidates = rank(
        state.config,
        event.venues,
        at_ms=event.at_ms,
        set_aside=set_aside(state, event.at_ms),
        histories=state.histories,
    )
    state = replace(state, refusals=_spoken(candidates))
    unknown = unknown_histories(state.config, state.histories, candidates, event.at_ms)
    if unknown:
        histories = history.mark_asked(state.histories, unknown, event.at_ms)
        names = ", ".join(unknown)
        reason = f"what has funding of {names} been so far?"
        state = replace(state, histories=histories)
        return ask_markets(state, reason, *alerts, histories=unknown)
    chosen = best(candidates)
    if chosen is None:
        return rest(state, event.at_ms, pause, _nothing(candidates), *alerts)
    return _look_closely(state, event, chosen, alerts)


def unknown_histories(
    config: Config, histories: Histories, candidates: list[Candidate], at_ms: int
) -> dict[str, int]:
    """Return whose history to read before deciding, each since when: those that only what they
    would earn keeps from being opened, or nothing does."""
    if not config.require_expected_profit:
        return {}
    symbols = [row.symbol for row in candidates if row.is_worth_a_history]
    return history.wanted(histories, symbols[: history.HISTORIES_MAX], at_ms)


def _owners_no(state: BotState) -> str:
    """Return why the owner wants nothing opened now, empty when nothing is said against it."""
    if state.leaving or state.stop_asked:
        return "leaving"
    return "paused by the owner" if state.paused or state.close_asked else ""


def set_aside(state: BotState, at_ms: int) -> dict[str, str]:
    """Return the symbols that must not be opened now, each with the reason."""
    backed_off = {
        symbol: f"not opened {row.failures}x in a row, left alone for now"
        for symbol, row in state.backoffs.items()
        if row.until_ms > at_ms
    }
    return backed_off | dict.fromkeys(state.by_hand, "closed by another hand, until resume")


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
    lacks = first.refusals[0]
    short = "" if lacks.missing_bps is None else f", {lacks.missing_bps:.2f} bp short"
    return f"nothing to open; nearest is {first.symbol}: {lacks.reason}{short}"


def _look_closely(
    state: BotState, event: MarketsRead, chosen: Candidate, also: tuple[Action, ...]
) -> Step:
    assert chosen.long_venue is not None, "an eligible candidate has a direction"
    assert chosen.spread is not None, "an eligible candidate has a spread"
    instruments = {venue: event.venues[venue].instruments[chosen.symbol] for venue in BOTH}
    assert chosen.funding_bps is not None, "what has a spread has an expected funding"
    assert chosen.plan is not None, "what has a spread has a plan"
    choice = Choice(
        symbol=chosen.symbol,
        long_venue=chosen.long_venue,
        spread_apr_pct=chosen.spread.apr_pct,
        funding_bps=chosen.funding_bps,
        instruments=instruments,
        plan=None if chosen.is_prior else chosen.plan,
        expected=Expected(chosen.plan.settlements, chosen.plan.expected_bps, chosen.costs),
    )
    state = replace(state, phase=Phase.SELECT, choice=choice)
    reason = _why_chosen(state, choice)
    return _ask_closely(state, reason, *also)


def _why_chosen(state: BotState, choice: Choice) -> str:
    spread = f"{choice.spread_apr_pct:.2f} % APR"
    if not state.config.require_expected_profit:
        return f"{choice.symbol} has the widest spread, {spread}"
    if choice.plan is None:
        return f"{choice.symbol} is expected to earn most, {spread}; its history is too short"
    return f"{choice.symbol} is surest to pay, {spread}: {choice.plan.told()}"


def _ask_closely(state: BotState, reason: str, *also: Action) -> Step:
    """Ask for the accounts and the symbol's orders; once it is known to be free, for the rest.

    The leverage is set while asking: never on a symbol where the owner stands.
    """
    choice = state.choice
    assert choice is not None, "SELECT without a choice"
    state = replace(state, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    action = ReadAccounts(
        state.asked,
        symbol=choice.symbol,
        orders=True,
        leverage=LEVERAGE_LOCK if choice.looks > 0 else None,
        can_wait=True,
    )
    return Decision(state, (*also, action), reason)


def on_close_look(state: BotState, event: AccountsRead) -> Step:
    """SELECT: approve a size for the chosen pair and write the orders down, or refuse it."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    choice = state.choice
    assert choice is not None, "SELECT without a choice"
    obstacle = _owners_no(state) or "; ".join(event.failures.values()) or clocks.obstacle(state)
    if obstacle:
        return rest(state, event.at_ms, state.config.check_ms, obstacle, *alerts)
    refusal = _occupied(choice, event)
    if refusal is None:
        state = replace(state, choice=replace(choice, looks=choice.looks + 1))
        if choice.looks == 0:
            return _when_there_is_room(state, choice.symbol, event, *alerts)
        if _is_stale(event) and choice.looks < LOOKS_MAX:
            return _ask_closely(state, f"{choice.symbol}: book not fresh, look again", *alerts)
        refusal = _unready(event) or _faded(choice, event)
    if refusal is None:
        size = _size(state, choice, event.venues)
        if isinstance(size, Decimal):
            return _approve(state, size, event, *alerts)
        refusal = size.reason
    # A pair that cannot be opened must not keep the next best from being looked at.
    state = back_off(state, choice.symbol, event.at_ms)
    reason = f"{choice.symbol} refused: {refusal}"
    return rest(state, event.at_ms, state.config.check_ms, reason, *alerts)


def _when_there_is_room(state: BotState, symbol: str, event: AccountsRead, *also: Action) -> Step:
    """The symbol is free: go on once both request budgets have room for a whole opening.

    A budget that refuses one of the two orders would leave half a pair.
    """
    wait_ms = max(row.opening_wait_ms for row in event.venues.values())
    if not wait_ms:
        return _ask_closely(state, f"{symbol} is free; set and read the rest", *also)
    text = (
        f"{symbol} is free; opening in {span(wait_ms)}, when the venues' request limits leave "
        "room for all of it"
    )
    return Decision(replace(state, wake_at_ms=event.at_ms + wait_ms), also, text)


def on_tick_selecting(state: BotState, event: Tick) -> Step:
    """SELECT: the request budgets have room now; set and read the rest."""
    obstacle = _owners_no(state)
    if obstacle:
        return rest(state, event.at_ms, state.config.check_ms, obstacle)
    return _ask_closely(state, "there is room for a whole opening; set and read the rest")


def _occupied(choice: Choice, event: AccountsRead) -> str | None:
    """Return who stands in the way on this symbol, None if it is free on both venues."""
    for venue, row in event.venues.items():
        if row.account.size_of(choice.symbol) != 0:
            return f"{venue} already holds a position that is not ours"
        if row.orders is None:
            return f"{venue} did not tell its orders"
        if row.orders:
            return f"{venue} already has orders that are not ours"
    return None


def _is_stale(event: AccountsRead) -> bool:
    """Return whether a book that would price an opening is too old, or broken."""
    return not all(_is_fresh(row, event.at_ms) for row in event.venues.values())


def _is_fresh(row: VenueAccount, at_ms: int) -> bool:
    quote = row.quote
    if quote is None or quote.bid >= quote.ask:
        return False
    return at_ms - quote.received_at_ms <= QUOTE_AGE_MS_MAX


def _unready(event: AccountsRead) -> str | None:
    """Return what else keeps a venue's account from opening now."""
    for venue, row in event.venues.items():
        setting = row.leverage
        why = f": {row.leverage_refusal}" if row.leverage_refusal else ""
        if setting is None or setting.value != LEVERAGE_LOCK:
            shown = "unknown" if setting is None else f"{setting.value.normalize():f}x"
            return f"{venue} leverage is {shown}, not {LEVERAGE_LOCK}x{why}"
        if setting.margin_mode is not MarginMode.CROSS:
            return f"{venue} margin is {setting.margin_mode}, not {MarginMode.CROSS}{why}"
        if not _is_fresh(row, event.at_ms):
            return f"{venue} book not fresh"
        if row.fees is None:
            return f"{venue} did not tell the account's fees"
    return None


def _faded(choice: Choice, event: AccountsRead) -> str | None:
    """Return why the pair is not what was chosen any more: a wait for room in the request limits
    may last a minute, and an hour may have settled in it. None where streams say nothing new."""
    long = event.venues[choice.long_venue].stats
    short = event.venues[choice.long_venue.twin].stats
    if long is None or short is None:
        return None
    apr_pct = (short.funding_next - long.funding_next).apr_pct
    if apr_pct >= choice.spread_apr_pct * SPREAD_LEFT_MIN:
        return None
    return f"chosen for {choice.spread_apr_pct:.2f} % APR, now it is {apr_pct:.2f} %"


def _size(
    state: BotState, choice: Choice, venues: Mapping[VenueName, VenueAccount]
) -> Decimal | Refusal:
    quotes = {venue: row.quote for venue, row in venues.items() if row.quote is not None}
    fees = {venue: row.fees for venue, row in venues.items() if row.fees is not None}
    refusal = _unprofitable(state, choice, _costs_now(choice, venues).total_bps)
    return refusal or choose_size(
        state.config,
        choice.instruments,
        quotes,
        accounts={venue: row.account for venue, row in venues.items()},
        fees=fees,
        is_first=state.cycles_done == 0,
    )


def _costs_now(choice: Choice, venues: Mapping[VenueName, VenueAccount]) -> Costs:
    """Return what a round trip costs with the account's own fees and the latest books, which were
    not walked again: their impact is no less than at the look."""
    quotes = {venue: row.quote for venue, row in venues.items() if row.quote is not None}
    fees = {venue: row.fees for venue, row in venues.items() if row.fees is not None}
    costs = economics.round_trip(fees, quotes, long_venue=choice.long_venue)
    if choice.expected is None:
        return costs
    impact_bps = max(costs.impact_bps, choice.expected.costs.impact_bps)
    return replace(costs, impact_bps=impact_bps)


def _unprofitable(state: BotState, choice: Choice, cost_bps: Decimal) -> Refusal | None:
    """Ask again whether the trade pays, now with the account's own fees and the latest books."""
    plan, funding_bps = choice.plan, choice.funding_bps
    if plan is not None:
        plan = replace(plan, cost_bps=cost_bps)
        funding_bps = plan.expected_bps
    pays = plan.pays if plan is not None else funding_bps > cost_bps
    if not state.config.require_expected_profit or pays:
        return None
    text = f"expected funding {funding_bps:.2f} bp does not pay {cost_bps:.2f} bp of costs"
    return Refusal(text, "require_expected_profit")


def _approve(state: BotState, size: Decimal, event: AccountsRead, *also: Action) -> Step:
    choice = state.choice
    assert choice is not None, "SELECT without a choice"
    quotes = {venue: row.quote for venue, row in event.venues.items()}
    mids = {venue: quote.mid for venue, quote in quotes.items() if quote is not None}
    hedge = Hedge(
        cycle=state.cycle,
        symbol=choice.symbol,
        size=size,
        long_venue=choice.long_venue,
        spread_apr_pct=choice.spread_apr_pct,
        approved_at_ms=event.at_ms,
        equity_before_usd={v: row.account.equity_usd for v, row in event.venues.items()},
        instruments=choice.instruments,
        funding_bps=choice.funding_bps,
        mids=mids,
        expected=_expected(choice, event.venues),
    )
    state = replace(state, phase=Phase.OPEN, hedge=hedge, choice=None, cycle=state.cycle + 1)
    band = state.config.slippage_max_bps
    wanted = {}
    for venue in BOTH:
        side = hedge.side_at(venue).entry
        price = band_price(hedge.instruments[venue], mids[venue], side, band)
        wanted[venue] = Wanted(Role.OPEN, side, size, price)
    reason = (
        f"open {size.normalize():f} {hedge.symbol}: long {hedge.long_venue}, "
        f"short {hedge.long_venue.twin}, {choice.spread_apr_pct:.2f} % APR"
    )
    return send_orders(state, wanted, *also, at_ms=event.at_ms, reason=reason)


def _expected(choice: Choice, venues: Mapping[VenueName, VenueAccount]) -> Expected | None:
    """Return what the pair is opened for, at the costs of now."""
    if choice.expected is None:
        return None
    return replace(choice.expected, costs=_costs_now(choice, venues))


def on_tick_waiting(state: BotState, event: Tick) -> Step:
    """WAIT: look again when it is time and nobody said pause."""
    if event.at_ms < state.look_at_ms:
        return stay(state, "resting")
    if state.paused:
        later = event.at_ms + state.config.check_ms
        return stay(replace(state, look_at_ms=later, wake_at_ms=later), "paused")
    return look(state, "time to look")
