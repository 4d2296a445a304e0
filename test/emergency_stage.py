"""Both embedded venues with positions on them, and the panic button's own hands on the wire.

Real clients, real HTTP on loopback, virtual time: a round trip is as long as the stage says.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from desk.commands.panic import Panic
from desk.core.market import Instrument
from desk.core.order import Side
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.engine.flatten import Desk
from desk.engine.home import Home
from desk.sim.accounts import CHAIN_ID, LighterKey
from desk.sim.exchange import NewOrder, TimeInForce
from desk.sim.faults import Fault, FaultKind
from desk.sim.lighter_server import LighterSwitches
from desk.sim.lighter_server.switches import SignatureCheck
from desk.sim.market_table import MARKET_ROWS, MarketRow
from desk.sim.serve import Embedded, start_embedded
from desk.sim.web import Limits
from desk.sim.world import World
from desk.venues.http import HttpRequest, HttpResponse, HttpTransport
from desk.venues.lighter.emergency import LighterDesk
from desk.venues.lighter.signer import PythonSigner
from desk.venues.limits import Priority
from desk.venues.pacifica.access import read_access
from desk.venues.pacifica.emergency import PacificaDesk
from lighter_client import LighterClient
from pacifica_client import PacificaClient
from test.virtual import run_virtual

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
START_MS = 1_767_700_860_000  # 2026-01-06 12:01 UTC, a minute past a settlement
RTT_S = 0.05
LEG_USD = Decimal(50)
FIRST_FREE_MARKET_ID = 200


def many_markets(count: int) -> tuple[MarketRow, ...]:
    """Return that many calm markets: the table's, then the same under other names."""
    calm = [replace(row, volatility=0.02) for row in MARKET_ROWS]
    rows = []
    for number in range(count):
        lap, place = divmod(number, len(calm))
        rows.append(calm[place] if not lap else _twin_of(calm[place], lap, number))
    return tuple(rows)


def _twin_of(row: MarketRow, lap: int, number: int) -> MarketRow:
    symbol = f"{row.symbol}{lap}"
    market_ids = {LIGHTER: FIRST_FREE_MARKET_ID + number, PACIFICA: None}
    venues = {
        venue: replace(
            each,
            instrument=replace(each.instrument, symbol=symbol, market_id=market_ids[venue]),
        )
        for venue, each in row.venues.items()
    }
    return replace(row, symbol=symbol, venues=venues)


@dataclass(slots=True)
class Sent:
    """A request, and when it left and was answered, seconds of the stage."""

    venue: VenueName
    path: str
    left_s: float
    answered_s: float = 0.0


class Delayed:
    """A transport with a round trip, that writes down what it carried."""

    def __init__(self, venue: VenueName, base_url: str, clock: Clock, log: list[Sent]) -> None:
        self._inner = HttpTransport(venue=venue, base_url=base_url, clock=clock)
        self._venue = venue
        self._clock = clock
        self._log = log

    async def request(self, request: HttpRequest, *, deadline_s: float) -> HttpResponse:
        """Return the answer, half a round trip later each way."""
        sent = Sent(self._venue, request.path, self._clock.monotonic_s())
        self._log.append(sent)
        await asyncio.sleep(RTT_S / 2)
        response = await self._inner.request(request, deadline_s=deadline_s)
        await asyncio.sleep(RTT_S / 2)
        sent.answered_s = self._clock.monotonic_s()
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._inner.close()


@dataclass(slots=True)
class Stage:
    """Two venues, a home, and the button."""

    embedded: Embedded
    clock: LoopClock
    home: Home
    panic: Panic
    desks: Sequence[Desk]
    log: list[Sent] = field(default_factory=list)

    @property
    def world(self) -> World:
        """Return the world both venues are in."""
        return self.embedded.world

    def account_id(self, venue: VenueName) -> int:
        """Return our account."""
        return self.world.exchanges[venue].account_ids()[0]

    def instrument(self, venue: VenueName, symbol: str) -> Instrument:
        """Return a market's steps."""
        return self.world.exchanges[venue].markets[symbol].instrument

    def order(
        self, venue: VenueName, symbol: str, side: Side, size: Decimal, *, off_pct: int = 3
    ) -> None:
        """Trade by hand, up to `off_pct` beyond the mark; below zero the order rests."""
        exchange = self.world.exchanges[venue]
        mark, instrument = exchange.stats(symbol).mark, self.instrument(venue, symbol)
        price = instrument.price_down(mark * (100 + side.sign * off_pct) / 100)
        tif = TimeInForce.IOC if off_pct > 0 else TimeInForce.GTC
        order = NewOrder(symbol=symbol, side=side, size=size, price=price, tif=tif)
        exchange.submit(self.account_id(venue), order)

    async def hedge(self, *symbols: str) -> None:
        """Open a hedge of about `LEG_USD` a leg in each symbol, and let it settle."""
        for symbol in symbols:
            for venue, side in ((LIGHTER, Side.BUY), (PACIFICA, Side.SELL)):
                instrument = self.instrument(venue, symbol)
                mark = self.world.exchanges[venue].stats(symbol).mark
                least = max(LEG_USD / mark, instrument.size_min)
                self.order(venue, symbol, side, instrument.size_up(least))
        await asyncio.sleep(1)

    def held(self) -> dict[VenueName, dict[str, Decimal]]:
        """Return every position as the exchanges have it, flat venues left out."""
        found = {
            venue: {
                symbol: row.size
                for symbol, row in exchange.account(self.account_id(venue)).positions.items()
            }
            for venue, exchange in self.world.exchanges.items()
        }
        return {venue: rows for venue, rows in found.items() if rows}

    def resting(self) -> int:
        """Return how many orders rest on both venues."""
        return sum(
            len(exchange.orders(self.account_id(venue)))
            for venue, exchange in self.world.exchanges.items()
        )

    def strike(self, venue: VenueName, kind: FaultKind, **settings: Any) -> None:
        """Let a fault strike."""
        self.embedded.plan.add(Fault(venue, kind, since_ms=self.clock.now_ms(), **settings))

    async def press(self, symbol: str | None = None) -> int:
        """Press the button; returns the exit code."""
        self.log.clear()
        return await self.panic.press(symbol, again="again", resume="resume")

    def paths(self, venue: VenueName) -> list[str]:
        """Return what was asked of a venue, in order."""
        return [sent.path for sent in self.log if sent.venue is venue]


Story = Callable[[Stage], Awaitable[None]]


def play(folder: Path, story: Story, *, markets: int = 3, second_key: bool = False) -> None:
    """Run a story on a fresh stage, in virtual time."""
    run_virtual(_play(folder, story, markets=markets, second_key=second_key))


async def _play(folder: Path, story: Story, *, markets: int, second_key: bool) -> None:
    async with staged(folder, markets=markets, second_key=second_key) as stage:
        await story(stage)


@asynccontextmanager
async def staged(folder: Path, *, markets: int, second_key: bool) -> AsyncIterator[Stage]:
    """Yield a stage with the venues' published limits and delays."""
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    world = World(5, start_ms=START_MS, markets=many_markets(markets))
    embedded = await start_embedded(
        world,
        clock=clock,
        limits=Limits.PUBLISHED,
        lighter_switches=LighterSwitches(signatures=SignatureCheck.SAMPLED),
    )
    log: list[Sent] = []
    account = embedded.credentials.lighter
    keys = [account.key, account.emergency_key] if second_key else [account.key]
    lighter = LighterDesk([_lighter(embedded, clock, key, log) for key in keys], clock)
    pacifica = PacificaDesk(_pacifica(embedded, clock, log), clock)
    home = Home.live(folder)
    desks: Sequence[Desk] = (lighter, pacifica)
    panic = Panic(home, {}, desks, clock=clock)
    try:
        yield Stage(embedded, clock, home, panic, desks, log)
    finally:
        await asyncio.gather(lighter.close(), pacifica.close())
        await embedded.close()


def _lighter(
    embedded: Embedded, clock: Clock, key: LighterKey, log: list[Sent]
) -> LighterClient:
    endpoints, account = embedded.endpoints, embedded.credentials.lighter
    signer = PythonSigner(
        key.private_key,
        account_index=account.account_index,
        api_key_index=key.index,
        chain_id=CHAIN_ID,
        now_ms=clock.now_ms,
    )
    return LighterClient(
        clock=clock,
        jitter=Random(1).random,
        base_url=endpoints.lighter_url,
        ws_url=endpoints.lighter_ws_url,
        account_index=account.account_index,
        api_key_index=key.index,
        signer=signer,
        priority_min=Priority.GUARD,
        transport=Delayed(LIGHTER, endpoints.lighter_url, clock, log),
    )


def _pacifica(embedded: Embedded, clock: Clock, log: list[Sent]) -> PacificaClient:
    access = read_access(embedded.env(), read_only=False)
    return PacificaClient(
        clock=clock,
        jitter=Random(1).random,
        endpoints=access.endpoints,
        credentials=access.credentials,
        priority_min=Priority.GUARD,
        transport=Delayed(PACIFICA, access.endpoints.url, clock, log),
    )
