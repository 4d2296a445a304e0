"""One run: lives of the bot, one after the other, until its cycle is over and so are the faults."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from desk.commands.start import close_all, read_equity
from desk.core.errors import VenueError
from desk.core.funding import HourlyRate
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock, SteadyClock
from desk.engine.journal import Journal
from desk.engine.opening import open_patiently
from desk.engine.run import Engine
from desk.engine.store import StateStore
from desk.hedge import machine
from desk.hedge.events import Started
from desk.hedge.state import SCHEMA, BotState
from desk.sim.accounts import PACIFICA_ACCOUNT_ID
from desk.sim.market_table import market_rows
from desk.sim.serve import Embedded, start_embedded
from desk.sim.world import World
from test.lives import BRISK, START_MS, SYMBOLS, Tally, clients
from test.virtual import run_virtual
from test.wire.judge import Judge
from test.wire.plan import Mischief

CALM_S = 150.0  # from here on nothing goes wrong any more
RUN_S_MAX = CALM_S + 900.0  # a signed Lighter transaction may act for ten minutes
RESTART_S = 3.0
LIVES_MAX = 100

_life: ContextVar[int] = ContextVar("life", default=0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    seed: int
    mischiefs: tuple[Mischief, ...]
    broken: tuple[str, ...]
    naked_s_max: float
    lives: int
    struck: int


def shrink(outcome: Outcome) -> Outcome:
    """Return the outcome of the fewest of its mischiefs that still break something."""
    for row in outcome.mischiefs:
        fewer = play(outcome.seed, tuple(kept for kept in outcome.mischiefs if kept is not row))
        if fewer.broken:
            return shrink(fewer)
    return outcome


def play(seed: int, mischiefs: tuple[Mischief, ...]) -> Outcome:
    """Return what comes of it, on a fresh virtual loop."""
    with TemporaryDirectory() as folder:
        return run_virtual(_Run(seed, mischiefs, Path(folder)).play())


class _Run:
    """The play of one plan."""

    def __init__(self, seed: int, mischiefs: tuple[Mischief, ...], folder: Path) -> None:
        self._seed = seed
        self._mischiefs = mischiefs
        self._folder = folder
        self._lives = 0
        self._tasks: dict[asyncio.Task[Any], int] = {}
        self._death = asyncio.Event()

    async def play(self) -> Outcome:
        """Play it from beginning to end."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._make_task)  # type: ignore[arg-type]
        self._clock = LoopClock(loop, START_MS)
        rows = tuple(replace(row, volatility=0.02) for row in market_rows(SYMBOLS))
        world = World(self._seed, start_ms=START_MS, markets=rows)
        world.backfill(30)
        for venue, hourly in zip(VenueName, ("-0.0002", "0.0002"), strict=True):
            world.set_funding("BTC", venue, HourlyRate.from_hourly(Decimal(hourly)))
        embedded = await start_embedded(world, clock=self._clock)
        ids = (embedded.credentials.lighter.account_index, PACIFICA_ACCOUNT_ID)
        judge = Judge(world, dict(zip(VenueName, ids, strict=True)), self._mischiefs)
        judge.watch()
        fate = loop.create_task(self._happen(embedded))
        code = None
        try:
            async with asyncio.timeout(RUN_S_MAX):
                code = await self._live(embedded, judge)
        except TimeoutError:
            judge.broken.append(f"not over after {RUN_S_MAX:g} s")
        finally:
            fate.cancel()
            await self._end_life()
            await embedded.close()
        judge.conclude(code)
        left = sum(fault.count for fault in embedded.plan.faults)
        planned = sum(row.fault.count for row in self._mischiefs if row.fault is not None)
        return Outcome(
            seed=self._seed,
            mischiefs=self._mischiefs,
            broken=tuple(judge.broken),
            naked_s_max=judge.naked_s_max,
            lives=self._lives,
            struck=planned - left,
        )

    async def _happen(self, embedded: Embedded) -> None:
        """Let each mischief begin at its time; then nothing goes wrong any more."""
        loop = asyncio.get_running_loop()
        for row in self._mischiefs:
            await asyncio.sleep(max(row.at_s - loop.time(), 0))
            if row.fault is None:
                self._death.set()
            else:
                embedded.plan.add(replace(row.fault, since_ms=self._clock.now_ms()))
        await asyncio.sleep(max(CALM_S - loop.time(), 0))
        embedded.plan.clear()

    async def _live(self, embedded: Embedded, judge: Judge) -> int | None:
        """Let one life follow the other. Returns the exit code of the last."""
        while self._lives < LIVES_MAX:
            self._lives += 1
            self._death.clear()
            _life.set(self._lives)
            main = asyncio.ensure_future(self._main(embedded, judge))
            _life.set(0)
            death = asyncio.ensure_future(self._death.wait())
            await asyncio.wait([main, death], return_when=asyncio.FIRST_COMPLETED)
            is_dead = not main.done()
            death.cancel()
            await self._end_life()
            if not is_dead and not isinstance(main.exception(), VenueError):
                return main.result()
            await asyncio.sleep(RESTART_S)
        return None

    async def _main(self, embedded: Embedded, judge: Judge) -> int:
        """Live as the daemon does: start, one cycle, exit."""
        store = StateStore(self._folder / "state.json", kind=BotState, schema=SCHEMA)
        journal = Journal(self._folder / "journal.jsonl")
        venues = clients(embedded, Tally(self._clock))
        found = store.load()
        state = found.state if found is not None else BotState(config=BRISK, epoch=1)
        try:
            await open_patiently(venues, lambda _: None, holds=state.hedge is not None)
            await read_equity(venues)
            engine = Engine(
                machine,
                state,
                venues,
                clock=SteadyClock(self._clock),
                store=store,
                journal=journal,
                observer=judge.decided,
            )
            engine.post(Started(self._clock.now_ms(), BRISK, 1))
            return await engine.run()
        finally:
            journal.close()
            await close_all(venues)

    async def _end_life(self) -> None:
        """Take every task of the present life: requests on the wire go on without it."""
        tasks = [task for task, life in self._tasks.items() if life == self._lives]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **more: Any
    ) -> asyncio.Task[Any]:
        """Make a task, and note whose it is: the servers' live on when the process dies."""
        task = asyncio.Task(coroutine, loop=loop, **more)
        self._tasks[task] = _life.get()
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task
