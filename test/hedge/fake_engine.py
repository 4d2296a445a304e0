"""A small engine with two small venues, to drive `decide` through thousands of random but legal
answers.

Legal means: what a real venue may do. Orders fill in part or not at all, land late, lose their
answer; triggers fire, on one venue alone or in part, are refused, and cancelled by strangers; rows
of fills come late; venues go away; the process dies and starts from its saved state. Every order
and every state is checked against the rules that keep money safe.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

import msgspec

from desk.core.actions import (
    CancelOrders,
    Exit,
    ReadAccounts,
    ReadMarkets,
    RestOrders,
    SendOrders,
    VenueOrder,
)
from desk.core.events import (
    AccountsRead,
    ActionBroke,
    Command,
    Event,
    MarketsRead,
    MarkView,
    OrderReport,
    OrdersSettled,
    OwnerAsked,
    Tick,
    VenueAccount,
    Verdict,
)
from desk.core.market import step_down
from desk.core.order import Fill, Order, OrderKind, OrderStatus, Side
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.events import Started
from desk.hedge.machine import decide, watch
from desk.hedge.orders import REQUEST_LIFE_MS
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Hedge, Intent, Phase, Role
from test.hedge import builders as b

NEVER_MS = 1 << 62
Asked = ReadMarkets | ReadAccounts | SendOrders | RestOrders | CancelOrders
HALTED_PHASES = (Phase.RECOVER, Phase.CLOSE, Phase.HALT)


@dataclass(slots=True)
class Sent:
    """An order on its way or at the venue: when it takes effect, and how much of it fills."""

    order: VenueOrder
    lands_at_ms: int
    share: Decimal
    expires_at_ms: int
    has_landed: bool = False
    is_final: bool = False
    filled: Decimal = Decimal(0)

    @property
    def rests(self) -> bool:
        """Return whether it is a trigger that waits at the venue."""
        return self.is_trigger and self.has_landed and not self.is_final

    @property
    def is_trigger(self) -> bool:
        """Return whether it waits for the mark."""
        return self.order.request.kind is not OrderKind.LIMIT

    def is_reached(self, mark: Decimal) -> bool:
        """Return whether the mark is where it fires."""
        request = self.order.request
        assert request.trigger_price is not None
        upwards = (request.side is Side.BUY) == (request.kind is OrderKind.STOP)
        return mark >= request.trigger_price if upwards else mark <= request.trigger_price


@dataclass(slots=True)
class FakeVenue:
    """One venue: a position in one symbol, orders by id, rows of fills that may come late."""

    name: VenueName
    random: Random
    calm: bool = False
    away_until_ms: int = 0
    mark: Decimal = b.MID
    by_owner: Decimal = Decimal(0)
    lot: Decimal = Decimal("0.0001")
    orders: dict[str, Sent] = field(default_factory=dict)
    fills: list[tuple[int, Fill]] = field(default_factory=list)

    @property
    def ours(self) -> Decimal:
        """Return the net of our own fills, signed."""
        return sum(
            (row.filled * row.order.request.side.sign for row in self.orders.values()), Decimal(0)
        )

    @property
    def position(self) -> Decimal:
        """Return what the account shows, signed."""
        return self.ours + self.by_owner

    def land(self, now_ms: int) -> None:
        """Let every request take effect whose time has come."""
        for row in self.orders.values():
            if not row.has_landed and row.lands_at_ms <= now_ms:
                row.has_landed = True
                if not row.is_trigger:
                    row.is_final = True
                    self._execute(row, now_ms)
            if row.rests and row.is_reached(self.mark):
                row.is_final = True
                self._execute(row, now_ms)

    def cancel(self, client_id: str) -> None:
        """Take away a trigger that rests."""
        row = self.orders.get(client_id)
        if row is not None and row.rests:
            row.is_final = True

    def _execute(self, row: Sent, now_ms: int) -> None:
        request = row.order.request
        size = step_down(request.size * row.share, self.lot)
        if request.reduce_only:
            opposite = -self.position * request.side.sign
            size = min(size, max(opposite, Decimal(0)))
        if size:
            row.filled = size
            self._book(request.client_id, request.side, size, now_ms)

    def _book(self, client_id: str | None, side: Side, size: Decimal, now_ms: int) -> None:
        late_ms = 0 if self.calm else self.random.choice((0, 0, 0, 1500, 4000))
        row = b.fill(client_id, side, size, at_ms=now_ms, price=self.mark)
        self.fills.append((now_ms + late_ms, replace(row, fill_id=str(len(self.fills)))))

    def trade_by_owner(self, size: Decimal, now_ms: int) -> None:
        """Let somebody else change the position by `size`, signed."""
        self.by_owner += size
        self._book(None, Side.BUY if size > 0 else Side.SELL, abs(size), now_ms)

    def read(self, action: ReadAccounts, now_ms: int) -> VenueAccount:
        """Return the whole truth, but for rows that are late."""
        row = b.close_look(self.name, now_ms) if action.leverage else b.seen(at_ms=now_ms)
        held = [b.position(self.position)] if self.position else []
        is_fenced = self.name in action.fence and self._fence(now_ms)
        shown = tuple(fill for since_ms, fill in self.fills if since_ms <= now_ms)
        is_asked = action.since_ms is not None
        return replace(
            row,
            account=b.account(*held, at_ms=now_ms),
            fills=shown if is_asked else None,
            payments=() if is_asked else None,
            orders=self._open_orders() if action.orders else None,
            is_fenced=is_fenced,
            quote=b.quote(mid=self.mark, at_ms=now_ms),
            stats=replace(row.stats or b.stats(), mark=self.mark, index=self.mark),
        )

    def _open_orders(self) -> tuple[Order, ...]:
        requests = (row.order.request for row in self.orders.values() if row.rests)
        return tuple(
            Order(
                symbol=request.symbol,
                order_id="1",
                client_id=request.client_id,
                side=request.side,
                size=request.size,
                filled=Decimal(0),
                price=request.price,
                status=OrderStatus.PENDING,
                at_ms=b.T0,
                kind=request.kind,
                reduce_only=True,
                trigger_price=request.trigger_price,
            )
            for request in requests
        )

    def _fence(self, now_ms: int) -> bool:
        """Void what is on its way where the venue lets us; at Pacifica only time does."""
        under_way = [row for row in self.orders.values() if not row.has_landed]
        if self.name is VenueName.PACIFICA:
            return all(now_ms > row.expires_at_ms for row in under_way)
        if not self.calm and self.random.random() < 0.3:
            return False
        for row in under_way:
            row.lands_at_ms = NEVER_MS
        return True


class FakeEngine:
    """Feeds a state with random legal events and checks every decision."""

    def __init__(self, seed: int, config: Config, *, owner_trades: bool = False) -> None:
        """Start a bot that has never run, every third one on venues with different lots."""
        self.random = Random(seed)
        self.now_ms = b.T0
        self.venues = {name: FakeVenue(name, self.random) for name in BOTH}
        if seed % 3 == 0:
            self.venues[VenueName.PACIFICA].lot = Decimal("0.002")
        self.config = config
        self.owner_trades = owner_trades
        self.calm = False
        self.pending: Asked | None = None
        self.pending_reports: tuple[OrderReport, ...] = ()
        self.ids: set[str] = set()
        self.phases: set[Phase] = set()
        self.reasons: set[CloseReason | None] = set()
        self.spread = 40
        self.state = BotState(config=config, epoch=b.EPOCH)
        self.feed(Started(self.now_ms, config))

    # Time and chance

    def run(self, steps: int) -> None:
        """Take that many steps of trouble."""
        for _ in range(steps):
            self.step()

    def settle(self) -> None:
        """Let trouble end and the owner say resume, then run until nothing is half done."""
        self.calm = True
        for venue in self.venues.values():
            venue.calm, venue.away_until_ms, venue.mark = True, 0, b.MID
        self.feed(OwnerAsked(self.now_ms, Command.RESUME))
        for _ in range(CHECKED_STEPS):
            self.step()
        for _ in range(SETTLE_STEPS_MAX):
            if self.state.phase in (Phase.HOLD, Phase.HALT, Phase.WAIT) and self.pending is None:
                return
            self.step()
        raise AssertionError(f"{self.state.phase} does not end")

    def step(self) -> None:
        """Let one thing happen."""
        if not self.calm and self._trouble():
            return
        self.pass_time(self.random.choice((50, 300, 1000)))
        if self.pending is not None:
            self.answer()
            return
        view = watch(self.state)
        due = view.wake_at_ms
        if view.tick_ms is not None:
            due = self.now_ms + self.random.choice((1000, 60_000, 3_600_000))
        if due is None:
            assert self.state.phase is Phase.HALT, f"{self.state.phase} waits for nothing"
            due = self.now_ms + 60_000
        self.pass_time(max(due - self.now_ms, 0))
        self.feed(self.tick())

    def pass_time(self, ms: int) -> None:
        """Move the clock; what is due at the venues happens."""
        self.now_ms += ms
        for venue in self.venues.values():
            venue.land(self.now_ms)

    def tick(self) -> Tick:
        """Return a tick with the marks of venues that are not away."""
        marks = {
            name: MarkView(venue.mark, venue.mark, self.now_ms)
            for name, venue in self.venues.items()
            if venue.away_until_ms <= self.now_ms
        }
        return Tick(self.now_ms, marks)

    def _trouble(self) -> bool:
        """Return whether something went wrong instead of the usual."""
        chance = self.random.random()
        if chance < 0.02:
            self.crash()
        elif chance < 0.03:
            self.feed(OwnerAsked(self.now_ms, self.random.choice(list(Command))))
        elif chance < 0.035:
            self.feed(OwnerAsked(self.now_ms, Command.RESUME))
        elif chance < 0.04 and self.pending is not None:
            self._lose_pending()
            self.feed(ActionBroke(self.now_ms, "a bug"))
        elif chance < 0.06:
            venue = self.random.choice(list(self.venues.values()))
            venue.away_until_ms = self.now_ms + self.random.choice((2000, 90_000, HOURS_3_MS))
            return False
        elif chance < 0.065:
            self._move_prices()
            return False
        elif chance < 0.067:
            self._cancel_by_stranger()
            return False
        elif chance < 0.075 and self.owner_trades:
            venue = self.random.choice(list(self.venues.values()))
            venue.trade_by_owner(self.random.choice((-1, 1)) * b.SIZE / 2, self.now_ms)
            return False
        elif chance < 0.09:
            self.spread = self.random.choice((0, 3, 40, -40))
            return False
        else:
            return False
        return True

    def _move_prices(self) -> None:
        factor = self.random.choice((Decimal("0.4"), Decimal("1.8"), Decimal(1)))
        moved = list(self.venues.values())
        if self.random.random() < 0.2:
            moved = [self.random.choice(moved)]
        for venue in moved:
            venue.mark = b.MID * factor

    def _cancel_by_stranger(self) -> None:
        venue = self.random.choice(list(self.venues.values()))
        for client_id in venue.orders:
            venue.cancel(client_id)

    def crash(self) -> None:
        """Kill the process: what was under way goes its own way; the saved state starts anew."""
        self._lose_pending()
        body = msgspec.json.encode(self.state)
        self.state = msgspec.json.decode(body, type=BotState)
        assert msgspec.json.encode(self.state) == body
        self.feed(Started(self.now_ms, self.config))

    def _lose_pending(self) -> None:
        if isinstance(self.pending, SendOrders | RestOrders) and not self.pending_reports:
            for order in self.pending.orders:
                self._launch(order)
        elif isinstance(self.pending, CancelOrders) and self.random.random() < 0.5:
            self._cancel(self.pending)
        self.pending, self.pending_reports = None, ()

    # Answers

    def answer(self) -> None:
        """Answer the question that is open."""
        action, self.pending = self.pending, None
        if isinstance(action, ReadMarkets):
            self.feed(self._read_markets(action))
        elif isinstance(action, ReadAccounts):
            self.feed(self._read_accounts(action))
        elif isinstance(action, SendOrders):
            sent = [self._launch(order) for order in action.orders]
            self.pass_time(self.random.choice((300, 5000)))
            reports = tuple(self._report(row) for row in sent)
            self.feed(OrdersSettled(self.now_ms, action.ask, reports))
        elif isinstance(action, RestOrders):
            sent = [self._launch(order) for order in action.orders]
            self.pass_time(300)
            reports = tuple(self._acknowledge(row) for row in sent)
            self.feed(OrdersSettled(self.now_ms, action.ask, reports))
        elif isinstance(action, CancelOrders):
            self.feed(OrdersSettled(self.now_ms, action.ask, self._cancel(action)))

    def _acknowledge(self, row: Sent) -> OrderReport:
        """Return how the request for a trigger ended: taken, refused, or nobody knows."""
        if not row.has_landed and (self.random.random() < 0.5 or row.lands_at_ms >= NEVER_MS):
            row.lands_at_ms = NEVER_MS
            return _report(row, Verdict.REJECTED, is_final=True, filled=Decimal(0))
        verdict = Verdict.ACCEPTED
        if not self.calm and self.random.random() < 0.2:
            verdict = Verdict.UNKNOWN
        return _report(row, verdict, is_final=False, filled=Decimal(0))

    def _cancel(self, action: CancelOrders) -> tuple[OrderReport, ...]:
        """Carry out cancels, some of them in vain, and say how each request ended."""
        reports = []
        for name, client_id in action.orders:
            verdict = Verdict.ACCEPTED
            if self.calm or self.random.random() < 0.8:
                self.venues[name].cancel(client_id)
            else:
                verdict = self.random.choice((Verdict.UNKNOWN, Verdict.REJECTED))
            is_final = verdict is Verdict.REJECTED
            report = OrderReport(name, client_id, verdict, is_final=is_final, filled=Decimal(0))
            reports.append(report)
        return tuple(reports)

    def _failures(self) -> dict[VenueName, str]:
        return {
            name: f"{name} is away"
            for name, venue in self.venues.items()
            if venue.away_until_ms > self.now_ms
        }

    def _read_markets(self, action: ReadMarkets) -> MarketsRead:
        failures = self._failures()
        venues = b.markets(self.spread, at_ms=self.now_ms)
        for name, row in venues.items():
            row.instruments[b.SYMBOL] = b.instrument(name, size_lot=self.venues[name].lot)
        answered = {name: row for name, row in venues.items() if name not in failures}
        return MarketsRead(self.now_ms, action.ask, answered, failures)

    def _read_accounts(self, action: ReadAccounts) -> AccountsRead:
        failures = self._failures()
        rows = {
            name: venue.read(action, self.now_ms)
            for name, venue in self.venues.items()
            if name not in failures
        }
        return AccountsRead(self.now_ms, action.ask, rows, failures)

    def _launch(self, order: VenueOrder) -> Sent:
        """Put a request on the wire and draw its fate."""
        venue, request = self.venues[order.venue], order.request
        lands_ms, share = 100, Decimal(1)
        if not self.calm:
            life_ms = REQUEST_LIFE_MS[order.venue]
            choices = (100, 100, 100, 2000, life_ms // 2, NEVER_MS)
            lands_ms = self.random.choice(choices)
            share = Decimal(self.random.choice(("1", "1", "1", "0.5", "0.75", "0")))
        expires_at_ms = self.now_ms + REQUEST_LIFE_MS[order.venue]
        row = Sent(order, self.now_ms + lands_ms, share, expires_at_ms)
        venue.orders[request.client_id] = row
        return row

    def _report(self, row: Sent) -> OrderReport:
        request = row.order.request
        if not self.calm and not row.has_landed and self.random.random() < 0.3:
            row.lands_at_ms = NEVER_MS
            return _report(row, Verdict.REJECTED, is_final=True, filled=Decimal(0))
        if row.has_landed and (self.calm or self.random.random() < 0.8):
            return _report(row, Verdict.ACCEPTED, is_final=True, filled=row.filled)
        verdict = self.random.choice((Verdict.UNKNOWN, Verdict.ACCEPTED))
        known = row.filled if request.size and self.random.random() < 0.5 else Decimal(0)
        return _report(row, verdict, is_final=False, filled=known)

    # Decisions

    def feed(self, event: Event) -> None:
        """Let the bot decide, check what it decided, and take on what it asks."""
        before = self.state
        step = decide(before, event)
        self.phases.add(step.state.phase)
        if step.state.hedge is not None:
            self.reasons.add(step.state.hedge.close_reason)
        check_state(before, step.state, event)
        if before.hedge is not None and step.state.hedge is None:
            self.check_nothing_rests()
        asked = [row for row in step.actions if isinstance(row, Asked)]
        assert [step.state.asked] * (step.state.asked - before.asked) == [row.ask for row in asked]
        for action in asked:
            if isinstance(action, SendOrders):
                assert not before.waiting or event_answers(event), "sent while waiting"
                for order in action.orders:
                    self.check_order(step.state, order, event)
            if isinstance(action, RestOrders):
                for order in action.orders:
                    self.check_trigger(step.state, order)
            self.pending, self.pending_reports = action, ()
        if any(isinstance(row, Exit) for row in step.actions):
            self.state = step.state
            self.crash()
            return
        self.state = step.state

    def check_order(self, after: BotState, order: VenueOrder, event: Event) -> None:
        """Raise unless an order may leave: written down, new, no twin alive, within its size."""
        hedge, request = after.hedge, order.request
        assert hedge is not None
        assert after.waiting
        hedge.instruments[order.venue].check_size(request.size)
        hedge.instruments[order.venue].check_price(request.price)
        intent = next(row for row in hedge.intents if row.client_id == request.client_id)
        assert intent.in_doubt, "an intent begins in doubt"
        assert (request.size, request.price, request.side) == (
            intent.size,
            intent.price,
            intent.side,
        )
        assert request.client_id not in self.ids, "an id is used once"
        self.ids.add(request.client_id)
        alive = [row for row in hedge.in_doubt() if row.venue is order.venue]
        assert [intent] == [row for row in alive if row.role is intent.role], "two live orders"
        if intent.role is Role.OPEN:
            check_opening(after, hedge, intent)
        elif intent.role is Role.CLOSE:
            assert request.reduce_only
            held = hedge.held(order.venue)
            assert request.size <= abs(held), "closes more than is ours"
            assert held * request.side.sign < 0, "closes the wrong way"
            if isinstance(event, Tick):
                assert hedge.close_reason is CloseReason.STOP_LOSS, "closes without having looked"
                return
            assert isinstance(event, AccountsRead), "closes without having looked"
            there = event.venues[order.venue].account.size_of(request.symbol)
            assert request.size <= abs(there), "closes more than is there"

    def check_trigger(self, after: BotState, order: VenueOrder) -> None:
        """Raise unless a trigger may leave: written down, new, alone of its kind, only reducing."""
        hedge, request = after.hedge, order.request
        assert hedge is not None
        assert hedge.is_standing, "guards what is being closed"
        assert request.reduce_only
        assert abs(hedge.held(order.venue)) == request.size
        assert hedge.held(order.venue) * request.side.sign < 0
        hedge.instruments[order.venue].check_price(request.price)
        for instrument in hedge.instruments.values():
            instrument.check_price(request.trigger_price or Decimal(0))
        assert request.client_id not in self.ids, "an id is used once"
        self.ids.add(request.client_id)
        there = [
            row
            for row in hedge.triggers
            if row.may_act and (row.venue, row.kind) == (order.venue, request.kind)
        ]
        assert [request.client_id] == [row.client_id for row in there], "two of a kind"

    def check_nothing_rests(self) -> None:
        """Raise unless no trigger of ours rests at a venue, or may yet."""
        for venue in self.venues.values():
            for row in venue.orders.values():
                may_land = not row.has_landed and row.lands_at_ms < NEVER_MS
                assert not row.rests, f"{venue.name} keeps a trigger"
                assert not (row.is_trigger and may_land), f"{venue.name} may get a trigger"

    # Verdict

    def ours(self) -> dict[VenueName, Decimal]:
        """Return what is truly ours on each venue: the net of the fills with our ids."""
        return {name: venue.ours for name, venue in self.venues.items()}


HOURS_3_MS = 3 * 3_600_000
SETTLE_STEPS_MAX = 3_000
CHECKED_STEPS = 30  # a trigger that fired alone is seen at the next check of a hold


def _report(row: Sent, verdict: Verdict, *, is_final: bool, filled: Decimal) -> OrderReport:
    return OrderReport(
        venue=row.order.venue,
        client_id=row.order.request.client_id,
        verdict=verdict,
        is_final=is_final,
        filled=filled,
        average_price=b.MID if filled else None,
    )


def event_answers(event: Event) -> bool:
    """Return whether an event answers a question."""
    return isinstance(event, MarketsRead | AccountsRead | OrdersSettled)


def check_opening(after: BotState, hedge: Hedge, intent: Intent) -> None:
    """Raise unless an opening order stays inside what was approved, and nothing forbids it."""
    assert after.phase is Phase.OPEN
    assert after.halt_reason is None, "opened while halted"
    rows = [row for row in hedge.intents if row.venue is intent.venue and row.role is Role.OPEN]
    reach = sum((row.size if row.in_doubt else row.filled for row in rows), Decimal(0))
    assert reach <= hedge.size, "could grow beyond its size"
    assert hedge.size * b.MID <= after.config.base_capital_allocation * Decimal("2.6")


def check_state(before: BotState, after: BotState, event: Event) -> None:
    """Raise unless the state can go on, and a halt is only ended by its owner."""
    if before.halt_reason is not None and after.halt_reason is None:
        assert isinstance(event, OwnerAsked)
        assert event.command is Command.RESUME
    if after.halt_reason is not None:
        is_asking = after.phase is Phase.OPEN and after.waiting  # acts on the answer
        assert is_asking or after.phase in HALTED_PHASES, f"halted in {after.phase}"
    assert (after.hedge is not None) or after.phase not in (Phase.OPEN, Phase.HOLD, Phase.CLOSE)
    if after.phase not in (Phase.HOLD, Phase.HALT):
        assert after.waiting or after.wake_at_ms is not None, f"{after.phase} sleeps forever"
