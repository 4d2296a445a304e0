"""No order of ours parts the legs: what a bot does on purpose never makes a naked leg.

Invariants of one kind, told to the judge; it knows no excuse of a venue that is away.
"""

from decimal import Decimal

from desk.core.order import OrderRequest, TimeInForce
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Role
from desk.sim.exchange import Fill
from desk.storm.examiner import Case, Examiner
from desk.storm.limits import Limits
from desk.storm.orders import Orders, role_of
from desk.storm.rules import Rule

TOGETHER_MS = 1_000  # two legs of one step leave within this time
UNSEEN_MS = 5_000  # what another hand did so short a time ago nobody need have seen


class Widening(Examiner):
    """Follows the orders that would part the legs, until they do."""

    def __init__(self, case: Case, *, orders: Orders, limits: Limits) -> None:
        """Tell `breach` of a fill that parted them."""
        super().__init__(case)
        self._orders = orders
        self._limits = limits
        self._state: BotState | None = None
        self._left_ms: dict[tuple[VenueName, str], int] = {}
        self._suspects: dict[tuple[VenueName, str], OrderRequest] = {}
        self._cut_ms: dict[VenueName, int] = {}

    def started(self, state: BotState) -> None:
        """See what a life begins with."""
        self._state = state

    def ended(self, error: BaseException | None) -> None:
        """An order whose sender died with it had a twin that could not leave."""
        now_ms = self._stage.world.time_ms()
        for key in [*self._suspects]:
            if now_ms - self._left_ms[key] <= TOGETHER_MS:
                del self._suspects[key]

    def decided(self, record: Record[BotState]) -> None:
        """See what the bot knows."""
        self._state = record.decision.state

    def sending(self, venue: VenueName, request: OrderRequest) -> None:
        """Suspect an order that parts what stands, by what anybody could know when it leaves."""
        key, now_ms = (venue, request.client_id), self._stage.world.time_ms()
        self._left_ms[key] = now_ms
        is_making = request.time_in_force is TimeInForce.POST_ONLY  # its twin follows its fills
        if request.trigger_price is not None or is_making or role_of(request) is Role.THROUGH:
            return
        here, there = (self._truth.ours(row, request.symbol) for row in (venue, venue.twin))
        change = request.size * request.side.sign
        if request.reduce_only:
            change = max(-abs(here), min(abs(here), change))
        if abs(here + change + there) > abs(here + there) and not self._is_excused(venue, request):
            self._suspects[key] = request

    def _is_excused(self, venue: VenueName, request: OrderRequest) -> bool:
        """A leg at one of its ends goes alone; and what became of the twin may not be known."""
        hedge = self._state.hedge if self._state is not None else None
        if hedge is None or hedge.in_doubt_at(venue.twin):
            return True
        is_unseen = self._stage.world.time_ms() - self._cut_ms.get(venue.twin, 0) <= UNSEEN_MS
        return is_unseen or self._limits.was_reached(request.symbol)

    def filled(self, venue: VenueName, fill: Fill, before: Decimal) -> None:
        """Tell of a suspect that fills, unless its twin left with it."""
        after = self._truth.ours(venue, fill.symbol)
        if self._orders.sent(venue, fill.client_id) is None and before != after:
            self._cut_ms[venue] = self._stage.world.time_ms()
        request = self._suspects.get((venue, fill.client_id or ""))
        there = self._truth.ours(venue.twin, fill.symbol)
        if request is None or abs(after + there) <= abs(before + there):
            return
        if not self._left_together(venue, request):
            del self._suspects[venue, request.client_id]
            said = "closed" if request.reduce_only else "opened"
            text = f"{venue} {said} {fill.size} {fill.symbol} where {before} and {there} stood"
            self._breach(Rule.WIDENED, text)

    def _left_together(self, venue: VenueName, request: OrderRequest) -> bool:
        """Return whether an order of the same step left for the twin, too."""
        at_ms = self._left_ms[venue, request.client_id]
        for (other, client_id), left_ms in self._left_ms.items():
            if other is venue or abs(left_ms - at_ms) > TOGETHER_MS:
                continue
            sent = self._orders.sent(other, client_id)
            if sent is not None and sent.request.side is request.side.opposite:
                return True
        return False
