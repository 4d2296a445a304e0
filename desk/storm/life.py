"""One life of the daemon: from its start on whatever is on the disk to its exit or its death.

The real engine, the real strategy and the real store. What is not here is the process around
them: it starts as the daemon does, and a death takes every task and whatever was not on the disk,
while requests on the wire go on.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.core.actions import Strategy
from desk.core.errors import VenueError
from desk.core.events import Command, OwnerAsked
from desk.core.venue import VenueName
from desk.engine.clock import SteadyClock
from desk.engine.opening import open_patiently
from desk.engine.recall import recall
from desk.engine.run import Engine
from desk.engine.store import StateStore
from desk.hedge import machine
from desk.hedge.config import Config
from desk.hedge.doubting import doubted
from desk.hedge.events import Started
from desk.hedge.state import SCHEMA, BotState
from desk.sim.sim_venue import SimVenue
from desk.storm.body import Client, NoJournal, WatchedStore
from desk.storm.boundaries import Boundaries
from desk.storm.disk import Died, Loss
from desk.storm.stage import STATE_PATH, Stage
from desk.storm.strikes import Strike
from desk.storm.weather import Weather
from desk.storm.witness import Witness

RESTART_S = 30.0  # a supervisor's pause after an exit
EPOCH = 7
EXIT_FAILED = 1
NO_JOURNAL = Path("no journal is kept here")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a life lives in."""

    stage: Stage
    boundaries: Boundaries
    weather: Weather
    witness: Witness
    config: Config
    cycles: int | None
    strategy: Strategy[BotState]


class Life:
    """A process that runs the bot once."""

    def __init__(self, around: Surroundings) -> None:
        """Stand unborn; `live` begins."""
        self.stage = around.stage
        self.boundaries = around.boundaries
        self.weather = around.weather
        self.witness = around.witness
        self.is_dead = False
        self.clock = SteadyClock(self.stage.our_clock)
        self._around = around
        self.engine: Engine[BotState] | None = None
        self.venues = {name: Client(self, name) for name in VenueName}
        self._death: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._others: set[asyncio.Task[Any]] = set()

    async def live(self) -> int | None:
        """Run from start to end. Returns the exit code, None when it died.

        Whatever breaks it is shown to the witness and counts as an exit with code 1.
        """
        self._others = asyncio.all_tasks()
        main = asyncio.get_running_loop().create_task(self._main())
        ends: list[asyncio.Future[Any]] = [main, self._death]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._disconnect()
        for venue in self.venues.values():
            budget = venue.budget
            self.witness.spent(held_back=budget.held_back, refused=budget.refused)
        if self._death.done():
            self.witness.ended(None)
            return None
        error = main.exception()
        # A venue that is away at the start ends the daemon, where it holds nothing.
        self.witness.ended(None if isinstance(error, VenueError) else error)
        return EXIT_FAILED if error is not None else main.result()

    @property
    def down_s(self) -> float:
        """Return how long the machine stays down after this life."""
        if not self._death.done():
            return RESTART_S
        strike: Strike = self._death.result()
        return strike.down_s

    def die(self, strike: Strike, loss: Loss = Loss.LOST) -> None:
        """End at once: nothing more is sent or saved, and nobody hears an answer."""
        if self.is_dead:
            return
        self.is_dead = True
        self._disconnect()
        self.stage.disk.crash(loss, self.stage.chance)
        for task in self._tasks():
            task.cancel()
        self._death.set_result(strike)

    def check_alive(self) -> None:
        """Raise `Died` in what is left of a dead process."""
        if self.is_dead:
            raise Died

    def say(self, command: Command) -> None:
        """Speak to the bot as its owner; before it runs nobody listens."""
        if self.engine is not None and not self.is_dead:
            self.engine.post(OwnerAsked(self.clock.now_ms(), command))

    def _tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks of this process, oldest first."""
        current = asyncio.all_tasks() - self._others
        return sorted(current, key=lambda task: int(task.get_name().rpartition("-")[2]))

    def _disconnect(self) -> None:
        for venue in self.venues.values():
            venue.feed.stop()
        self.stage.feeds.clear()

    async def _main(self) -> int:
        around = self._around
        store = StateStore(STATE_PATH, kind=BotState, schema=SCHEMA, disk=self.stage.disk)
        state = _recalled(store, around.config)
        self.witness.started(state)
        await open_patiently(self.venues, lambda _: None, holds=state.hedge is not None)
        await asyncio.gather(*(_equity(venue) for venue in self.venues.values()))
        self.engine = Engine(
            around.strategy,
            state,
            self.venues,
            clock=self.clock,
            store=WatchedStore(self, store),
            journal=NoJournal(),
            observer=self.witness.decided,
        )
        self.engine.post(Started(self.clock.now_ms(), around.config, around.cycles))
        return await self.engine.run()


def _recalled(store: StateStore[BotState], config: Config) -> BotState:
    """Return the state to begin with, as the daemon makes it of what is on the disk."""
    found = recall(
        store,
        NO_JOURNAL,
        machine,
        state_kind=BotState,
        events=machine.EVENTS,
        are_akin=lambda one, other: one.epoch == other.epoch,
    )
    if found.state is not None and found.behind is None:
        return found.state
    return doubted(found.state, BotState(config, EPOCH), found.behind)


async def _equity(venue: SimVenue) -> None:
    """Read what the daemon prints before it trades; a venue that is away is passed over."""
    try:
        await venue.account()
    except VenueError:
        return
