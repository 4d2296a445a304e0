"""The invariants, checked after every event by code that knows nothing of how the bot decides.

Reads the exchanges' own books, the bytes on the disk, and what the bot says of itself: the data
types of `desk.hedge.state`, never its decisions.
"""

import hashlib
from collections import Counter
from decimal import Decimal

from desk.core.events import ActionBroke, OrdersSettled, Verdict
from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.config import Config
from desk.hedge.state import BotState, Phase
from desk.sim.exchange import Fill, FillCause, OrderView
from desk.storm.alone import Alone
from desk.storm.boundaries import Boundary
from desk.storm.causes import Causes, Churn
from desk.storm.disk import Died
from desk.storm.examiner import Case
from desk.storm.guards import Guards
from desk.storm.ledger import Ledger
from desk.storm.limits import Limits
from desk.storm.openings import Openings
from desk.storm.orders import Orders
from desk.storm.rules import Rule, Violation
from desk.storm.stage import SYMBOLS, Stage
from desk.storm.strikes import CRASHES, Kind, Strike
from desk.storm.truth import Truth, is_ours
from desk.storm.widening import Widening
from desk.storm.witness import Witness

ZERO = Decimal(0)
VIOLATIONS_MAX = 5
EFFECTS_FREE = 1_000
EFFECTS_PER_HOUR_MAX = 5_000
EFFECTS_PER_CHECK_MAX = 8
AT_ONCE_MAX = 500  # decisions at one instant: time would never go on


class Judge(Witness):
    """Follows one run. `violations` is empty when all is well; `reached` counts rare branches."""

    def __init__(self, stage: Stage, config: Config) -> None:
        """Listen from now on; `alone.weather` is given once it is made."""
        self.violations: list[Violation] = []
        self.reached: Counter[str] = Counter()
        self.story: list[str] | None = None
        self.state: BotState | None = None
        self.truth = Truth(stage, filled=self._on_fill, changed=self._on_order)
        case = Case(stage, config, self.truth, self.breach)
        self._orders = Orders(case, reached=self.reached)
        self.alone = Alone(case, orders=self._orders)
        self._limits = Limits(case, alone=self.alone)
        self._stage = stage
        self._config = config
        self._start_ms = stage.world.time_ms()
        self._also: tuple[Witness, ...] = (
            self._orders,
            self.alone,
            self._limits,
            Widening(case, orders=self._orders, limits=self._limits),
            Causes(case, limits=self._limits),
            Churn(case),
            Openings(case),
            Ledger(case, had_hands=lambda: self.had_hands),
            Guards(case),
        )
        self._had_hands = False
        self._was_told_to_halt = False
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
        return self._had_hands

    def breach(self, rule: Rule, text: str) -> None:
        """Write down a breach."""
        at_s = (self._now_ms() - self._start_ms) / 1000
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(rule, at_s, text))
        self.tell(f"!! {rule}: {text}")

    def fell(self, strike: Strike, boundary: Boundary) -> None:
        """Hear of a strike."""
        self.turn()
        self.alone.fell(strike, boundary)
        self.reached[f"struck by {strike.kind}"] += 1
        if strike.kind in CRASHES:
            self.reached[f"crash in {boundary.phase}"] += 1
            if self.alone.watch.episode is not None:
                self.reached["crash while a leg was naked"] += 1
        if strike.kind is Kind.SAY_HALT:
            self._was_told_to_halt = True
        if strike.kind is Kind.OUTAGE and self.alone.watch.episode is not None:
            self.reached["outage while a leg was naked"] += 1
        for other in self._also:
            other.struck(strike)
        self.tell(f"** {strike} at #{boundary.index} {boundary.operation}")

    def turn(self) -> None:
        """Count time up to now as things stood; to be called when a circumstance has changed."""
        self.alone.turn()
        self._limits.turn()

    # Lives

    def started(self, state: BotState) -> None:
        """See what a new life begins with."""
        for other in self._also:
            other.started(state)
        self.state = state
        self.reached[f"restart in {state.phase}"] += 1
        self.tell("-- start")

    def ended(self, error: BaseException | None) -> None:
        """See a life end."""
        for other in self._also:
            other.ended(error)
        self.tell(f"-- end {error or ''}")
        if error is not None:
            self.breach(Rule.OUR_FAULT, f"{type(error).__name__}: {error}")

    def left_by_itself(self) -> None:
        """See a life exit of its own will."""
        self.alone.left_by_itself()

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
        for other in self._also:
            other.sending(venue, request)

    def left(self, venue: VenueName, client_id: str, *, may_act: bool) -> None:
        """See an order on the wire."""
        for other in self._also:
            other.left(venue, client_id, may_act=may_act)

    def landed(self, venue: VenueName, client_id: str, *, is_orphan: bool) -> None:
        """See an order arrive."""
        for other in self._also:
            other.landed(venue, client_id, is_orphan=is_orphan)

    def save_failed(self) -> None:
        """See a state that could not be saved."""
        if self.alone.watch.episode is not None:
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
        if not is_ours(fill.client_id) or fill.cause is not FillCause.TRADE:
            self._had_hands = self._had_hands or self._is_ours_too(fill.symbol, before)
        for other in self._also:
            other.filled(venue, fill, before)

    def _is_ours_too(self, symbol: str, before: Decimal) -> bool:
        """Return whether we hold, or are about to, what another hand trades."""
        hedge = self.state.hedge if self.state is not None else None
        is_held = any(self.truth.ours(venue, symbol) for venue in VenueName)
        return bool(before) or is_held or (hedge is not None and hedge.symbol == symbol)

    def _on_order(self, venue: VenueName, order: OrderView) -> None:
        self._orders.changed(venue, order)

    # The end

    def is_settled(self) -> bool:
        """Return whether state and truth agree, and nothing is half done."""
        state = self.state
        if state is None or self.alone.gap() is not None:
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
            self.breach(Rule.NOT_SETTLED, f"in {state.phase}, gap {self.alone.gap()}")
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
