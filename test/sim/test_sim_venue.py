"""The simulated client when things go wrong: what it says, and what happened all the same."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from desk.core.errors import ConfigError, NotSent, RateLimited, StaleData, VenueUnavailable
from desk.core.order import NOT_SENT, Accepted, OrderRequest, Rejected, Side, TimeInForce, Unknown
from desk.core.stream import FillSeen, OrderSeen, StreamDown, StreamEvent, StreamUp
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.market_table import market_rows
from desk.sim.pace import Pace
from desk.sim.sim_venue import CODE_EXPIRED, CODE_REPEATED, SimVenue
from desk.sim.sim_wire import Latency, planned
from desk.sim.world import World
from test.virtual import run_virtual

START_MS = 1_767_700_860_000
SIZE = Decimal("0.01")
_T = TypeVar("_T")


class _Stage:
    """A venue of one account in a small world, and the plan of what shall go wrong."""

    def __init__(self, name: VenueName, step_ms: int) -> None:
        self.clock = LoopClock(asyncio.get_running_loop(), START_MS)
        pace = Pace(step_ms=step_ms)
        self.world = World(5, start_ms=START_MS, markets=market_rows(("BTC",)), pace=pace)
        self.exchange = self.world.exchanges[name]
        self.exchange.add_account(collateral=Decimal(10_000), account_id=0)
        self.plan = FaultPlan()
        hook = planned(self.plan, name, self.clock)
        self.venue = SimVenue(self.world, name, 0, clock=self.clock, faults=hook)
        self.events: list[StreamEvent] = []
        self.venue.listen(self.events.append)

    def fault(self, kind: FaultKind, match: str, *, delay_s: float = 0.0, code: str = "") -> None:
        self.plan.add(Fault(self.venue.name, kind, match, delay_s=delay_s, code=code))

    def request(self, **changes: Any) -> OrderRequest:
        return replace(OrderRequest("BTC", Side.BUY, SIZE, Decimal(94_500), "7"), **changes)

    @property
    def held(self) -> Decimal:
        position = self.exchange.account(0).positions.get("BTC")
        return position.size if position else Decimal(0)


def _on_stage(
    play: Callable[[_Stage], Awaitable[_T]],
    name: VenueName = VenueName.LIGHTER,
    *,
    step_ms: int = 1_000,
) -> _T:
    """Run `play` on virtual time with the world going and the venue open."""

    async def main() -> _T:
        stage = _Stage(name, step_ms)
        life = asyncio.create_task(stage.world.run(stage.clock))
        await stage.venue.open()
        stage.venue.watch(["BTC"])
        await asyncio.sleep(1)
        try:
            return await play(stage)
        finally:
            life.cancel()

    return run_virtual(main())


async def _send(stage: _Stage, **changes: Any) -> tuple[object, int]:
    """Send the stage's order; return the outcome and how many ms it took."""
    write = await stage.venue.sign(stage.request(**changes))
    begun_ms = stage.clock.now_ms()
    outcome = await stage.venue.send(write)
    return outcome, stage.clock.now_ms() - begun_ms


def test_an_answer_takes_its_way_there_and_back() -> None:
    """The acknowledgement comes after both ways, the fill after the venue's own delay."""

    async def play(stage: _Stage) -> None:
        outcome, took_ms = await _send(stage)
        assert isinstance(outcome, Accepted)
        assert took_ms == Latency().out_ms + Latency().back_ms
        assert stage.held == 0
        await asyncio.sleep(0.4)
        assert stage.held == SIZE

    _on_stage(play)


@pytest.mark.parametrize(
    ("kind", "happens"),
    [
        (FaultKind.REQUEST_LOST_BEFORE, False),
        (FaultKind.REQUEST_LOST_AFTER, True),
        (FaultKind.REPLY_LOST, True),
        (FaultKind.HTTP_5XX, False),
    ],
)
def test_a_lost_answer_is_unknown(kind: FaultKind, happens: bool) -> None:
    """The client cannot tell which it was; only the venue knows."""

    async def play(stage: _Stage) -> None:
        stage.fault(kind, "send BTC")
        outcome, took_ms = await _send(stage)
        assert isinstance(outcome, Unknown)
        assert took_ms <= Latency().deadline_ms
        await asyncio.sleep(1)
        assert happens == (stage.held == SIZE)

    _on_stage(play)


def test_a_late_reply_is_unknown_although_all_went_well() -> None:
    """An answer after the deadline is no answer; the order is there."""

    async def play(stage: _Stage) -> None:
        stage.fault(FaultKind.REPLY_LATE, "send", delay_s=6)
        outcome, took_ms = await _send(stage)
        assert isinstance(outcome, Unknown)
        assert took_ms == Latency().deadline_ms
        assert stage.held == SIZE

    _on_stage(play)


def test_a_late_effect_lands_although_the_sender_is_gone() -> None:
    """A request on the wire outlives its client: closed and forgotten, it still fills."""

    async def play(stage: _Stage) -> None:
        stage.fault(FaultKind.EFFECT_LATE, "send", delay_s=20)
        outcome, _ = await _send(stage)
        assert isinstance(outcome, Unknown)
        assert outcome.expires_at_ms > stage.clock.now_ms() + 500_000
        await stage.venue.close()
        await asyncio.sleep(19)
        assert stage.held == 0
        await asyncio.sleep(2)
        assert stage.held == SIZE

    _on_stage(play)


def test_a_cancelled_sender_does_not_take_its_request_back() -> None:
    """Killing the task a moment after it sent changes nothing at the venue."""

    async def play(stage: _Stage) -> None:
        task = asyncio.create_task(_send(stage))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(2)
        assert stage.held == SIZE

    _on_stage(play)


def test_an_effect_later_than_its_validity_never_lands() -> None:
    """A Pacifica request that arrives after its expiry window is refused: the fence holds."""

    async def play(stage: _Stage) -> None:
        stage.fault(FaultKind.EFFECT_LATE, "send", delay_s=6)
        outcome, _ = await _send(stage)
        assert isinstance(outcome, Unknown)
        await asyncio.sleep(60)
        assert stage.clock.now_ms() > outcome.expires_at_ms
        assert stage.held == 0

    _on_stage(play, VenueName.PACIFICA)


WRONG_CLOCKS = [
    (VenueName.PACIFICA, -90, True),
    (VenueName.PACIFICA, 90, True),
    (VenueName.LIGHTER, -500, True),
    (VenueName.LIGHTER, -660, False),
]


@pytest.mark.parametrize(("name", "ahead_s", "fills"), WRONG_CLOCKS)
def test_a_wrong_clock_is_corrected_where_it_can_be(
    name: VenueName, ahead_s: int, fills: bool
) -> None:
    """Pacifica's requests carry its own time, Lighter's what the machine takes for it."""

    async def play(stage: _Stage) -> None:
        wrong = LoopClock(asyncio.get_running_loop(), START_MS + ahead_s * 1000)
        venue = SimVenue(stage.world, name, 0, clock=wrong)
        await venue.open()
        assert -ahead_s * 1000 == venue.health().skew_ms
        outcome = await venue.send(await venue.sign(stage.request()))
        await asyncio.sleep(1)
        assert (fills, fills) == (isinstance(outcome, Accepted), stage.held == SIZE)

    _on_stage(play, name)


def test_a_request_on_a_clock_that_is_ahead_lives_no_longer() -> None:
    """What arrives late at Pacifica has expired by its own time: the fence tells the truth."""

    async def play(stage: _Stage) -> None:
        stage.fault(FaultKind.EFFECT_LATE, "send", delay_s=6)
        stage.venue._clock = LoopClock(asyncio.get_running_loop(), START_MS + 90_000)
        assert isinstance((await _send(stage))[0], Unknown)
        await asyncio.sleep(10)
        assert (True, Decimal(0)) == (await stage.venue.fence(past_life=False), stage.held)

    _on_stage(play, VenueName.PACIFICA)


def test_what_a_fence_has_voided_no_later_fence_revives() -> None:
    """An order that comes when its nonce is long taken, a moment after a second fence: refused."""

    async def play(stage: _Stage) -> None:
        begun_ms = stage.clock.now_ms()
        stage.fault(FaultKind.EFFECT_LATE, "send", delay_s=60)
        assert isinstance((await _send(stage))[0], Unknown)
        assert await stage.venue.fence(past_life=True)
        stage.fault(FaultKind.EFFECT_LATE, "send", delay_s=1_000)
        assert isinstance((await _send(stage))[0], Unknown)  # there is something to fence again
        await asyncio.sleep(59.9 - (stage.clock.now_ms() - begun_ms) / 1000)
        assert await stage.venue.fence(past_life=True)
        await asyncio.sleep(60)
        assert stage.held == 0

    _on_stage(play)


@pytest.mark.parametrize("name", list(VenueName))
def test_the_same_bytes_work_once(name: VenueName) -> None:
    """Sent again, a signed order is refused and fills nothing more."""

    async def play(stage: _Stage) -> None:
        write = await stage.venue.sign(stage.request())
        assert isinstance(await stage.venue.send(write), Accepted)
        again = await stage.venue.send(write)
        assert isinstance(again, Rejected)
        assert again.code == CODE_REPEATED
        await asyncio.sleep(1)
        assert stage.held == SIZE

    _on_stage(play, name)


def test_an_old_signature_is_refused() -> None:
    """Signed and kept too long, an order is rejected."""

    async def play(stage: _Stage) -> None:
        write = await stage.venue.sign(stage.request())
        await asyncio.sleep(10)
        outcome = await stage.venue.send(write)
        assert isinstance(outcome, Rejected)
        assert outcome.code == CODE_EXPIRED

    _on_stage(play, VenueName.PACIFICA)


def test_an_outage_sends_nothing() -> None:
    """While it lasts, writes are not sent and reads say so; afterwards all works."""

    async def play(stage: _Stage) -> None:
        stage.plan.add(
            Fault(stage.venue.name, FaultKind.OUTAGE, delay_s=60, since_ms=stage.clock.now_ms())
        )
        outcome, _ = await _send(stage)
        assert isinstance(outcome, Rejected)
        assert outcome.code == NOT_SENT
        with pytest.raises(NotSent):
            await stage.venue.account()
        await asyncio.sleep(61)
        assert stage.held == 0
        assert (await stage.venue.account()).positions == ()

    _on_stage(play)


def test_a_rejection_carries_the_code_of_the_plan() -> None:
    """A refusal by the venue is final: nothing happened."""

    async def play(stage: _Stage) -> None:
        stage.fault(FaultKind.REJECT, "send", code="21739")
        outcome, _ = await _send(stage)
        assert isinstance(outcome, Rejected)
        assert outcome.code == "21739"
        assert stage.held == 0

    _on_stage(play)


def test_a_read_without_an_answer_raises() -> None:
    """Unavailable or throttled, a read never answers with a stand-in."""

    async def play(stage: _Stage) -> None:
        stage.fault(FaultKind.REPLY_LOST, "account")
        with pytest.raises(VenueUnavailable):
            await stage.venue.account()
        stage.fault(FaultKind.HTTP_429, "fills")
        with pytest.raises(RateLimited):
            await stage.venue.fills(since_ms=0)

    _on_stage(play)


def test_what_happens_during_a_cut_is_not_told() -> None:
    """Down, then up with the open orders; the fill in between must be asked for."""

    async def play(stage: _Stage) -> None:
        await _send(stage, time_in_force=TimeInForce.GTC, price=Decimal(90_000))
        await asyncio.sleep(1)
        stage.venue.feed.cut()
        with pytest.raises(StaleData):
            stage.venue.quote("BTC")
        stage.world.shock("BTC", Decimal(-5))
        await asyncio.sleep(1)
        stage.events.clear()
        stage.venue.feed.mend()
        await asyncio.sleep(1)
        assert isinstance(stage.events[0], StreamUp)
        assert not [event for event in stage.events if isinstance(event, FillSeen | OrderSeen)]
        assert len(await stage.venue.fills(since_ms=0)) >= 1
        assert stage.venue.quote("BTC").bid > 0

    _on_stage(play)


def test_a_silent_stream_ends_in_a_cut() -> None:
    """After twenty seconds without a frame the client says that the connection is down."""

    async def play(stage: _Stage) -> None:
        stage.venue.feed.silence()
        await asyncio.sleep(19)
        assert not [event for event in stage.events if isinstance(event, StreamDown)]
        await asyncio.sleep(2)
        assert len([event for event in stage.events if isinstance(event, StreamDown)]) == 1

    _on_stage(play)


def test_an_account_nobody_has_is_a_configuration_error() -> None:
    """Opening with the wrong account says so at once."""

    async def play(stage: _Stage) -> None:
        stranger = SimVenue(stage.world, VenueName.LIGHTER, 99, clock=stage.clock)
        with pytest.raises(ConfigError):
            await stranger.open()

    _on_stage(play)


def test_a_live_line_is_fresh_however_seldom_prices_move() -> None:
    """A world that steps once an hour still gives quotes no older than a second."""

    async def play(stage: _Stage) -> None:
        await asyncio.sleep(100.7)
        age_ms = stage.clock.now_ms() - stage.venue.quote("BTC").received_at_ms
        assert age_ms <= 1_000

    _on_stage(play, step_ms=3_600_000)
