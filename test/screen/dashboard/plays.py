"""The real bot with its real clients on embedded venues, and boards of it at the moments that
matter, each with what the venues themselves held then."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console

from desk.commands.start import close_all
from desk.core.events import Command, OwnerAsked
from desk.core.funding import HourlyRate
from desk.core.stream import StreamEvent
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock, SteadyClock
from desk.engine.journal import Journal
from desk.engine.opening import open_patiently
from desk.engine.run import Engine, Record
from desk.engine.store import StateStore
from desk.hedge import machine
from desk.hedge.config import Config
from desk.hedge.events import Started
from desk.hedge.state import SCHEMA, BotState, Phase
from desk.screen.console import ConsoleView
from desk.screen.dashboard.gather import Gatherer
from desk.screen.dashboard.live import Collector
from desk.screen.dashboard.values import Board
from desk.screen.patient import Tail
from desk.sim.control import account_truth
from desk.sim.faults import Fault, FaultKind
from desk.sim.market_table import market_rows
from desk.sim.serve import Embedded, start_embedded
from desk.sim.world import World
from test.lives import Tally, clients
from test.virtual import run_virtual

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
SYMBOLS = ("BTC", "ETH", "SOL", "BNB", "ASTER", "DOGE")
START_MS = 1_767_704_100_000  # 2026-01-06 12:55 UTC, five minutes before a settlement
MODE = "SIMULATED VENUES"
CONFIG = Config(
    hold_duration_hours=Decimal("0.5"),
    require_expected_profit=False,
    renew_hold=False,
    min_volume_24h_usd=Decimal(0),
)
LINE_WIDTH = 200  # wider than some screens: the lines are folded anew
LOG_LINES = 60


@dataclass(slots=True)
class Moment:
    """A board, and the truth of both venues at the same instant."""

    board: Board
    truth: dict[VenueName, dict[str, Any]]


@dataclass(slots=True)
class Play:
    """A bot that runs, and what has been seen of it: a moment for each name."""

    embedded: Embedded
    clock: LoopClock
    moments: dict[str, Moment] = field(default_factory=dict)
    engine: "Engine[BotState] | None" = None
    _collector: Collector = field(init=False)
    _gatherer: Gatherer = field(default_factory=Gatherer)
    _tail: Tail = field(default_factory=Tail)
    _view: ConsoleView = field(init=False)
    _venues: Any = None

    def begin(self, state: BotState, venues: Any) -> None:
        """Look at a life that begins."""
        tail = cast(TextIO, self._tail)
        console = Console(file=tail, width=LINE_WIDTH, force_terminal=True)
        self._collector, self._view, self._venues = Collector(state), ConsoleView(console), venues

    def hear(self, venue: VenueName, event: StreamEvent) -> None:
        """Take a stream event in, as the screen does."""
        self._collector.hear(venue, event, self.clock.now_ms())
        self._view.hear(venue, event)

    def observe(self, record: Record[BotState]) -> None:
        """Take a decision in, and keep the first moment of each phase."""
        self._collector.observe(record)
        self._view(record)
        phase = str(record.decision.state.phase)
        if phase not in self.moments:
            self.note(phase)

    def note(self, name: str) -> Moment:
        """Return this moment, and keep it under a name."""
        sample = self._collector.sample(
            self.clock.now_ms(),
            mode=MODE,
            is_saved=True,
            venues=self._venues,
            view=self._view,
            log=self._tail.latest(LOG_LINES),
        )
        world, credentials = self.embedded.world, self.embedded.credentials
        truth = {
            LIGHTER: account_truth(world.lighter, credentials.lighter.account_index),
            PACIFICA: account_truth(world.pacifica, world.pacifica.account_ids()[0]),
        }
        self.moments[name] = Moment(self._gatherer.board(sample), truth)
        return self.moments[name]

    def say(self, command: Command, note: str = "") -> None:
        """Speak as the owner."""
        assert self.engine is not None
        self.engine.post(OwnerAsked(self.clock.now_ms(), command, note))

    def fault(self, venue: VenueName, kind: FaultKind, delay_s: float = 0) -> None:
        """Have something go wrong from now on."""
        fault = Fault(venue, kind, "", since_ms=self.clock.now_ms(), delay_s=delay_s)
        self.embedded.plan.add(fault)

    def pay(self, symbol: str, hourly: str) -> None:
        """Have long Lighter, short Pacifica earn twice this fraction an hour, for good."""
        for venue, sign in ((LIGHTER, -1), (PACIFICA, 1)):
            rate = HourlyRate.from_hourly(sign * Decimal(hourly))
            self.embedded.world.set_funding(symbol, venue, rate)

    async def until(self, phase: Phase, patience_s: int = 4 * 3600) -> None:
        """Wait until the bot is in a phase."""
        for _ in range(patience_s):
            if self.engine is not None and self.engine.state.phase is phase:
                return
            await asyncio.sleep(1)
        raise AssertionError(f"not in {phase}: {sorted(self.moments)}")


Script = Callable[[Play], Awaitable[None]]


def play(folder: Path, script: Script, config: Config = CONFIG) -> dict[str, Moment]:
    """Return the moments of one life beside which a script runs; the life ends with the script."""
    return run_virtual(_play(folder, script, config))


async def _play(folder: Path, script: Script, config: Config) -> dict[str, Moment]:
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    rows = tuple(replace(row, volatility=0.1) for row in market_rows(SYMBOLS))
    world = World(3, start_ms=START_MS, markets=rows)
    world.backfill(30)
    embedded = await start_embedded(world, clock=clock)
    stage = Play(embedded, clock)
    stage.pay("BTC", "0.0002")
    venues = clients(embedded, Tally(clock))
    journal = Journal(folder / "journal.jsonl")
    state = BotState(config=config, epoch=1)
    try:
        await open_patiently(venues, print, holds=False)
        stage.begin(state, venues)
        for name, venue in venues.items():
            venue.listen(partial(stage.hear, name))
        stage.engine = Engine(
            machine,
            state,
            venues,
            clock=SteadyClock(clock),
            store=StateStore(folder / "state.json", kind=BotState, schema=SCHEMA),
            journal=journal,
            observer=stage.observe,
        )
        stage.engine.post(Started(clock.now_ms(), config, None))
        life = asyncio.ensure_future(stage.engine.run())
        await script(stage)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        return stage.moments
    finally:
        journal.close()
        await close_all(venues)
        await embedded.close()


# What happens


async def whole_round(stage: Play) -> None:
    """From the first look to the wait after the close, with a payment in between."""
    await stage.until(Phase.HOLD)
    await asyncio.sleep(600)
    stage.note("holding")
    await stage.until(Phase.WAIT)
    await asyncio.sleep(61)
    stage.note("waiting")


async def bad_day(stage: Play) -> None:
    """A spread that turns, a venue that goes away, the owner's pause, the emergency latch."""
    await stage.until(Phase.HOLD)
    stage.pay("BTC", "-0.0001")
    await asyncio.sleep(480)
    stage.note("paying")
    stage.say(Command.PAUSE)
    stage.fault(PACIFICA, FaultKind.OUTAGE, 400)
    await asyncio.sleep(300)
    stage.note("outage")
    await asyncio.sleep(180)
    stage.say(Command.HALT, "emergency close at 2026-01-06T14:12:00Z")
    await asyncio.sleep(5)
    stage.note("latched")


async def idle(stage: Play) -> None:
    """Looks that find nothing to open."""
    await stage.until(Phase.WAIT)
    await asyncio.sleep(90)
    stage.note("nothing to open")


SCRIPTS: tuple[tuple[Script, Config], ...] = (
    (whole_round, CONFIG),
    (bad_day, CONFIG),
    (idle, replace(CONFIG, require_expected_profit=True, min_net_apr_threshold=Decimal(500))),
)


