"""The invariants, checked after every event by code that knows nothing of how the bot decides.

Reads the exchanges' own books, the bytes on the disk, and what the bot says of itself: the data
types of `desk.hedge.state`, never its decisions.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from desk.core.account import MarginMode
from desk.core.events import ActionBroke, OrdersSettled, Verdict
from desk.core.ids import OrderKey
from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.config import Config
from desk.hedge.state import BotState, Phase, Role
from desk.sim.exchange import Fill, OrderStatus, OrderView, TimeInForce
from desk.sim.sim_venue import VALIDITY_MS
from desk.storm.boundaries import Boundary
from desk.storm.disk import Died
from desk.storm.guards import Guards
from desk.storm.ledger import Ledger
from desk.storm.naked import Circumstances, Episode, StopWatch
from desk.storm.openings import Openings
from desk.storm.patience import BASE_S, CLOSE_S, alone_s, excuse_s, second_look_s
from desk.storm.rules import Rule, Violation
from desk.storm.stage import ACCOUNT, PACE, STATE_PATH, SYMBOLS, Stage
from desk.storm.strikes import CRASHES, HANDS, Kind, Strike
from desk.storm.truth import Gap, Truth, is_ours
from desk.storm.weather import Weather
from desk.storm.witness import Witness

ZERO = Decimal(0)
VIOLATIONS_MAX = 5
RECENT_MS = 90_000  # a strike counts for what becomes naked so long after it
UNHEARD_MS = 100
EFFECTS_FREE = 1_000
EFFECTS_PER_HOUR_MAX = 5_000
EFFECTS_PER_CHECK_MAX = 8
AT_ONCE_MAX = 500  # decisions at one instant: time would never go on
PRICE_SLACK = Decimal("1.02")  # between the quote a size was chosen at and the mark when it leaves


@dataclass(slots=True)
class _Sent:
    """An order that has left, as far as anybody outside can know."""

    request: OrderRequest
    role: Role
    may_act_until_ms: int = 0
    fences: int = 0
    has_landed: bool = False
    is_forgotten: bool = False  # a close that no save knew of when its sender died


def _felt_ms(strike: Strike, boundary: Boundary) -> int:
    """Return how long a strike goes on: an outage until its end, a thin book until it is filled."""
    if strike.kind is Kind.OUTAGE:
        return round(strike.amount * 1000)
    if strike.kind in (Kind.PARTIAL, Kind.NO_FILL):
        is_slow = not boundary.operation.endswith(SYMBOLS[0])
        return PACE.step_ms * (PACE.others_every if is_slow else 1)
    return 0


class Judge(Witness):
    """Follows one run. `violations` is empty when all is well; `reached` counts rare branches."""

    def __init__(self, stage: Stage, config: Config) -> None:
        """Listen from now on; `weather` is given once it is made."""
        self.violations: list[Violation] = []
        self.reached: Counter[str] = Counter()
        self.size_ratio_max = ZERO
        self.story: list[str] | None = None
        self.state: BotState | None = None
        self.weather: Weather | None = None
        self.truth = Truth(stage, filled=self._on_fill, changed=self._on_order)
        self._stage = stage
        self._config = config
        self._start_ms = stage.world.time_ms()
        self.watch = StopWatch(self._start_ms)
        self.closing = StopWatch(self._start_ms)
        self._also = (
            Openings(stage, self.breach),
            Ledger(stage, self.truth, self.breach, had_hands=lambda: self.had_hands),
            Guards(stage, config, self.breach),
        )
        self._is_alive = False
        self._struck: list[tuple[int, float]] = []
        self._hands = 0
        self._was_told_to_halt = False
        self._leg_max: dict[str, Decimal] = {}
        self._through_until_ms = 0
        self._sent: dict[tuple[VenueName, str], _Sent] = {}
        self._cut_ms: dict[VenueName, int] = {}
        self._told_late: set[int] = set()
        self._digest = hashlib.sha256()
        self._at_once = (0, 0)

    # What the run reports

    @property
    def digest(self) -> str:
        """Return a fingerprint of everything that was decided and filled."""
        return self._digest.hexdigest()

    @property
    def had_hands(self) -> bool:
        """Return whether others than the bot changed what the account holds."""
        return self._hands > 0

    def breach(self, rule: Rule, text: str) -> None:
        """Write down a breach."""
        at_s = (self._now_ms() - self._start_ms) / 1000
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(rule, at_s, text))
        self.tell(f"!! {rule}: {text}")

    def fell(self, strike: Strike, boundary: Boundary) -> None:
        """Hear of a strike."""
        self.turn()
        self.reached[f"struck by {strike.kind}"] += 1
        now_ms = self._now_ms()
        lasts_ms = _felt_ms(strike, boundary)
        self._struck.append((now_ms + lasts_ms, excuse_s(strike, boundary)))
        if strike.kind in CRASHES:
            self.reached[f"crash in {boundary.phase}"] += 1
            if self.watch.episode is not None:
                self.reached["crash while a leg was naked"] += 1
        if strike.kind in HANDS:
            self._hands += 1
        elif strike.kind is Kind.SAY_HALT:
            self._was_told_to_halt = True
        if strike.kind is Kind.OUTAGE and self.watch.episode is not None:
            self.reached["outage while a leg was naked"] += 1
        for other in self._also:
            other.struck(strike)
        self.tell(f"** {strike} at #{boundary.index} {boundary.operation}")

    def turn(self) -> None:
        """Count time up to now as things stood; to be called when a circumstance has changed."""
        weather = self.weather
        out = frozenset(v for v in VenueName if weather is not None and weather.is_out(v))
        gap = self._gap()
        now_ms = self._now_ms()
        is_kept = gap is not None and (self._is_twin_taken(gap) or self._is_cut_unseen(gap))
        self.watch.turn(now_ms, Circumstances(gap, self._is_alive, out, is_kept))
        self._turn_close(now_ms, out)
        episode = self.watch.episode
        if episode is None or gap is None:
            return
        allowed_s = self._allowed_s(episode)
        late_s = max(episode.helped_ms / 1000, episode.alone_ms / 1000 - alone_s(self._config))
        if late_s > allowed_s and episode.began_at_ms not in self._told_late:
            self._told_late.add(episode.began_at_ms)
            self.breach(
                Rule.NAKED_TIME,
                f"{gap.size.normalize():f} {gap.symbol} on {gap.venue} for {late_s:.1f} s, "
                f"{allowed_s:g} s allowed",
            )

    def _allowed_s(self, episode: Episode) -> float:
        recent = (row for row in self._struck if row[0] > episode.began_at_ms - RECENT_MS)
        return BASE_S + sum(more_s for _, more_s in recent)

    def _turn_close(self, now_ms: int, out: frozenset[VenueName]) -> None:
        """Count how long what is being closed stands while the bot runs and both venues answer."""
        is_closing = self.state is not None and self.state.phase is Phase.CLOSE
        left = self._but_dust(self.truth.largest()) if is_closing else None
        self.closing.turn(now_ms, Circumstances(left, self._is_alive, out))
        episode = self.closing.episode
        if episode is None or left is None or -episode.began_at_ms in self._told_late:
            return
        stood_s, allowed_s = episode.helped_ms / 1000, CLOSE_S + self._allowed_s(episode)
        if stood_s > allowed_s:
            self._told_late.add(-episode.began_at_ms)
            text = f"{left.symbol} on {left.venue} stands after {stood_s:.1f} s"
            self.breach(Rule.SLOW_CLOSE, f"{text}, {allowed_s:g} s allowed")

    def _gap(self) -> Gap | None:
        return self._but_dust(self.truth.gap())

    def _but_dust(self, gap: Gap | None) -> Gap | None:
        """Return nothing for a rest that its venue takes no order for, beside the owner's part."""
        if gap is None:
            return None
        there = self.truth.there(gap.venue, gap.symbol)
        is_shared = there != self.truth.ours(gap.venue, gap.symbol)
        return None if is_shared and gap.size < self._least(gap.venue, gap.symbol) else gap

    def _is_twin_taken(self, gap: Gap) -> bool:
        """Return whether the twin's venue has acknowledged an order nobody knows the end of."""
        hedge = self.state.hedge if self.state is not None else None
        orders = hedge.in_doubt() if hedge is not None else ()
        return any(row.venue is gap.venue.twin and row.was_taken for row in orders)

    def _is_cut_unseen(self, gap: Gap) -> bool:
        """Return whether another hand took the twin while its venue was about to be away."""
        venue, weather = gap.venue.twin, self.weather
        if venue not in self._cut_ms or weather is None or not weather.is_out(venue):
            return False
        seen_ms = self._cut_ms[venue] + round(second_look_s(self._config) * 1000)
        return weather.out_since_ms(venue) <= seen_ms

    # Lives

    def started(self, state: BotState) -> None:
        """See what a new life begins with."""
        self._is_alive = True
        self._forget_unsaved()
        self.turn()
        self.state = state
        self.reached[f"restart in {state.phase}"] += 1
        for other in self._also:
            other.started(state)
        self.tell("-- start")

    def _forget_unsaved(self) -> None:
        """Closes leave even if the disk fails: of such a one the next life cannot know."""
        for (venue, _), sent in self._sent.items():
            if sent.request.reduce_only and not self._is_intended(venue, sent.request):
                sent.is_forgotten = True

    def ended(self, error: BaseException | None) -> None:
        """See a life end."""
        self._is_alive = False
        self.turn()
        self.tell(f"-- end {error or ''}")
        if error is not None:
            self.breach(Rule.OUR_FAULT, f"{type(error).__name__}: {error}")

    def left_by_itself(self) -> None:
        """See a life exit of its own will."""
        gap = self._gap()
        if gap is not None and not self._was_just_cut():
            self.breach(Rule.LEFT_NAKED, f"{gap.size.normalize():f} {gap.symbol} on {gap.venue}")

    def _was_just_cut(self) -> bool:
        """Return whether another hand took of ours a moment ago, which nobody can have heard of."""
        return any(self._now_ms() - at_ms <= UNHEARD_MS for at_ms in self._cut_ms.values())

    def decided(self, record: Record[BotState]) -> None:
        """See one decision."""
        state, event = record.decision.state, record.event
        self.state = state
        line = f"{event.at_ms} {record.before.label}>{state.phase} {record.decision.reason}"
        self._digest.update(line.encode())
        if self.story is not None:
            self.tell(f"{record.before.label}>{state.phase} {record.decision.reason}")
        if isinstance(event, ActionBroke):
            self.breach(Rule.OUR_FAULT, event.text)
        elif isinstance(event, OrdersSettled):
            self._count_unknown(event)
        self._check_pace()
        if record.before.label != state.phase:
            self._count_step(Phase(record.before.label), state)
        for other in self._also:
            other.decided(record)
        is_watched = self.watch.episode is not None or self.closing.episode is not None
        if is_watched or state.phase is Phase.CLOSE:
            self.turn()

    def _check_pace(self) -> None:
        """End a life that decides on and on while no time passes: nothing else would."""
        now_ms = self._now_ms()
        at_ms, count = self._at_once
        self._at_once = now_ms, count + 1 if at_ms == now_ms else 1
        if self._at_once > (now_ms, AT_ONCE_MAX):
            self.breach(Rule.RUNAWAY, f"{AT_ONCE_MAX} decisions at one instant")
            raise Died

    def _count_unknown(self, event: OrdersSettled) -> None:
        unknown = sum(row.verdict is Verdict.UNKNOWN for row in event.reports)
        if unknown:
            both = unknown > 1
            self.reached["both orders unknown" if both else "one order unknown"] += 1

    def _count_step(self, before: Phase, state: BotState) -> None:
        self.reached[f"{before} to {state.phase}"] += 1
        if state.phase is Phase.CLOSE and state.hedge is not None:
            self.reached[f"close: {state.hedge.close_reason}"] += 1

    # Orders

    def sending(self, venue: VenueName, request: OrderRequest) -> None:
        """See an order that is about to leave: may it?"""
        self._digest.update(f"{venue} {request.client_id} {request.side} {request.size}".encode())
        if self.story is not None:
            kind = "close" if request.reduce_only else "open"
            kind = kind if request.trigger_price is None else f"{request.kind} trigger"
            self.tell(f">> {venue} {kind} {request.side} {request.size} {request.symbol}")
        key = OrderKey.parse(request.client_id)
        role = Role.of(key) if key is not None else Role.OPEN
        self._check_alone(venue, request)
        if not request.reduce_only:
            self._check_intent(venue, request)
            self._check_size(venue, request, role)
        if role is Role.THROUGH:
            self._through_until_ms = self._now_ms() + RECENT_MS
            self.reached["closed through zero"] += 1
        elif role is Role.OPEN and self.truth.ours(venue.twin, request.symbol):
            self.reached["opening topped up"] += 1
        for other in self._also:
            other.sending(venue, request)
        self._sent[venue, request.client_id] = _Sent(request, role)

    def _check_intent(self, venue: VenueName, request: OrderRequest) -> None:
        """An increasing order stands on the disk, so that the worst crash does not forget it."""
        if not self._is_intended(venue, request):
            text = f"{venue} {request.side} {request.size} {request.client_id}"
            self.breach(Rule.NO_INTENT, text)

    def _is_intended(self, venue: VenueName, request: OrderRequest) -> bool:
        """Return whether what the worst crash leaves on the disk knows of an order."""
        data = self._stage.disk.safe(STATE_PATH)
        hedge = msgspec.json.decode(data)["state"]["hedge"] if data is not None else None
        for row in hedge["intents"] if hedge is not None else ():
            is_same = row["client_id"] == request.client_id and row["venue"] == venue
            if is_same and row["side"] == request.side and Decimal(row["size"]) == request.size:
                return True
        return False

    def _check_alone(self, venue: VenueName, request: OrderRequest) -> None:
        """No other order of ours for this leg may still act."""
        for (other, client_id), sent in self._sent.items():
            if sent.request.trigger_price is not None or sent.is_forgotten:
                continue  # it waits, and then only reduces
            is_same_leg = other is venue and sent.request.symbol == request.symbol
            if is_same_leg and self._may_act(venue, client_id, sent):
                self.breach(Rule.TWO_LIVE, f"{venue} {request.client_id} beside {client_id}")

    def _may_act(self, venue: VenueName, client_id: str, sent: _Sent) -> bool:
        view = self._stage.world.exchanges[venue].order_by_client_id(ACCOUNT, client_id)
        if view is not None:
            return not view.status.is_final
        if sent.has_landed or sent.fences != self._stage.world.fences[venue, ACCOUNT]:
            return False
        return self._now_ms() <= sent.may_act_until_ms

    def _check_size(self, venue: VenueName, request: OrderRequest, role: Role) -> None:
        exchange, config = self._stage.world.exchanges[venue], self._config
        ours = abs(self.truth.ours(venue, request.symbol))
        if role is Role.THROUGH:
            if request.size > ours + self._least(venue, request.symbol):
                self.breach(Rule.TOO_LARGE, f"{venue} through zero {request.size} of {ours}")
            return
        # The limit is a hair from the price that the size was chosen at; the mark may have jumped.
        total_usd = (ours + request.size) * request.price
        if total_usd > config.base_capital_allocation * PRICE_SLACK:
            self.breach(Rule.TOO_LARGE, f"{venue} {total_usd:.2f} USD in {request.symbol}")
        free_usd = exchange.account(ACCOUNT).free + ours * request.price
        if total_usd > config.equity_use_max * free_usd * PRICE_SLACK:
            self.breach(Rule.TOO_LARGE, f"{venue} {total_usd:.2f} of {free_usd:.2f} USD free")
        setting = self._stage.setting(venue, request.symbol)
        if setting.leverage != 1 or setting.margin_mode is not MarginMode.CROSS:
            self.breach(Rule.TOO_LARGE, f"{venue} leverage {setting.leverage} {request.symbol}")

    def _least(self, venue: VenueName, symbol: str) -> Decimal:
        """Return the smallest order a venue takes, with a little room for a price that moves."""
        exchange = self._stage.world.exchanges[venue]
        low = exchange.stats(symbol).mark / PRICE_SLACK
        return exchange.markets[symbol].instrument.size_floor(low)

    def left(self, venue: VenueName, client_id: str, *, may_act: bool) -> None:
        """See an order on the wire."""
        if may_act:
            sent = self._sent[venue, client_id]
            sent.may_act_until_ms = self._now_ms() + VALIDITY_MS[venue]
            sent.fences = self._stage.world.fences[venue, ACCOUNT]

    def landed(self, venue: VenueName, client_id: str, *, is_orphan: bool) -> None:
        """See an order arrive."""
        sent = self._sent[venue, client_id]
        sent.has_landed = True
        for other in self._also:
            other.landed(venue, client_id, is_orphan=is_orphan)
        if sent.fences != self._stage.world.fences[venue, ACCOUNT]:
            self.reached["fence voided an order"] += 1
        elif self._now_ms() > sent.may_act_until_ms:
            self.reached["order expired on its way"] += 1
        elif is_orphan:
            self.reached["order landed after its sender had died"] += 1

    def save_failed(self) -> None:
        """See a state that could not be saved."""
        if self.watch.episode is not None:
            self.reached["save failed while a leg was naked"] += 1
        for other in self._also:
            other.save_failed()
        self.tell("   save failed")

    def spent(self, *, held_back: int, refused: int) -> None:
        """See what the request limits kept from happening in a life."""
        self.reached["held back by our own budget"] += held_back
        self.reached["refused by the venue's count"] += refused

    def _on_fill(self, venue: VenueName, fill: Fill, before: Decimal) -> None:
        """Judge one execution; `before` is what was ours before it."""
        after = self.truth.ours(venue, fill.symbol)
        self._digest.update(f"{venue} {fill.client_id} {fill.size} {fill.price}".encode())
        self.tell(f"   {venue} {fill.side} {fill.size} {fill.symbol}, ours {after}, {fill.cause}")
        sent = self._sent.get((venue, fill.client_id or ""))
        if is_ours(fill.client_id) and sent is not None:
            self._judge_ours(venue, fill, sent, (before, after))
            is_look_due = sent.request.trigger_price is not None
        else:
            is_look_due = before != after
        if is_look_due:
            if before != after:
                self._cut_ms[venue] = self._now_ms()
            feed = self._stage.feeds.get(venue)
            is_told = feed is not None and feed.is_whole
            self._struck.append((self._now_ms(), second_look_s(self._config, is_told=is_told)))
        self._judge_gap(fill.symbol)
        self.turn()

    def _judge_ours(
        self, venue: VenueName, fill: Fill, sent: _Sent, ours: tuple[Decimal, Decimal]
    ) -> None:
        before, after = ours
        if sent.request.reduce_only:
            if abs(fill.size_after) > abs(fill.size_before):
                self.breach(Rule.REDUCE_ONLY, f"{venue} {fill.size_before} to {fill.size_after}")
            if before * after < 0 or abs(after) > abs(before):
                self.breach(Rule.OWNERS, f"{venue} closed {fill.size} where {before} was ours")
        elif sent.role is Role.OPEN and not before:
            twin = abs(self.truth.ours(venue.twin, fill.symbol))
            self._leg_max[fill.symbol] = max(sent.request.size, twin)

    def _judge_gap(self, symbol: str) -> None:
        """A naked leg is never larger than the size that was chosen.

        But for a rest that is closed through zero: then it may be the venue's least.
        """
        chosen = self._leg_max.get(symbol)
        gap = self._gap()
        if gap is None or not chosen:
            return
        self.size_ratio_max = max(self.size_ratio_max, gap.size / chosen)
        is_through = self._now_ms() < self._through_until_ms
        least = max(self._least(venue, symbol) for venue in VenueName) if is_through else ZERO
        if gap.size > chosen + least:
            self.breach(Rule.NAKED_SIZE, f"{gap.size} {symbol} naked, {chosen} was chosen")

    def _on_order(self, venue: VenueName, order: OrderView) -> None:
        """The owner's resting orders end by filling, never by our hand."""
        if is_ours(order.client_id) or order.tif is not TimeInForce.GTC:
            return
        ends_by_itself = (OrderStatus.FILLED, OrderStatus.CANCELED_LIQUIDATION)
        if order.status.is_final and order.status not in ends_by_itself:
            self.breach(Rule.OWNERS, f"{venue} order {order.order_id} is {order.status}")

    # The end

    def is_settled(self) -> bool:
        """Return whether state and truth agree, and nothing is half done."""
        state = self.state
        if state is None or self._gap() is not None:
            return False
        if state.phase in (Phase.OPEN, Phase.CLOSE, Phase.RECOVER):
            return False
        return not self._differences(state)

    def conclude(self, *, is_settled: bool) -> None:
        """Judge the end of a run, after the faults stopped and it had its time."""
        self.turn()
        state = self.state
        if state is None:
            self.breach(Rule.END_STATE, "there is no state")
            return
        if not is_settled:
            self.breach(Rule.NOT_SETTLED, f"in {state.phase}, gap {self._gap()}")
        for text in self._differences(state):
            self.breach(Rule.END_STATE, f"{state.phase}: {text}")
        if state.halt_reason is not None:
            self.reached["ended halted"] += 1
            if not self.had_hands and not self._was_told_to_halt:
                self.breach(Rule.HALTED, state.halt_reason)

    def count_effects(self, effects: int, hours: float) -> None:
        """Judge how busy the bot was."""
        checks = hours * 3600 / float(self._config.check_interval_seconds)
        if effects > EFFECTS_FREE + hours * EFFECTS_PER_HOUR_MAX + checks * EFFECTS_PER_CHECK_MAX:
            self.breach(Rule.RUNAWAY, f"{effects} effects in {hours:.2f} hours")

    def _differences(self, state: BotState) -> list[str]:
        """Return where the truth is not what the state says of what is ours."""
        hedge = state.hedge
        found = []
        for symbol in SYMBOLS:
            for venue in VenueName:
                said = ZERO
                if hedge is not None and hedge.symbol == symbol:
                    said = hedge.held(venue)
                ours = self.truth.ours(venue, symbol)
                if said != ours and not self.had_hands:
                    found.append(f"{venue} {symbol}: state says {said}, truth is {ours}")
        return found

    # Inside

    def _now_ms(self) -> int:
        return self._stage.world.time_ms()

    def tell(self, line: str) -> None:
        """Add a line to the story, where one is kept."""
        if self.story is not None:
            at_s = (self._now_ms() - self._start_ms) / 1000
            self.story.append(f"{at_s:10.3f} {line}")
