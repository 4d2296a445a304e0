"""Open the venues at the start of a process: together, or as they come where a leg may stand.

Nothing about what is done with them afterwards.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from desk.core.errors import DeskError, RateLimited, VenueError
from desk.core.ports import Venue
from desk.core.venue import VenueName
from desk.core.words import budget_wait

OPEN_RETRY_S = 5.0
BUDGET_TRIES_MAX = 3  # each after the wait that was asked for: the venues count by the minute
BUDGET_WAIT_S_MAX = 65.0
OPEN_TOGETHER_S = 1.0  # how long the second venue may lag behind the first at a start that holds


async def open_patiently(
    venues: Mapping[VenueName, Venue], tell: Callable[[str], None], *, holds: bool
) -> set[asyncio.Task[None]]:
    """Open both venues. Where a hedge may be held, one that answers is enough to begin with.

    Returns the tasks that go on trying to open the others: an absent venue is waited for, but the
    leg on the other one has its guards meanwhile. `tell` is given a trouble when it is another than
    before, and each wait for our own request budget: that is none.
    """
    async def open_one(venue: Venue) -> None:
        told, waits = "", 0
        while True:
            try:
                return await venue.open()
            except RateLimited as error:
                waits += 1
                if not holds and waits > BUDGET_TRIES_MAX:
                    raise
                wait_s = min(max(error.retry_after_s, OPEN_RETRY_S), BUDGET_WAIT_S_MAX)
                tell(budget_wait(venue.name, wait_s))
                await asyncio.sleep(wait_s)
            except VenueError as error:
                if not holds:
                    raise
                text = f"{error}; trying again every {OPEN_RETRY_S:g} s"
                if text != told:
                    tell(text)
                told = text
                await asyncio.sleep(OPEN_RETRY_S)

    if not holds:
        await asyncio.gather(*(open_one(venue) for venue in venues.values()))
        return set()
    tries = {asyncio.ensure_future(open_one(venue)) for venue in venues.values()}
    try:
        await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        _, late = await asyncio.wait(tries, timeout=OPEN_TOGETHER_S)
        for task in tries - late:
            task.result()
    except (asyncio.CancelledError, DeskError):
        for task in tries:
            task.cancel()
        raise
    for task in late:
        task.add_done_callback(partial(_tell_end, tell))
    return late


def _tell_end(tell: Callable[[str], None], task: asyncio.Task[None]) -> None:
    """Say how the opening of a late venue failed for good; the hedge is held without it."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        tell(str(error))
