"""Orders that are meant to rest: each ends with its acknowledgement, whatever is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from desk.core.actions import CancelOrders, RestOrders, SendOrders, VenueOrder
from desk.core.events import OrderReport, OrdersSettled, Verdict
from desk.core.order import OrderKind, Side
from desk.engine.execution import Executor
from desk.engine.resting import RestingDesk
from desk.sim.faults import FaultKind
from test.engine.bench import LIGHTER, PACIFICA, Stage, on_stage

Reports = tuple[OrderReport, ...]


async def hold(stage: Stage) -> None:
    """Open a long leg on Lighter and a short one on Pacifica."""
    await Executor(stage.venues, stage.clock).send_orders(
        SendOrders(1, stage.pair(), Decimal(5))
    )


def triggers(stage: Stage) -> tuple[VenueOrder, ...]:
    """Return a stop for each leg of the pair, a tenth away."""
    rows = []
    for venue, side in ((LIGHTER, Side.SELL), (PACIFICA, Side.BUY)):
        row = stage.order(venue, side, kind=OrderKind.STOP, reduce_only=True)
        spec = stage.world.spec(venue, "BTC").instrument
        mark = spec.price_up(stage.world.exchanges[venue].stats("BTC").mark)
        at = spec.price_up(mark * (1 + side.sign * Decimal("0.1")))
        price = spec.price_up(at * (1 + side.sign * Decimal("0.3")))
        request = replace(row.request, size=abs(stage.held(venue)), price=price, trigger_price=at)
        rows.append(VenueOrder(venue, request))
    return tuple(rows)


async def place(stage: Stage, desk: RestingDesk) -> tuple[tuple[VenueOrder, ...], Reports]:
    """Return triggers for both legs, and how their requests ended."""
    await hold(stage)
    orders = triggers(stage)
    settled = await desk.place(RestOrders(7, orders))
    assert 7 == settled.ask
    return orders, settled.reports


def resting(stage: Stage) -> int:
    """Return how many orders rest at both exchanges."""
    return sum(len(row.orders(1)) for row in stage.world.exchanges.values())


def desk_of(stage: Stage) -> RestingDesk:
    """Return a desk at the stage's venues."""
    return RestingDesk(stage.venues, stage.clock)


def test_an_acknowledged_order_is_accepted_and_not_final() -> None:
    """Nobody waits for it to fill: it rests."""

    async def play(stage: Stage) -> None:
        began_s = stage.clock.monotonic_s()
        orders, reports = await place(stage, desk_of(stage))
        assert stage.clock.monotonic_s() - began_s < 2
        assert [row.request.client_id for row in orders] == [row.client_id for row in reports]
        assert {(Verdict.ACCEPTED, False)} == {(row.verdict, row.is_final) for row in reports}
        await asyncio.sleep(1)
        assert 2 == resting(stage)

    on_stage(play)


def test_a_lost_answer_is_unknown_and_says_until_when() -> None:
    """The other venue's order is not touched by it."""

    async def play(stage: Stage) -> None:
        await hold(stage)
        stage.fault(LIGHTER, FaultKind.REPLY_LOST, "send")
        settled = await desk_of(stage).place(RestOrders(1, triggers(stage)))
        lighter, pacifica = settled.reports
        assert (Verdict.UNKNOWN, Verdict.ACCEPTED) == (lighter.verdict, pacifica.verdict)
        assert (lighter.expires_at_ms or 0) > stage.clock.now_ms()

    on_stage(play)


def test_a_refused_order_is_rejected_in_the_venue_s_words() -> None:
    """A trigger on the wrong side of the position: Pacifica says no at once."""

    async def play(stage: Stage) -> None:
        await hold(stage)
        _, right = triggers(stage)
        wrong = VenueOrder(PACIFICA, replace(right.request, side=Side.SELL))
        (report,) = (await desk_of(stage).place(RestOrders(1, (wrong,)))).reports
        assert (Verdict.REJECTED, True) == (report.verdict, report.is_final)
        assert "stop order side" in report.detail

    on_stage(play)


def test_cancels_say_how_the_request_ended() -> None:
    """What rests is cancelled; of what is gone Pacifica says so, Lighter takes the request."""

    async def play(stage: Stage) -> None:
        desk = desk_of(stage)
        orders, _ = await place(stage, desk)
        await asyncio.sleep(1)
        names = tuple((row.venue, row.request.client_id) for row in orders)
        first = await desk.cancel(CancelOrders(2, "BTC", names))
        await asyncio.sleep(1)
        assert 0 == resting(stage)
        again = await desk.cancel(CancelOrders(3, "BTC", names))
        assert {Verdict.ACCEPTED} == {row.verdict for row in first.reports}
        assert [Verdict.ACCEPTED, Verdict.REJECTED] == [row.verdict for row in again.reports]

    on_stage(play)


def test_a_cancel_waits_for_what_is_still_being_placed() -> None:
    """Asked for together, the order leaves before its cancel."""

    async def play(stage: Stage) -> None:
        await hold(stage)
        desk, orders = desk_of(stage), triggers(stage)
        names = tuple((row.venue, row.request.client_id) for row in orders)
        ended: list[int] = []

        async def note(work: asyncio.Future[OrdersSettled]) -> None:
            ended.append((await work).ask)

        placing = asyncio.ensure_future(desk.place(RestOrders(1, orders)))
        canceling = asyncio.ensure_future(desk.cancel(CancelOrders(2, "BTC", names)))
        await asyncio.gather(note(canceling), note(placing))
        assert [1, 2] == ended

    on_stage(play)


def test_what_is_still_to_be_placed_stays_here_when_other_orders_leave() -> None:
    """A close that comes between two triggers of one venue leaves the second one unsent."""

    async def story(stage: Stage) -> tuple[tuple[str, ...], int]:
        await hold(stage)
        desk, orders = desk_of(stage), (*triggers(stage), *triggers(stage))
        placing = asyncio.ensure_future(desk.place(RestOrders(7, orders)))
        await asyncio.sleep(0.01)
        desk.give_way()
        settled = await placing
        await asyncio.sleep(1)
        return tuple(row.verdict for row in settled.reports), resting(stage)

    taken, refused = Verdict.ACCEPTED, Verdict.REJECTED
    assert ((taken, taken, refused, refused), 2) == on_stage(story)
