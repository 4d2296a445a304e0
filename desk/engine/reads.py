"""Read both venues at once for a strategy: markets, accounts.

A venue that fails is named, never filled in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Generic, TypeVar

import structlog

from desk.core.account import Leverage, MarginMode
from desk.core.actions import ReadAccounts, ReadMarkets
from desk.core.book import Book, Quote, held_usd, impact
from desk.core.errors import RateLimited, StaleData, VenueError, VenueUnavailable
from desk.core.events import AccountsRead, MarketsRead, VenueAccount, VenueMarkets
from desk.core.funding import FundingPayment, FundingPoint
from desk.core.market import FeeRates, Instrument, MarketStats
from desk.core.order import Accepted, Fill, Order, Rejected, Unknown
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.core.words import budget_wait

T = TypeVar("T")

INSTRUMENTS_AGE_S_MAX = 600.0
HELD_MARKET_AGE_S_MAX = 50.0  # so that the regular check of a minute reads it each time
HURRIED_MARKET_AGE_S_MAX = 1.0  # an order that closes was not taken: its steps may be old
FEES_AGE_S_MAX = 600.0
STATS_AGE_S_MAX = 10.0
PATIENCE_S_MAX = 65.0  # a little more than the minute over which both venues count requests
RETRY_S_MIN = 0.5
WAIT_S_TOLD = 2.0
QUOTES_WAIT_S = 5.0
QUOTES_POLL_S = 0.25
LEVERAGE_TRIES_MAX = 2
LEVERAGE_WAIT_S = 0.5

log = structlog.get_logger()


@dataclass(slots=True)
class _Kept(Generic[T]):
    """What changes seldom, and when it was read, monotonic seconds."""

    value: T
    read_at_s: float


class Reader:
    """Answers `ReadMarkets` and `ReadAccounts` from live venues."""

    def __init__(
        self,
        venues: Mapping[VenueName, Venue],
        clock: Clock,
        *,
        with_fees: bool = True,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        """`with_fees` False reads only what needs no account. `on_wait` is told once of each wait
        that a person would notice."""
        self._venues = venues
        self._clock = clock
        self._with_fees = with_fees
        self._on_wait = on_wait
        self._waits_until_s: dict[VenueName, float] = {}
        self._instruments_kept: dict[VenueName, _Kept[Mapping[str, Instrument]]] = {}
        self._fees_kept: dict[VenueName, _Kept[FeeRates]] = {}
        self._stats: dict[tuple[VenueName, str], tuple[float, MarketStats]] = {}
        self._streamed: tuple[str, ...] = ()

    def note_stats(self, venue: VenueName, stats: MarketStats) -> None:
        """Keep the newest streamed statistics: the price of last resort for a close."""
        self._stats[venue, stats.symbol] = self._clock.monotonic_s(), stats

    def stream(self, symbols: Sequence[str]) -> None:
        """Have exactly these symbols streamed by every venue."""
        if tuple(symbols) != self._streamed:
            self._streamed = tuple(symbols)
            for venue in self._venues.values():
                venue.watch(self._streamed)

    def stream_also(self, symbol: str) -> None:
        """Have this symbol streamed besides what is."""
        if symbol not in self._streamed:
            self.stream((*self._streamed, symbol))

    async def read_markets(self, action: ReadMarkets) -> MarketsRead:
        """Return what both venues say of the symbols; empty means all that both list."""
        symbols: Sequence[str] = action.symbols
        if not symbols:
            listed, errors = await self._both(self._instruments, patience_s=PATIENCE_S_MAX)
            if errors:
                return MarketsRead(self._clock.now_ms(), action.ask, {}, _reasons(errors))
            symbols = _common(listed)
            self.stream(symbols)
        read, errors = await self._both(
            lambda venue: self._markets(venue, symbols), patience_s=PATIENCE_S_MAX
        )
        histories = await asyncio.gather(
            *(self._histories(self._venues[name], action.histories) for name in read)
        )
        # One venue may have kept the other waiting: books come last.
        rows = await asyncio.gather(
            *(
                self._with_books(name, replace(row, history=history), action)
                for (name, row), history in zip(read.items(), histories, strict=True)
            )
        )
        venues = dict(zip(read, rows, strict=True))
        return MarketsRead(self._clock.now_ms(), action.ask, venues, _reasons(errors))

    async def _markets(self, venue: Venue, symbols: Sequence[str]) -> VenueMarkets:
        instruments, stats = await asyncio.gather(self._instruments(venue), venue.market_stats())
        fees = await self._fees(venue) if self._with_fees else None
        listed = [symbol for symbol in symbols if symbol in instruments]
        return VenueMarkets(
            instruments={symbol: instruments[symbol] for symbol in listed},
            stats={symbol: stats[symbol] for symbol in listed if symbol in stats},
            quotes={},
            fees=fees,
        )

    async def _histories(
        self, venue: Venue, wanted: Mapping[str, int]
    ) -> dict[str, tuple[FundingPoint, ...]]:
        """Return the settled rates that could be read; whoever asks goes on without the others."""
        until_ms, found = self._clock.now_ms(), {}
        for symbol, since_ms in wanted.items():
            try:
                rows = await venue.funding_history(symbol, since_ms=since_ms, until_ms=until_ms)
            except VenueError as error:
                log.info("history.missing", venue=venue.name, symbol=symbol, why=str(error))
                continue
            found[symbol] = tuple(rows)
        return found

    async def _with_books(
        self, name: VenueName, row: VenueMarkets, action: ReadMarkets
    ) -> VenueMarkets:
        venue = self._venues[name]
        quotes = await self._quotes(venue, list(row.instruments))
        if action.notional_usd is None:
            return replace(row, quotes=quotes)
        impacts, thin = {}, {}
        for symbol in quotes:
            book = _fresh_book(venue, symbol)
            if book is None:
                continue
            found = impact(book, action.notional_usd, band_bps=action.band_bps)
            if found is None:
                thin[symbol] = held_usd(book, band_bps=action.band_bps)
            else:
                impacts[symbol] = found
        return replace(row, quotes=quotes, impacts=impacts, thin=thin)

    async def _instruments(
        self, venue: Venue, age_s_max: float = INSTRUMENTS_AGE_S_MAX
    ) -> Mapping[str, Instrument]:
        kept, now_s = self._instruments_kept.get(venue.name), self._clock.monotonic_s()
        if kept is None or now_s - kept.read_at_s > age_s_max:
            kept = _Kept(await venue.instruments(), now_s)
            self._instruments_kept[venue.name] = kept
        return kept.value

    async def _fees(self, venue: Venue) -> FeeRates:
        kept, now_s = self._fees_kept.get(venue.name), self._clock.monotonic_s()
        if kept is None or now_s - kept.read_at_s > FEES_AGE_S_MAX:
            kept = self._fees_kept[venue.name] = _Kept(await venue.fees(), now_s)
        return kept.value

    async def _quotes(self, venue: Venue, symbols: Sequence[str]) -> dict[str, Quote]:
        """Return the fresh quotes; streams that are just starting get a moment to fill."""
        deadline_s = self._clock.monotonic_s() + QUOTES_WAIT_S
        while True:
            quotes = {symbol: _fresh_quote(venue, symbol) for symbol in symbols}
            fresh = {symbol: quote for symbol, quote in quotes.items() if quote is not None}
            if len(fresh) == len(symbols) or self._clock.monotonic_s() >= deadline_s:
                return fresh
            await asyncio.sleep(QUOTES_POLL_S)

    async def read_accounts(self, action: ReadAccounts) -> AccountsRead:
        """Return both accounts and whatever else was asked for."""
        patience_s = PATIENCE_S_MAX if action.can_wait else 0.0
        kept: dict[VenueName, dict[str, Any]] = {name: {} for name in self._venues}
        read, errors = await self._both(
            lambda venue: self._account(venue, action, kept[venue.name]), patience_s=patience_s
        )
        wanted = {each.symbol for row in read.values() for each in row.account.positions}
        wanted |= {action.symbol} if action.symbol is not None else set()
        venues = {
            name: replace(
                row,
                quote=_fresh_quote(self._venues[name], action.symbol),
                instruments={key: row.instruments[key] for key in wanted if key in row.instruments},
            )
            for name, row in read.items()
        }
        retry_ms = {
            name: ceil(error.retry_after_s * 1000)
            for name, error in errors.items()
            if isinstance(error, RateLimited)
        }
        return AccountsRead(self._clock.now_ms(), action.ask, venues, _reasons(errors), retry_ms)

    async def _account(
        self, venue: Venue, action: ReadAccounts, kept: dict[str, Any]
    ) -> VenueAccount:
        """Return one venue's part; what a try that had to wait was told stays in `kept`, or the
        dear rows would use up, try after try, the room that the rest waits for."""
        symbol, urgent = action.symbol, action.urgent
        is_fenced = venue.name in action.fence and await venue.fence(past_life=True)
        if is_fenced and not kept.get("is_fenced"):
            kept.clear()  # what was read before the fence does not tell what came of it
        kept["is_fenced"] = is_fenced
        # The account comes after these, so that it is never older than what explains it.
        orders = await _once(kept, "orders", lambda: _orders(venue, action))
        fills, missing = await _once(kept, "fills", lambda: _fills(venue, action))
        payments = await _once(kept, "payments", lambda: _payments(venue, action))
        market, account = await asyncio.gather(
            self._market(venue, action), venue.account(urgent=urgent)
        )
        leverage, refusal, fees = None, "", None
        if action.leverage is not None and symbol is not None:
            is_free = account.size_of(symbol) == 0 and not orders
            leverage, refusal = await _leverage(venue, symbol, action.leverage if is_free else None)
            fees = await self._fees(venue)
        return VenueAccount(
            account=account,
            orders=orders,
            fills=fills,
            fills_missing=missing,
            payments=payments,
            is_fenced=is_fenced,
            leverage=leverage,
            leverage_refusal=refusal,
            fees=fees,
            stats=await self._known_stats(venue, action),
            opening_wait_ms=ceil(venue.opening_wait_s() * 1000) if action.can_wait else 0,
            instruments=market or {},
            is_delisted=bool(action.market) and market is not None and symbol not in market,
            skew_ms=venue.health().skew_ms,
        )

    async def _market(
        self, venue: Venue, action: ReadAccounts
    ) -> Mapping[str, Instrument] | None:
        """Return the venue's markets where they are needed: for every symbol's fills, or where the
        symbol's own was asked for, which hides no account when it fails. None where nobody knows.
        """
        if action.symbol is None and action.since_ms is not None:
            return await self._instruments(venue)
        if venue.name not in action.market:
            return None
        age_s_max = HURRIED_MARKET_AGE_S_MAX if action.urgent else HELD_MARKET_AGE_S_MAX
        try:
            return await self._instruments(venue, age_s_max)
        except VenueError as error:
            log.info("read.no_market", venue=venue.name, why=str(error))
            return None

    async def _known_stats(self, venue: Venue, action: ReadAccounts) -> MarketStats | None:
        """Return fresh streamed statistics, else ask once, but not where nothing is at stake: they
        price what must be closed. None where nobody knows.
        """
        symbol = action.symbol
        if symbol is None:
            return None
        noted_at_s, streamed = self._stats.get((venue.name, symbol), (0.0, None))
        if streamed is not None and self._clock.monotonic_s() - noted_at_s <= STATS_AGE_S_MAX:
            return streamed
        if action.can_wait:
            return None
        try:
            return (await venue.market_stats()).get(symbol)
        except VenueError:
            return None

    async def _both(
        self, read: Callable[[Venue], Awaitable[T]], *, patience_s: float = 0.0
    ) -> tuple[dict[VenueName, T], dict[VenueName, VenueError]]:
        """Read every venue at once. Returns the answers, and the errors of those that failed.

        A venue that asks for patience is no failure while `patience_s` lasts.
        """
        until_s = self._clock.monotonic_s() + patience_s
        results = await asyncio.gather(
            *(self._attempt(read, venue, until_s) for venue in self._venues.values())
        )
        answers: dict[VenueName, T] = {}
        errors: dict[VenueName, VenueError] = {}
        for name, (answer, error) in zip(self._venues, results, strict=True):
            if error is not None:
                errors[name] = error
            elif answer is not None:
                answers[name] = answer
        return answers, errors

    async def _attempt(
        self, read: Callable[[Venue], Awaitable[T]], venue: Venue, until_s: float
    ) -> tuple[T | None, VenueError | None]:
        while True:
            try:
                return await read(venue), None
            except RateLimited as error:
                wait_s = max(error.retry_after_s, RETRY_S_MIN)
                if self._clock.monotonic_s() + wait_s > until_s:
                    return None, error
                log.info("read.waits", venue=venue.name, wait_s=wait_s, why=str(error))
                self._tell_wait(venue.name, wait_s)
            except VenueError as error:
                return None, error
            await asyncio.sleep(wait_s)


    def _tell_wait(self, venue: VenueName, wait_s: float) -> None:
        """Tell of a wait unless it is short, or the rest of one that was told."""
        now_s = self._clock.monotonic_s()
        until_s = max(self._waits_until_s.get(venue, now_s), now_s)
        if self._on_wait is None or now_s + wait_s < until_s + WAIT_S_TOLD:
            return
        self._waits_until_s[venue] = now_s + wait_s
        self._on_wait(budget_wait(venue, wait_s))


def _reasons(errors: Mapping[VenueName, VenueError]) -> dict[VenueName, str]:
    return {name: _reason(error) for name, error in errors.items()}


def _reason(error: VenueError) -> str:
    """Return why a venue could not be read.

    After a refusal of the venue's the client keeps away by its budget: both are the same wait.
    """
    if isinstance(error, RateLimited):
        room_s = ceil(error.retry_after_s)
        return f"our requests to {error.venue} for this minute are used up, room in {room_s} s"
    return str(error)


def _fresh_quote(venue: Venue, symbol: str | None) -> Quote | None:
    """Return the streamed quote; None says that there is no fresh one, and nothing else."""
    try:
        return venue.quote(symbol) if symbol is not None else None
    except StaleData:
        return None


def _fresh_book(venue: Venue, symbol: str) -> Book | None:
    """Return the streamed book; None says that there is no fresh one, and nothing else."""
    try:
        return venue.book(symbol)
    except StaleData:
        return None


def _common(listed: Mapping[VenueName, Mapping[str, Instrument]]) -> list[str]:
    """Return the symbols that every venue lists, sorted."""
    first, *others = listed.values()
    return [symbol for symbol in sorted(first) if all(symbol in other for other in others)]


async def _orders(venue: Venue, action: ReadAccounts) -> tuple[Order, ...] | None:
    """Return what rests, None where not asked, or where an urgent read of a symbol goes without.

    A list that is refused must not hide the position, which is what a close stands on.
    """
    if not action.orders:
        return None
    try:
        return tuple(await venue.open_orders(action.symbol, urgent=action.urgent))
    except VenueError:
        if not action.urgent or action.symbol is None:
            raise
        return None


async def _payments(venue: Venue, action: ReadAccounts) -> tuple[FundingPayment, ...] | None:
    """Return the payments since when the fills were asked for, None where these are urgent."""
    if action.since_ms is None or action.symbol is None or action.urgent:
        return None
    return tuple(await venue.funding_payments(since_ms=action.since_ms, symbol=action.symbol))


async def _once(kept: dict[str, Any], what: str, read: Callable[[], Awaitable[T]]) -> T:
    """Return what was read under this name, now or before."""
    if what not in kept:
        kept[what] = await read()
    answer: T = kept[what]
    return answer


async def _fills(venue: Venue, action: ReadAccounts) -> tuple[tuple[Fill, ...] | None, str]:
    """Return the fills asked for, None where not, and why an urgent read goes without them.

    A history that is refused must not hide the position, which is what a close stands on.
    """
    if action.since_ms is None:
        return None, ""
    since_ms, symbol, urgent = action.since_ms, action.symbol, action.urgent
    try:
        return tuple(await venue.fills(since_ms=since_ms, symbol=symbol, urgent=urgent)), ""
    except VenueError as error:
        if not urgent or symbol is None:
            raise
        return None, str(error)


def _is_set(setting: Leverage, wanted: int) -> bool:
    """Return whether a setting is the one wanted: with the whole account behind it, too, for an
    isolated leg has only its own margin between it and liquidation."""
    return setting.value == wanted and setting.margin_mode is MarginMode.CROSS


async def _leverage(venue: Venue, symbol: str, wanted: int | None) -> tuple[Leverage, str]:
    """Return the setting read back, after asking to change it where it differs from `wanted`, and
    why that was refused, empty where it was not.

    `wanted` None leaves it alone: somebody has a position or orders there. Raises
    `VenueUnavailable` when nobody can say whether the change will come.
    """
    setting, refusal = await venue.leverage(symbol), ""
    for tries_left in reversed(range(LEVERAGE_TRIES_MAX)):
        if wanted is None or _is_set(setting, wanted):
            break
        outcome = await venue.set_leverage(symbol, value=wanted)
        refusal = outcome.message if isinstance(outcome, Rejected) else ""
        await asyncio.sleep(LEVERAGE_WAIT_S)
        if not isinstance(outcome, Accepted):
            # Refused perhaps because an earlier write is in doubt: nothing else would settle it.
            await venue.fence(past_life=False)
        setting = await venue.leverage(symbol)
        if isinstance(outcome, Unknown) and not _is_set(setting, wanted) and not tries_left:
            request = f"leverage of {symbol}"
            raise VenueUnavailable(outcome.reason, venue=venue.name, request=request)
    return setting, refusal
