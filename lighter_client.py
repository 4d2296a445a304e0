"""Lighter as a `core.ports.Venue`: one account with its key, or public data alone.

Assembles what `desk.venues` has for Lighter: every read (`lighter.reads`), the stream
(`lighter.feed`), the one sender with its nonces (`lighter.sender`). What an answer means is
decided there; what to do about it, nowhere in a client. Beyond the port: batches, modify, the
scheduled cancel-all, margin mode, the fate of a transaction.
"""

from asyncio import gather
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from decimal import Decimal
from random import Random
from typing import Literal, Self

from desk.core.account import Leverage, MarginMode
from desk.core.errors import InvariantBroken, VenueError, VenueRejected, VenueUnavailable
from desk.core.market import Instrument, MarketStatus
from desk.core.order import NOT_SENT, Accepted, OrderRequest, Outcome, Rejected
from desk.core.ports import Clock, SignedWrite, StreamListener
from desk.core.venue import Health, Identity, VenueName
from desk.venues.http import ClockSkew, HttpTransport, Transport
from desk.venues.lighter.access import (
    MAINNET_URL,
    Access,
    Credentials,
    KeyName,
    Slot,
    explained,
    no_such_key,
    not_this_key,
    read_access,
    stream_url,
)
from desk.venues.lighter.account import read_public_keys
from desk.venues.lighter.api import AuthTokens, LighterApi, SigningThread
from desk.venues.lighter.bookkeeping import LighterBooks
from desk.venues.lighter.crypto.limits import CancelAllMode
from desk.venues.lighter.crypto.port import Signer
from desk.venues.lighter.feed import LighterFeed
from desk.venues.lighter.frames import UserStats
from desk.venues.lighter.orders import TxFate
from desk.venues.lighter.reads import LighterReads
from desk.venues.lighter.sender import LighterSender
from desk.venues.lighter.signer import LibrarySigner
from desk.venues.lighter.tx import (
    BuildTx,
    LighterWrite,
    client_index,
    margin_fraction,
    market_id,
    order_write,
    steps,
)
from desk.venues.limits import Priority, RequestBudget, lighter_budget, unlimited
from desk.venues.sockets import SocketOpener

STREAM_UP_S_MAX = 10.0
VOID_MARKETS_MAX = 3
# An opening's own at most: three looks at orders and account, a nonce, leverage set and read back
# twice, order, verification, two top-ups.
OPENING_REQUESTS = 15
_MARGIN_MODES = {MarginMode.CROSS: 0, MarginMode.ISOLATED: 1}


class LighterClient(LighterReads):
    """One venue, one account, one API key.

    Without `signer`: public reads, the account's equity and positions if `account_index` is
    given, and no writes.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        base_url: str = MAINNET_URL,
        ws_url: str | None = None,
        account_index: int | None = None,
        api_key_index: int | None = None,
        signer: Signer | None = None,
        limits: Literal["published", "off"] = "published",
        priority_min: Priority = Priority.SPARE,
        transport: Transport | None = None,
        opener: SocketOpener | None = None,
        signing_executor: Executor | None = None,
        key_name: KeyName = "API_KEY",
    ) -> None:
        """Open nothing.

        `jitter` spreads reconnections ([0, 1)). `priority_min` is for a program
        that only closes (see `RequestBudget`). `transport` and `opener` replace the network;
        `signing_executor` is closed with the client, None signs on the event loop. `key_name`
        says which variables to name when the key is wrong.
        """
        self._sockets = HttpTransport(venue=VenueName.LIGHTER, base_url=base_url, clock=clock)
        self._signer = signer
        self._thread = SigningThread(signing_executor)
        tokens = AuthTokens(signer, clock, self._thread) if signer is not None else None
        api = LighterApi(
            transport=transport or self._sockets,
            budget=_budget(limits, clock, priority_min),
            tokens=tokens,
        )
        feed = LighterFeed(
            ws_url=ws_url or stream_url(base_url),
            opener=opener or self._sockets.open_socket,
            clock=clock,
            jitter=jitter,
            tokens=tokens,
            account_index=account_index,
        )
        super().__init__(api=api, feed=feed, clock=clock, account_index=account_index)
        self._slot: Slot | None = None
        self._sender: LighterSender | None = None
        if signer is not None and account_index is not None and api_key_index is not None:
            self._slot = Slot(account_index, api_key_index, key_name)
            self._sender = LighterSender(
                api=api,
                clock=clock,
                thread=self._thread,
                account_index=account_index,
                api_key_index=api_key_index,
            )
        self.remarks: tuple[str, ...] = ()
        self.identity = Identity(str(account_index), f"API key {api_key_index}", base_url)

    @classmethod
    def from_environment(
        cls,
        env: Mapping[str, str],
        *,
        clock: Clock,
        key: KeyName = "API_KEY",
        read_only: bool = False,
        limits: Literal["published", "off"] = "published",
        priority_min: Priority = Priority.SPARE,
    ) -> Self:
        """Return a client for the variables of `.env`; raises `ConfigError` naming one.

        Variables: `desk.venues.lighter.access.read_access`; `read_only` needs none.
        """
        access = read_access(env, key=key, read_only=read_only)
        credentials, signer, executor = access.credentials, None, None
        if credentials is not None:
            signer = _library_signer(access, credentials, clock)
            executor = ThreadPoolExecutor(1, thread_name_prefix="lighter-signer")
        return cls(
            clock=clock,
            jitter=Random().random,
            base_url=access.base_url,
            ws_url=access.ws_url,
            account_index=access.account_index,
            api_key_index=None if credentials is None else credentials.slot.key_index,
            signer=signer,
            limits=limits,
            priority_min=priority_min,
            signing_executor=executor,
            key_name=key,
        )

    @property
    def name(self) -> VenueName:
        """Return which venue this is."""
        return VenueName.LIGHTER

    @property
    def skew(self) -> ClockSkew:
        """Return what the venue's answers say about its clock."""
        return self._api.skew

    @property
    def budget(self) -> RequestBudget:
        """Return the request budget, shared by everything this client does."""
        return self._api.budget

    @property
    def books(self) -> LighterBooks:
        """Return the account's own rows, for the ledger."""
        return LighterBooks(self)

    @property
    def user_stats(self) -> UserStats | None:
        """Return the account's sums as the stream told them last."""
        return self._feed.user_stats

    # Life

    async def open(self) -> None:
        """Load the markets, prove signer and key, connect the stream: two requests.

        Raises `VenueError`, `ConfigError`; `remarks` then holds what the signer has to say.
        """
        await self.instruments()
        if self._signer is not None and self._slot is not None:
            self.remarks = await self._thread.run(self._signer.self_check)
            await self.check_key()
        reason = await self._feed.start(STREAM_UP_S_MAX)
        if reason is not None:
            raise VenueUnavailable(reason, venue=self.name, request="stream")

    async def check_key(self) -> None:
        """Ask whether the account's key is ours: one request.

        Raises `ConfigError` naming the variable and the mend, `VenueError`.
        """
        signer, slot = self._signer, self._slot
        if signer is None or slot is None:
            raise InvariantBroken("a read-only lighter client has no key")
        params = {"account_index": slot.account_index, "api_key_index": slot.key_index}
        try:
            response = await self._api.get("apikeys", params)
        except VenueRejected as error:
            raise explained(error, slot) from error
        registered = read_public_keys(response.body).get(slot.key_index)
        if registered is None:
            raise no_such_key(slot)
        if registered != signer.public_key().removeprefix("0x").lower():
            raise not_this_key(slot)

    async def close(self) -> None:
        """Close stream, connections and signing thread; safe to call twice."""
        await self._feed.close()
        await gather(self._api.close(), self._sockets.close())
        self._thread.close()

    def listen(self, listener: StreamListener) -> None:
        """Call `listener` with every stream event from now on."""
        self._feed.listen(listener)

    def watch(self, symbols: Sequence[str]) -> None:
        """Stream books and statistics of exactly these symbols."""
        self._feed.watch(symbols)

    def opening_wait_s(self) -> float:
        """Return how long our own request budget keeps an opening back, seconds."""
        return self.budget.wait_s(cost=OPENING_REQUESTS)

    def health(self) -> Health:
        """Return how our requests have been answered lately."""
        return self.skew.health(self.budget)

    # Orders

    async def sign(self, request: OrderRequest) -> SignedWrite:
        """Return the order signed; raises `NotAligned` or `InvariantBroken`.

        An order that may open raises `RateLimited` while our own budget has no room to send it,
        and `NotSent` while a write without an answer may still take its nonce: known now, so that
        the other half of a pair stays at home, too. A close never does.
        """
        sender, signer = self._writing()
        instrument = self._instrument(request.symbol)
        write = order_write(signer, request, instrument, now_ms=self._clock.now_ms())
        if not request.is_close:
            self.budget.check("sendTx")
        return await sender.sign(write)

    async def send(self, write: SignedWrite) -> Outcome:
        """Send once what `sign` returned."""
        return await self._writing()[0].send(_own(write))

    async def send_batch(self, writes: Sequence[SignedWrite]) -> list[Outcome]:
        """Send up to 50 signed writes in one request; each has its own outcome."""
        return await self._writing()[0].send_batch([_own(write) for write in writes])

    async def place_batch(self, requests: Sequence[OrderRequest]) -> list[Outcome]:
        """Sign up to 50 orders once, each for its own nonce, and send them in one request."""
        sender, signer = self._writing()
        now_ms = self._clock.now_ms()
        return await sender.send_batch(
            [
                order_write(signer, request, self._instrument(request.symbol), now_ms=now_ms)
                for request in requests
            ]
        )

    async def learn_nonce(self) -> None:
        """Ask for the next nonce now, so that the next write need not: one request.

        Raises `VenueError`.
        """
        await self._writing()[0].synchronise()

    async def modify(
        self,
        symbol: str,
        *,
        client_id: str,
        size: Decimal,
        price: Decimal,
        trigger_price: Decimal | None = None,
    ) -> Outcome:
        """Change a resting order's size (base units), price and trigger price (USD)."""
        _, signer = self._writing()
        instrument = self._instrument(symbol)
        instrument.check_size(size)
        instrument.check_price(price)
        fields = {
            "market_index": market_id(instrument),
            "order_index": client_index(client_id),
            "base_amount": steps(size, instrument.size_lot),
            "price": steps(price, instrument.price_tick),
            "trigger_price": steps(trigger_price or Decimal(0), instrument.price_tick),
        }
        return await self._do(
            client_id, lambda nonce: signer.modify_order(**fields, nonce=nonce), is_guard=False
        )

    async def cancel(self, symbol: str, *, client_id: str) -> Outcome:
        """Cancel one order by our id."""
        _, signer = self._writing()
        market, index = market_id(self._instrument(symbol)), client_index(client_id)
        return await self._do(
            client_id,
            lambda nonce: signer.cancel_order(market_index=market, order_index=index, nonce=nonce),
        )

    async def cancel_all(self, symbol: str | None = None) -> Outcome:
        """Cancel every order of one symbol, or of the account, at once.

        In a market without orders of ours it changes nothing but the nonce: the fence.
        """
        market = None if symbol is None else market_id(self._instrument(symbol))
        return await self._cancel_all(CancelAllMode.IMMEDIATE, market_index=market)

    async def schedule_cancel_all(self, at_ms: int | None) -> Outcome:
        """Have the venue cancel every order at `at_ms` (5 minutes to 15 days ahead), stops
        included; None calls it off."""
        mode = CancelAllMode.ABORT_SCHEDULED if at_ms is None else CancelAllMode.SCHEDULED
        return await self._cancel_all(mode, time_ms=at_ms or 0)

    # Settings

    async def leverage(self, symbol: str) -> Leverage:
        """Return the symbol's setting, as `LighterReads` does.

        It is read before an opening, so a nonce we have not looked at for long is asked for, too:
        one that another program used would cost the opening this leg.
        """
        if self._sender is None:
            return await super().leverage(symbol)
        setting, _ = await gather(super().leverage(symbol), self._sender.refresh())
        return setting

    async def set_leverage(
        self, symbol: str, *, value: int, mode: MarginMode = MarginMode.CROSS
    ) -> Outcome:
        """Set margin mode and multiple; at most 40 such transactions a minute."""
        _, signer = self._writing()
        fields = {
            "market_index": market_id(self._instrument(symbol)),
            "initial_margin_fraction": margin_fraction(value),
            "margin_mode": _MARGIN_MODES[mode],
        }
        return await self._do(
            "", lambda nonce: signer.update_leverage(**fields, nonce=nonce), is_guard=False
        )

    # Doubts

    async def fence(self, *, past_life: bool) -> bool:
        """Return whether nothing sent before can take effect any more (some nine requests).

        What nobody answered is voided by another transaction under its nonce: an immediate
        cancel-all in a market where the account has no orders. That the gateway took it is not
        enough: it must be final, and then so is all before it. None where nothing was in doubt
        and nothing sent.
        """
        sender, _ = self._writing()
        try:
            is_open = sender.is_in_doubt or sender.is_unsettled
            is_due = is_open or (past_life and not sender.has_sent)
            if is_due and not await self._void():
                return False
            return await sender.settle()
        except VenueError:
            return False

    async def _void(self) -> bool:
        """Return whether a transaction that changes nothing has taken the next nonce; a market that
        refuses it says nothing of the others."""
        for symbol in await self._quiet_markets():
            outcome = await self.cancel_all(symbol)
            if isinstance(outcome, Accepted):
                return True
            if not isinstance(outcome, Rejected) or outcome.code == NOT_SENT:
                break
        return False

    async def _quiet_markets(self) -> list[str]:
        """Return markets that trade and hold no orders of the account, those we watch first."""
        taken = {order.symbol for order in await self.open_orders(urgent=True)}
        quiet = [
            symbol
            for symbol, market in self._instruments.items()
            if market.status is MarketStatus.ACTIVE and symbol not in taken
        ]
        if not quiet:
            text = "no market that trades is without orders: none is left to void a nonce in"
            raise VenueUnavailable(text, venue=self.name, request="fence")
        watched = self._feed.watched
        return sorted(quiet, key=lambda each: (each not in watched, each))[:VOID_MARKETS_MAX]

    async def resolve_unknown(self, tx_hash: str) -> TxFate:
        """Return what became of a transaction (`Unknown.reference`): one or two requests.

        `NOT_FOUND` proves nothing before `Unknown.expires_at_ms`, unless another transaction of
        ours has taken its nonce: then the answer is `FAILED`. Raises `VenueError`.
        """
        return await self._writing()[0].fate(tx_hash)

    # How

    async def _cancel_all(
        self, mode: CancelAllMode, *, time_ms: int = 0, market_index: int | None = None
    ) -> Outcome:
        _, signer = self._writing()
        return await self._do(
            "",
            lambda nonce: signer.cancel_all(
                time_in_force=int(mode), time_ms=time_ms, market_index=market_index, nonce=nonce
            ),
        )

    async def _do(self, client_id: str, build: BuildTx, *, is_guard: bool = True) -> Outcome:
        return await self._writing()[0].send(LighterWrite(client_id, build, is_guard))

    def _writing(self) -> tuple[LighterSender, Signer]:
        if self._sender is None or self._signer is None:
            raise InvariantBroken("a read-only lighter client was asked to write")
        return self._sender, self._signer

    def _instrument(self, symbol: str) -> Instrument:
        if not self._instruments:
            text = "its markets have not been read yet"
            raise VenueUnavailable(text, venue=self.name, request=symbol)
        if symbol not in self._instruments:
            raise InvariantBroken(f"lighter has no market {symbol}")
        return self._instruments[symbol]


def _own(write: SignedWrite) -> LighterWrite:
    if not isinstance(write, LighterWrite):
        raise InvariantBroken("a write another venue signed")
    return write


def _budget(
    limits: Literal["published", "off"], clock: Clock, priority_min: Priority
) -> RequestBudget:
    if limits == "off":
        return unlimited(VenueName.LIGHTER, clock.monotonic_s)
    return lighter_budget(clock.monotonic_s, priority_min=priority_min)


def _library_signer(access: Access, credentials: Credentials, clock: Clock) -> Signer:
    return LibrarySigner(
        credentials.private_key,
        account_index=credentials.slot.account_index,
        api_key_index=credentials.slot.key_index,
        chain_id=access.chain_id,
        now_ms=clock.now_ms,
    )
