"""Who is held to the contract, and how a fact meets each of them.

To add one: an async context manager that takes the world and the clock, and yields an opened venue
with a way to silence its streams; then a line in `CANDIDATES`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.sim.sim_venue import SimVenue
from desk.sim.world import World
from test.contract.bench import DEPOSIT_USD, Candidate, Fact, run_fact

_ACCOUNT_ID = 0  # zero is an id

Connection = AbstractAsyncContextManager[tuple[Venue, Callable[[], None]]]


def _simulated(name: VenueName) -> Callable[[World, Clock], Connection]:
    @asynccontextmanager
    async def connect(
        world: World, clock: Clock
    ) -> AsyncIterator[tuple[Venue, Callable[[], None]]]:
        world.exchanges[name].add_account(collateral=DEPOSIT_USD, account_id=_ACCOUNT_ID)
        venue = SimVenue(world, name, _ACCOUNT_ID, clock=clock)
        await venue.open()
        yield venue, venue.feed.silence
        await venue.close()

    return connect


CANDIDATES = tuple(Candidate(f"sim-{name}", name, _simulated(name)) for name in VenueName)


def contract(fact: Fact) -> Callable[[Candidate], None]:
    """Turn an async fact into a test that runs against every candidate."""

    @pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda one: one.label)
    def test(candidate: Candidate) -> None:
        run_fact(candidate, fact)

    test.__name__, test.__doc__ = fact.__name__, fact.__doc__
    return test
