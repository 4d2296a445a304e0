"""The seams: what the engine needs from the world.

Live, paper, demo, simulation and back-test differ only in these. Reads raise a `VenueError`; they
never answer with a stand-in. Writes return an `Outcome` and raise only `InvariantBroken` or
`NotAligned` (our own bug). Every call has a deadline inside the implementation.

`urgent` reads are those that something unguarded waits for: they may use what a request budget
keeps back for closes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from desk.core.account import Account, Leverage
from desk.core.book import Book, Quote
from desk.core.books import Movement
from desk.core.funding import FundingPayment, FundingPoint
from desk.core.market import Candle, FeeRates, Instrument, MarketStats
from desk.core.order import Fill, Order, OrderRequest, Outcome
from desk.core.stream import StreamEvent
from desk.core.venue import Health, VenueName

StreamListener = Callable[[StreamEvent], None]


class Clock(Protocol):
    """Wall time for stamps, monotonic time for durations."""

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...


class SignedWrite(Protocol):
    """A request signed and ready for the wire; opaque but for its id.

    Kept in memory only.
    """

    @property
    def client_id(self) -> str:
        """Return the id of the order it carries."""
        ...


class BookSource(Protocol):
    """A venue's own rows about our account, for the ledger.

    Every read is of the lowest priority: it raises `RateLimited` rather than use the room that an
    opening needs, else a `VenueError`; part of a list is never returned.
    """

    @property
    def account_id(self) -> str:
        """Return how the venue calls the account: ids of rows are unique in it."""
        ...

    async def account(self) -> Account:
        """Return equity and every open position."""
        ...

    async def fills(self, *, since_ms: int) -> Sequence[Fill]:
        """Return executions since `since_ms` (inclusive), oldest first, all pages."""
        ...

    async def payments(self, *, since_ms: int) -> Sequence[FundingPayment]:
        """Return funding since `since_ms` (inclusive), oldest first, all pages."""
        ...

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        """Return money that came in or went out since `since_ms` (inclusive), oldest first."""
        ...


class Venue(Protocol):
    """One exchange with one account of ours on it.

    Symbols are bare tickers as in the configuration ("BTC").
    """

    @property
    def name(self) -> VenueName:
        """Return which venue this is."""
        ...

    @property
    def books(self) -> BookSource:
        """Return the account's own rows, for the ledger."""
        ...

    # Life

    async def open(self) -> None:
        """Load metadata, check the credentials and the signer, start the private streams.

        Raises `VenueError`, `ConfigError`.
        """
        ...

    async def close(self) -> None:
        """Close sockets and threads.

        Safe to call twice, and after a failed `open`.
        """
        ...

    def listen(self, listener: StreamListener) -> None:
        """Call `listener` with every stream event from now on, in order, on the event loop.

        It must not raise or block.
        """
        ...

    def watch(self, symbols: Sequence[str]) -> None:
        """Stream books and statistics of exactly these symbols; the client (re)subscribes in the
        background."""
        ...

    # Public reads

    async def instruments(self) -> Mapping[str, Instrument]:
        """Return every perpetual by symbol, read anew."""
        ...

    async def market_stats(self) -> Mapping[str, MarketStats]:
        """Return statistics of every perpetual by symbol, in at most two requests."""
        ...

    def quote(self, symbol: str) -> Quote:
        """Return the streamed top of book of a watched symbol.

        Raises `StaleData` on a gap, silence, or an empty side.
        """
        ...

    def book(self, symbol: str) -> Book:
        """Return a copy of the streamed book of a watched symbol.

        Raises `StaleData` as `quote` does.
        """
        ...

    async def funding_history(
        self, symbol: str, *, since_ms: int, until_ms: int
    ) -> Sequence[FundingPoint]:
        """Return settled hours, oldest first."""
        ...

    async def candles(
        self, symbol: str, *, interval_s: int, since_ms: int, until_ms: int
    ) -> Sequence[Candle]:
        """Return bars, oldest first."""
        ...

    # Account reads

    async def account(self, *, urgent: bool = False) -> Account:
        """Return equity and every open position."""
        ...

    async def open_orders(
        self, symbol: str | None = None, *, urgent: bool = False
    ) -> Sequence[Order]:
        """Return resting orders and waiting triggers of one symbol or of all, whoever placed
        them."""
        ...

    async def find_order(self, symbol: str, client_id: str) -> Order | None:
        """Return the order with our id, live or gone; None when the venue does not know it (which
        proves nothing before the fence)."""
        ...

    async def fills(
        self, *, since_ms: int, symbol: str | None = None, urgent: bool = False
    ) -> Sequence[Fill]:
        """Return the account's executions since `since_ms` (inclusive), oldest first, all
        pages."""
        ...

    async def funding_payments(
        self, *, since_ms: int, symbol: str | None = None
    ) -> Sequence[FundingPayment]:
        """Return funding booked to the account since `since_ms` (inclusive), oldest first, all
        pages."""
        ...

    async def fees(self) -> FeeRates:
        """Return the fees this account pays now."""
        ...

    async def leverage(self, symbol: str) -> Leverage:
        """Return the symbol's setting as the venue has it (absent from Pacifica's settings means
        the market's maximum)."""
        ...

    def opening_wait_s(self) -> float:
        """Return how long our own request budget keeps an opening back: the last reads before it,
        leverage, order, verification and two top-ups.

        Seconds, zero when there is room now. A pair whose one order the budget refuses would be
        half a pair.
        """
        ...

    def health(self) -> Health:
        """Return how our requests have been answered lately; asks nobody."""
        ...

    # Writes

    async def sign(self, request: OrderRequest) -> SignedWrite:
        """Return the request signed, nothing sent; `RateLimited` where it could not go now.

        Raises `NotAligned` or `InvariantBroken` on a request that must not be sent, `VenueError`
        where it cannot be signed now.
        """
        ...

    async def send(self, write: SignedWrite) -> Outcome:
        """Send once what `sign` returned and say how it ended.

        Never retries, never raises a `VenueError`.
        """
        ...

    async def cancel(self, symbol: str, *, client_id: str) -> Outcome:
        """Cancel one order by our id.

        Rejected may mean that it is gone already: ask.
        """
        ...

    async def cancel_all(self, symbol: str | None = None) -> Outcome:
        """Cancel every order of one symbol, or of the account: the owner's too.

        Not for daily use.
        """
        ...

    async def set_leverage(self, symbol: str, *, value: int) -> Outcome:
        """Set cross margin and the multiple; Accepted is not yet true: read `leverage` back."""
        ...

    async def fence(self, *, past_life: bool) -> bool:
        """Return whether nothing of ours that was sent before can take effect any more.

        Does what it takes where the venue lets us, and says False where only time will. A read
        that begins after True tells all. `past_life`: a former process may have sent something,
        too. Never raises a `VenueError`: a venue that does not answer proves nothing.
        """
        ...
