"""The panic button beside a bot that runs: with an opening under way, in a hold, started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from desk.commands.panic import EXIT_FLAT
from desk.commands.start import close_all
from desk.core.actions import SendOrders
from desk.core.events import Command, OwnerAsked
from desk.core.funding import HourlyRate
from desk.engine.clock import SteadyClock
from desk.engine.journal import Journal
from desk.engine.latch import Latch, latch_heeded
from desk.engine.lock import InstanceLock
from desk.engine.run import Engine, Record
from desk.engine.store import StateStore
from desk.hedge import machine
from desk.hedge.config import Config
from desk.hedge.events import Started
from desk.hedge.state import SCHEMA, BotState, Phase
from lighter_pacifica_hedge import embedded_venues
from test.emergency_stage import LIGHTER, PACIFICA, Stage, play

EAGER = Config(
    symbols_to_monitor=("BTC",),
    hold_duration_hours=Decimal(1),
    wait_between_cycles_minutes=Decimal(0),
    check_interval_seconds=Decimal(5),
    require_expected_profit=False,
    min_volume_24h_usd=Decimal(0),
)
PATIENCE_S = 300


@dataclass(slots=True)
class Life:
    """One life of the bot; `phases` and `orders_sent` as they were decided."""

    engine: Engine[BotState]
    phases: list[str]
    orders_sent: list[SendOrders]

    async def reaches(self, phase: Phase) -> None:
        """Wait until the bot is in a phase, or has been."""
        for _ in range(PATIENCE_S * 100):
            if phase in self.phases:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"never in {phase}: {self.phases}")


@asynccontextmanager
async def bot_on(stage: Stage) -> AsyncIterator[Life]:
    """Yield a bot that trades on the stage with the files of its home, as the daemon runs it."""
    for venue, hourly in ((LIGHTER, "-0.0002"), (PACIFICA, "0.0002")):
        stage.world.set_funding("BTC", venue, HourlyRate.from_hourly(Decimal(hourly)))
    venues = embedded_venues(stage.embedded, stage.clock, 1)
    store = StateStore(stage.home.state, kind=BotState, schema=SCHEMA)
    loaded = store.load()
    state = BotState(config=EAGER, epoch=1) if loaded is None else loaded.state
    phases: list[str] = []
    sent: list[SendOrders] = []

    def hear(record: Record[BotState]) -> None:
        phases.append(record.after.label)
        sent.extend(row for row in record.decision.actions if isinstance(row, SendOrders))

    journal = Journal(stage.home.journal)
    engine = Engine(
        machine,
        state,
        venues,
        clock=SteadyClock(stage.clock),
        store=store,
        journal=journal,
        observer=hear,
    )

    def heed(reason: str | None) -> None:
        command = Command.RESUME if reason is None else Command.HALT
        engine.post(OwnerAsked(stage.clock.now_ms(), command, reason or ""))

    await asyncio.gather(*(venue.open() for venue in venues.values()))
    engine.post(Started(stage.clock.now_ms(), EAGER))
    latch = Latch(stage.home.latch)
    with InstanceLock([stage.home.lock], owner="process 42"):
        async with latch_heeded(latch, was_set=state.is_latched, tell=heed):
            life = asyncio.ensure_future(engine.run())
            try:
                yield Life(engine, phases, sent)
            finally:
                life.cancel()
                await asyncio.gather(life, return_exceptions=True)
                journal.close()
                await close_all(venues)


@pytest.mark.parametrize("second_key", [False, True], ids=["one key", "two keys"])
@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.15, 0.4])
def test_an_opening_under_way_ends_flat_and_stays_flat(
    tmp_path: Path, after_s: float, second_key: bool
) -> None:
    """Whenever it is pressed, both venues are flat, and the bot opens nothing any more."""

    async def story(stage: Stage) -> None:
        async with bot_on(stage) as life:
            await life.reaches(Phase.OPEN)
            await asyncio.sleep(after_s)
            opened = len(life.orders_sent)
            assert EXIT_FLAT == await stage.press()
            assert {} == stage.held()
            await asyncio.sleep(120)
            assert ({}, Phase.HALT) == (stage.held(), life.engine.state.phase)
            later = [order for row in life.orders_sent[opened:] for order in row.orders]
            assert all(order.request.reduce_only for order in later)

    play(tmp_path, story, second_key=second_key)


def test_a_hold_is_closed_and_the_books_end_in_halt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list says what the bot opened; nothing is in doubt, so nothing is waited for."""

    async def story(stage: Stage) -> None:
        async with bot_on(stage) as life:
            await life.reaches(Phase.HOLD)
            await asyncio.sleep(10)
            began_s = stage.clock.monotonic_s()
            assert EXIT_FLAT == await stage.press()
            assert stage.clock.monotonic_s() - began_s < 2
            await asyncio.sleep(120)
            assert (Phase.HALT, None) == (life.engine.state.phase, life.engine.state.hedge)

    play(tmp_path, story)
    said = capsys.readouterr().out
    assert 2 == said.count(", opened by the bot")
    assert "bot: process 42: halted" in said


def test_a_restart_stays_halted_until_the_latch_is_deleted(tmp_path: Path) -> None:
    """Through a whole life nothing is sent; then the owner deletes the file, and it trades."""

    async def story(stage: Stage) -> None:
        async with bot_on(stage) as life:
            await life.reaches(Phase.HOLD)
            await stage.press()
            await asyncio.sleep(60)
        async with bot_on(stage) as life:
            await asyncio.sleep(120)
            assert (Phase.HALT, []) == (life.engine.state.phase, life.orders_sent)
            stage.home.latch.unlink()
            await life.reaches(Phase.HOLD)

    play(tmp_path, story)
