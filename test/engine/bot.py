"""The whole bot on a stage: one life of the process after another, on the same files."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from desk.core.actions import Alert, Level
from desk.core.events import Command, OwnerAsked
from desk.core.venue import VenueName
from desk.engine.clock import SteadyClock
from desk.engine.journal import Journal
from desk.engine.recall import Recalled, recall
from desk.engine.run import Engine, Record
from desk.engine.store import Disk, StateStore
from desk.hedge import machine
from desk.hedge.config import Config
from desk.hedge.doubting import doubted
from desk.hedge.events import Started
from desk.hedge.state import SCHEMA, BotState, CycleResult, Phase
from desk.sim.market_model import Profile
from test.engine.bench import SYMBOLS, Stage, staged
from test.virtual import run_virtual

# Opens at once, holds six minutes over the settlement at 13:00, closes, and begins anew.
BRISK = replace(
    Config(),
    symbols_to_monitor=SYMBOLS,
    hold_duration_hours=Decimal("0.1"),
    wait_between_cycles_minutes=Decimal("0.1"),
    require_expected_profit=False,
    renew_hold=False,
)


@dataclass(slots=True)
class Bot:
    """One home on one stage; `results` are the cycles it finished, `alerts` what it said."""

    stage: Stage
    folder: Path
    config: Config = BRISK
    results: list[CycleResult] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    engine: Engine[BotState] | None = None
    on_record: Callable[[Record[BotState]], None] | None = None
    disk: Disk | None = None
    epoch: int = 1

    @property
    def store(self) -> StateStore[BotState]:
        """Return the store of this home."""
        path = self.folder / "state.json"
        return StateStore(path, kind=BotState, schema=SCHEMA, disk=self.disk)

    @property
    def state(self) -> BotState:
        """Return what the files of this home tell a new process."""
        found = recalled(self.store, self.journal)
        if found.state is not None and found.behind is None:
            return found.state
        return doubted(found.state, BotState(config=self.config, epoch=self.epoch), found.behind)

    @property
    def journal(self) -> Path:
        """Return the journal's path."""
        return self.folder / "journal.jsonl"

    async def live(self, cycles: int | None = None) -> int:
        """Live one life of the process, from its start to its exit. Returns the exit code."""
        others = asyncio.all_tasks()
        state = self.state
        venues = await self.stage.connect()
        journal = Journal(self.journal)
        try:
            self.engine = Engine(
                machine,
                state,
                venues,
                clock=SteadyClock(self.stage.clock),
                store=self.store,
                journal=journal,
                observer=self._hear,
            )
            self.engine.post(Started(self.stage.clock.now_ms(), self.config, cycles))
            return await self.engine.run()
        finally:
            journal.close()
            for task in asyncio.all_tasks() - others:
                task.cancel()  # a process takes its tasks with it

    async def die_after(self, seconds: float, cycles: int | None = None) -> None:
        """Live, and die without a word after so many seconds (or end before that)."""
        life = asyncio.create_task(self.live(cycles))
        await asyncio.wait([life], timeout=seconds)
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life

    async def until(self, phase: Phase, limit_s: float = 600) -> "asyncio.Task[int]":
        """Start a life and return it as soon as the bot has reached `phase`."""
        life = asyncio.create_task(self.live())
        await asyncio.sleep(1)
        for _ in range(int(limit_s)):
            if self.engine is not None and self.engine.state.phase is phase:
                return life
            await asyncio.sleep(1)
        raise AssertionError(f"not in {phase} within {limit_s} s")

    def say(self, command: Command) -> None:
        """Speak as the owner."""
        assert self.engine is not None
        self.engine.post(OwnerAsked(self.stage.clock.now_ms(), command))

    def is_flat(self) -> bool:
        """Return whether the exchanges hold nothing."""
        return all(not self.stage.held(v, s) for v in VenueName for s in SYMBOLS)

    def is_hedged(self) -> bool:
        """Return whether the exchanges hold two legs, equal and opposite."""
        held = [self.stage.held(v, s) for s in SYMBOLS for v in VenueName]
        return any(held) and all(a + b == 0 for a, b in zip(held[::2], held[1::2], strict=True))

    def _hear(self, record: Record[BotState]) -> None:
        result = record.decision.state.result
        if result is not None and (not self.results or self.results[-1].cycle != result.cycle):
            self.results.append(result)
        for action in record.decision.actions:
            if isinstance(action, Alert) and action.level is not Level.INFO:
                self.alerts.append(action.text)
        if self.on_record is not None:
            self.on_record(record)


def recalled(store: StateStore[BotState], journal: Path) -> Recalled[BotState]:
    """Return what these files tell a new process."""
    return recall(
        store,
        journal,
        machine,
        state_kind=BotState,
        events=machine.EVENTS,
        are_akin=lambda one, other: one.epoch == other.epoch,
    )


def with_bot(
    folder: Path,
    play: Callable[[Bot], Awaitable[None]],
    config: Config = BRISK,
    *,
    seed: int = 11,
    profile: Profile = Profile.RECORD,
) -> None:
    """Play with a bot on a calm stage that pays 300 % APR on BTC, for good."""

    async def main() -> None:
        async with staged(seed, profile) as stage:
            stage.spread("BTC", 300)
            await play(Bot(stage, folder, config))

    run_virtual(main())
