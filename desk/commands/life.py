"""One life of the bot on venues that are open: from its first event to its last words.

The same for live and embedded venues. The locks are held by whoever calls.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

import structlog
from rich.console import Console
from structlog.typing import FilteringBoundLogger

from desk.commands.alerting import Alerting, Channels
from desk.commands.edited import edits_heeded
from desk.commands.leverage_watch import TellLeverage, leverage_watched
from desk.commands.start import check_symbols, read_config, read_equity
from desk.commands.voice import Voice
from desk.core.account import Leverage
from desk.core.events import Command, OwnerAsked
from desk.core.ports import Venue
from desk.core.venue import Identity, VenueName
from desk.engine.clock import SteadyClock
from desk.engine.control import control_served
from desk.engine.home import Home
from desk.engine.journal import Journal
from desk.engine.latch import Latch, latch_heeded
from desk.engine.opening import open_patiently
from desk.engine.run import Engine, Record
from desk.engine.signals import end_at_once_on_signals, signals_heeded
from desk.engine.store import StateStore
from desk.engine.usage import complain
from desk.hedge import machine
from desk.hedge.config import Config
from desk.hedge.events import Started
from desk.hedge.state import BotState
from desk.hedge.steps import LEVERAGE_LOCK
from desk.ledger.keeper import LedgerKeeper, kept
from desk.screen.banners import doubts, farewell, is_simulated, say_what_is_at_stake
from desk.screen.command_line import CommandLines, Ways
from desk.screen.console import ConsoleView
from desk.screen.dashboard.draw import LIVE
from desk.screen.dashboard.live import BEAT_S, Screen
from desk.screen.status import latch_line
from desk.screen.terminal import say, write_line

LAST_S_MAX = 10.0  # for the last rows of the books; the next start reads what is missing
DEMO_BEAT_S = 30.0  # virtual; there is always something that happens earlier
DEMO_LAST_S_MAX = 75.0  # there is no next start, and a minute of budgets is no wait


class Run(NamedTuple):
    """What one run of the bot needs, live or embedded. `lines` None: a demo has no second life.

    `bearable` slows an edited configuration to what the venues' limits carry. `is_plain`: lines, no
    dashboard; `channels` is where alerts go; `mode` says there whose money it is.
    """

    config: Config
    home: Home
    venues: Mapping[VenueName, Venue]
    clock: SteadyClock
    console: Console
    cycles: int | None
    store: StateStore[BotState]
    state: BotState
    lines: CommandLines | None = None
    bearable: Callable[[Config], Config] = lambda config: config
    is_plain: bool = False
    channels: Channels = Channels()
    mode: str = "DEMO, play money"

    @property
    def is_demo(self) -> bool:
        """Return whether nothing outlives this process."""
        return self.lines is None

    def ways(self, state: BotState) -> Ways | None:
        """Return the commands that go on from here, with as many cycles as are left."""
        if self.lines is None:
            return None
        left = state.cycles_left
        return self.lines.ways(cycles=None if left is None else max(left, 1))


async def trade_live(run: Run, identities: Mapping[VenueName, Identity]) -> int:
    """Open both venues, say what is at stake, and trade. The locks are held."""
    doubt = run.state.doubt
    holds = run.state.hedge is not None or (doubt is not None and not doubt.is_first)
    late = await open_patiently(run.venues, partial(_say_now, run), holds=holds)
    try:
        if not holds:
            await check_symbols(run.venues, run.config, run.home.config)
        accounts = await read_equity(run.venues)
        say_what_is_at_stake(run.console, run.config, accounts, identities)
        mode = "SIMULATED VENUES" if is_simulated(identities) else LIVE
        return await trade(run._replace(mode=mode))
    finally:
        for task in late:
            task.cancel()


def _say_now(run: Run, text: str) -> None:
    """Print a stamped line of the start, a warning."""
    write_line(run.console, run.clock.now_ms(), "start", text, style="yellow")


async def trade(run: Run) -> int:
    """Run the bot until it is done or asked to leave. The venues are open; the lock is held."""
    journal = Journal(run.home.journal)
    screen = _screen(run)
    view = screen.view
    for name, venue in run.venues.items():
        venue.listen(partial(screen.hear, name))
    keeper = LedgerKeeper(run.home.ledger, run.venues, clock=run.clock, state=run.state)
    alerting = Alerting(run.channels, run.state, run.clock, lambda: engine.is_saved)

    def observe(record: Record[BotState]) -> None:
        alerting.observe(record)
        screen.observe(record)

    engine = Engine(
        machine,
        run.state,
        run.venues,
        clock=run.clock,
        store=run.store,
        journal=journal,
        observer=observe,
        on_wait=lambda text: view.aside(run.clock.now_ms(), "budget", text),
        bookkeeper=keeper.observe,
    )
    screen.is_saved = lambda: engine.is_saved
    engine.post(Started(run.clock.now_ms(), run.config, run.cycles))
    log = _log_start(run)
    try:
        async with AsyncExitStack() as ears:
            ears.enter_context(_signals(run, engine, screen, keeper))
            await ears.enter_async_context(screen.shown())
            if not run.is_demo:
                await ears.enter_async_context(_latch(run, engine, view))
                await ears.enter_async_context(_commands(run, engine, view, alerting))
                await ears.enter_async_context(_edits(run, engine, view))
            await ears.enter_async_context(alerting.on(partial(read_equity, run.venues)))
            heed = _leverage_heed(run, screen, alerting)
            watch = leverage_watched(run.venues, lambda: engine.state, heed)
            await ears.enter_async_context(watch)
            await ears.enter_async_context(kept(keeper))
            code = await engine.run()
            if not engine.state.leaving:
                await keeper.finish(DEMO_LAST_S_MAX if run.is_demo else LAST_S_MAX)
    finally:
        end_at_once_on_signals()
        journal.close()
    log.info("ended", code=code, phase=engine.state.phase)
    _take_leave(run, engine.state, view)
    return code


def _leverage_heed(run: Run, screen: Screen, alerting: Alerting) -> TellLeverage:
    """Return what shows a venue's word on the held symbol's leverage, and tells a difference."""

    def heed(venue: VenueName, setting: Leverage) -> None:
        screen.note_leverage(venue, setting)
        if setting.value != LEVERAGE_LOCK:
            has = f"{venue} has {setting.symbol} at {setting.value.normalize():f}x"
            text = f"{has}, not {LEVERAGE_LOCK}x; left as it is"
            if alerting.warn("Leverage changed", text):
                screen.view.aside(run.clock.now_ms(), "alert", text, style="yellow")

    return heed


def _screen(run: Run) -> Screen:
    """Return what shows this life."""

    def on_broken(error: BaseException) -> None:
        log: FilteringBoundLogger = structlog.get_logger()
        log.error("screen.broke", exc_info=error)

    return Screen(
        run.console,
        run.state,
        run.venues,
        clock=run.clock,
        mode=run.mode,
        is_plain=run.is_plain,
        beat_s=DEMO_BEAT_S if run.is_demo else BEAT_S,
        on_broken=on_broken,
    )


def _signals(
    run: Run, engine: Engine[BotState], screen: Screen, keeper: LedgerKeeper
) -> AbstractContextManager[None]:
    """Return what makes a signal the owner's wish to leave."""

    def ask_to_leave() -> None:
        screen.view.line(run.clock.now_ms(), "leaving", "a second signal exits at once")
        engine.post(OwnerAsked(run.clock.now_ms(), Command.LEAVE))
        keeper.hurry()

    def exit_at_once(why: str) -> None:
        screen.abandon()
        complain(doubts(engine.state, why, run.ways(engine.state)))

    return signals_heeded(ask_to_leave, exit_at_once)


def _latch(
    run: Run, engine: Engine[BotState], view: ConsoleView
) -> AbstractAsyncContextManager[None]:
    """Return what makes the latch a halt, and its end a resume."""

    def heed(reason: str | None) -> None:
        if reason is None and not engine.state.is_halted_by_latch:
            return  # lifted by `resume`, which has been heard; or more than the latch halts it
        if reason is not None:
            text = latch_line(engine.state)
            view.aside(run.clock.now_ms(), "latch", text, style="yellow")
        command = Command.RESUME if reason is None else Command.HALT
        engine.post(OwnerAsked(run.clock.now_ms(), command, reason or ""))

    return latch_heeded(Latch(run.home.latch), was_set=run.state.is_latched, tell=heed)


@asynccontextmanager
async def _commands(
    run: Run, engine: Engine[BotState], view: ConsoleView, alerting: Alerting
) -> AsyncIterator[None]:
    """Within, the owner's commands are heard; where there can be no socket, that is told."""
    reread = partial(_reread, run, engine)
    voice = Voice(engine, run.clock, Latch(run.home.latch), reread, test_alert=alerting.test)
    async with AsyncExitStack() as ear:
        try:
            await ear.enter_async_context(control_served(run.home.control, voice.answer))
        except OSError as error:
            text = f"status, pause, close and the like cannot reach this process: {error}"
            view.line(run.clock.now_ms(), "start", text, style="yellow")
        yield


def _edits(
    run: Run, engine: Engine[BotState], view: ConsoleView
) -> AbstractAsyncContextManager[None]:
    """Return what takes in an edited configuration unasked."""

    def tell(text: str) -> None:
        view.aside(run.clock.now_ms(), "config", text, style="yellow")

    reread = partial(_reread, run, engine)
    return edits_heeded(run.home.config, engine, run.clock, reread, tell=tell)


async def _reread(run: Run, engine: Engine[BotState]) -> Config:
    """Return the configuration as it is in its file now, with symbols that somebody lists.

    Raises `ConfigError`, `VenueError`.
    """
    config = run.bearable(read_config(run.home, needed=True))
    if config.symbols_to_monitor != engine.state.config.symbols_to_monitor:
        await check_symbols(run.venues, config, run.home.config)
    return config


def _log_start(run: Run) -> FilteringBoundLogger:
    """Log where and with which settings this life begins. Returns the logger."""
    log: FilteringBoundLogger = structlog.get_logger()
    settings = {f"config.{key}": str(value) for key, value in asdict(run.config).items()}
    log.info("started", home=str(run.home.root.resolve()), cycles=run.cycles, **settings)
    return log


def _take_leave(run: Run, state: BotState, view: ConsoleView) -> None:
    """Say how things stand when the process ends, and how to go on."""
    ways = run.ways(state)
    for text in farewell(state, results=view.results, strangers=view.strangers, ways=ways):
        say(run.console, text, may_break=False)
