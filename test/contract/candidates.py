"""Who is held to the contract, and how a fact meets each of them.

To add one: an async context manager that takes the world and the clock, and yields an unopened
venue with a way to silence its streams; then a line in `CANDIDATES`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.sim.accounts import CHAIN_ID
from desk.sim.faults import Fault, FaultKind
from desk.sim.serve import Embedded, start_embedded
from desk.sim.sim_venue import SimVenue
from desk.sim.web import Limits
from desk.sim.world import World
from desk.venues.lighter.signer import PythonSigner
from lighter_client import LighterClient
from pacifica_client import PacificaClient
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
        yield venue, venue.feed.silence
        await venue.close()

    return connect


def _over_the_wire(name: VenueName) -> Callable[[World, Clock], Connection]:
    @asynccontextmanager
    async def connect(
        world: World, clock: Clock
    ) -> AsyncIterator[tuple[Venue, Callable[[], None]]]:
        embedded = await start_embedded(world, clock=clock, limits=Limits.OFF, drive=False)
        is_lighter = name is VenueName.LIGHTER
        venue = _lighter(embedded, clock) if is_lighter else _pacifica(embedded, clock)
        silent = Fault(name, FaultKind.STREAM_SILENT)
        try:
            yield venue, lambda: embedded.plan.add(silent)
        finally:
            await venue.close()
            await embedded.close()

    return connect


def _lighter(embedded: Embedded, clock: Clock) -> Venue:
    """Return the real client with the signer whose expiry follows the given clock."""
    account = embedded.credentials.lighter
    return LighterClient(
        clock=clock,
        jitter=lambda: 0.0,
        base_url=embedded.endpoints.lighter_url,
        ws_url=embedded.endpoints.lighter_ws_url,
        account_index=account.account_index,
        api_key_index=account.key.index,
        signer=PythonSigner(
            account.key.private_key,
            account_index=account.account_index,
            api_key_index=account.key.index,
            chain_id=CHAIN_ID,
            now_ms=clock.now_ms,
        ),
        limits="off",
    )


def _pacifica(embedded: Embedded, clock: Clock) -> Venue:
    return PacificaClient.from_environment(embedded.env(), clock=clock, limits="off")


CANDIDATES = tuple(
    Candidate(f"{kind}-{name}", name, connect(name))
    for kind, connect in (("sim", _simulated), ("wire", _over_the_wire))
    for name in VenueName
)


def contract(fact: Fact) -> Callable[[Candidate], None]:
    """Turn an async fact into a test that runs against every candidate."""

    @pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda one: one.label)
    def test(candidate: Candidate) -> None:
        run_fact(candidate, fact)

    test.__name__, test.__doc__ = fact.__name__, fact.__doc__
    return test
