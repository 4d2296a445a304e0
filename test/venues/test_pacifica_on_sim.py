"""PacificaClient on the embedded venue, over real HTTP and WebSocket, with faults on the way.

What any venue owes the desk is in the contract suite; here is what becomes of a request that goes
wrong, and whether what the client says of it is true.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from desk.core.errors import InvariantBroken, RateLimited, StaleData, VenueError, VenueUnavailable
from desk.core.ids import OrderKey
from desk.core.order import Accepted, OrderRequest, Outcome, Rejected, Side, TimeInForce, Unknown
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.faults import Fault, FaultKind
from desk.sim.market_table import market_rows
from desk.sim.serve import Embedded, start_embedded
from desk.sim.web import Limits
from desk.sim.world import World
from desk.venues.pacifica import operations
from pacifica_client import PacificaClient
from test.virtual import run_virtual

START_MS = 1_767_700_860_000
FENCE_S = 10.0
KINDS = FaultKind


@dataclass
class Stage:
    """An open client, its venue, and one order to send."""

    client: PacificaClient
    venue: Embedded

    def break_with(self, kind: FaultKind, **settings: Any) -> None:
        """Let one fault strike Pacifica."""
        self.venue.plan.add(Fault(VenueName.PACIFICA, kind, **settings))

    async def request(self, **changes: Any) -> OrderRequest:
        """Return an IOC that fills."""
        instrument = (await self.client.instruments())["BTC"]
        ask = self.client.quote("BTC").ask
        client_id = OrderKey(1, 1, 0, 0).text_for(VenueName.PACIFICA)
        price = instrument.price_up(ask * Decimal("1.01"))
        return replace(OrderRequest("BTC", Side.BUY, Decimal("0.002"), price, client_id), **changes)

    async def send(self, request: OrderRequest) -> Outcome:
        """Sign and send."""
        return await self.client.send(await self.client.sign(request))

    async def held(self) -> Decimal:
        """Return the position by request."""
        return (await self.client.account()).size_of("BTC")


@asynccontextmanager
async def opened(limits: Limits) -> AsyncIterator[Stage]:
    """Yield an open client on a fresh embedded venue, both on the running loop's time."""
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    world = World(3, start_ms=START_MS, markets=market_rows(("BTC", "ETH")))
    venue = await start_embedded(world, clock=clock, limits=limits)
    client = PacificaClient.from_environment(venue.env(), clock=clock, limits=limits.value)
    try:
        client.watch(["BTC"])
        await client.open()
        await asyncio.sleep(2)
        yield Stage(client, venue)
    finally:
        await client.close()
        await venue.close()


def play(story: Callable[[Stage], Awaitable[Any]], limits: Limits = Limits.OFF) -> Any:
    """Return what a story got, on virtual time."""

    async def main() -> Any:
        async with opened(limits) as stage:
            return await story(stage)

    return run_virtual(main())


TROUBLES: list[tuple[FaultKind, dict[str, Any], type, str]] = [
    (KINDS.REQUEST_LOST_BEFORE, {}, Unknown, "0"),
    (KINDS.REQUEST_LOST_AFTER, {}, Unknown, "0.002"),
    (KINDS.REPLY_LOST, {}, Unknown, "0.002"),
    (KINDS.REPLY_LATE, {"delay_s": 3.0}, Accepted, "0.002"),
    (KINDS.EFFECT_LATE, {"delay_s": 2.0}, Unknown, "0.002"),
    (KINDS.REJECT, {"code": "25"}, Rejected, "0"),
    (KINDS.HTTP_429, {}, Rejected, "0"),
    (KINDS.HTTP_405, {}, Rejected, "0"),
    (KINDS.HTTP_5XX, {}, Unknown, "0"),
    (KINDS.HTML_BODY, {}, Unknown, "0"),
    (KINDS.RESET_MID_BODY, {}, Unknown, "0.002"),
    (KINDS.MALFORMED, {}, Unknown, "0.002"),
    (KINDS.UNKNOWN_FIELDS, {}, Accepted, "0.002"),
    (KINDS.PARTIAL_FILL, {}, Accepted, "0.001"),
    (KINDS.NO_FILL, {}, Accepted, "0"),
]


@pytest.mark.parametrize(("kind", "settings", "expected", "filled"), TROUBLES)
def test_outcome_is_true(
    kind: FaultKind, settings: dict[str, Any], expected: type, filled: str
) -> None:
    """A refusal means that nothing happened; past its fence an unknown order can be asked for,
    and order, fills and position agree."""

    async def story(stage: Stage) -> None:
        request = await stage.request()
        stage.break_with(kind, match="create", **settings)
        assert expected is type(await stage.send(request))
        await asyncio.sleep(FENCE_S)
        order = await stage.client.find_order("BTC", request.client_id)
        fills = await stage.client.fills(since_ms=START_MS)
        sizes = {await stage.held(), order.filled if order else 0, sum(one.size for one in fills)}
        assert {Decimal(filled)} == sizes

    play(story)


def test_fence_outlasts_a_late_effect() -> None:
    """Whatever takes effect does so before the unknown outcome expires."""

    async def story(stage: Stage) -> None:
        stage.break_with(KINDS.EFFECT_LATE, match="create", delay_s=4.0)
        outcome = await stage.send(await stage.request())
        assert isinstance(outcome, Unknown)
        await asyncio.sleep(5)
        (fill,) = await stage.client.fills(since_ms=START_MS)
        assert fill.at_ms <= outcome.expires_at_ms

    play(story)


def test_same_bytes_do_not_leave_twice() -> None:
    """A second sending is our own bug: the venue would refuse it only while the order lives."""

    async def story(stage: Stage) -> None:
        write = await stage.client.sign(await stage.request())
        assert isinstance(await stage.client.send(write), Accepted)
        with pytest.raises(InvariantBroken):
            await stage.client.send(write)
        await asyncio.sleep(2)
        assert Decimal("0.002") == await stage.held()

    play(story)


def test_request_is_dead_after_its_fence() -> None:
    """Signed bytes sent after their expiry change nothing."""

    async def story(stage: Stage) -> None:
        write = await stage.client.sign(await stage.request())
        await asyncio.sleep(FENCE_S)
        outcome = await stage.client.send(write)
        assert isinstance(outcome, Rejected)
        assert "expired_or_malformed" == outcome.code
        assert 0 == await stage.held()

    play(story)


@pytest.mark.parametrize("kind", [KINDS.HTTP_5XX, KINDS.HTML_BODY, KINDS.MALFORMED])
def test_broken_account_read_is_an_error(kind: FaultKind) -> None:
    """No broken answer reads as an empty account."""

    async def story(stage: Stage) -> None:
        stage.break_with(kind, count=2)
        with pytest.raises(VenueError):
            await stage.client.account()
        assert 0 == await stage.held()

    play(story)


def test_unknown_fields_and_rows_are_read_past() -> None:
    """An account with rows and fields nobody documented is still read, or refused as a whole."""

    async def story(stage: Stage) -> None:
        stage.break_with(KINDS.UNKNOWN_FIELDS, count=3)
        assert {"BTC", "ETH"} == set(await stage.client.instruments())
        assert {"BTC", "ETH"} == set(await stage.client.market_stats())

    play(story)


def test_outage_is_an_outage() -> None:
    """While the venue is away reads fail, quotes go stale, writes are unsent; then all returns."""

    async def story(stage: Stage) -> None:
        request = await stage.request()
        stage.break_with(KINDS.OUTAGE)
        await asyncio.sleep(1)
        with pytest.raises(StaleData):
            stage.client.quote("BTC")
        with pytest.raises(VenueError):
            await stage.client.account()
        assert not isinstance(await stage.send(request), Accepted)
        stage.venue.plan.clear()
        await asyncio.sleep(40)
        assert 0 == await stage.held()
        assert stage.client.quote("BTC").bid > 0

    play(story)


def test_edit_keeps_our_id() -> None:
    """An edited order has a new number at the venue and is found by the old id."""

    async def story(stage: Stage) -> None:
        request = await stage.request()
        low = replace(request, price=Decimal(50_000), time_in_force=TimeInForce.GTC)
        assert isinstance(await stage.send(low), Accepted)
        await asyncio.sleep(1)
        edit = operations.edit(
            "BTC", price=Decimal(49_000), size=request.size, client_id=request.client_id
        )
        outcome = await stage.client.perform(edit)
        assert isinstance(outcome, Accepted)
        (order,) = await stage.client.open_orders("BTC")
        assert (outcome.reference, request.client_id) == (order.order_id, order.client_id)

    play(story)


def test_batch_opens_and_cancels_in_one_request() -> None:
    """A cancel by our id sees an order created earlier in the same batch."""

    async def story(stage: Stage) -> None:
        request = replace(await stage.request(), price=Decimal(50_000))
        resting = replace(request, time_in_force=TimeInForce.POST_ONLY)
        cancel = operations.cancel("BTC", client_id=request.client_id)
        outcomes = await stage.client.perform_batch([operations.place(resting), cancel, cancel])
        assert [Accepted, Accepted, Rejected] == [type(each) for each in outcomes]
        assert [] == list(await stage.client.open_orders())

    play(story)


def test_market_order_fills() -> None:
    """A market order with a band in percent is a fill like any other."""

    async def story(stage: Stage) -> None:
        outcome = await stage.client.place_market(await stage.request(), slippage_pct=Decimal(1))
        assert isinstance(outcome, Accepted)
        await asyncio.sleep(1)
        assert Decimal("0.002") == await stage.held()

    play(story)


async def ask_without_pause(client: PacificaClient) -> None:
    """Ask more often than the venue allows."""
    for _ in range(60):
        await client.market_stats()


def test_published_limits_are_kept() -> None:
    """Asked without pause, the client refuses itself before the venue has to."""

    async def story(stage: Stage) -> None:
        with pytest.raises(RateLimited, match="our own request budget"):
            await ask_without_pause(stage.client)
        assert () == (await stage.client.account(urgent=True)).positions
        outcome = await stage.client.cancel_all()
        assert isinstance(outcome, Accepted)
        await asyncio.sleep(61)
        assert [] == list(await stage.client.open_orders())

    play(story, Limits.PUBLISHED)


def test_clock_skew_of_the_venue_does_not_stop_orders() -> None:
    """A venue whose clock runs ahead still takes orders, since timestamps follow it."""

    async def story(stage: Stage) -> None:
        stage.break_with(KINDS.CLOCK_SKEW, delay_s=4.0)
        assert isinstance(await stage.send(await stage.request()), Accepted)

    play(story)


def test_unreachable_venue_fails_the_opening() -> None:
    """A client that finds nobody says so, and can be closed."""

    async def story(stage: Stage) -> None:
        env = stage.venue.env() | {"PACIFICA_BASE_URL": "http://127.0.0.1:1/api/v1"}
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        lonely = PacificaClient.from_environment(env, clock=clock)
        with pytest.raises(VenueError):
            await lonely.open()
        await lonely.close()

    play(story)
    assert issubclass(VenueUnavailable, VenueError)


def test_an_order_that_our_budget_cannot_send_is_not_signed() -> None:
    """A pair must not be split by our own count: known before the twin leaves; closes still go."""

    async def story(stage: Stage) -> None:
        order, budget = await stage.request(), stage.client.budget
        while budget.wait_s(cost=2) == 0:
            budget.take("read", cost=2)

        with pytest.raises(RateLimited):
            await stage.client.sign(order)

        assert await stage.client.sign(replace(order, reduce_only=True))

    play(story, Limits.PUBLISHED)
