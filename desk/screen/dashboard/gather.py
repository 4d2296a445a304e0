"""From what the bot decided and its feeds told to one `Board`.

Keeps the newest of everything with its time; adds up nothing that `HoldBook` or the strategy adds
up already. Runs in a thread of its own, on values that nobody else changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from desk.core.account import Leverage
from desk.core.book import Quote
from desk.core.events import AccountsRead, Event, MarketsRead, VenueAccount, VenueMarkets
from desk.core.funding import HOURS_PER_YEAR
from desk.core.market import FeeRates, MarketStats
from desk.core.order import PositionSide
from desk.core.venue import Health, VenueName
from desk.hedge import purse, risk
from desk.hedge.owner import restraints
from desk.hedge.searching import set_aside
from desk.hedge.select import BOTH, Candidate, rank
from desk.hedge.state import BotState, CycleResult, Hedge
from desk.screen.dashboard.values import (
    Board,
    ExitView,
    HedgeView,
    LegView,
    MarketView,
    Reading,
    Results,
    StopView,
    TriggerView,
    VenueView,
)
from desk.screen.hold import HoldBook, hours_due, may_be_renewed
from desk.screen.status import next_steps
from desk.screen.tables import verdict

MARK_GOOD_MS = 10_000
RATE_GOOD_MS = 120_000  # funding estimates move slowly, and quiet markets are seldom told
ANSWER_GOOD_MS = 180_000
CHECKS_GOOD = 3  # so many full checks may fail before what they read is old
LEVERAGE_GOOD_MS = 65 * 60_000
ZERO = Decimal(0)

MarketKey = tuple[VenueName, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """What the loop hands over: the bot's state, what it was told since the last sample, and the
    newest of every stream. `stats` and `heard_at_ms` carry our own clock."""

    now_ms: int
    mode: str
    state: BotState
    reason: str
    is_saved: bool
    events: Sequence[tuple[Event, Hedge | None]]
    quotes: Mapping[MarketKey, Quote]
    stats: Mapping[MarketKey, tuple[MarketStats, int]]
    heard_at_ms: Mapping[VenueName, int]
    down: Mapping[VenueName, str]
    health: Mapping[VenueName, Health]
    leverage: Mapping[MarketKey, tuple[Leverage, int]] = field(default_factory=dict)
    results: tuple[CycleResult, ...] = ()
    log: tuple[str, ...] = ()


@dataclass(slots=True)
class Gatherer:
    """Remembers what events told; a sample makes it a board."""

    _hold: HoldBook = field(default_factory=HoldBook)
    _accounts: dict[VenueName, tuple[VenueAccount, int]] = field(default_factory=dict)
    _first_equity: dict[VenueName, Decimal] = field(default_factory=dict)
    _leverage: dict[MarketKey, Reading[Decimal]] = field(default_factory=dict)
    _fees: dict[VenueName, FeeRates] = field(default_factory=dict)
    _markets: dict[VenueName, VenueMarkets] = field(default_factory=dict)
    _looked_at_ms: int | None = None

    def board(self, sample: Sample) -> Board:
        """Return what is to be shown now."""
        for event, hedge in sample.events:
            self._hear(event, hedge)
        for key, (setting, at_ms) in sample.leverage.items():
            self._hear_leverage(key, setting, at_ms)
        state, hedge = sample.state, sample.state.hedge
        venues = tuple(self._venue(sample, venue) for venue in BOTH)
        shown = None if hedge is None else self._hedge(sample, hedge)
        margins = [leg.margin_pct for leg in shown.legs] if shown is not None else []
        return Board(
            at_ms=sample.now_ms,
            mode=sample.mode,
            phase=state.phase,
            cycle=state.cycle if hedge is None else hedge.cycle,
            reason=sample.reason,
            steps=tuple(next_steps(state, sample.now_ms)),
            restraints=tuple(restraints(state)),
            doubt=None if state.doubt is None else state.doubt.why,
            is_saved=sample.is_saved,
            hedge=shown,
            venues=venues,
            move=self._move(venues, sample.now_ms),
            is_low=any(
                row.is_good(sample.now_ms) and (row.value or ZERO) < purse.LOW_MARGIN_PCT
                for row in margins
            ),
            markets=self._ranked(sample),
            looked_at_ms=self._looked_at_ms,
            results=self._results(sample, venues),
            log=sample.log,
        )

    # What events tell

    def _hear(self, event: Event, hedge: Hedge | None) -> None:
        self._hold.follow(event, hedge)
        if isinstance(event, MarketsRead):
            self._hear_markets(event)
        elif isinstance(event, AccountsRead):
            for venue, row in event.venues.items():
                self._hear_account(venue, row, event.at_ms)

    def _hear_markets(self, event: MarketsRead) -> None:
        self._looked_at_ms = event.at_ms
        for venue, row in event.venues.items():
            self._markets[venue] = row
            if row.fees is not None:
                self._fees[venue] = row.fees

    def _hear_account(self, venue: VenueName, row: VenueAccount, at_ms: int) -> None:
        self._accounts[venue] = row, at_ms
        self._first_equity.setdefault(venue, row.account.equity_usd)
        if row.leverage is not None:
            self._hear_leverage((venue, row.leverage.symbol), row.leverage, at_ms)
        if row.fees is not None:
            self._fees[venue] = row.fees

    def _hear_leverage(self, key: MarketKey, setting: Leverage, at_ms: int) -> None:
        """Keep the newest: an opening reads it, and so does a watch beside the bot."""
        if key not in self._leverage or self._leverage[key].at_ms <= at_ms:
            self._leverage[key] = Reading.of(setting.value, at_ms, LEVERAGE_GOOD_MS)

    # Venues and money

    def _account(self, sample: Sample, venue: VenueName) -> Reading[VenueAccount]:
        row, at_ms = self._accounts.get(venue, (None, 0))
        good_ms = max(CHECKS_GOOD * sample.state.config.check_ms, ANSWER_GOOD_MS)
        return Reading.of(row, at_ms, good_ms)

    def _venue(self, sample: Sample, venue: VenueName) -> VenueView:
        account, hedge = self._account(sample, venue), sample.state.hedge
        health = sample.health.get(venue, Health())
        notional = Reading.of(ZERO, sample.now_ms, MARK_GOOD_MS)
        if hedge is not None:
            held = abs(hedge.held(venue))
            notional = _mark(sample, venue, hedge.symbol).map(lambda mark: held * mark)
        room = None
        if health.budget_left is not None and health.budget_max:
            room = Decimal(health.budget_left) / health.budget_max
        return VenueView(
            venue=venue,
            equity_usd=account.map(lambda row: row.account.equity_usd),
            free_usd=account.map(lambda row: row.account.free_usd),
            spare_usd=account.join(
                notional, lambda row, usd: purse.spare_usd(row.account, usd)
            ),
            heard_at_ms=sample.heard_at_ms.get(venue),
            down=sample.down.get(venue),
            round_trip_ms=Reading.of(
                health.round_trip_ms, health.answered_at_ms or 0, ANSWER_GOOD_MS
            ),
            room=room,
            away_since_ms=sample.state.outages.get(venue),
            strangers=_strangers(account.value, hedge),
        )

    def _move(self, venues: Sequence[VenueView], now_ms: int) -> purse.Move | None:
        equity = {row.venue: row.equity_usd.value for row in venues}
        may_leave = {row.venue: row.spare_usd.value for row in venues}
        are_good = all(
            row.equity_usd.is_good(now_ms) and row.spare_usd.is_good(now_ms)
            for row in venues
        )
        if not are_good:
            return None
        return purse.evening_move(
            {venue: usd for venue, usd in equity.items() if usd is not None},
            {venue: usd for venue, usd in may_leave.items() if usd is not None},
        )

    def _results(self, sample: Sample, venues: Sequence[VenueView]) -> Results:
        one, other = (row.equity_usd for row in venues)
        first = sum(self._first_equity.values(), ZERO)  # complete wherever both are known
        return Results(
            cycles=len(sample.results),
            net_usd=sum((row.net_usd for row in sample.results), ZERO),
            equity_change_usd=one.join(other, lambda here, there: here + there - first),
        )

    # The hedge

    def _hedge(self, sample: Sample, hedge: Hedge) -> HedgeView:
        legs = tuple(self._leg(sample, hedge, venue) for venue in _long_first(hedge))
        due = 0
        if hedge.opened_at_ms is not None:
            due = hours_due(hedge.opened_at_ms, sample.now_ms)
        long, short = (_rate(sample, leg.venue, hedge.symbol) for leg in legs)
        reason = hedge.close_reason
        return HedgeView(
            symbol=hedge.symbol,
            cycle=hedge.cycle,
            legs=legs,
            opened_at_ms=hedge.opened_at_ms,
            review_at_ms=hedge.review_at_ms,
            renews=may_be_renewed(sample.state),
            renewals=hedge.renewals,
            close_reason=None if reason is None else str(reason),
            hours_due=due,
            price_usd=legs[0].price_usd.join(legs[1].price_usd, lambda one, other: one + other),
            net_usd=legs[0].net_usd.join(legs[1].net_usd, lambda one, other: one + other),
            equity_change_usd=self._hold.equity_change_usd(hedge),
            apr_now=short.join(long, lambda one, other: one - other),
            apr_entry=hedge.spread_apr_pct,
            apr_average=self._average_apr_pct(hedge),
            exit=self._exit(sample, hedge, legs),
            has_triggers=sample.state.config.venue_triggers,
        )

    def _leg(self, sample: Sample, hedge: Hedge, venue: VenueName) -> LegView:
        size, entry = hedge.held(venue), hedge.entry_price(venue)
        mark = _mark(sample, venue, hedge.symbol)
        price: Reading[Decimal] = Reading()
        if entry is not None:
            price = mark.map(lambda now: size * (now - entry))
        fees, funding = self._hold.fees_usd(hedge, venue), self._hold.funding_usd_of(venue)
        net: Reading[Decimal] = Reading()
        if fees is not None:
            net = price.map(lambda usd: usd + funding - fees)
        account = self._account(sample, venue) if size else Reading()
        return LegView(
            venue=venue,
            side=hedge.side_at(venue),
            size=size,
            entry=entry,
            mark=mark,
            price_usd=price,
            funding_usd=funding,
            hours_told=self._hold.hours_told(venue),
            fees_usd=fees,
            net_usd=net,
            leverage=self._leverage.get((venue, hedge.symbol), Reading()),
            margin_pct=account.join(mark, lambda row, now: _margin_pct(row, hedge.symbol, now)),
            stop=_stop(sample, hedge, venue, mark),
            exit_price=_exit_price(sample, hedge, venue),
            triggers=tuple(
                TriggerView(row.kind, row.trigger_price, row.stage)
                for row in hedge.triggers
                if row.venue is venue and row.may_act
            ),
            in_doubt=len(hedge.in_doubt_at(venue)),
        )

    def _average_apr_pct(self, hedge: Hedge) -> Decimal | None:
        """Return what both legs were paid, a year on one leg's entry; None while a venue has told
        no payment yet, or more hours of one leg than of the other are known."""
        told = {self._hold.hours_told(venue) for venue in BOTH}
        entry = hedge.entry_price(hedge.long_venue)
        size = abs(hedge.held(hedge.long_venue))
        if len(told) > 1 or told == {0} or entry is None or not size:
            return None
        hours = told.pop()
        return self._hold.funding_usd / (entry * size) / hours * HOURS_PER_YEAR * 100

    def _exit(
        self, sample: Sample, hedge: Hedge, legs: Sequence[LegView]
    ) -> Reading[ExitView]:
        """Return what crossing both books now would cost at the top, and the fees of it."""
        fees = [self._fees.get(leg.venue) for leg in legs]
        long, short = legs
        size = max(abs(leg.size) for leg in legs)
        if not size or any(row is None for row in fees):
            return Reading()
        fee = sum((row.taker for row in fees if row is not None), ZERO)
        mids = [
            _quote(sample, leg.venue, hedge.symbol).map(lambda quote: quote.mid) for leg in legs
        ]
        sold = long.exit_price.join(mids[0], lambda price, mid: (mid - price) / mid)
        bought = short.exit_price.join(mids[1], lambda price, mid: (price - mid) / mid)
        books = sold.join(bought, lambda one, other: one + other)
        return books.join(
            mids[0],
            lambda share, mid: ExitView(share * 10_000, fee * 10_000, (share + fee) * size * mid),
        )

    # The markets

    def _ranked(self, sample: Sample) -> tuple[MarketView, ...]:
        """Return the last look, with the rates and books that have been streamed since."""
        if len(self._markets) < len(BOTH):
            return ()
        state = sample.state
        rows = rank(
            state.config,
            {venue: _refreshed(sample, venue, row) for venue, row in self._markets.items()},
            at_ms=sample.now_ms,
            set_aside=set_aside(state, sample.now_ms),
            histories=state.histories,
        )
        return tuple(_market(sample, row, self._looked_at_ms or 0) for row in rows)


def _refreshed(sample: Sample, venue: VenueName, row: VenueMarkets) -> VenueMarkets:
    """Return what a look saw of a venue, with what was streamed later; an old book is none."""
    quotes = {
        symbol: quote
        for (name, symbol), quote in sample.quotes.items()
        if name is venue and symbol in row.instruments
    }
    stats = {
        symbol: seen
        for (name, symbol), (seen, _) in sample.stats.items()
        if name is venue and symbol in row.instruments
    }
    return replace(row, quotes=quotes, stats={**row.stats, **stats})


def _market(sample: Sample, row: Candidate, looked_at_ms: int) -> MarketView:
    hedge = sample.state.hedge
    is_held = hedge is not None and hedge.symbol == row.symbol
    apr = {}
    for venue in BOTH:
        streamed, rate = _rate(sample, venue, row.symbol), row.rates[venue]
        looked = Reading.of(None if rate is None else rate.apr_pct, looked_at_ms, RATE_GOOD_MS)
        apr[venue] = looked if streamed.value is None else streamed
    long = row.long_venue
    spread: Reading[Decimal] = Reading()
    if long is not None:
        spread = apr[long.twin].join(apr[long], lambda one, other: one - other)
    return MarketView(
        symbol=row.symbol,
        apr=apr,
        spread_apr=spread,
        long_venue=long,
        net_bps=row.net_bps,
        break_even_h=row.break_even,
        verdict="held" if is_held else verdict(row),
        is_eligible=row.is_eligible or is_held,
    )


# Single facts


def _mark(sample: Sample, venue: VenueName, symbol: str) -> Reading[Decimal]:
    stats, at_ms = sample.stats.get((venue, symbol), (None, 0))
    return Reading.of(None if stats is None else stats.mark, at_ms, MARK_GOOD_MS)


def _rate(sample: Sample, venue: VenueName, symbol: str) -> Reading[Decimal]:
    stats, at_ms = sample.stats.get((venue, symbol), (None, 0))
    apr = None if stats is None else stats.funding_next.apr_pct
    return Reading.of(apr, at_ms, RATE_GOOD_MS)


def _quote(sample: Sample, venue: VenueName, symbol: str) -> Reading[Quote]:
    quote = sample.quotes.get((venue, symbol))
    return Reading.of(quote, 0 if quote is None else quote.received_at_ms, MARK_GOOD_MS)


def _exit_price(sample: Sample, hedge: Hedge, venue: VenueName) -> Reading[Decimal]:
    """Return where a close of the leg would meet the book: a long sells at the bid."""
    is_long = hedge.side_at(venue) is PositionSide.LONG
    quote = _quote(sample, venue, hedge.symbol)
    return quote.map(lambda seen: seen.bid if is_long else seen.ask)


def _margin_pct(row: VenueAccount, symbol: str, mark: Decimal) -> Decimal:
    """Return how far the leg is from its liquidation, percent of the mark; a leg that the venue
    gives no price for cannot be liquidated by any move, which counts as the whole way."""
    prices = [p.liquidation_price for p in row.account.positions if p.symbol == symbol]
    told = [price for price in prices if price is not None and price > 0]
    return min((risk.distance_pct(mark, price) for price in told), default=Decimal(100))


def _stop(
    sample: Sample, hedge: Hedge, venue: VenueName, mark: Reading[Decimal]
) -> Reading[StopView]:
    price = risk.stop_price(sample.state.config, hedge, venue)
    entry = hedge.entry_price(venue)
    if price is None or entry is None:
        return Reading()
    sign = 1 if hedge.side_at(venue) is PositionSide.LONG else -1

    def view(now: Decimal) -> StopView:
        left = sign * (now - price)
        return StopView(price, left / now * 100, max(left / abs(entry - price), ZERO))

    return mark.map(view)


def _strangers(row: VenueAccount | None, hedge: Hedge | None) -> tuple[str, ...]:
    """Return what an account holds that is in no hedge of ours."""
    if row is None:
        return ()
    return tuple(
        f"{each.size.normalize():f} {each.symbol}"
        for each in row.account.positions
        if hedge is None or each.symbol != hedge.symbol
    )


def _long_first(hedge: Hedge) -> tuple[VenueName, VenueName]:
    return hedge.long_venue, hedge.long_venue.twin
