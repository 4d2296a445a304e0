"""One market's memory: public trades, bars, and the last 24 hours in figures.

Bounded: `TRADES_KEPT_MAX` trades, `MINUTES_KEPT_MAX` one-minute bars, `HOURS_KEPT_MAX` hourly bars.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from desk.sim.exchange.views import Bar, Trade

TRADES_KEPT_MAX = 1_000
MINUTES_KEPT_MAX = 4_000
HOURS_KEPT_MAX = 24 * 90
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
ZERO = Decimal(0)


@dataclass(slots=True)
class _OpenBar:
    """A bar still being drawn."""

    open_at_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    trades: int = 0
    last_trade_id: int = 0

    def add(self, bar: Bar) -> None:
        """Take a later or equal, finer bar in."""
        self.high, self.low = max(self.high, bar.high), min(self.low, bar.low)
        self.close = bar.close
        self.volume += bar.volume
        self.quote_volume += bar.quote_volume
        self.trades += bar.trades
        self.last_trade_id = bar.last_trade_id or self.last_trade_id

    def move(self, price: Decimal) -> None:
        """Let the price be `price` now."""
        self.close = price
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price

    def done(self) -> Bar:
        """Return the bar as it stands."""
        return Bar(
            open_at_ms=self.open_at_ms,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            quote_volume=self.quote_volume,
            trades=self.trades,
            last_trade_id=self.last_trade_id,
        )


class BarSeries:
    """Bars of one width, the last of them open."""

    __slots__ = ("_bars", "_open", "width_ms")

    def __init__(self, width_ms: int, kept_max: int) -> None:
        """Keep `kept_max` finished bars of `width_ms`."""
        self.width_ms = width_ms
        self._bars: deque[Bar] = deque(maxlen=kept_max)
        self._open: _OpenBar | None = None

    def at(self, now_ms: int, price: Decimal) -> _OpenBar:
        """Return the open bar of `now_ms`, closing the one before; `price` opens a new one."""
        start = now_ms - now_ms % self.width_ms
        bar = self._open
        if bar is None or bar.open_at_ms != start:
            if bar is not None:
                self._bars.append(bar.done())
            bar = self._open = _OpenBar(start, price, price, price, price)
        return bar

    def load(self, bars: Iterable[Bar]) -> None:
        """Put older bars (oldest first, of this width or finer) in front of what is here."""
        older = list(_gathered(bars, self.width_ms))
        self._bars = deque([*older, *self._bars], maxlen=self._bars.maxlen)

    def __iter__(self) -> Iterator[Bar]:
        """Yield bars oldest first, the open one last."""
        yield from self._bars
        if self._open is not None:
            yield self._open.done()


@dataclass(slots=True)
class _Extreme:
    """The largest of values times `sign` over a sliding window, by a monotonic queue."""

    sign: int
    queue: deque[tuple[int, Decimal]] = field(default_factory=deque)

    def add(self, at_ms: int, price: Decimal) -> None:
        """Let `price` be seen at `at_ms`."""
        value = price * self.sign
        while self.queue and self.queue[-1][1] <= value:
            self.queue.pop()
        self.queue.append((at_ms, value))

    def since(self, at_ms: int) -> Decimal | None:
        """Return the extreme from `at_ms` on, forgetting what is older."""
        while self.queue and self.queue[0][0] < at_ms:
            self.queue.popleft()
        return self.queue[0][1] * self.sign if self.queue else None


class Day:
    """Sums and extremes of the last 24 hours, minute by minute."""

    __slots__ = ("_high", "_low", "_minutes", "count", "quote_volume", "volume")

    def __init__(self) -> None:
        """Start empty."""
        self._minutes: deque[_OpenBar] = deque()
        self._high, self._low = _Extreme(1), _Extreme(-1)
        self.volume = self.quote_volume = ZERO
        self.count = 0

    def add(self, bar: Bar) -> None:
        """Count a trade (a bar of one) or a whole bar at its opening minute."""
        start = bar.open_at_ms - bar.open_at_ms % MINUTE_MS
        if not self._minutes or self._minutes[-1].open_at_ms != start:
            self._minutes.append(_OpenBar(start, bar.open, bar.high, bar.low, bar.close))
        self._minutes[-1].add(bar)
        self._high.add(start, bar.high)
        self._low.add(start, bar.low)
        self.volume += bar.volume
        self.quote_volume += bar.quote_volume
        self.count += bar.trades

    def forget(self, now_ms: int) -> None:
        """Drop minutes that are more than 24 hours old."""
        while self._minutes and self._minutes[0].open_at_ms < now_ms - DAY_MS:
            old = self._minutes.popleft()
            self.volume -= old.volume
            self.quote_volume -= old.quote_volume
            self.count -= old.trades

    def high(self, now_ms: int) -> Decimal | None:
        """Return the highest trade price of the last 24 hours."""
        return self._high.since(now_ms - DAY_MS)

    def low(self, now_ms: int) -> Decimal | None:
        """Return the lowest trade price of the last 24 hours."""
        return self._low.since(now_ms - DAY_MS)

    @property
    def opening(self) -> Decimal | None:
        """Return the first price still remembered: that of 24 hours ago once there are so many."""
        return self._minutes[0].open if self._minutes else None


class Tape:
    """Everything public that happened in one market."""

    __slots__ = ("_marks", "_series", "day", "last", "trades")

    def __init__(self) -> None:
        """Start without history."""
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT_MAX)
        self.last: Decimal | None = None
        self.day = Day()
        self._series = _both_widths()
        self._marks = _both_widths()

    def print(self, trade: Trade, *, moves_price: bool = True) -> None:
        """Record a trade; one off the book (a take-over) does not move price or volume."""
        self.trades.append(trade)
        if not moves_price:
            return
        self.last = price = trade.price
        single = Bar(
            trade.at_ms, price, price, price, price,
            trade.size, trade.size * price, 1, trade.trade_id,
        )  # fmt: skip
        for series in self._series:
            series.at(trade.at_ms, price).add(single)
        self.day.add(single)

    def mark(self, now_ms: int, price: Decimal) -> None:
        """Let the mark be `price` from `now_ms`."""
        for series in self._marks:
            series.at(now_ms, price).move(price)

    def load(self, bars: Iterable[Bar], trades: Iterable[Trade]) -> None:
        """Put history in front: one-minute bars and trades, oldest first."""
        older = list(bars)
        for series in (*self._series, *self._marks):
            series.load(older)
        if older:
            self.day = Day()
            for bar in self._series[0]:
                self.day.add(bar)
        self.trades = deque([*trades, *self.trades], maxlen=TRADES_KEPT_MAX)
        if self.last is None and older:
            self.last = older[-1].close

    def bars(self, interval_ms: int, *, of_mark: bool) -> Iterator[Bar]:
        """Yield bars of `interval_ms` oldest first, from the coarsest series that divides it."""
        minutes, hours = self._marks if of_mark else self._series
        return _gathered(hours if interval_ms % HOUR_MS == 0 else minutes, interval_ms)

    def recent(self, limit: int) -> tuple[Trade, ...]:
        """Return trades, newest first."""
        return tuple(islice(reversed(self.trades), limit))


def _both_widths() -> tuple[BarSeries, BarSeries]:
    return BarSeries(MINUTE_MS, MINUTES_KEPT_MAX), BarSeries(HOUR_MS, HOURS_KEPT_MAX)


def _gathered(bars: Iterable[Bar], width_ms: int) -> Iterator[Bar]:
    """Yield bars of `width_ms` made of finer ones, which come oldest first."""
    gathered: _OpenBar | None = None
    for bar in bars:
        start = bar.open_at_ms - bar.open_at_ms % width_ms
        if gathered is None or gathered.open_at_ms != start:
            if gathered is not None:
                yield gathered.done()
            gathered = _OpenBar(start, bar.open, bar.high, bar.low, bar.close)
        gathered.add(bar)
    if gathered is not None:
        yield gathered.done()
