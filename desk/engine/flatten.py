"""Flatten one venue: look, close, cancel, look again, until a look proves that nothing is left.

The hands of `desk.core.flatten`. Never gives up before its bound, sends nothing that increases
(but for dust that goes through zero), and takes no word for flat but a look that is younger than
everything that could still act.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from desk.core.errors import RateLimited, VenueError
from desk.core.events import Verdict
from desk.core.flatten import (
    Close,
    Effort,
    Heard,
    Market,
    Sight,
    next_close,
    wait_ms,
    widenings_after,
)
from desk.core.order import NOT_SENT, Accepted, Outcome, Rejected, Unknown
from desk.core.ports import Clock
from desk.core.venue import VenueName

SETTLE_MS_EXTRA = 20  # what two requests in a row may differ by on their way
SECOND_LOOK_S = 0.02  # after the first, where that came too early
# The longest pause is the pace at which a minute's requests last a minute.
PAUSE_S_MIN, PAUSE_S_MAX = 0.1, 4.0
AWAY_S_MAX = 10.0  # a venue that does not answer for so long is reported, not waited for
PRICE_AGE_S = 5.0
WORK_S_MAX = 90.0  # more than the minute after which the venues' request budgets are fresh again

class Desk(Protocol):
    """One venue as a panic close needs it. Reads raise `VenueError`; what is sent never does.

    `symbol` limits what is cancelled; None: all.
    """

    symbol: str | None

    @property
    def name(self) -> VenueName:
        """Return which venue this is."""
        ...

    @property
    def settle_ms(self) -> int:
        """Return how long the venue usually holds back an order that takes."""
        ...

    @property
    def refused(self) -> str | None:
        """Return why the venue does not take our key, once it has said so."""
        ...

    async def prepare(self) -> None:
        """Ask ahead for what the first write needs; a failure shows in the write."""
        ...

    async def look(self) -> Sight:
        """Return every position and every order."""
        ...

    async def markets(self) -> Mapping[str, Market]:
        """Return every market with its mark."""
        ...

    async def act(
        self, closes: Sequence[Close], *, cancel: bool, void: bool, heard: Heard
    ) -> int:
        """Send every close; `cancel` every order; `void` what others have signed and not sent yet,
        as far as the venue lets us. Return when the last close left (ms), or what there was.

        `heard` is told each outcome as the answer comes.
        """
        ...

    async def fence(self, stopped_at_ms: int) -> bool:
        """Return whether nothing sent before `stopped_at_ms` by anybody who holds our keys can
        still act; False: not yet, or not known."""
        ...

    async def close(self) -> None:
        """Close what it holds open."""
        ...


class Watcher(Protocol):
    """Who is told what happens, as it happens."""

    def sent(self, venue: VenueName, close: Close | None, outcome: Outcome) -> None:
        """An order was answered; None: the cancel of all orders."""
        ...

    def moved(self, venue: VenueName, symbol: str, before: Decimal, now: Decimal) -> None:
        """A position is another than at the last look."""
        ...

    def failed(self, venue: VenueName, why: str) -> None:
        """A venue did not answer; told once for each new reason."""
        ...


@dataclass(slots=True)
class Flattener:
    """One venue's way to flat.

    `symbol` None: all. `stopped_at_ms` is when nobody else went on sending, None while that is not
    known; `in_doubt` says that something sent before then may still act. `failure` is why the last
    look failed.
    """

    desk: Desk
    clock: Clock
    watcher: Watcher
    symbol: str | None = None
    in_doubt: bool = False
    stopped_at_ms: int | None = None
    sight: Sight | None = None
    failure: str = "not looked at yet"
    markets: Mapping[str, Market] = field(default_factory=dict)
    sent_count: int = 0
    _efforts: dict[str, Effort] = field(default_factory=dict)
    _seen: Sight | None = None
    _provable_from_ms: int | None = None
    _cancelled_at_ms: int = 0
    _due_at_ms: int = 0
    _is_fresh: bool = False
    _answered_at_s: float = 0.0
    _priced_at_s: float = -PRICE_AGE_S
    _pause_s: float = PAUSE_S_MIN

    @property
    def name(self) -> VenueName:
        """Return which venue this is."""
        return self.desk.name

    @property
    def is_proved(self) -> bool:
        """Return whether the last look shows nothing, and nothing sent before it can still act."""
        if self.sight is None or self._provable_from_ms is None or self.stopped_at_ms is None:
            return False
        looked_at_ms = self.sight.asked_at_ms
        may_turn = any(row.may_turn(looked_at_ms) for row in self._efforts.values())
        is_young = looked_at_ms >= max(self._provable_from_ms, self.stopped_at_ms)
        return self.sight.is_flat and is_young and not self.in_doubt and not may_turn

    def left(self) -> str | None:
        """Return what is open or not known, None where the venue is proved flat."""
        if self.is_proved:
            return None
        if self.sight is None:
            return f"not known: {self.desk.refused or self.failure}"
        if not self.sight.is_flat:
            return self.sight.summary()
        return "nothing open when last seen, but what was sent before may still act"

    async def begin(self) -> None:
        """Take the first look, with all that the first orders need, in one round trip."""
        self._answered_at_s = self.clock.monotonic_s()
        await asyncio.gather(self._look(), self._price(), self.desk.prepare())

    async def run(self) -> None:
        """Close and cancel until proved, until a bound is met, or the venue refuses our keys."""
        end_s = self.clock.monotonic_s() + WORK_S_MAX
        while not self.is_proved:
            await self._act()
            is_over = self.clock.monotonic_s() > min(end_s, self._answered_at_s + AWAY_S_MAX)
            if is_over or self.desk.refused is not None:
                return
            await self._wait()
            await self._clear_doubt()
            await asyncio.gather(self._look(), self._price())

    def plan(self) -> list[Close]:
        """Return what would be sent now."""
        if self.sight is None:
            return []
        now_ms = self.clock.now_ms()
        wanted = (
            next_close(market, row.size, self._efforts.get(row.symbol), now_ms)
            for row in self.sight.positions
            if (market := self.markets.get(row.symbol)) is not None
        )
        return [close for close in wanted if close is not None]

    async def _act(self) -> None:
        """Send what is due. The first time that also voids what somebody signed before."""
        if self.sight is None:
            return
        now_ms, settle_ms = self.clock.now_ms(), self.desk.settle_ms
        is_first = self._provable_from_ms is None
        has_waited = now_ms >= self._cancelled_at_ms + wait_ms(settle_ms)
        closes, cancel = self.plan(), bool(self.sight.orders) and has_waited
        if not closes and not cancel and not is_first:
            return
        if cancel:
            self._cancelled_at_ms = now_ms
        if is_first:
            self._provable_from_ms = now_ms + settle_ms + SETTLE_MS_EXTRA
        left_at_ms = await self.desk.act(
            closes, cancel=cancel, void=is_first, heard=self._hear
        )
        self._due_at_ms = left_at_ms + settle_ms + SETTLE_MS_EXTRA
        self._is_fresh = True

    def _hear(self, close: Close | None, outcome: Outcome) -> None:
        """Note how an order was answered; one that never left counts as no try."""
        self.watcher.sent(self.name, close, outcome)
        if close is None or (isinstance(outcome, Rejected) and outcome.code == NOT_SENT):
            return
        assert self.sight is not None, "nothing is sent unseen"
        self.sent_count += 1
        widenings = widenings_after(self._efforts.get(close.symbol))
        until_ms = self.clock.now_ms() + wait_ms(self.desk.settle_ms, widenings)
        if isinstance(outcome, Unknown) and close.through:
            until_ms = max(until_ms, outcome.expires_at_ms)
        self._efforts[close.symbol] = Effort(
            close=close,
            held=self.sight.size_of(close.symbol),
            verdict=verdict_of(outcome),
            may_act_until_ms=until_ms,
            widenings=widenings,
        )

    async def _wait(self) -> None:
        """Wait until what was sent has settled, or has had its time; else longer each time."""
        pause_s = (self._due_at_ms - self.clock.now_ms()) / 1000
        if pause_s <= 0 and self._is_fresh:
            pause_s, self._is_fresh = SECOND_LOOK_S, False
        elif pause_s <= 0:
            pause_s = max(self._patience_s(), self._pause_s)
            self._pause_s = min(2 * self._pause_s, PAUSE_S_MAX)
        await asyncio.sleep(min(pause_s, PAUSE_S_MAX))

    def _patience_s(self) -> float:
        """Return until when the next of what was sent, and shows no effect, is given."""
        now_ms = self.clock.now_ms()
        sizes = {} if self.sight is None else {row.symbol: row.size for row in self.sight.positions}
        left_ms = [
            effort.may_act_until_ms - now_ms
            for symbol, effort in self._efforts.items()
            if symbol in sizes and effort.is_open(sizes[symbol], now_ms)
        ]
        return min(left_ms, default=0) / 1000

    async def _clear_doubt(self) -> None:
        """Fence the venue once all seems flat and nobody else goes on sending."""
        if not self.in_doubt or self.stopped_at_ms is None:
            return
        if self.sight is not None and self.sight.is_flat:
            self.in_doubt = not await self.desk.fence(self.stopped_at_ms)

    async def _look(self) -> None:
        try:
            sight = (await self.desk.look()).only(self.symbol)
        except RateLimited as error:
            self._answered_at_s = self.clock.monotonic_s()  # it is there, and wants patience
            self._pause_s = min(error.retry_after_s, PAUSE_S_MAX)
            self._blind(str(error))
            return
        except VenueError as error:
            self._blind(str(error))
            return
        self._answered_at_s = self.clock.monotonic_s()
        if self._seen is not None:
            self._tell_moves(self._seen, sight)
        self.sight = self._seen = sight

    def _blind(self, why: str) -> None:
        self.sight = None
        self._note_failure(why)

    def _note_failure(self, why: str) -> None:
        if why != self.failure:
            self.watcher.failed(self.name, why)
        self.failure = why

    def _tell_moves(self, before: Sight, now: Sight) -> None:
        symbols = dict.fromkeys(row.symbol for row in (*before.positions, *now.positions))
        for symbol in symbols:
            was, size = before.size_of(symbol), now.size_of(symbol)
            if was != size:
                self._pause_s = PAUSE_S_MIN
                self.watcher.moved(self.name, symbol, was, size)

    async def _price(self) -> None:
        """Read the marks where they are needed and old; an old one is better than none."""
        is_old = self.clock.monotonic_s() - self._priced_at_s > PRICE_AGE_S
        is_needed = self._seen is None or bool(self._seen.positions)
        if not is_needed or (self.markets and not is_old):
            return
        try:
            self.markets = await self.desk.markets()
        except VenueError as error:
            if not self.markets:
                self._note_failure(str(error))
            return
        self._priced_at_s = self.clock.monotonic_s()


def verdict_of(outcome: Outcome) -> Verdict:
    """Return how a write ended, as one word."""
    if isinstance(outcome, Accepted):
        return Verdict.ACCEPTED
    return Verdict.REJECTED if isinstance(outcome, Rejected) else Verdict.UNKNOWN
