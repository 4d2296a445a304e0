"""The whole bot on a stage with a ledger beside it, one life after another on the same files."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import cast

from desk.core.account import Account
from desk.core.actions import Alert, Level
from desk.core.books import Movement
from desk.core.errors import VenueUnavailable
from desk.core.funding import FundingPayment
from desk.core.order import Fill
from desk.core.ports import Venue
from desk.core.venue import VenueName
from desk.engine.clock import SteadyClock
from desk.engine.journal import Journal
from desk.engine.run import Engine, Record
from desk.hedge import machine
from desk.hedge.config import Config
from desk.hedge.events import Started
from desk.hedge.state import BotState
from desk.ledger.cycles import Cycle, cycles_of, shares_of
from desk.ledger.keeper import LedgerKeeper, kept
from desk.ledger.reading import read_ledger
from desk.ledger.rows import Ledger, RowKind
from desk.ledger.statement import Statement, statements_of
from test.engine.bench import ACCOUNT, staged
from test.engine.bot import BRISK, Bot
from test.virtual import run_virtual

LAST_S_MAX = 75.0
AFTER_DEPOSIT_S = 15  # a mark beside a deposit would not be a sure one
TOLERANCE_USD = Decimal("0.000001")


@dataclass(slots=True)
class Shown:
    """What the ledger gets to see of a venue; a `BookSource` and as much of a `Venue` as it uses.

    A hidden list fails as it does while its venue is out of order.
    """

    venue: Venue
    hidden: set[tuple[VenueName, RowKind]]

    @property
    def books(self) -> "Shown":
        """Return the account's own rows."""
        return self

    @property
    def account_id(self) -> str:
        """Return which account it is."""
        return self.venue.books.account_id

    async def account(self, *, urgent: bool = False) -> Account:
        """Return the account."""
        return await self.venue.account(urgent=urgent)

    async def fills(self, *, since_ms: int, urgent: bool = False) -> Sequence[Fill]:
        """Return the fills."""
        self._check(RowKind.FILLS)
        return await self.venue.fills(since_ms=since_ms, urgent=urgent)

    async def payments(self, *, since_ms: int) -> Sequence[FundingPayment]:
        """Return the payments."""
        self._check(RowKind.PAYMENTS)
        return await self.venue.funding_payments(since_ms=since_ms)

    funding_payments = payments

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        """Return money moved."""
        self._check(RowKind.MOVEMENTS)
        return await self.venue.books.movements(since_ms=since_ms)

    def _check(self, kind: RowKind) -> None:
        if (self.venue.name, kind) in self.hidden:
            raise VenueUnavailable("out of order", venue=self.venue.name, request=kind)


@dataclass(slots=True)
class Office:
    """A bot and its ledger. `path` may lead where no ledger can be; the ledger does not get to see
    the lists that are `hidden`."""

    bot: Bot
    path: Path
    hidden: set[tuple[VenueName, RowKind]] = field(default_factory=set)

    async def live(self, cycles: int | None = None) -> int:
        """Live one life of the process, as the daemon does."""
        bot, others = self.bot, asyncio.all_tasks()
        state, venues = bot.state, await bot.stage.connect()
        journal = Journal(bot.journal)
        shown = {name: Shown(venue, self.hidden) for name, venue in venues.items()}
        keeper = LedgerKeeper(
            self.path, cast(dict[VenueName, Venue], shown), clock=bot.stage.clock, state=state
        )
        try:
            bot.engine = Engine(
                machine,
                state,
                venues,
                clock=SteadyClock(bot.stage.clock),
                store=bot.store,
                journal=journal,
                observer=self._hear,
                bookkeeper=keeper.observe,
            )
            bot.engine.post(Started(bot.stage.clock.now_ms(), bot.config, cycles))
            if self.path.is_dir():
                see_trouble(keeper)
            async with kept(keeper):
                code = await bot.engine.run()
                await keeper.finish(LAST_S_MAX)
            return code
        finally:
            journal.close()
            for task in asyncio.all_tasks() - others:
                task.cancel()  # a process takes its tasks with it

    async def die_after(self, seconds: float) -> None:
        """Live, and die without a word after so many seconds."""
        life = asyncio.create_task(self.live())
        await asyncio.wait([life], timeout=seconds)
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life

    def _hear(self, record: Record[BotState]) -> None:
        self.bot._hear(record)
        for action in record.decision.actions:
            if isinstance(action, Alert) and action.level is Level.INFO:
                self.bot.alerts.append(action.text)

    @property
    def ledger(self) -> Ledger:
        """Return what the file holds."""
        found = read_ledger(self.path)
        assert found is not None
        return found

    @property
    def cycles(self) -> tuple[Cycle, ...]:
        """Return the cycles the ledger tells of."""
        return cycles_of(self.ledger, shares_of(self.ledger))

    @property
    def statements(self) -> dict[VenueName, Statement]:
        """Return each venue's statement over all of the ledger."""
        return {row.book.venue: row for row in statements_of(self.ledger)}

    def earned_usd(self) -> Decimal:
        """Return what both accounts gained by trading, as the exchanges have it."""
        deposits = sum(
            (
                row.amount
                for exchange in self.bot.stage.world.exchanges.values()
                for row in exchange.balance_history(ACCOUNT)
                if row.kind.value in ("deposit", "withdraw")
            ),
            Decimal(0),
        )
        return self.bot.stage.equity_usd() - deposits

    def deposit(self, venue: VenueName, usd: int) -> None:
        """Have the owner move money in, or out."""
        self.bot.stage.world.exchanges[venue].deposit(ACCOUNT, Decimal(usd))


def see_trouble(keeper: LedgerKeeper) -> None:
    """Wait in real time until the writer has failed: virtual time would leave its thread behind."""
    for _ in range(1_000):
        if keeper._writer.trouble is not None:
            return
        threading.Event().wait(0.01)
    raise AssertionError("the writer has no trouble")


def in_office(
    folder: Path,
    play: Callable[[Office], Awaitable[None]],
    config: Config = BRISK,
    *,
    ledger: Path | None = None,
) -> None:
    """Play with a bot that keeps a ledger, on a calm stage that pays 300 % APR on BTC."""

    async def main() -> None:
        async with staged() as stage:
            stage.spread("BTC", 300)
            await asyncio.sleep(AFTER_DEPOSIT_S)
            await play(Office(Bot(stage, folder, config), ledger or folder / "ledger.sqlite3"))

    run_virtual(main())
