"""What became of an order is found out, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from desk.core.actions import SendOrders, VenueOrder
from desk.core.errors import InvariantBroken
from desk.core.events import OrderReport, Verdict
from desk.core.order import Order, OrderRequest, OrderStatus, Outcome, Rejected, Side
from desk.core.ports import SignedWrite, StreamListener, Venue
from desk.core.stream import OrderSeen, StreamEvent
from desk.core.venue import VenueName
from desk.engine.execution import Executor
from desk.sim.faults import FaultKind
from desk.sim.sim_venue import SimVenue
from test.engine.bench import ACCOUNT, LIGHTER, PACIFICA, Stage, on_stage

DEADLINE_S = Decimal(5)
ZERO = Decimal(0)


async def trade(stage: Stage, *orders: VenueOrder) -> tuple[OrderReport, ...]:
    """Return the reports of `orders`, carried out by a new executor."""
    settled = await Executor(stage.venues, stage.clock).send_orders(
        SendOrders(7, orders, DEADLINE_S)
    )
    assert 7 == settled.ask
    assert stage.clock.now_ms() == settled.at_ms
    assert [order.request.client_id for order in orders] == [
        report.client_id for report in settled.reports
    ]
    return settled.reports


async def trade_pair(stage: Stage) -> tuple[OrderReport, OrderReport]:
    """Return the reports of a buy on Lighter and a sell on Pacifica."""
    lighter, pacifica = await trade(stage, *stage.pair())
    return lighter, pacifica


def filled_report(stage: Stage, report: OrderReport) -> bool:
    """Return whether a report says accepted, over, and exactly what the exchange holds."""
    return (
        report.verdict is Verdict.ACCEPTED
        and report.is_final
        and report.filled == abs(stage.held(report.venue)) > 0
        and report.average_price is not None
        and report.expires_at_ms is None
    )


class Diary(SimVenue):
    """A venue that writes down when it signs and sends, and can break or babble on command."""

    def __init__(self, stage: Stage, name: VenueName, diary: list[str]) -> None:
        super().__init__(stage.world, name, ACCOUNT, clock=stage.clock)
        self._diary = diary
        self.breaks = False
        self.lies = False
        self.listeners: list[StreamListener] = []

    async def sign(self, request: OrderRequest) -> SignedWrite:
        self._diary.append("sign")
        write = await super().sign(request)
        self._diary.append("signed")
        return write

    async def send(self, write: SignedWrite) -> Outcome:
        self._diary.append("send")
        if self.breaks:
            raise InvariantBroken("a fault of ours")
        outcome = await super().send(write)
        if self.lies:
            await asyncio.sleep(1)
            return Rejected(write.client_id, "4711", "refused, so it says")
        return outcome

    def listen(self, listener: StreamListener) -> None:
        """Deliver everything twice."""

        def twice(event: StreamEvent) -> None:
            listener(event)
            listener(event)

        super().listen(twice)
        self.listeners.append(listener)


async def with_diary(stage: Stage) -> tuple[list[str], dict[VenueName, Diary]]:
    """Put diaries in the place of both venues."""
    diary: list[str] = []
    venues = {name: Diary(stage, name, diary) for name in VenueName}
    for name, venue in venues.items():
        await stage.venues[name].close()
        await venue.open()
        venue.watch(("BTC",))
    stage.venues = dict[VenueName, Venue](venues)
    await asyncio.sleep(2)
    return diary, venues


def test_a_pair_fills_on_both_venues() -> None:
    """Both reports are final, with what filled, at which price and fee, and when."""

    async def play(stage: Stage) -> None:
        before_ms = stage.clock.now_ms()
        reports = await trade_pair(stage)

        assert all(filled_report(stage, report) for report in reports)
        assert 0 == reports[0].fee_usd
        assert reports[1].fee_usd
        for report in reports:
            assert report.sent_at_ms is not None
            assert report.filled_at_ms is not None
            assert before_ms <= report.sent_at_ms < report.filled_at_ms <= stage.clock.now_ms()
        assert stage.clock.now_ms() - before_ms < 1_500

    on_stage(play)


def test_everything_is_signed_before_anything_is_sent() -> None:
    """No byte of one leaves before the other is ready to leave with it."""

    async def play(stage: Stage) -> None:
        diary, _ = await with_diary(stage)
        await trade_pair(stage)
        assert ["sign", "sign", "signed", "signed", "send", "send"] == diary

    on_stage(play)


def test_a_close_leaves_although_its_twin_cannot_be_signed() -> None:
    """Half a pair is worse than none; half a close is better than none."""

    async def play(stage: Stage) -> None:
        await trade_pair(stage)
        sides = {LIGHTER: Side.SELL, PACIFICA: Side.BUY}
        good, bad = (stage.order(venue, side, reduce_only=True) for venue, side in sides.items())
        bad = replace(bad, request=replace(bad.request, price=bad.request.price + Decimal("0.001")))
        sent, kept = await trade(stage, good, bad)
        assert (Verdict.ACCEPTED, Verdict.REJECTED) == (sent.verdict, kept.verdict)
        assert (True, False) == (stage.held(LIGHTER) == 0, stage.held(PACIFICA) == 0)

    on_stage(play)


def test_one_that_cannot_be_signed_keeps_its_twin_at_home() -> None:
    """When one signature is refused both reports say rejected, and nothing was sent."""

    async def play(stage: Stage) -> None:
        good, bad = stage.pair()
        bad = replace(bad, request=replace(bad.request, price=bad.request.price + Decimal("0.001")))
        reports = await trade(stage, good, bad)

        assert [Verdict.REJECTED] * 2 == [report.verdict for report in reports]
        assert "its twin could not be signed" in reports[0].detail
        assert "not a positive multiple" in reports[1].detail
        assert all(report.is_final and report.filled == 0 for report in reports)
        await asyncio.sleep(5)
        assert ZERO == stage.held(LIGHTER) == stage.held(PACIFICA)

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
def test_a_rejected_leg_does_not_stop_its_twin(venue: VenueName) -> None:
    """The refused leg carries the venue's code, the other one fills."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, FaultKind.REJECT, "send", code="4711")
        reports = {report.venue: report for report in await trade_pair(stage)}

        assert Verdict.REJECTED is reports[venue].verdict
        assert reports[venue].is_final
        assert reports[venue].detail.startswith("4711: ")
        assert filled_report(stage, reports[venue.twin])

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
def test_a_send_that_breaks_does_not_hide_its_twin(venue: VenueName) -> None:
    """A fault of ours in one client leaves that leg unknown and the other one reported."""

    async def play(stage: Stage) -> None:
        _, diaries = await with_diary(stage)
        diaries[venue].breaks = True
        reports = {report.venue: report for report in await trade_pair(stage)}

        assert Verdict.UNKNOWN is reports[venue].verdict
        assert "our own fault: InvariantBroken" in reports[venue].detail
        assert not reports[venue].is_final
        assert filled_report(stage, reports[venue.twin])

    on_stage(play)


def test_an_order_out_of_the_market_fills_nothing() -> None:
    """An immediate order that meets nobody is accepted, final and empty."""

    async def play(stage: Stage) -> None:
        order = stage.order(LIGHTER, Side.BUY)
        price = order.request.price * Decimal("0.98")
        price -= price % Decimal("0.1")
        [report] = await trade(stage, replace(order, request=replace(order.request, price=price)))

        assert (Verdict.ACCEPTED, True, ZERO) == (report.verdict, report.is_final, report.filled)
        assert report.average_price is None
        assert report.fee_usd is None

    on_stage(play)


def test_a_partial_fill_is_reported_as_it_is() -> None:
    """An order larger than the book at its price fills in part, and that part is final."""

    async def play(stage: Stage) -> None:
        order = stage.order(PACIFICA, Side.BUY, usd=2_000)
        [(ask, there), *_] = stage.world.pacifica.levels("BTC", Side.SELL, 1)
        request = replace(order.request, price=ask, size=there * 3)
        [report] = await trade(stage, replace(order, request=request))

        assert filled_report(stage, report)
        assert ZERO < report.filled < request.size
        assert ask == report.average_price

    on_stage(play)


LOST_AFTER = [FaultKind.REQUEST_LOST_AFTER, FaultKind.REPLY_LOST, FaultKind.RESET_MID_BODY]


@pytest.mark.parametrize("kind", LOST_AFTER)
@pytest.mark.parametrize("venue", VenueName)
def test_an_order_whose_reply_is_lost_is_found(venue: VenueName, kind: FaultKind) -> None:
    """It took effect, nobody said so: the stream tells, and the report is as good as any."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, kind, "send")
        assert all(filled_report(stage, report) for report in await trade_pair(stage))

    on_stage(play)


@pytest.mark.parametrize("kind", LOST_AFTER)
@pytest.mark.parametrize("venue", VenueName)
def test_a_lost_reply_on_a_silent_stream_is_found_by_request(
    venue: VenueName, kind: FaultKind
) -> None:
    """With the stream silent as well, asking by request finds order and fill."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, kind, "send")
        stage.feed(venue).silence()
        assert all(filled_report(stage, report) for report in await trade_pair(stage))

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
def test_a_silent_stream_is_replaced_by_polling(venue: VenueName) -> None:
    """Without stream news the order is asked for, within seconds."""

    async def play(stage: Stage) -> None:
        stage.feed(venue).silence()
        before_s = stage.clock.monotonic_s()
        assert all(filled_report(stage, report) for report in await trade_pair(stage))
        assert stage.clock.monotonic_s() - before_s < 3

    on_stage(play)


@pytest.mark.parametrize("venue", VenueName)
def test_an_order_lost_before_its_effect_stays_unknown(venue: VenueName) -> None:
    """Nobody knows the order: unknown, with the time after which it cannot take effect any
    more."""

    async def play(stage: Stage) -> None:
        stage.fault(venue, FaultKind.REQUEST_LOST_BEFORE, "send")
        reports = {report.venue: report for report in await trade_pair(stage)}

        lost = reports[venue]
        assert (Verdict.UNKNOWN, False, ZERO) == (lost.verdict, lost.is_final, lost.filled)
        assert "connection broke" in lost.detail
        assert (lost.expires_at_ms or 0) > (lost.sent_at_ms or 0)
        assert filled_report(stage, reports[venue.twin])

    on_stage(play)


def test_an_effect_that_follows_soon_is_reported() -> None:
    """An order that takes effect half a second after its connection broke is still caught."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.EFFECT_LATE, "send", delay_s=0.5)
        assert all(filled_report(stage, report) for report in await trade_pair(stage))

    on_stage(play)


def test_an_order_nobody_answered_for_is_reported_soon() -> None:
    """The strategy can fence it, and a leg may stand alone meanwhile: no wait for the deadline."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.REQUEST_LOST_BEFORE, "send")
        before_s = stage.clock.monotonic_s()
        lighter, pacifica = await trade_pair(stage)
        assert Verdict.UNKNOWN is lighter.verdict
        assert filled_report(stage, pacifica)
        assert stage.clock.monotonic_s() - before_s < 2

    on_stage(play)


def test_an_effect_after_the_deadline_was_unknown() -> None:
    """What takes effect later was reported as unknown, never as rejected."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.EFFECT_LATE, "send", delay_s=20)
        lighter, _ = await trade_pair(stage)
        assert (Verdict.UNKNOWN, ZERO) == (lighter.verdict, stage.held(LIGHTER))

        await asyncio.sleep(20)

        assert ZERO < stage.held(LIGHTER)

    on_stage(play)


def test_a_venue_that_is_away_ends_at_the_deadline() -> None:
    """With reads failing too, the report comes soon after the deadline, and says unknown."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.REQUEST_LOST_AFTER, "send")
        stage.feed(LIGHTER).cut()
        for match in ("find_order", "fills"):
            stage.fault(LIGHTER, FaultKind.REPLY_LOST, match, count=100)
        before_s = stage.clock.monotonic_s()
        lighter, pacifica = await trade_pair(stage)

        assert Verdict.UNKNOWN is lighter.verdict
        assert filled_report(stage, pacifica)
        assert stage.clock.monotonic_s() - before_s < 12

    on_stage(play)


def test_a_refused_connection_is_a_rejection() -> None:
    """When no byte left, nothing happened, and the report says so at once."""

    async def play(stage: Stage) -> None:
        stage.fault(PACIFICA, FaultKind.OUTAGE, "send")
        lighter, pacifica = await trade_pair(stage)

        assert filled_report(stage, lighter)
        assert Verdict.REJECTED is pacifica.verdict
        assert pacifica.detail.startswith("not_sent: ")

    on_stage(play)


def test_fills_that_come_twice_count_once() -> None:
    """A stream that repeats itself changes nothing."""

    async def play(stage: Stage) -> None:
        await with_diary(stage)
        reports = await trade_pair(stage)

        assert all(filled_report(stage, report) for report in reports)

    on_stage(play)


def test_a_row_that_comes_late_takes_nothing_back() -> None:
    """An older order row after a newer one neither un-fills nor re-opens the order."""

    async def play(stage: Stage) -> None:
        _, diaries = await with_diary(stage)
        rows: list[Order] = []

        def babble(event: StreamEvent) -> None:
            if isinstance(event, OrderSeen):
                rows.append(event.order)
                old = replace(rows[0], status=OrderStatus.OPEN, filled=ZERO)
                diaries[LIGHTER].listeners[-1](OrderSeen(old))

        diaries[LIGHTER].feed.listen(babble)
        reports = await trade_pair(stage)

        assert rows
        assert all(filled_report(stage, report) for report in reports)

    on_stage(play)


def test_a_rejection_that_a_fill_disproves_is_not_believed() -> None:
    """A venue that shows a fill of an order and then answers no has taken it."""

    async def play(stage: Stage) -> None:
        _, diaries = await with_diary(stage)
        diaries[LIGHTER].lies = True
        reports = await trade_pair(stage)

        assert all(filled_report(stage, report) for report in reports)

    on_stage(play)


def test_strangers_news_is_not_ours() -> None:
    """Fills and orders of other ids do not end up in a report."""

    async def play(stage: Stage) -> None:
        first = asyncio.create_task(trade(stage, stage.order(LIGHTER, Side.BUY, usd=500)))
        second = asyncio.create_task(trade(stage, stage.order(LIGHTER, Side.BUY, usd=200)))
        [big], [small] = await first, await second

        assert big.filled + small.filled == stage.held(LIGHTER)
        assert big.filled > small.filled > 0

    on_stage(play)


def test_reports_of_one_pair_come_together() -> None:
    """Both legs are followed at the same time, so a slow one costs its own time only."""

    async def play(stage: Stage) -> list[float]:
        times = []
        for venues in ((LIGHTER,), (PACIFICA,), (LIGHTER, PACIFICA)):
            for name in venues:
                stage.feed(name).silence()
            times.append(stage.clock.monotonic_s())
            await trade_pair(stage)
            for name in venues:
                stage.feed(name).mend()
            await asyncio.sleep(1)
        return [after - before for before, after in pairwise([*times, stage.clock.monotonic_s()])]

    one, other, both = on_stage(play)
    assert both <= max(one, other) + 0.5
