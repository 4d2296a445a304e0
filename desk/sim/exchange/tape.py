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
class _Drawn:
    """A bar as it is drawn; who reads it gets a `Bar`."""

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

    def seen(self) -> Bar:
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

    __slots__ = ("_bars", "width_ms")

    def __init__(self, width_ms: int, kept_max: int) -> None:
        """Keep `kept_max` finished bars of `width_ms`."""
        self.width_ms = width_ms
        self._bars: deque[_Drawn] = deque(maxlen=kept_max + 1)

    def at(self, now_ms: int, price: Decimal) -> _Drawn:
        """Return the open bar of `now_ms`, closing the one before; `price` opens a new one."""
        start, bars = now_ms - now_ms % self.width_ms, self._bars
        if bars and bars[-1].open_at_ms == start:
            return bars[-1]
        bar = _Drawn(start, price, price, price, price)
        bars.append(bar)
        return bar

    def load(self, bars: Iterable[Bar]) -> None:
        """Put older bars (oldest first, of this width or finer) in front of what is here."""
        older = _gathered(bars, self.width_ms)
        self._bars = deque([*older, *self._bars], maxlen=self._bars.maxlen)

    def __iter__(self) -> Iterator[Bar]:
        """Yield bars oldest first, the open one last."""
        return (bar.seen() for bar in self._bars)


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

    def forget(self, before_ms: int) -> None:
        """Drop what was seen before an instant."""
        while self.queue and self.queue[0][0] < before_ms:
            self.queue.popleft()

    @property
    def price(self) -> Decimal | None:
        """Return the extreme of what is remembered, None without any."""
        return self.queue[0][1] * self.sign if self.queue else None


class Day:
    """Sums and extremes of the last 24 hours, minute by minute, as of the last `add` or `forget`.

    `high`, `low` and `opening` are trade prices, None without a trade: the extremes, and the first
    still remembered, which is that of 24 hours ago once there are so many. They are kept at hand,
    because they are asked for far more often than they change.
    """

    __slots__ = (
        "_highs", "_lows", "_minutes", "count", "high", "low", "opening", "quote_volume", "volume",
    )  # fmt: skip

    def __init__(self) -> None:
        """Start empty."""
        self._minutes: deque[_Drawn] = deque()
        self._highs, self._lows = _Extreme(1), _Extreme(-1)
        self.high: Decimal | None = None
        self.low: Decimal | None = None
        self.opening: Decimal | None = None
        self.volume = self.quote_volume = ZERO
        self.count = 0

    def add(self, bar: Bar) -> None:
        """Count a trade (a bar of one) or a whole bar at its opening minute."""
        start = bar.open_at_ms - bar.open_at_ms % MINUTE_MS
        if not self._minutes or self._minutes[-1].open_at_ms != start:
            self._minutes.append(_Drawn(start, bar.open, bar.high, bar.low, bar.close))
        self._minutes[-1].add(bar)
        self._highs.add(start, bar.high)
        self._lows.add(start, bar.low)
        self.volume += bar.volume
        self.quote_volume += bar.quote_volume
        self.count += bar.trades
        self._look()

    def forget(self, now_ms: int) -> None:
        """Drop minutes that are more than 24 hours old."""
        since_ms = now_ms - DAY_MS
        if not self._minutes or self._minutes[0].open_at_ms >= since_ms:
            return
        while self._minutes and self._minutes[0].open_at_ms < since_ms:
            old = self._minutes.popleft()
            self.volume -= old.volume
            self.quote_volume -= old.quote_volume
            self.count -= old.trades
        self._highs.forget(since_ms)
        self._lows.forget(since_ms)
        self._look()

    def _look(self) -> None:
        self.high, self.low = self._highs.price, self._lows.price
        self.opening = self._minutes[0].open if self._minutes else None


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
        finer = hours if interval_ms % HOUR_MS == 0 else minutes
        return (bar.seen() for bar in _gathered(finer, interval_ms))

    def recent(self, limit: int) -> tuple[Trade, ...]:
        """Return trades, newest first."""
        return tuple(islice(reversed(self.trades), limit))


def _both_widths() -> tuple[BarSeries, BarSeries]:
    return BarSeries(MINUTE_MS, MINUTES_KEPT_MAX), BarSeries(HOUR_MS, HOURS_KEPT_MAX)


def _gathered(bars: Iterable[Bar], width_ms: int) -> Iterator[_Drawn]:
    """Yield bars of `width_ms` made of finer ones, which come oldest first."""
    gathered: _Drawn | None = None
    for bar in bars:
        start = bar.open_at_ms - bar.open_at_ms % width_ms
        if gathered is None or gathered.open_at_ms != start:
            if gathered is not None:
                yield gathered
            gathered = _Drawn(start, bar.open, bar.high, bar.low, bar.close)
        gathered.add(bar)
    if gathered is not None:
        yield gathered
