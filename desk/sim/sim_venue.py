"""A venue client without a wire: `desk.core.ports.Venue` directly on an embedded exchange.

For storms of crashes and faults, where sockets and JSON would only cost time. It answers as the
real clients do, after the same kind of delays, and can be made to lose what they can lose. The
program that uses it must keep the world going (`World.run`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import TypeVar

from desk.core.account import Account, Leverage, MarginMode
from desk.core.book import Book, Quote
from desk.core.books import Movement
from desk.core.errors import (
    ConfigError,
    InvariantBroken,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    VenueRejected,
    VenueUnavailable,
)
from desk.core.funding import FundingPayment, FundingPoint
from desk.core.market import Candle, FeeRates, Instrument, MarketStats
from desk.core.order import (
    NOT_SENT,
    Accepted,
    Fill,
    Order,
    OrderKind,
    OrderRequest,
    Outcome,
    Rejected,
    Unknown,
)
from desk.core.ports import Clock, SignedWrite, StreamListener
from desk.core.venue import Health, VenueName
from desk.sim import sim_words as words
from desk.sim.exchange import MarketSetting, Refusal, RefusalReason
from desk.sim.exchange import OrderStatus as SimOrderStatus
from desk.sim.sim_books import SimBooks
from desk.sim.sim_budget import SimBudget
from desk.sim.sim_feed import Feed
from desk.sim.sim_wire import FaultHook, Latency, Passage, Wire
from desk.sim.world import World

_T = TypeVar("_T")

ROWS_MAX = 10_000
VALIDITY_MS = {VenueName.LIGHTER: 600_000, VenueName.PACIFICA: 5_000}
"""How long a signed request may still take effect: Lighter's transactions ten minutes, Pacifica's
requests their expiry window."""

SKEW_MS_CORRECTED = 1_000
"""A clock further off is corrected where we sign the time ourselves: for Pacifica."""

CODE_EXPIRED = "expired"
CODE_REPEATED = "repeated"
CODE_VOID = "void"
HELD_BACK_MS_MAX = 1_000
GATEWAY_MS_MAX = 500
"""How long after its nonce was taken an order may still reach the engine, whose speed bump comes on
top: a client that trusts the nonce alone looks too early, one that waits `HELD_BACK_MS_MAX` not."""


@dataclass(frozen=True, slots=True)
class Life:
    """Until when a signed request may take effect: by our wall clock, by our monotonic one, and
    by the venue's own, which is what it goes by."""

    until_ms: int
    until_s: float
    venues_until_ms: int


@dataclass(slots=True)
class SimWrite:
    """A signed order. Its bytes work once: `has_landed` is the venue's memory of them."""

    request: OrderRequest
    life: Life
    has_landed: bool = field(default=False)

    @property
    def client_id(self) -> str:
        """Return the id of the order it carries."""
        return self.request.client_id


class SimVenue:
    """One account's client on one exchange of a world.

    Rejections carry the exchange's word (`RefusalReason`) as their code. `feed` is public for
    tests that break the streams.
    """

    def __init__(
        self,
        world: World,
        name: VenueName,
        account_id: int,
        *,
        clock: Clock,
        host: Clock | None = None,
        latency: Latency | None = None,
        faults: FaultHook | Passage | None = None,
        budget: SimBudget | None = None,
    ) -> None:
        """Stand unconnected; `faults` decides the fate of each request.

        `host` is the machine's own clock where `clock` does not follow its every step: the library
        that signs for Lighter reads it.
        `budget` counts requests as the real client does; without one nothing is counted.
        """
        self._world = world
        self._name = name
        self._exchange = world.exchanges[name]
        self._account_id = account_id
        self._clock = clock
        self._latency = latency or Latency()
        self._wire = Wire(world, name, latency=self._latency, faults=faults)
        self._budget = budget
        self._numbers = count(1)
        self._host = host or clock
        self._began_at_s = clock.monotonic_s()
        self._acted_at_s = 0.0
        self._has_sent = False
        self._doubts: dict[int, float] = {}
        self.feed = Feed(world, name, account_id, clock=clock, latency=self._latency)

    @property
    def name(self) -> VenueName:
        """Return which venue this is."""
        return self._name

    @property
    def books(self) -> SimBooks:
        """Return the account's own rows, for the ledger."""
        return SimBooks(self)

    @property
    def account_id(self) -> int:
        """Return which account this is a client of."""
        return self._account_id

    # Life

    async def open(self) -> None:
        """Check that the account exists and start the streams."""
        if not await self._read("open", lambda: self._account_id in self._exchange.account_ids()):
            raise ConfigError(f"{self._name}: there is no account {self._account_id}")
        self.feed.start()

    async def close(self) -> None:
        """Stop the streams; what was sent stays on its way."""
        self.feed.stop()

    def listen(self, listener: StreamListener) -> None:
        """Call `listener` with every stream event from now on."""
        self.feed.listen(listener)

    def watch(self, symbols: Sequence[str]) -> None:
        """Stream books and statistics of exactly these symbols."""
        self.feed.watch(symbols)

    # Public reads

    async def instruments(self) -> Mapping[str, Instrument]:
        """Return every market by symbol."""
        return await self._read("instruments", self._instruments)

    async def market_stats(self) -> Mapping[str, MarketStats]:
        """Return statistics of every market by symbol."""
        return await self._read(
            "market_stats",
            lambda: {
                symbol: words.stats_of(self._exchange.stats(symbol))
                for symbol in self._exchange.markets
            },
        )

    def quote(self, symbol: str) -> Quote:
        """Return the streamed top of book; raise `StaleData`."""
        return self.feed.quote(symbol)

    def book(self, symbol: str) -> Book:
        """Return a copy of the streamed book; raise `StaleData`."""
        return self.feed.book(symbol)

    async def funding_history(
        self, symbol: str, *, since_ms: int, until_ms: int
    ) -> Sequence[FundingPoint]:
        """Return settled hours in the range (both ends included), oldest first."""
        rows = await self._read(
            f"funding_history {symbol}",
            lambda: self._exchange.funding_history(
                symbol, since_ms=since_ms, until_ms=until_ms, limit=ROWS_MAX
            ),
        )
        return [words.point_of(row) for row in reversed(rows)]

    async def candles(
        self, symbol: str, *, interval_s: int, since_ms: int, until_ms: int
    ) -> Sequence[Candle]:
        """Return bars whose opening lies in the range, oldest first."""
        bars = await self._read(
            f"candles {symbol}",
            lambda: self._exchange.candles(
                symbol, interval_s * 1000, start_ms=since_ms, end_ms=until_ms
            ),
        )
        return [words.candle_of(symbol, bar) for bar in bars]

    # Account reads

    async def account(self, *, urgent: bool = False) -> Account:
        """Return equity and every open position."""
        asked_at_ms = self._clock.now_ms()
        return await self._read(
            "account",
            lambda: words.account_of(
                self._exchange.account(self._account_id),
                asked_at_ms=asked_at_ms,
                at_ms=self._world.now_ms,
            ),
            urgent=urgent,
        )

    async def open_orders(
        self, symbol: str | None = None, *, urgent: bool = False
    ) -> Sequence[Order]:
        """Return resting orders and waiting triggers, oldest first."""
        rows = await self._read(
            "open_orders",
            lambda: self._exchange.orders(self._account_id, symbol),
            urgent=urgent,
        )
        return [words.order_of(row) for row in rows]

    async def find_order(self, symbol: str, client_id: str) -> Order | None:
        """Return the order with our id, or None; one still in the speed bump is not yet known."""
        view = await self._read(
            f"find_order {symbol}",
            lambda: self._exchange.order_by_client_id(self._account_id, client_id),
        )
        if view is None or view.symbol != symbol or view.status is SimOrderStatus.IN_PROGRESS:
            return None
        return words.order_of(view)

    async def fills(
        self, *, since_ms: int, symbol: str | None = None, urgent: bool = False
    ) -> Sequence[Fill]:
        """Return executions since `since_ms` (inclusive), oldest first."""
        rows = await self._read(
            "fills",
            lambda: self._exchange.fills(self._account_id, symbol, limit=ROWS_MAX),
            urgent=urgent,
        )
        return [words.fill_of(row) for row in reversed(rows) if row.at_ms >= since_ms]

    async def funding_payments(
        self, *, since_ms: int, symbol: str | None = None
    ) -> Sequence[FundingPayment]:
        """Return payments since `since_ms` (inclusive), oldest first."""
        rows = await self._read(
            "funding_payments",
            lambda: self._exchange.funding_payments(self._account_id, symbol, limit=ROWS_MAX),
        )
        return [words.payment_of(row) for row in reversed(rows) if row.at_ms >= since_ms]

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        """Return money moved since `since_ms` (inclusive), oldest first."""
        rows = await self._read(
            "movements", lambda: self._exchange.balance_history(self._account_id, limit=ROWS_MAX)
        )
        moved = (words.movement_of(row) for row in reversed(rows) if row.at_ms >= since_ms)
        return [row for row in moved if row is not None]

    async def fees(self) -> FeeRates:
        """Return the fees of the account's tier."""
        view = await self._read("fees", lambda: self._exchange.account(self._account_id))
        return FeeRates(maker=view.maker_fee, taker=view.taker_fee)

    async def leverage(self, symbol: str) -> Leverage:
        """Return the symbol's setting."""
        setting = await self._read(f"leverage {symbol}", lambda: self._setting(symbol))
        return words.leverage_of(setting)

    def opening_wait_s(self) -> float:
        """Return how long the budget keeps an opening back, zero without one."""
        return 0.0 if self._budget is None else self._budget.opening_wait_s()

    def health(self) -> Health:
        """Return how far the clocks differ; there is no wire to measure."""
        return Health(skew_ms=self._skew_ms())

    # Writes

    async def sign(self, request: OrderRequest) -> SignedWrite:
        """Return the request ready to send; raise `NotAligned` or `InvariantBroken`, and
        `RateLimited` for an order that may open while the budget has no room to send it."""
        instrument = self._instruments().get(request.symbol)
        if instrument is None:
            raise InvariantBroken(f"{self._name} lists no {request.symbol}")
        instrument.check_price(request.price)
        instrument.check_size(request.size)
        if (request.kind is OrderKind.LIMIT) != (request.trigger_price is None):
            raise InvariantBroken(f"{request.client_id}: {request.kind} and its trigger disagree")
        if request.trigger_price is not None:
            instrument.check_price(request.trigger_price)
        if self._budget is not None and not request.is_close:
            self._budget.check("send")
        await asyncio.sleep(self._latency.sign_ms / 1000)
        return SimWrite(request, self._life())

    async def send(self, write: SignedWrite) -> Outcome:
        """Send once what `sign` returned."""
        if not isinstance(write, SimWrite):
            raise InvariantBroken(f"{self._name}: a write that was signed elsewhere")
        return await self._write(
            f"send {write.request.symbol}",
            lambda: self._land(write),
            client_id=write.client_id,
            life=write.life,
            is_guard=write.request.is_close,
        )

    async def cancel(self, symbol: str, *, client_id: str) -> Outcome:
        """Cancel one order by our id."""

        def effect() -> str:
            self._exchange.cancel(self._account_id, symbol, client_id=client_id)
            return client_id

        return await self._write(f"cancel {symbol}", effect, client_id=client_id)

    async def cancel_all(self, symbol: str | None = None) -> Outcome:
        """Cancel every order of one symbol, or of the account."""
        return await self._write(
            "cancel_all",
            lambda: str(self._exchange.cancel_all(self._account_id, symbol=symbol)),
            client_id=self._next_id("cancel_all"),
        )

    async def set_leverage(self, symbol: str, *, value: int) -> Outcome:
        """Set cross margin and the multiple."""

        def effect() -> str:
            is_lighter = self._name is VenueName.LIGHTER
            if not is_lighter and self._setting(symbol).margin_mode is not MarginMode.CROSS:
                self._exchange.set_margin_mode(self._account_id, symbol, MarginMode.CROSS)
            self._exchange.set_leverage(
                self._account_id,
                symbol,
                initial_margin_fraction=Decimal(1) / value,
                margin_mode=MarginMode.CROSS if is_lighter else None,
            )
            return f"{symbol} {value}"

        return await self._write(
            f"set_leverage {symbol}", effect, client_id=self._next_id("leverage")
        )

    async def fence(self, *, past_life: bool) -> bool:
        """Return whether nothing sent before can take effect any more.

        At Lighter a transaction that takes the next nonce voids what is still on its way, and is
        sent where something is in doubt or a former life may have sent; at Pacifica only time does.
        """
        if self._name is VenueName.PACIFICA:
            past_s = self._began_at_s + VALIDITY_MS[self._name] / 1000 if past_life else 0.0
            latest_s = max(past_s, self._acted_at_s, *self._doubts.values(), 0.0)
            return self._clock.monotonic_s() > latest_s + HELD_BACK_MS_MAX / 1000
        if not self._doubts and (self._has_sent or not past_life):
            return True
        voided = list(self._doubts)

        def effect() -> str:
            self._world.fences[self._writer] += 1
            self._world.fenced_at_ms[self._writer].append(self._world.now_ms)
            return "fence"

        outcome = await self._write("fence", effect, client_id=self._next_id("fence"))
        await asyncio.sleep(HELD_BACK_MS_MAX / 1000)
        if not isinstance(outcome, Accepted):
            return False
        for number in voided:
            self._doubts.pop(number, None)
        return True

    # Inside

    @property
    def _writer(self) -> tuple[VenueName, int]:
        return self._name, self._account_id

    def _instruments(self) -> dict[str, Instrument]:
        return {symbol: spec.instrument for symbol, spec in self._exchange.markets.items()}

    def _setting(self, symbol: str) -> MarketSetting:
        rows = {row.symbol: row for row in self._exchange.settings(self._account_id)}
        if symbol not in rows:
            raise Refusal(RefusalReason.MARKET_NOT_FOUND, f"no market {symbol}")
        return rows[symbol]

    def _skew_ms(self) -> int:
        """Return the venue's clock minus ours."""
        return self._world.time_ms() - self._clock.now_ms()

    def _life(self) -> Life:
        """Return the life of a request signed now, by the stamp that the real client gives it."""
        skew_ms, life_ms = self._skew_ms(), VALIDITY_MS[self._name]
        if self._name is VenueName.LIGHTER:
            stamp_ms = self._host.now_ms()
        else:
            stamp_ms = self._clock.now_ms()
            stamp_ms += skew_ms if abs(skew_ms) > SKEW_MS_CORRECTED else 0
        venues_until_ms = stamp_ms + life_ms
        left_ms = venues_until_ms - self._world.time_ms()
        return Life(
            until_ms=self._clock.now_ms() + left_ms,
            until_s=self._clock.monotonic_s() + left_ms / 1000,
            venues_until_ms=venues_until_ms,
        )

    def _next_id(self, what: str) -> str:
        return f"{what}-{next(self._numbers)}"

    def _land(self, write: SimWrite) -> str:
        """Let the exchange take the order; what is stale or repeated it refuses."""
        if write.has_landed:
            raise _Stale(CODE_REPEATED, "these bytes were used before")
        write.has_landed = True
        request = write.request
        if self._name is VenueName.PACIFICA and request.kind is OrderKind.TAKE_PROFIT:
            return self._protect(request)
        is_stop = self._name is VenueName.PACIFICA and request.kind is OrderKind.STOP
        order = words.stop_order(request) if is_stop else words.new_order(request)
        return str(self._exchange.submit(self._account_id, order))

    def _protect(self, request: OrderRequest) -> str:
        """Rest a take-profit the way Pacifica knows it: as part of the position's protection."""
        ids = self._exchange.set_position_tpsl(
            self._account_id,
            request.symbol,
            side=request.side,
            take_profit=words.take_profit_leg(request),
            stop_loss=None,
        )
        return str(ids[0])

    async def _read(
        self, operation: str, effect: Callable[[], _T], *, urgent: bool = False
    ) -> _T:
        """Return what `effect` sees at the venue; raise a `VenueError` of a read."""

        def look() -> _T | Refusal:
            try:
                return effect()
            except Refusal as refusal:
                return refusal

        if self._budget is not None:
            self._budget.take(operation, is_urgent=urgent)
        try:
            answer = await self._wire.ask(operation, look)
        except RateLimited as error:
            self._stay_away(error)
            raise
        except OutcomeUnknown as error:
            raise VenueUnavailable(
                "no usable answer", venue=self._name, request=operation
            ) from error
        if isinstance(answer, Refusal):
            raise VenueRejected(
                answer.message, venue=self._name, request=operation, code=answer.reason.value
            )
        return answer

    async def _write(
        self,
        operation: str,
        effect: Callable[[], str],
        *,
        client_id: str,
        life: Life | None = None,
        is_guard: bool = False,
    ) -> Outcome:
        """Have `effect` (which returns the venue's reference) happen and say how it ended.

        What is stale when it arrives, or voided, the exchange refuses.
        """
        life = life or self._life()
        fences = self._world.fences[self._writer]

        def act() -> Outcome:
            try:
                if self._world.now_ms > life.venues_until_ms:
                    raise _Stale(CODE_EXPIRED, "the request has expired")
                if self._is_void(fences):
                    raise _Stale(CODE_VOID, "its nonce was taken")
                return Accepted(client_id, effect(), self._world.now_ms)
            except Refusal as refusal:
                return Rejected(client_id, refusal.reason.value, refusal.message)
            except _Stale as stale:
                return Rejected(client_id, stale.code, str(stale))

        try:
            if self._budget is not None:
                self._budget.take(operation, is_guard=is_guard)
        except RateLimited as error:
            return Rejected(client_id, NOT_SENT, str(error))
        number = next(self._numbers)
        self._doubts[number] = life.until_s  # from here on, whatever becomes of us
        try:
            outcome = await self._wire.ask(operation, act)
        except NotSent as error:
            outcome = Rejected(client_id, NOT_SENT, str(error))
        except VenueRejected as error:
            outcome = Rejected(client_id, error.code, str(error))
        except RateLimited as error:
            self._stay_away(error)
            outcome = Rejected(client_id, "rate_limited", str(error))
        except OutcomeUnknown as error:
            return Unknown(client_id, operation, str(error), life.until_ms)
        self._doubts.pop(number, None)
        self._acted_at_s = self._clock.monotonic_s()
        self._has_sent = self._has_sent or isinstance(outcome, Accepted)
        return outcome

    def _is_void(self, fences: int) -> bool:
        """Return whether a write that left after that many fences is void by the next one.

        A gateway that took its nonce just before hands it on after that.
        """
        later_ms = self._world.fenced_at_ms[self._writer][fences:]
        return bool(later_ms) and self._world.now_ms > later_ms[0] + GATEWAY_MS_MAX

    def _stay_away(self, error: RateLimited) -> None:
        if self._budget is not None:
            self._budget.pause(error.retry_after_s)


class _Stale(Exception):
    """Bytes the venue's gateway does not take."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
