"""What begins at a strike and lasts, and what is done to the account by others.

Acts on the venues of a stage from outside, as the world would; the bot is told nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import product

from desk.core.account import MarginMode
from desk.core.events import Command
from desk.core.order import OrderRequest, Side
from desk.core.venue import VenueName
from desk.sim.exchange import FillCause, NewOrder, Refusal, TimeInForce
from desk.sim.sim_feed import PrivateTwist
from desk.sim.sim_words import account_of
from desk.storm.stage import ACCOUNT, SYMBOLS, Stage
from desk.storm.strikes import LIES, Kind, Strike

OWNER_BAND = Decimal("0.03")
OWNER_ORDER_AWAY = Decimal("0.02")
EMPTY_AWAY = Decimal("0.012")
BOOK_DEPTH = 20
EVERYBODY = tuple(VenueName)
COMMANDS = {
    Kind.SAY_PAUSE: Command.PAUSE,
    Kind.SAY_RESUME: Command.RESUME,
    Kind.SAY_CLOSE: Command.CLOSE,
    Kind.SAY_STOP: Command.STOP,
    Kind.SAY_LEAVE: Command.LEAVE,
    Kind.SAY_HALT: Command.HALT,
}
TWISTS: dict[Kind, PrivateTwist] = {
    Kind.DOUBLED: lambda events: [event for event in events for _ in range(2)],
    Kind.REVERSED: lambda events: events[::-1],
    Kind.GAPPED: lambda events: [],
}


class Weather:
    """Carries out the strikes that are not about one effect."""

    def __init__(
        self,
        stage: Stage,
        *,
        say: Callable[[Command], None],
        changed: Callable[[], None],
    ) -> None:
        """`say` speaks as the bot's owner; `changed` is called when an outage begins or ends."""
        self._stage = stage
        self._say = say
        self._changed = changed
        self._out_until_ms = dict.fromkeys(VenueName, 0)
        self._out_since_ms = dict.fromkeys(VenueName, 0)

    def out_since_ms(self, venue: VenueName) -> int:
        """Return when a venue's last outage began, ms UTC."""
        return self._out_since_ms[venue]

    def is_out(self, venue: VenueName) -> bool:
        """Return whether a venue refuses every connection."""
        return self._stage.world.time_ms() < self._out_until_ms[venue]

    def begin(self, strike: Strike) -> None:
        """Let one thing begin or happen now."""
        self._stage.world.sync(self._stage.world.time_ms())
        kind = strike.kind
        venues = EVERYBODY if strike.venue is None else (strike.venue,)
        if kind in COMMANDS:
            self._say(COMMANDS[kind])
        elif kind is Kind.OUTAGE:
            self._go_out(venues, strike.amount)
        elif kind in (Kind.SILENT, Kind.CUT):
            self._break_streams(venues, strike)
        elif kind in TWISTS:
            self._twist_streams(venues, strike)
        elif kind in LIES:
            self._begin_to_lie(venues, strike)
        elif kind is Kind.ISOLATED:
            self._isolate(venues)
        elif kind is Kind.DISK_FULL:
            self._fill_disk(strike.amount)
        elif kind is Kind.SKEW:
            self._stage.our_clock.skew_ms = round(strike.amount * 1000)
        elif kind is Kind.SHOCK:
            self._stage.world.shock(self._symbol(), Decimal(str(strike.amount)))
        else:
            for venue in venues[:1]:
                self._lay_hand_on(venue, strike)

    def calm(self) -> None:
        """End everything that lasts."""
        self._out_until_ms = dict.fromkeys(VenueName, 0)
        self._changed()
        self._stage.disk.is_full = False
        self._stage.our_clock.skew_ms = 0
        for lies in self._stage.lies.values():
            lies.end()
        for feed in self._stage.feeds.values():
            feed.twist = None
            feed.mend()

    # Venues and streams

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._stage.world.schedule(self._stage.world.time_ms() + round(seconds * 1000), action)

    def _go_out(self, venues: tuple[VenueName, ...], seconds: float) -> None:
        until_ms = self._stage.world.time_ms() + round(seconds * 1000)
        for venue in venues:
            if not self.is_out(venue):
                self._out_since_ms[venue] = self._stage.world.time_ms()
            self._out_until_ms[venue] = max(self._out_until_ms[venue], until_ms)
            feed = self._stage.feeds.get(venue)
            if feed is not None:
                feed.cut("connection refused")
        self._changed()
        self._after(seconds, lambda: self._come_back(venues))

    def _come_back(self, venues: tuple[VenueName, ...]) -> None:
        self._changed()
        for venue in venues:
            if not self.is_out(venue) and venue in self._stage.feeds:
                self._stage.feeds[venue].mend()

    def _break_streams(self, venues: tuple[VenueName, ...], strike: Strike) -> None:
        for venue in venues:
            feed = self._stage.feeds.get(venue)
            if feed is None:
                continue
            if strike.kind is Kind.SILENT:
                feed.silence()
            else:
                feed.cut()
        self._after(strike.amount, lambda: self._come_back(venues))

    def _twist_streams(self, venues: tuple[VenueName, ...], strike: Strike) -> None:
        twisted = [self._stage.feeds[venue] for venue in venues if venue in self._stage.feeds]

        def straighten() -> None:
            for feed in twisted:
                feed.twist = None

        for feed in twisted:
            feed.twist = TWISTS[strike.kind]
        self._after(strike.amount, straighten)

    def _begin_to_lie(self, venues: tuple[VenueName, ...], strike: Strike) -> None:
        """Let reads of the account show nothing, or no more than now."""
        now_ms = self._stage.world.time_ms()
        for venue in venues:
            lies = self._stage.lies[venue]
            if strike.kind is Kind.BLANK:
                lies.show_nothing(strike.amount)
            else:
                view = self._stage.world.exchanges[venue].account(ACCOUNT)
                lies.show_old(account_of(view, asked_at_ms=now_ms, at_ms=now_ms), strike.amount)

    def _fill_disk(self, seconds: float) -> None:
        disk = self._stage.disk
        disk.is_full = True

        def empty() -> None:
            disk.is_full = False

        self._after(seconds, empty)

    # The account

    def _symbol(self) -> str:
        """Return the symbol that is held, else the first."""
        for symbol in SYMBOLS:
            if any(self._stage.held(venue, symbol) for venue in VenueName):
                return symbol
        return SYMBOLS[0]

    def _isolate(self, venues: tuple[VenueName, ...]) -> None:
        """Let the account have isolated margin at 1x, where a venue lets it be set."""
        for venue, symbol in product(venues, SYMBOLS):
            exchange = self._stage.world.exchanges[venue]
            with suppress(Refusal):
                exchange.set_margin_mode(ACCOUNT, symbol, MarginMode.ISOLATED)
                exchange.set_leverage(ACCOUNT, symbol, initial_margin_fraction=Decimal(1))

    def _lay_hand_on(self, venue: VenueName, strike: Strike) -> None:
        """Let the venue or the owner change what the account holds; a refusal leaves it as is."""
        symbol = self._symbol()
        exchange = self._stage.world.exchanges[venue]
        held = self._stage.held(venue, symbol)
        try:
            if strike.kind is Kind.OWNER_ORDER:
                exchange.submit(ACCOUNT, self._resting(venue, symbol))
            elif not held:
                return
            elif strike.kind is Kind.LIQUIDATED:
                share = Decimal(str(strike.amount or 1))
                exchange.liquidate(ACCOUNT, symbol, share, cause=FillCause.LIQUIDATION)
            elif strike.kind is Kind.DELEVERAGED:
                exchange.liquidate(ACCOUNT, symbol, Decimal("0.5"), cause=FillCause.DELEVERAGE)
            else:
                size = abs(held) * Decimal(str(strike.amount))
                adds = strike.kind is Kind.OWNER_ADDS
                side = Side.BUY if (held > 0) == adds else Side.SELL
                exchange.submit(ACCOUNT, self._by_hand(venue, symbol, side, size))
        except Refusal:
            return

    def _by_hand(self, venue: VenueName, symbol: str, side: Side, size: Decimal) -> NewOrder:
        """Return the owner's hurried click."""
        spec = self._stage.world.spec(venue, symbol).instrument
        mark = self._stage.world.exchanges[venue].stats(symbol).mark
        return NewOrder(
            symbol=symbol,
            side=side,
            size=spec.size_up(max(size, spec.size_floor(mark))),
            price=spec.price_down(mark * (1 + side.sign * OWNER_BAND)),
            tif=TimeInForce.IOC,
        )

    def thin_book(self, venue: VenueName, order: OrderRequest, *, without: float) -> None:
        """Leave less in the book than an order needs, `without` a share of it, for a minute."""
        self._stage.world.sync(self._stage.world.time_ms())
        exchange = self._stage.world.exchanges[venue]
        spec = exchange.markets[order.symbol].instrument
        stats = exchange.stats(order.symbol)
        against = order.side.opposite
        away = stats.mark * (1 + order.side.sign * EMPTY_AWAY)
        far = (spec.price_down(away), spec.size_up(order.size * 10))
        near = exchange.levels(order.symbol, against, 1)
        left = spec.size_down(order.size * Decimal(str(round(1 - without, 3))))
        levels = [(near[0][0], left), far] if near and left else [far]
        same = exchange.levels(order.symbol, order.side, BOOK_DEPTH)
        exchange.set_market(
            order.symbol,
            index=stats.index,
            mark=stats.mark,
            bids=same if order.side is Side.BUY else levels,
            asks=levels if order.side is Side.BUY else same,
            premium=Decimal(0),
        )

    def _resting(self, venue: VenueName, symbol: str) -> NewOrder:
        """Return an order of the owner's that waits for a better price."""
        spec = self._stage.world.spec(venue, symbol).instrument
        mark = self._stage.world.exchanges[venue].stats(symbol).mark
        price = spec.price_down(mark * (1 - OWNER_ORDER_AWAY))
        return NewOrder(symbol, Side.BUY, spec.size_up(spec.size_floor(price) * 2), price)
