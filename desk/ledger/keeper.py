"""Keeps the ledger beside a running bot: hears its decisions, and reads the venues' own rows.

A round reads what is new of every list of both accounts: after a start, after a cycle, and after
the settlement of each hour. It uses what request budgets have to spare and what fails is read next
time. Trading never waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import structlog

from desk.core.account import Account
from desk.core.books import Movement
from desk.core.errors import RateLimited, StateError, VenueError
from desk.core.events import AccountsRead
from desk.core.funding import SETTLEMENT_PERIOD_MS, FundingPayment, next_settlement_ms
from desk.core.order import Fill
from desk.core.ports import BookSource, Clock, Venue
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Phase
from desk.ledger.notes import NoteTaker
from desk.ledger.reading import read_spans
from desk.ledger.rows import Book, Held, Mark, Reading, RowKind, Span
from desk.ledger.writer import LedgerWriter

START_S = 61.0  # half of each budget counts as spent for the first minute
CYCLE_S = 15.0  # rows of the last fills may be listed late
SETTLED_MS = 120_000  # and so may payments be
ROUND_S_MAX = 300.0
LAST_S = 2.0
RETRY_S_MIN = 1.0
MARK_MS = SETTLEMENT_PERIOD_MS // 2
# How far back each list is read again: what was listed late is found by the next round.
OVERLAP_MS = {
    RowKind.FILLS: 600_000,
    RowKind.PAYMENTS: 600_000,
    # A venue may give a withdrawal back days later.
    RowKind.MOVEMENTS: 14 * 24 * SETTLEMENT_PERIOD_MS,
}
_BUSY = (Phase.OPEN, Phase.CLOSE)

log = structlog.get_logger()


class LedgerKeeper:
    """Writes one ledger for one life of the bot."""

    def __init__(
        self, path: Path, venues: Mapping[VenueName, Venue], *, clock: Clock, state: BotState
    ) -> None:
        """Find out where the last life stopped reading; a file that will not do is told later."""
        self._clock = clock
        self._sources: dict[VenueName, BookSource] = {
            name: venue.books for name, venue in venues.items()
        }
        self._last_sources: dict[VenueName, BookSource] = {
            name: _Hurried(venue) for name, venue in venues.items()
        }
        self._writer = LedgerWriter(path)
        self._notes = NoteTaker()
        self._read_until_ms = _read_until(path)
        self._begin(state)
        self._marked_at_ms: dict[VenueName, int] = {}
        self._calm = asyncio.Event()
        self._calm.set()
        self._cycles_seen = state.cycles_done
        self._wake = asyncio.Event()
        self._hurried = asyncio.Event()

    def _begin(self, state: BotState) -> None:
        """Write down from when on each list is to be read: now, or the opening of what is held."""
        began_at_ms = self._clock.now_ms()
        if state.hedge is not None:
            began_at_ms = min(began_at_ms, state.hedge.approved_at_ms)
        keys = [(self._book(venue), kind) for venue in self._sources for kind in RowKind]
        fresh = [key for key in keys if key not in self._read_until_ms]
        self._writer.put([Reading(Span(*key, began_at_ms, began_at_ms), ()) for key in fresh])
        self._read_until_ms |= dict.fromkeys(fresh, began_at_ms)

    # What the bot tells

    def observe(self, record: Record[BotState]) -> None:
        """Note one decision. Raises `OSError` while the file takes nothing."""
        state = record.decision.state
        entries = [*self._notes.take(record), *self._free_marks(record)]
        if entries:
            self._writer.put(entries)
        if state.phase in _BUSY:
            self._calm.clear()
        else:
            self._calm.set()
        if state.cycles_done != self._cycles_seen:
            self._cycles_seen = state.cycles_done
            self._wake.set()
        if self._writer.trouble is not None:
            raise OSError(self._writer.trouble)

    def _free_marks(self, record: Record[BotState]) -> list[Mark]:
        """Return marks from an account read the bot made for itself: each one while nothing is
        held before or after it, else now and then."""
        event = record.event
        if not isinstance(event, AccountsRead):
            return []
        is_idle = record.before.is_idle or record.after.is_idle
        return [
            self._mark(name, row.account)
            for name, row in event.venues.items()
            if is_idle or event.at_ms - self._marked_at_ms.get(name, 0) >= MARK_MS
        ]

    def _mark(self, venue: VenueName, account: Account) -> Mark:
        self._marked_at_ms[venue] = account.asked_at_ms
        return Mark(
            book=self._book(venue),
            at_ms=account.asked_at_ms,
            equity_usd=account.equity_usd,
            balance_usd=account.balance_usd,
            positions=tuple(
                Held(row.symbol, row.size, row.entry_price) for row in account.positions
            ),
        )

    def _book(self, venue: VenueName) -> Book:
        return Book(venue, self._sources[venue].account_id)

    # What the venues tell

    async def run(self) -> None:
        """Read rounds for as long as the bot lives."""
        await asyncio.sleep(START_S)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ROUND_S_MAX):
                    await self._round(self._sources)
            await self._until_due()

    async def finish(self, patience_s: float) -> None:
        """Read the last round of a bot that has ended, with what its budgets have left."""
        self._calm.set()
        last = asyncio.create_task(self._last_round())
        hurry = asyncio.create_task(self._hurried.wait())
        await asyncio.wait([last, hurry], timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        last.cancel()
        hurry.cancel()
        await asyncio.gather(last, hurry, return_exceptions=True)

    def hurry(self) -> None:
        """End `finish`, or keep it from beginning: the owner wants to leave."""
        self._hurried.set()

    async def _last_round(self) -> None:
        await asyncio.sleep(LAST_S)
        await self._round(self._last_sources)

    def close(self) -> None:
        """Have what is known written; a file that takes nothing is left to the next life."""
        if not self._writer.close():
            log.warning("ledger.incomplete", why=self._writer.trouble or "slow disk")

    async def _until_due(self) -> None:
        """Wait for the end of a cycle, or until the next settlement is booked."""
        now_ms = self._clock.now_ms()
        due_ms = next_settlement_ms(now_ms - SETTLED_MS) + SETTLED_MS
        with suppress(TimeoutError):
            async with asyncio.timeout((due_ms - now_ms) / 1000):
                await self._wake.wait()
                await asyncio.sleep(CYCLE_S)
        self._wake.clear()

    async def _round(self, sources: Mapping[VenueName, BookSource]) -> None:
        await asyncio.gather(*(self._read_book(name, row) for name, row in sources.items()))

    async def _read_book(self, venue: VenueName, source: BookSource) -> None:
        """Read what is new of each list, then the account, so that it is never older than them."""
        for kind in RowKind:
            await self._patiently(partial(self._read_list, venue, source, kind))
        await self._patiently(partial(self._read_mark, venue, source))

    async def _read_list(self, venue: VenueName, source: BookSource, kind: RowKind) -> None:
        key = self._book(venue), kind
        until_ms = self._clock.now_ms()
        since_ms = min(self._read_until_ms[key], until_ms) - OVERLAP_MS[kind]
        rows = await _rows(source, kind, since_ms)
        if self._writer.put([Reading(Span(*key, since_ms, until_ms), rows)]):
            self._read_until_ms[key] = until_ms

    async def _read_mark(self, venue: VenueName, source: BookSource) -> None:
        self._writer.put([self._mark(venue, await source.account())])

    async def _patiently(self, read: Callable[[], Awaitable[None]]) -> None:
        """Read when the bot is not about to act and the budget has room; another failure leaves
        the list to the next round. The round itself has its deadline."""
        while True:
            await self._calm.wait()
            try:
                return await read()
            except RateLimited as error:
                await asyncio.sleep(max(error.retry_after_s, RETRY_S_MIN))
            except VenueError as error:
                log.warning("ledger.unread", venue=error.venue, why=str(error))
                return None


class _Hurried:
    """The rows of a bot that has ended: nothing needs its budgets any more."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    @property
    def account_id(self) -> str:
        return self._venue.books.account_id

    async def account(self) -> Account:
        return await self._venue.account(urgent=True)

    async def fills(self, *, since_ms: int) -> Sequence[Fill]:
        return await self._venue.fills(since_ms=since_ms, urgent=True)

    async def payments(self, *, since_ms: int) -> Sequence[FundingPayment]:
        return await self._venue.funding_payments(since_ms=since_ms)

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        return await self._venue.books.movements(since_ms=since_ms)


async def _rows(
    source: BookSource, kind: RowKind, since_ms: int
) -> Sequence[Fill] | Sequence[FundingPayment] | Sequence[Movement]:
    if kind is RowKind.FILLS:
        return await source.fills(since_ms=since_ms)
    if kind is RowKind.PAYMENTS:
        return await source.payments(since_ms=since_ms)
    return await source.movements(since_ms=since_ms)


def _read_until(path: Path) -> dict[tuple[Book, RowKind], int]:
    """Return until when each list was read; nothing where the file does not say."""
    try:
        spans = read_spans(path)
    except StateError as error:
        log.warning("ledger.unreadable", why=str(error))
        return {}
    latest: dict[tuple[Book, RowKind], int] = {}
    for span in spans:
        key = span.book, span.kind
        latest[key] = max(latest.get(key, 0), span.until_ms)
    return latest


@asynccontextmanager
async def kept(keeper: LedgerKeeper) -> AsyncIterator[None]:
    """Within, the keeper reads its rounds; afterwards what it knows is written."""
    task = asyncio.create_task(keeper.run())
    task.add_done_callback(_tell_end)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        keeper.close()


def _tell_end(task: "asyncio.Task[None]") -> None:
    """Log a fault of ours in the rounds: trading goes on, the next life reads what is missing."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("ledger.broke", exc_info=error)
