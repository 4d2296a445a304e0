"""What of ours may rest at the venues: the twin guards of a hedge, and nothing that can open.

Invariants of one kind, told to the judge. Reads the exchanges' own orders and what the bot says of
itself, never its decisions.
"""

from collections import Counter
from functools import partial

from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Hedge, Phase
from desk.sim.exchange import ExchangeEvent, OrderChanged, OrderView
from desk.storm.examiner import Case, Examiner
from desk.storm.patience import lone_s, unguarded_s
from desk.storm.rules import Rule
from desk.storm.stage import ACCOUNT
from desk.storm.strikes import LIES, Kind, Strike
from desk.storm.truth import is_ours

TRIGGERS = 2  # of each leg: a stop, and a take-profit where its twin's stop is
BLOCKING = (Kind.OUTAGE, Kind.DISK_FULL, *LIES)  # nothing can be placed before they end


class Guards(Examiner):
    """Follows our triggers at both exchanges through all lives of a run."""

    def __init__(self, case: Case) -> None:
        """Listen to both exchanges from now on; tell `breach` what must not be."""
        super().__init__(case)
        self._hedge: Hedge | None = None
        self._resting: dict[VenueName, dict[int, OrderView]] = {venue: {} for venue in VenueName}
        self._calm_since_ms = self._lone_since_ms = self._bare_since_ms = 0
        for venue, exchange in self._stage.world.exchanges.items():
            exchange.listen(partial(self._hear, venue), OrderChanged)

    def struck(self, strike: Strike) -> None:
        """Ask nothing of the bot until it has had its time after a strike."""
        lasts_s = strike.amount if strike.kind in BLOCKING else 0.0
        ends_ms = self._stage.world.time_ms() + round(lasts_s * 1000)
        self._calm_since_ms = max(self._calm_since_ms, ends_ms)

    def started(self, state: BotState) -> None:
        """A new life begins to count anew."""
        self._hedge = None
        self._look()

    def decided(self, record: Record[BotState]) -> None:
        """Judge how a hold was guarded until now, and what is left where nothing is held."""
        if self._lone_since_ms or self._bare_since_ms:
            self._check_time()
        state = record.decision.state
        held = state.hedge if state.phase is Phase.HOLD else None
        if held is not self._hedge:
            self._hedge = held
            self._look()
        is_known_flat = state.hedge is None and state.phase is not Phase.RECOVER
        if is_known_flat and any(self._resting.values()):
            self._breach(Rule.RESTS, self._text())

    def _check_time(self) -> None:
        """A trigger that fires alone leaves a leg alone; and no hold is without any for long."""
        trouble_s = max(self._calm_since_ms - self._lone_since_ms, 0) / 1000
        alone_s, bare_s = map(self._calm_s, (self._lone_since_ms, self._bare_since_ms))
        if alone_s > lone_s(self._config, trouble_s=trouble_s):
            self._breach(Rule.GUARDS, f"no twins for {alone_s:.0f} s: {self._text()}")
        if bare_s > unguarded_s(self._config):
            self._breach(Rule.GUARDS, f"not two pairs for {bare_s:.0f} s: {self._text()}")

    def _calm_s(self, since_ms: int) -> float:
        """Return how long nothing has gone wrong since then; zero for no time."""
        began_ms = max(since_ms, self._calm_since_ms)
        return (self._stage.world.time_ms() - began_ms) / 1000 if since_ms else 0.0

    def _look(self) -> None:
        """See how what is held is guarded, after a change of either."""
        hedge, now_ms = self._hedge, self._stage.world.time_ms()
        is_lone = hedge is not None and not self._are_twins(hedge)
        is_bare = hedge is not None and any(len(row) != TRIGGERS for row in self._resting.values())
        self._lone_since_ms = (self._lone_since_ms or now_ms) if is_lone else 0
        self._bare_since_ms = (self._bare_since_ms or now_ms) if is_bare else 0

    def _are_twins(self, hedge: Hedge) -> bool:
        """Return whether all that rests is of its leg's size, at the same marks on both venues."""
        marks = []
        for venue, orders in self._resting.items():
            size, side = abs(hedge.held(venue)), hedge.side_at(venue).exit
            if any((row.size, row.side) != (size, side) for row in orders.values()):
                return False
            marks.append(Counter(row.trigger_price for row in orders.values()))
        return marks[0] == marks[1]

    def _hear(self, venue: VenueName, event: ExchangeEvent) -> None:
        """Keep what waits of ours for a mark."""
        if not isinstance(event, OrderChanged) or event.order.account_id != ACCOUNT:
            return
        order = event.order
        if not is_ours(order.client_id) or not order.type.is_trigger:
            return
        if order.status.is_final:
            self._resting[venue].pop(order.order_id, None)
        else:
            self._resting[venue][order.order_id] = order
            if not order.reduce_only:
                self._breach(Rule.MAY_OPEN, f"{venue} {order.client_id} {order.side}")
        self._look()

    def _text(self) -> str:
        rows = (
            f"{venue} {row.side} {row.size} {row.symbol} at {row.trigger_price}"
            for venue, orders in self._resting.items()
            for row in orders.values()
        )
        return ", ".join(rows) or "nothing rests"
