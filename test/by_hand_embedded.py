"""The scripts of this folder on the embedded venues, on virtual time: what they show, and what the
venues hold afterwards."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from desk.commands.start import close_all
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.engine.opening import open_patiently
from desk.hedge.config import Config
from desk.sim.control import account_truth
from desk.sim.exchange import NewOrder, TimeInForce
from desk.sim.faults import Fault, FaultKind
from desk.sim.market_table import market_rows
from desk.sim.serve import start_embedded
from desk.sim.world import World
from test.by_hand import Hand, Show
from test.lives import START_MS, Tally, clients
from test.virtual import run_virtual

SYMBOLS = ("BTC", "ETH")
DEPOSIT_USD = "10,000.00"
ORDER = {VenueName.LIGHTER: "sendTx", VenueName.PACIFICA: "POST /orders/create"}
TROUBLES = (
    FaultKind.REQUEST_LOST_BEFORE,
    FaultKind.REPLY_LOST,
    FaultKind.REJECT,
    FaultKind.PARTIAL_FILL,
    FaultKind.NO_FILL,
)
Prepare = Callable[[World], None]


@dataclass(slots=True)
class Shown:
    """The lines of a script, the error it ended with, and the account at the venue then."""

    lines: list[str]
    error: Exception | None
    truth: dict[str, Any]

    @property
    def text(self) -> str:
        """Return all lines."""
        return "\n".join(self.lines)


def embedded(
    show: Show, name: VenueName, *, faults: Iterable[Fault] = (), prepare: Prepare | None = None
) -> Shown:
    """Return what a script shows; `faults` strike once it has begun."""
    return run_virtual(_embedded(show, name, list(faults), prepare))


async def _embedded(
    show: Show, name: VenueName, faults: list[Fault], prepare: Prepare | None
) -> Shown:
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    rows = tuple(replace(row, volatility=0.02) for row in market_rows(SYMBOLS))
    world = World(3, start_ms=START_MS, markets=rows)
    world.backfill(30)
    served = await start_embedded(world, clock=clock)
    venues = clients(served, Tally(clock))
    lines: list[str] = []
    try:
        await open_patiently(venues, print, holds=False)
        await asyncio.sleep(60)  # so that half of the first minute's budget is not spent any more
        if prepare is not None:
            prepare(world)
            await asyncio.sleep(1)
        for fault in faults:
            served.plan.add(replace(fault, since_ms=clock.now_ms()))
        hand = Hand(venues[name], clock, Config(symbols_to_monitor=SYMBOLS), lines.append)
        error = (await asyncio.gather(show(hand), return_exceptions=True))[0]
        assert error is None or isinstance(error, Exception)
        exchange = world.exchanges[name]
        return Shown(lines, error, account_truth(exchange, exchange.account_ids()[0]))
    finally:
        await close_all(venues)
        await served.close()


def owners_position(name: VenueName) -> Prepare:
    """Return what gives the owner a position in BTC."""

    def buy(world: World) -> None:
        exchange = world.exchanges[name]
        mark = exchange.stats("BTC").mark
        order = NewOrder(
            symbol="BTC",
            side=Side.BUY,
            size=Decimal("0.01"),
            price=world.spec(name, "BTC").instrument.price_up(mark * Decimal("1.01")),
            tif=TimeInForce.IOC,
        )
        exchange.submit(exchange.account_ids()[0], order)

    return buy
