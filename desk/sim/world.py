"""Both embedded venues, the markets that drive them, and the order in which things happen.

Reads no clock: `sync` is told the time, and every request handler calls it first. `run` keeps a
world going on any event loop. One instant is worked off in a fixed order (the exchanges' own
affairs, then what was scheduled, then the markets), so a seed and the instants of the requests
decide everything that happens.
"""

import asyncio
import heapq
import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from desk.core.funding import HourlyRate
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.sim.exchange import (
    Exchange,
    MarketSpec,
    VenueRules,
    lighter_market,
    lighter_rules,
    pacifica_market,
    pacifica_rules,
)
from desk.sim.history import make_past, past_instants
from desk.sim.market_model import MarketModel, Move, Profile, whole_steps
from desk.sim.market_table import DEFAULT_SYMBOLS, MARKET_ROWS, MarketRow
from desk.sim.pace import CALM, SWIFT, Pace
from desk.sim.showcase import is_liquid

PACES = {Profile.RECORD: CALM, Profile.SHOWCASE: SWIFT}
PAST_HOURS = {Profile.RECORD: 0, Profile.SHOWCASE: 48}
"""A demonstration begins in the midst of things, with volumes of a whole day."""

Action = Callable[[], None]


class Movements(Protocol):
    """Where prices come from; see `MarketModel`, which also knows the past."""

    def step(self, symbol: str, now_ms: int) -> tuple[Move, ...]:
        """Return what the market of `symbol` becomes on both venues at `now_ms`."""
        ...

    def shock(self, symbol: str, fraction: float) -> None:
        """Shift a symbol for good."""
        ...

    def dislocate(self, symbol: str, venue: VenueName, fraction: float) -> None:
        """Shift one venue alone for good."""
        ...


class World:
    """Two exchanges in one market.

    `exchanges` holds both by name; `now_ms` is how far the world has come; `pace` is how often
    something happens by itself.
    """

    def __init__(
        self,
        seed: int,
        *,
        start_ms: int,
        markets: Sequence[MarketRow] = MARKET_ROWS,
        profile: Profile = Profile.RECORD,
        pace: Pace | None = None,
        rules: Mapping[VenueName, VenueRules] | None = None,
        movements: Movements | None = None,
        past_hours: int | None = None,
    ) -> None:
        """Open both venues at `start_ms` with quoted books and no accounts.

        Pace and past are those of the profile, unless they are given. `movements` of the caller's
        take the place of the market model; such a world has no past.
        """
        self.seed = seed
        self.pace = pace = pace or PACES[profile]
        self.now_ms = start_ms
        self.profile = profile
        self.rows = {row.symbol: row for row in markets}
        book = rules or {}
        self.exchanges = {
            VenueName.LIGHTER: Exchange(
                book.get(VenueName.LIGHTER) or lighter_rules(),
                [lighter_market(row.venues[VenueName.LIGHTER].instrument) for row in markets],
                start_ms=start_ms,
            ),
            VenueName.PACIFICA: Exchange(
                book.get(VenueName.PACIFICA) or pacifica_rules(),
                [pacifica_market(row.venues[VenueName.PACIFICA].instrument) for row in markets],
                start_ms=start_ms,
            ),
        }
        self._movements: Movements = movements or MarketModel(
            seed, markets, start_ms=start_ms, profile=profile, pace=pace
        )
        self._turns = itertools.cycle(_turns(markets, pace))
        self._next_step_ms = start_ms + pace.step_ms
        self._scheduled: list[tuple[int, int, Action]] = []
        self._schedule_count = 0
        self._is_syncing = False
        self._clock: Clock | None = None
        self._alarm: _Alarm | None = None
        # How often each account's writer has voided what it sent before, and when each time (see
        # `SimVenue.fence`).
        self.fences: Counter[tuple[VenueName, int]] = Counter()
        self.fenced_at_ms: defaultdict[tuple[VenueName, int], list[int]] = defaultdict(list)
        self._has_past = False
        for exchange in self.exchanges.values():
            exchange.due_listeners.append(self._hurry)
        self._exchanges_due_ms = self._next_of_exchanges()
        for symbol, row in self.rows.items():
            self._move(symbol)
            self._set_open_interest(row)
        hours = PAST_HOURS[profile] if past_hours is None else past_hours
        if hours:
            self.backfill(hours)

    @property
    def lighter(self) -> Exchange:
        """Return Lighter's exchange."""
        return self.exchanges[VenueName.LIGHTER]

    @property
    def pacifica(self) -> Exchange:
        """Return Pacifica's exchange."""
        return self.exchanges[VenueName.PACIFICA]

    def spec(self, venue: VenueName, symbol: str) -> MarketSpec:
        """Return a market's constants; raises `KeyError` for one that is not listed."""
        return self.exchanges[venue].markets[symbol]

    # Time

    def sync(self, now_ms: int) -> None:
        """Let everything happen that is due up to and including `now_ms`.

        Calling it again with the same or an earlier instant changes nothing. Calls from inside an
        event or a scheduled action are ignored: the world is then already on its way. Whoever acts
        on an exchange calls this first and acts in the same breath, without an `await` between.
        """
        if self._is_syncing or now_ms < self.now_ms:
            return
        self._is_syncing = True
        if self.pace.catch_up_steps_max is not None:
            self._skip_steps(now_ms, self.pace.catch_up_steps_max)
        try:
            while (due_ms := self.next_due_ms()) <= now_ms:
                if due_ms > self.now_ms or due_ms >= self._exchanges_due_ms:
                    self._advance(max(due_ms, self.now_ms))
                self._run_scheduled()
                if self._next_step_ms <= self.now_ms:
                    self._step_market()
            if self.now_ms < now_ms:
                self._advance(now_ms)
        finally:
            self._is_syncing = False
        if self._alarm is not None:
            self._alarm.set(due_ms)

    def next_due_ms(self) -> int:
        """Return the next instant at which something happens of itself."""
        due_ms = min(self._next_step_ms, self._exchanges_due_ms)
        if self._scheduled and self._scheduled[0][0] < due_ms:
            due_ms = self._scheduled[0][0]
        return due_ms

    def time_ms(self) -> int:
        """Return the time that a running world is kept at, else how far it has come."""
        return self.now_ms if self._clock is None else max(self.now_ms, self._clock.now_ms())

    def schedule(self, at_ms: int, action: Action) -> None:
        """Run `action` when the world reaches `at_ms` (at its next move, if that has passed).

        What is scheduled belongs to the world: a request on the wire outlives its sender.
        """
        self._schedule_count += 1
        heapq.heappush(self._scheduled, (at_ms, self._schedule_count, action))
        if self._alarm is not None and not self._is_syncing:
            self._alarm.set(at_ms)

    async def run(self, clock: Clock) -> None:
        """Keep the world at the time of `clock`, until cancelled."""
        self._clock, self._alarm = clock, _Alarm(clock, self.sync)
        try:
            self.sync(clock.now_ms())
            await asyncio.get_running_loop().create_future()
        finally:
            self._alarm.stop()
            self._clock = self._alarm = None

    def _hurry(self) -> None:
        """Come in time for what an exchange has to do sooner than what it had before.

        The speed bump of an order is shorter than the steps of the markets.
        """
        self._exchanges_due_ms = self._next_of_exchanges()
        if self._alarm is not None and not self._is_syncing:
            self._alarm.set(self._exchanges_due_ms)

    def _next_of_exchanges(self) -> int:
        due = (exchange.next_due_ms() for exchange in self.exchanges.values())
        return min(at_ms for at_ms in due if at_ms is not None)

    def _advance(self, now_ms: int) -> None:
        for exchange in self.exchanges.values():
            exchange.advance(now_ms)
        if now_ms >= self._exchanges_due_ms:
            self._exchanges_due_ms = self._next_of_exchanges()
        self.now_ms = now_ms

    def _run_scheduled(self) -> None:
        while self._scheduled and self._scheduled[0][0] <= self.now_ms:
            heapq.heappop(self._scheduled)[2]()

    def _skip_steps(self, now_ms: int, most: int) -> None:
        """Let markets stand still for as long as there is too much to make up for; what else is due
        happens in its time."""
        step_ms = self.pace.step_ms
        behind = (now_ms - self._next_step_ms) // step_ms + 1
        if behind > most:
            self._next_step_ms += (behind - most) * step_ms

    def _step_market(self) -> None:
        for symbol in next(self._turns):
            self._move(symbol)
        self._next_step_ms += self.pace.step_ms

    def _move(self, symbol: str) -> None:
        for move in self._movements.step(symbol, self.now_ms):
            self._apply(move)

    def _apply(self, move: Move) -> None:
        exchange = self.exchanges[move.venue]
        for side, size in move.trades:
            exchange.print_ambient(move.symbol, side, size)
        exchange.set_market(
            move.symbol,
            index=move.index,
            mark=move.mark,
            bids=move.bids,
            asks=move.asks,
            premium=move.premium,
        )

    def _set_open_interest(self, row: MarketRow) -> None:
        for venue, side in row.venues.items():
            base = whole_steps(side.open_interest_usd / row.level, side.instrument.size_lot)
            self.exchanges[venue].set_open_interest(row.symbol, base)

    # History

    def backfill(self, hours: int) -> None:
        """Give every market a past of `hours`: settled funding, candles, a few last trades.

        Before time moves; prices then lead up to where the markets stand. A world that has a past
        keeps it.
        """
        model = self._movements
        if self._has_past or not isinstance(model, MarketModel):
            return
        self._has_past = True
        instants = past_instants(self.now_ms, hours)
        for symbol, row in self.rows.items():
            lived = model.live_past(symbol, instants)
            for venue, steps in lived.items():
                exchange = self.exchanges[venue]
                rng = random.Random(f"{self.seed}:{symbol}:{venue}:past")
                past = make_past(row.venues[venue], steps, rules=exchange.rules, rng=rng)
                exchange.backfill(symbol, funding=past.funding, bars=past.bars, trades=past.trades)
            self._move(symbol)

    # Acts of God

    def shock(self, symbol: str, pct: Decimal) -> None:
        """Move the price of `symbol` on both venues by a signed percentage, at once and for
        good."""
        self._movements.shock(symbol, float(pct) / 100)
        self._move(symbol)

    def set_mid(self, symbol: str, mid: Decimal, *, venue: VenueName | None = None) -> None:
        """Move the price of `symbol` to about `mid` USD: the book of Lighter, Pacifica's moving
        by the same percentage; or of `venue` alone, whose index then stays behind."""
        reference = venue or VenueName.LIGHTER
        mark = self.exchanges[reference].stats(symbol).mark
        if venue is None:
            self.shock(symbol, (mid / mark - 1) * 100)
            return
        self._movements.dislocate(symbol, venue, float(mid / mark) - 1)
        self._move(symbol)

    def set_funding(self, symbol: str, venue: VenueName, hourly: HourlyRate | None) -> None:
        """Make `venue` estimate and settle exactly this rate until told None."""
        self.exchanges[venue].pin_funding(symbol, hourly)


def _turns(rows: Sequence[MarketRow], pace: Pace) -> list[tuple[str, ...]]:
    """Return what moves at each step, until it begins anew."""
    symbols = [row.symbol for row in rows]
    favoured = [row.symbol for row in rows if row.symbol in DEFAULT_SYMBOLS and is_liquid(row)]
    others = [symbol for symbol in symbols if symbol not in favoured]
    every = pace.others_every
    if not every or not favoured or not others:
        return [(symbol,) for symbol in symbols]
    steps = math.lcm(len(favoured), len(others) * every)
    return [
        (favoured[step % len(favoured)], *_other(others, step, every)) for step in range(steps)
    ]


def _other(others: list[str], step: int, every: int) -> list[str]:
    return [] if step % every else [others[step // every % len(others)]]


class _Alarm:
    """Calls `ring` with the time at the instant it is set to. What that raises is the loop's to
    report; nothing rings after it."""

    def __init__(self, clock: Clock, ring: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._ring = ring
        self._set_to_ms: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at_ms: int) -> None:
        """Ring at `at_ms`; an alarm that rings sooner stays, whoever hears it sets it anew."""
        if self._set_to_ms is not None:
            if at_ms >= self._set_to_ms:
                return
            self.stop()
        self._set_to_ms = at_ms
        wait_s = max(0, at_ms - self._clock.now_ms()) / 1000
        self._timer = self._loop.call_later(wait_s, self._go_off)

    def stop(self) -> None:
        """Ring no more until set again."""
        self._set_to_ms = None
        if self._timer is not None:
            self._timer.cancel()

    def _go_off(self) -> None:
        self._set_to_ms = None
        self._ring(self._clock.now_ms())
