"""The parts of a process that touch the world: its clients of the venues, and its store.

Every request and every save passes `Boundaries` here, and what strikes it is carried out. A dead
process has no effect any more, whatever its tasks still try.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from desk.core.account import Account
from desk.core.actions import Decision
from desk.core.events import Event
from desk.core.order import Fill, Order, OrderRequest, Outcome
from desk.core.ports import SignedWrite, StreamListener
from desk.core.venue import VenueName
from desk.engine.clock import SteadyClock
from desk.engine.journal import Journal
from desk.engine.store import StateStore
from desk.hedge.state import BotState
from desk.sim.faults import Fault, FaultKind
from desk.sim.sim_budget import SimBudget
from desk.sim.sim_venue import SimVenue, SimWrite
from desk.sim.sim_wire import Latency, Passage
from desk.storm.boundaries import Boundaries
from desk.storm.disk import Died, Loss, Step
from desk.storm.stage import ACCOUNT, Stage
from desk.storm.strikes import CRASHES, Effect, Kind, Strike
from desk.storm.weather import Weather
from desk.storm.witness import Witness

LATENCY = Latency(market_ms=0)  # or the world would wake twice for each move of a price
WRITES = frozenset({"send", "cancel", "set_leverage", "fence"})

_REQUEST_FAULTS = {
    Kind.LOST: FaultKind.REQUEST_LOST_BEFORE,
    Kind.REPLY_LOST: FaultKind.REPLY_LOST,
    Kind.REPLY_LATE: FaultKind.REPLY_LATE,
    Kind.LATE: FaultKind.EFFECT_LATE,
    Kind.CRASH_LATE: FaultKind.EFFECT_LATE,
    Kind.REJECT: FaultKind.REJECT,
    Kind.THROTTLED: FaultKind.HTTP_429,
    Kind.SERVER_ERROR: FaultKind.HTTP_5XX,
    Kind.GARBLED: FaultKind.MALFORMED,
}
# What the amount of an unsynced crash stands for.
UNSYNCED = (
    (Step.NAME, Loss.LOST),
    (Step.NAME, Loss.MIXED),
    (Step.NAME, Loss.KEPT),
    (Step.LINK, Loss.MIXED),
)


class Mortal(Protocol):
    """The process that the parts belong to."""

    @property
    def is_dead(self) -> bool:
        """Return whether it has died."""
        ...

    @property
    def stage(self) -> Stage:
        """Return where it lives."""
        ...

    @property
    def clock(self) -> SteadyClock:
        """Return the time it lives by."""
        ...

    @property
    def boundaries(self) -> Boundaries:
        """Return what counts its effects."""
        ...

    @property
    def weather(self) -> Weather:
        """Return what it lives through."""
        ...

    @property
    def witness(self) -> Witness:
        """Return who watches it."""
        ...

    def die(self, strike: Strike, loss: Loss = Loss.LOST) -> None:
        """End at once."""
        ...

    def check_alive(self) -> None:
        """Raise `Died` in what is left of a dead process."""
        ...


class Client(SimVenue):
    """A life's client of one venue, its requests watched."""

    def __init__(self, life: Mortal, name: VenueName) -> None:
        self._way = _Way(life, name)
        stage = self._stage = life.stage
        self._lies = stage.lies[name]
        self.budget = SimBudget(name, stage.clock.monotonic_s, limit=stage.limits[name])
        super().__init__(
            stage.world,
            name,
            ACCOUNT,
            clock=life.clock,
            host=stage.our_clock,
            latency=LATENCY,
            faults=self._way,
            budget=self.budget,
        )

    async def open(self) -> None:
        """Open, and be struck by the weather of the streams from now on."""
        await super().open()
        self._stage.feeds[self.name] = self.feed

    async def send(self, write: SignedWrite) -> Outcome:
        """Send, with everybody told before."""
        assert isinstance(write, SimWrite)
        self._way.sends(write.request)
        return await super().send(write)

    # What the venue tells, true or not

    def listen(self, listener: StreamListener) -> None:
        """Hear what the stream tells."""
        super().listen(self._lies.told(listener))

    async def account(self, *, urgent: bool = False) -> Account:
        """Return what is told of the account."""
        return self._lies.account(await super().account(urgent=urgent))

    async def find_order(self, symbol: str, client_id: str) -> Order | None:
        """Return what is told of an order."""
        order = await super().find_order(symbol, client_id)
        return order and self._lies.order(order)

    async def fills(
        self, *, since_ms: int, symbol: str | None = None, urgent: bool = False
    ) -> Sequence[Fill]:
        """Return the fills that are told."""
        rows = await super().fills(since_ms=since_ms, symbol=symbol, urgent=urgent)
        return self._lies.fills([*rows])


class _Way(Passage):
    """The way of a life's requests to one venue: counted, struck, cut off by death."""

    def __init__(self, life: Mortal, venue: VenueName) -> None:
        self._life = life
        self._venue = venue
        self._request: OrderRequest | None = None
        self._doom: Strike | None = None
        self._on_landing: dict[int, Strike] = {}
        self._orders: dict[int, OrderRequest] = {}
        self._lost: set[int] = set()

    def sends(self, request: OrderRequest) -> None:
        """Note the order that is the next to pass."""
        self._life.check_alive()
        self._life.witness.sending(self._venue, request)
        self._request = request

    def enter(self, number: int, operation: str) -> Fault | None:
        self._life.check_alive()
        request, self._request = self._request, None
        call = operation.partition(" ")[0]
        effect = Effect.WRITE if call in WRITES else Effect.READ
        strike = self._life.boundaries.reach(effect, call, f"{self._venue} {operation}")
        if strike is not None and strike.kind is Kind.CRASH_BEFORE:
            self._life.die(strike)
            raise Died
        self._life.check_alive()
        if self._life.weather.is_out(self._venue):
            return Fault(self._venue, FaultKind.OUTAGE)
        if request is not None:
            self._orders[number] = request
        return None if strike is None else self._spoil(strike, number, request)

    def left(self, number: int) -> None:
        doom, self._doom = self._doom, None
        if number in self._orders:
            client_id = self._orders[number].client_id
            self._life.witness.left(self._venue, client_id, may_act=number not in self._lost)
        if doom is not None:
            self._life.die(doom)
            raise Died

    def landed(self, number: int) -> None:
        if number in self._orders:
            request = self._orders.pop(number)
            self._life.witness.landed(self._venue, request.client_id, is_orphan=self._life.is_dead)
        strike = self._on_landing.pop(number, None)
        if strike is not None:
            self._life.die(strike)

    def _spoil(self, strike: Strike, number: int, request: OrderRequest | None) -> Fault | None:
        """Return what becomes of a request that leaves; note what comes after it."""
        kind = strike.kind
        if kind is Kind.CRASH_LANDED:
            self._on_landing[number] = strike
        elif kind in CRASHES:
            self._doom = strike
        elif kind in (Kind.PARTIAL, Kind.NO_FILL) and request is not None:
            share = strike.amount if kind is Kind.PARTIAL else 1.0
            self._life.weather.thin_book(self._venue, request, without=share)
        elif kind is Kind.LYING_ROW and request is not None:
            self._life.stage.lies[self._venue].deny(request.client_id, strike.amount)
        if kind not in _REQUEST_FAULTS:
            return None
        if kind in (Kind.LOST, Kind.SERVER_ERROR):
            self._lost.add(number)
        code = "fault" if kind is Kind.REJECT else ""
        return Fault(self._venue, _REQUEST_FAULTS[kind], delay_s=strike.amount, code=code)


class WatchedStore:
    """The store of a life; each save is an effect."""

    def __init__(self, life: Mortal, inner: StateStore[BotState]) -> None:
        self._life = life
        self._inner = inner

    def save(self, state: BotState, *, at_ms: int) -> None:
        """Save, unless something strikes."""
        life = self._life
        life.check_alive()
        boundaries, disk = life.boundaries, life.stage.disk
        boundaries.phase = state.phase
        strike = boundaries.reach(Effect.SAVE, "save", f"save {state.phase}")
        if strike is None or strike.kind not in CRASHES:
            self._save(state, at_ms, strike)
            return
        kind = strike.kind
        if kind is Kind.CRASH_BEFORE:
            life.die(strike)
            raise Died
        loss = Loss.MIXED
        if kind is Kind.CRASH_TORN:
            disk.die_at(Step.WRITE)
        elif kind is Kind.CRASH_UNSYNCED:
            step, loss = UNSYNCED[round(strike.amount)]
            disk.die_at(step)
        try:
            self._inner.save(state, at_ms=at_ms)
        finally:
            life.die(strike, loss)
        raise Died

    def _save(self, state: BotState, at_ms: int, strike: Strike | None) -> None:
        """Save, and survive it."""
        try:
            if strike is not None:
                raise OSError(5, f"struck by {strike}")
            self._inner.save(state, at_ms=at_ms)
        except OSError:
            self._life.witness.save_failed()
            raise


class NoJournal(Journal):
    """A journal nobody reads."""

    def __init__(self) -> None:
        """Open no file."""

    def begin(self, state: object, *, at_ms: int) -> None:
        """Write nothing."""

    def write(
        self, event: Event, decision: Decision[Any], *, before: str, after: str, is_idle: bool
    ) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Close nothing."""
