"""Whole lives of the bot with the real clients, on embedded venues and virtual time, counted.

The venues keep the published limits. A mishap runs beside the bot and does to the venues what it
likes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from random import Random

from desk.commands.start import check_symbols, close_all, read_equity
from desk.core.events import AccountsRead
from desk.core.funding import HourlyRate
from desk.core.ports import Clock, Venue
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
from desk.sim.accounts import CHAIN_ID
from desk.sim.market_table import market_rows
from desk.sim.serve import Embedded, start_embedded
from desk.sim.world import World
from desk.venues.http import HttpRequest, HttpResponse, HttpTransport
from desk.venues.lighter.signer import PythonSigner
from desk.venues.pacifica.access import read_access
from lighter_client import LighterClient
from pacifica_client import PacificaClient

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
START_MS = 1_767_700_860_000  # 2026-01-06 12:01 UTC, a minute past a settlement
SYMBOLS = ("BTC", "ETH", "SOL")
HOLD_S = 20
BRISK = Config(
    symbols_to_monitor=SYMBOLS,
    hold_duration_hours=Decimal(HOLD_S) / 3600,
    check_interval_seconds=Decimal(5),
    require_expected_profit=False,
    renew_hold=False,
)
STAGES = {
    Phase.ANALYZE: "look",
    Phase.SELECT: "open",
    Phase.OPEN: "open",
    Phase.HOLD: "hold",
    Phase.CLOSE: "close",
}
HEAVY = ("/orders/history", "/trades/history", "/kline")  # docs.pacifica.fi, rate limits
HEAVY_CREDITS = 12
TOO_MANY = (429, 405)

Mishap = Callable[[Embedded], Awaitable[None]]


@dataclass(slots=True)
class Tally:
    """One life: what left in each stage of it, and what the bot made of the answers."""

    clock: Clock
    stage: str = "start"
    sent: dict[tuple[VenueName, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    refused: list[str] = field(default_factory=list)
    records: list[Record[BotState]] = field(default_factory=list)

    def hear(self, record: Record[BotState]) -> None:
        """Note a decision; what it asks for is counted to the stage that it leads to."""
        self.records.append(record)
        self.stage = STAGES.get(record.decision.state.phase, self.stage)

    def count(self, venue: VenueName, stage: str) -> int:
        """Return how many requests left for a venue in a stage."""
        return len(self.sent[venue, stage])

    def credits(self, stage: str) -> int:
        """Return what a stage cost at Pacifica, without an API key."""
        return sum(
            HEAVY_CREDITS if path.endswith(HEAVY) else 1 for path in self.sent[PACIFICA, stage]
        )

    def entered_s(self, phase: Phase) -> float:
        """Return when the bot first came into a phase, seconds after the start."""
        records = (row for row in self.records if row.decision.state.phase is phase)
        return (next(records).event.at_ms - START_MS) / 1000

    def checks(self) -> int:
        """Return how many full checks were made while holding."""
        held = (row for row in self.records if row.before.label == Phase.HOLD)
        return sum(isinstance(row.event, AccountsRead) for row in held)


class Counted:
    """A transport that writes down what leaves, and what came back refused."""

    def __init__(self, venue: VenueName, base_url: str, tally: Tally) -> None:
        self._inner = HttpTransport(venue=venue, base_url=base_url, clock=tally.clock)
        self._venue = venue
        self._tally = tally

    async def request(self, request: HttpRequest, *, deadline_s: float) -> HttpResponse:
        """Return the answer."""
        self._tally.sent[self._venue, self._tally.stage].append(request.path)
        response = await self._inner.request(request, deadline_s=deadline_s)
        if response.status in TOO_MANY:
            self._tally.refused.append(request.name)
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._inner.close()


def clients(embedded: Embedded, tally: Tally) -> dict[VenueName, Venue]:
    """Return both clients as the daemon has them, each with its requests counted."""
    account, endpoints = embedded.credentials.lighter, embedded.endpoints
    access = read_access(embedded.env(), read_only=False)
    lighter = LighterClient(
        clock=tally.clock,
        jitter=Random(1).random,
        base_url=endpoints.lighter_url,
        ws_url=endpoints.lighter_ws_url,
        account_index=account.account_index,
        api_key_index=account.key.index,
        signer=PythonSigner(
            account.key.private_key,
            account_index=account.account_index,
            api_key_index=account.key.index,
            chain_id=CHAIN_ID,
            now_ms=tally.clock.now_ms,
        ),
        transport=Counted(LIGHTER, endpoints.lighter_url, tally),
    )
    pacifica = PacificaClient(
        clock=tally.clock,
        jitter=Random(1).random,
        endpoints=access.endpoints,
        credentials=access.credentials,
        transport=Counted(PACIFICA, endpoints.pacifica_url, tally),
    )
    return {LIGHTER: lighter, PACIFICA: pacifica}


async def live(folder: Path, config: Config = BRISK, mishap: Mishap | None = None) -> Tally:
    """Live one life as the daemon does: start, one cycle, exit."""
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    rows = tuple(replace(row, volatility=0.02) for row in market_rows(SYMBOLS))
    world = World(3, start_ms=START_MS, markets=rows)
    world.backfill(30)
    for venue, hourly in ((LIGHTER, "-0.0002"), (PACIFICA, "0.0002")):
        world.set_funding("BTC", venue, HourlyRate.from_hourly(Decimal(hourly)))
    embedded = await start_embedded(world, clock=clock)
    tally = Tally(clock)
    venues = clients(embedded, tally)
    journal = Journal(folder / "journal.jsonl")
    fate = asyncio.ensure_future(mishap(embedded)) if mishap is not None else None
    try:
        await open_patiently(venues, print, holds=False)
        await check_symbols(venues, config, "the test")
        await read_equity(venues)
        engine = Engine(
            machine,
            BotState(config=config, epoch=1),
            venues,
            clock=SteadyClock(clock),
            store=StateStore(folder / "state.json", kind=BotState, schema=SCHEMA),
            journal=journal,
            observer=tally.hear,
        )
        engine.post(Started(clock.now_ms(), config, 1))
        assert 0 == await engine.run()
        return tally
    finally:
        if fate is not None:
            fate.cancel()
        journal.close()
        await close_all(venues)
        await embedded.close()


