"""PacificaClient: one Pacifica account as a `desk.core.ports.Venue`.

Wiring, life and writes. Reads are in `pacifica.market_reads` and `pacifica.account_reads`, one
request's life in `pacifica.rest`, sockets in `pacifica.streams`; what to do about any of it is the
caller's. Works alone: without credentials it reads every public figure.
"""

import random
from asyncio import gather
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, Self

from desk.core.account import Account, Leverage, MarginMode
from desk.core.book import Book, Quote
from desk.core.errors import (
    ConfigError,
    InvariantBroken,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from desk.core.funding import FundingPayment, FundingPoint
from desk.core.market import Candle, FeeRates, Instrument, MarketStats
from desk.core.order import NOT_SENT, Accepted, Fill, Order, OrderRequest, Outcome, Rejected
from desk.core.ports import Clock, SignedWrite, StreamListener
from desk.core.secret import Secret
from desk.core.stream import OrderSeen, StreamEvent
from desk.core.venue import Health, Identity, VenueName
from desk.core.words import shortened
from desk.venues.http import HttpTransport, Transport
from desk.venues.limits import Priority, RequestBudget, pacifica_budget, unlimited
from desk.venues.pacifica import operations
from desk.venues.pacifica.access import (
    MAINNET,
    Credentials,
    Endpoints,
    access_problem,
    read_access,
)
from desk.venues.pacifica.account_reads import AccountReads
from desk.venues.pacifica.bookkeeping import PacificaBooks
from desk.venues.pacifica.errors import Refusal
from desk.venues.pacifica.market_reads import MarketReads
from desk.venues.pacifica.memory import OrderMemory
from desk.venues.pacifica.operations import Operation
from desk.venues.pacifica.rest import (
    EXPIRY_WINDOW_MS,
    HALF_CREDITS_PER_MINUTE,
    HALF_CREDITS_PER_MINUTE_WITH_KEY,
    PacificaRest,
    PacificaWrite,
)
from desk.venues.pacifica.streams import AccountSeen, PacificaStreams
from desk.venues.sockets import SocketOpener

STREAM_OPEN_S_MAX = 15.0
# An opening's own at most: three looks at orders, account and setting; margin mode and leverage
# set and read back twice; order, verification, two top-ups. No heavy read is among them.
OPENING_HALF_CREDITS = 50
PROBE_ID = "00000000-0000-8000-8000-000000000000"  # an id no order ever has

# Not sent, or refused in words we do not know before the order was looked up: proves nothing.
_NO_VERDICT = frozenset({NOT_SENT, Refusal.RATE_LIMITED.value, "400", "404", "unspecified"})


class PacificaClient:
    """One account on Pacifica.

    Beyond the port, `perform` and `perform_batch` take every operation of
    `desk.venues.pacifica.operations`: market orders, edits, protections, cancels by order id.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        endpoints: Endpoints = MAINNET,
        credentials: Credentials | None = None,
        api_key: Secret | None = None,
        limits: Literal["published", "off"] = "published",
        priority_min: Priority = Priority.SPARE,
        expiry_window_ms: int = EXPIRY_WINDOW_MS,
        transport: Transport | None = None,
        opener: SocketOpener | None = None,
    ) -> None:
        """Open nothing.

        `jitter` spreads reconnections ([0, 1)). `priority_min` is for a program that only closes
        (see `RequestBudget`). `transport` and `opener` replace the network.
        Without `credentials` account reads and writes raise `InvariantBroken`.
        """
        self._network = HttpTransport(venue=VenueName.PACIFICA, base_url=endpoints.url, clock=clock)
        self._account = None if credentials is None else credentials.account
        agent = "none" if credentials is None else shortened(credentials.signer.address)
        self.identity = Identity(str(self._account), f"agent key {agent}", endpoints.url)
        self._rest = PacificaRest(
            transport=transport or self._network,
            clock=clock,
            budget=_budget(
                clock, limits=limits, has_key=api_key is not None, priority_min=priority_min
            ),
            account=self._account,
            signer=None if credentials is None else credentials.signer,
            api_key=api_key,
            expiry_window_ms=expiry_window_ms,
        )
        self._streams = PacificaStreams(
            endpoints.ws_url,
            opener=opener or self._network.open_socket,
            clock=clock,
            jitter=jitter,
            account=self._account,
            headers=self._rest.headers,
        )
        self._memory = OrderMemory()
        self._streams.listen(self._remember)
        self._markets = MarketReads(self._rest, clock=clock)
        self._reads = AccountReads(
            self._rest,
            markets=self._markets,
            memory=self._memory,
            clock=clock,
            account=self._account,
        )

    @classmethod
    def from_environment(
        cls,
        env: Mapping[str, str],
        *,
        clock: Clock,
        read_only: bool = False,
        limits: Literal["published", "off"] = "published",
        priority_min: Priority = Priority.SPARE,
    ) -> Self:
        """Return a client for the variables of `.env`; raises `ConfigError` naming one.

        Variables: `desk.venues.pacifica.access.read_access`; `read_only` needs none.
        """
        access = read_access(env, read_only=read_only)
        return cls(
            clock=clock,
            jitter=random.Random().random,
            endpoints=access.endpoints,
            credentials=access.credentials,
            api_key=access.api_key,
            limits=limits,
            priority_min=priority_min,
        )

    @property
    def name(self) -> VenueName:
        """Return Pacifica."""
        return VenueName.PACIFICA

    @property
    def account_seen(self) -> AccountSeen:
        """Return what the account's streams said last; a convenience, `account` is the truth."""
        return self._streams.account_seen

    @property
    def budget(self) -> RequestBudget:
        """Return the request budget, in half credits, shared by everything this client does."""
        return self._rest.budget

    @property
    def books(self) -> PacificaBooks:
        """Return the account's own rows, for the ledger."""
        return PacificaBooks(self._reads)

    @property
    def skew_ms(self) -> int | None:
        """Return the venue's clock minus ours in ms, None while that is not known."""
        return self._rest.skew_ms

    # Life

    async def open(self) -> None:
        """Load markets, prove that account and key are good for each other, start the streams.

        Raises `ConfigError` where the owner has the mend, else `VenueError`. Costs 3.5 credits.
        """
        await self.instruments()
        if self._account is not None:
            await self._check_account()
            await self._check_signer()
        await self._streams.open(STREAM_OPEN_S_MAX)

    async def close(self) -> None:
        """Close sockets and connections."""
        await self._streams.close()
        await gather(self._rest.close(), self._network.close())

    def listen(self, listener: StreamListener) -> None:
        """Call `listener` with every stream event from now on."""
        self._streams.listen(listener)

    def watch(self, symbols: Sequence[str]) -> None:
        """Stream books and statistics of exactly these symbols."""
        self._streams.watch(symbols)

    async def _check_account(self) -> None:
        try:
            await self.account()
        except VenueRejected as error:
            if error.code not in (Refusal.ACCOUNT_UNKNOWN, "404"):
                raise
            raise ConfigError(
                f"SOL_WALLET {self._account} is unknown to Pacifica: deposit first, or check that "
                "the address is of this network"
            ) from error

    async def _check_signer(self) -> None:
        """Let the venue judge a signature: cancel an order that cannot exist.

        Signature, agent and clock are examined before the order is looked up, so "no such
        order" is the good answer.
        """
        probe = operations.cancel(next(iter(self._markets.known)), client_id=PROBE_ID)
        outcome = await self.perform(probe)
        if isinstance(outcome, Accepted):
            return
        if not isinstance(outcome, Rejected) or outcome.code in _NO_VERDICT:
            raise VenueUnavailable(
                f"cannot prove the signer: {outcome}", venue=self.name, request="signer check"
            )
        problem = access_problem(outcome)
        if problem is not None:
            raise problem

    def _remember(self, event: StreamEvent) -> None:
        if isinstance(event, OrderSeen):
            self._memory.note(event.order)

    # Public reads

    async def instruments(self) -> Mapping[str, Instrument]:
        """Return every perpetual by symbol, read within the last second."""
        return await self._markets.instruments()

    async def market_stats(self) -> Mapping[str, MarketStats]:
        """Return statistics of every perpetual; one request, two before markets are loaded."""
        return await self._markets.market_stats()

    def quote(self, symbol: str) -> Quote:
        """Return the streamed top of book; raises `StaleData`."""
        return self._streams.quote(symbol)

    def book(self, symbol: str) -> Book:
        """Return the streamed book, up to ten levels a side; raises `StaleData`."""
        return self._streams.book(symbol)

    async def requested_book(self, symbol: str) -> Book:
        """Return a book by request, up to ten levels a side; for tools without streams."""
        return await self._markets.book(symbol)

    async def funding_history(
        self, symbol: str, *, since_ms: int, until_ms: int
    ) -> Sequence[FundingPoint]:
        """Return settled hours in [since, until), oldest first."""
        return await self._markets.funding_history(symbol, since_ms=since_ms, until_ms=until_ms)

    async def candles(
        self, symbol: str, *, interval_s: int, since_ms: int, until_ms: int
    ) -> Sequence[Candle]:
        """Return bars that open in [since, until), oldest first."""
        return await self._markets.candles(
            symbol, interval_s=interval_s, since_ms=since_ms, until_ms=until_ms
        )

    # Account reads

    async def account(self, *, urgent: bool = False) -> Account:
        """Return equity and every open position."""
        return await self._reads.account(urgent=urgent)

    async def open_orders(
        self, symbol: str | None = None, *, urgent: bool = False
    ) -> Sequence[Order]:
        """Return resting orders and waiting triggers, whoever placed them."""
        return await self._reads.open_orders(symbol, urgent=urgent)

    async def find_order(self, symbol: str, client_id: str) -> Order | None:
        """Return the order with our id; None proves nothing before the fence."""
        return await self._reads.find_order(symbol, client_id)

    async def fills(
        self, *, since_ms: int, symbol: str | None = None, urgent: bool = False
    ) -> Sequence[Fill]:
        """Return executions since `since_ms` (inclusive), oldest first."""
        return await self._reads.fills(since_ms=since_ms, symbol=symbol, urgent=urgent)

    async def funding_payments(
        self, *, since_ms: int, symbol: str | None = None
    ) -> Sequence[FundingPayment]:
        """Return funding booked since `since_ms` (inclusive), oldest first."""
        return await self._reads.funding_payments(since_ms=since_ms, symbol=symbol)

    async def fees(self) -> FeeRates:
        """Return the fees this account pays now."""
        return await self._reads.fees()

    async def leverage(self, symbol: str) -> Leverage:
        """Return the symbol's setting; one not listed is the market's maximum."""
        return await self._reads.leverage(symbol)

    def opening_wait_s(self) -> float:
        """Return how long our own request budget keeps an opening back, seconds."""
        return self.budget.wait_s(cost=OPENING_HALF_CREDITS)

    def health(self) -> Health:
        """Return how our requests have been answered lately."""
        return self._rest.health

    # Writes

    async def sign(self, request: OrderRequest) -> PacificaWrite:
        """Return the request signed now, valid for the expiry window; nothing is sent.

        Raises `NotAligned`, or `InvariantBroken` for a market that is not loaded. An order that
        may open raises `RateLimited` while our own budget has no room to send it: known now, so
        that the other half of a pair stays at home, too. The venue knows no expiry of resting
        orders: `expires_at_ms` is not carried.
        """
        instrument = self._markets.known.get(request.symbol)
        if not self._markets.known:
            text = "its markets have not been read yet"
            raise VenueUnavailable(text, venue=self.name, request=request.symbol)
        if instrument is None:
            raise InvariantBroken(f"no market {request.symbol} is loaded from Pacifica")
        instrument.check_size(request.size)
        instrument.check_price(request.price)
        if request.trigger_price is not None:
            instrument.check_price(request.trigger_price)
        operation = operations.place(request)
        if not operation.is_guard:
            self._rest.check_budget(operation)
        self._memory.note_kind(request.client_id, request.kind)
        return self._rest.sign(operation)

    async def send(self, write: SignedWrite) -> Outcome:
        """Send once what `sign` returned; Accepted is an acknowledgement, not a fill."""
        if not isinstance(write, PacificaWrite):
            raise InvariantBroken(f"{type(write).__name__} was not signed by this client")
        outcome = await self._rest.send(write)
        if isinstance(outcome, Accepted) and outcome.reference != write.client_id:
            self._memory.note_id(write.client_id, outcome.reference)
        return outcome

    async def cancel(self, symbol: str, *, client_id: str) -> Outcome:
        """Cancel an order or a trigger by our id.

        The venue cancels the two by different requests. Where this client does not know which it
        is (after a restart), the second is sent when the first finds no such order.
        """
        is_trigger = self._memory.is_trigger(client_id)
        first, second = operations.cancel, operations.cancel_stop
        if is_trigger:
            first, second = second, first
        outcome = await self.perform(first(symbol, client_id=client_id))
        gone = isinstance(outcome, Rejected) and outcome.code == Refusal.ORDER_GONE
        if is_trigger is not None or not gone:
            return outcome
        return await self.perform(second(symbol, client_id=client_id))

    async def cancel_all(self, symbol: str | None = None) -> Outcome:
        """Cancel every order and trigger of one symbol, or of the account."""
        return await self.perform(operations.cancel_all(symbol))

    async def set_leverage(self, symbol: str, *, value: int) -> Outcome:
        """Set cross margin, if it is not so, and then the multiple.

        With a position open the venue refuses another margin mode and a lower multiple. Nothing
        is sent when the present mode cannot be read.
        """
        try:
            present = await self.leverage(symbol)
        except VenueError as error:
            return Rejected(f"leverage:{symbol}", NOT_SENT, str(error))
        if present.margin_mode is not MarginMode.CROSS:
            outcome = await self.set_margin_mode(symbol, MarginMode.CROSS)
            if not isinstance(outcome, Accepted):
                return outcome
        return await self.perform(operations.leverage(symbol, value))

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> Outcome:
        """Set a symbol's margin mode; refused while a position is open."""
        isolated = mode is MarginMode.ISOLATED
        return await self.perform(operations.margin_mode(symbol, isolated=isolated))

    async def place_market(self, request: OrderRequest, *, slippage_pct: Decimal) -> Outcome:
        """Send a market order; its price is ignored, its band is `slippage_pct` percent."""
        return await self.perform(operations.market(request, slippage_pct=slippage_pct))

    async def fence(self, *, past_life: bool) -> bool:
        """Return whether nothing sent before can take effect any more: a matter of seconds, the
        expiry window and what the clocks may differ by. No request."""
        return self._rest.is_fenced(past_life=past_life)

    async def perform(self, operation: Operation) -> Outcome:
        """Sign and send any operation of ours."""
        return await self._rest.send(self._rest.sign(operation))

    async def perform_batch(self, batch: Sequence[Operation]) -> Sequence[Outcome]:
        """Sign each of up to ten operations and send them as one request, executed in order."""
        return await self._rest.send_batch([self._rest.sign(each) for each in batch])


def _budget(
    clock: Clock, *, limits: str, has_key: bool, priority_min: Priority
) -> RequestBudget:
    if limits == "off":
        return unlimited(VenueName.PACIFICA, clock.monotonic_s)
    credits_max = HALF_CREDITS_PER_MINUTE_WITH_KEY if has_key else HALF_CREDITS_PER_MINUTE
    return pacifica_budget(
        clock.monotonic_s, credits_max=credits_max, priority_min=priority_min
    )
