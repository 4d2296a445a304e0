"""The leverage of what is held, read from the venues now and then: a difference is told and changes
nothing, because an open hedge may only be closed.

Beside the bot and apart from its checks: a read that fails here is no outage.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from structlog.typing import FilteringBoundLogger

from desk.core.account import Leverage
from desk.core.errors import VenueError
from desk.core.ports import Venue
from desk.core.venue import VenueName
from desk.hedge.state import BotState

LOOK_S = 60.0
READ_EVERY = 30  # looks: half an hour, one or two requests at each venue

TellLeverage = Callable[[VenueName, Leverage], None]


@asynccontextmanager
async def leverage_watched(
    venues: Mapping[VenueName, Venue], state: Callable[[], BotState], tell: TellLeverage
) -> AsyncIterator[None]:
    """Within, `tell` is given what each venue says of the symbol that is held: soon after a hedge
    stands or the start, then every half an hour."""
    task = asyncio.get_running_loop().create_task(_watch(venues, state, tell))
    try:
        yield
    finally:
        task.cancel()


async def _watch(
    venues: Mapping[VenueName, Venue], state: Callable[[], BotState], tell: TellLeverage
) -> None:
    looks: dict[VenueName, int] = {}
    cycle = None
    while True:
        await asyncio.sleep(LOOK_S)
        hedge = state().hedge
        if hedge is None or not hedge.is_standing:
            continue
        if hedge.cycle != cycle:
            cycle, looks = hedge.cycle, {}
        for name, venue in venues.items():
            if looks.get(name, 0) > 0:
                looks[name] -= 1
            elif await _read(venue, hedge.symbol, tell):
                looks[name] = READ_EVERY


async def _read(venue: Venue, symbol: str, tell: TellLeverage) -> bool:
    """Return whether the venue told; else it is asked again at the next look."""
    try:
        tell(venue.name, await venue.leverage(symbol))
    except VenueError as error:
        log: FilteringBoundLogger = structlog.get_logger()
        log.info("leverage.not_read", venue=venue.name, why=str(error))
        return False
    return True
