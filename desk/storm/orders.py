"""What an order of ours must be when it leaves, and what its fills must not do.

Invariants of one kind, told to the judge. Reads the exchanges' own orders and the bytes on the
disk, never the bot's decisions.
"""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from desk.core.account import MarginMode
from desk.core.ids import OrderKey
from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.hedge.state import BotState, Role
from desk.sim.exchange import Fill, OrderStatus, OrderView, TimeInForce
from desk.sim.sim_venue import VALIDITY_MS
from desk.storm.examiner import Case, Examiner
from desk.storm.rules import Rule
from desk.storm.stage import ACCOUNT, STATE_PATH, Stage
from desk.storm.truth import is_ours

PRICE_SLACK = Decimal("1.02")  # between the quote a size was chosen at and the mark when it leaves


@dataclass(slots=True)
class Sent:
    """An order that has left, as far as anybody outside can know."""

    request: OrderRequest
    role: Role
    may_act_until_ms: int = 0
    fences: int = 0
    has_landed: bool = False
    is_forgotten: bool = False  # a close that no save knew of when its sender died


def least(
    stage: Stage, venue: VenueName, symbol: str, price: Decimal | None = None
) -> Decimal:
    """Return the smallest order a venue takes, with a little room for a price that moves; at the
    order's own limit where that is lower."""
    exchange = stage.world.exchanges[venue]
    mark = exchange.stats(symbol).mark
    low = min(mark, price or mark) / PRICE_SLACK
    return exchange.markets[symbol].instrument.size_floor(low)


def role_of(request: OrderRequest) -> Role:
    """Return what an order is for, by its id."""
    key = OrderKey.parse(request.client_id)
    return Role.of(key) if key is not None else Role.OPEN


class Orders(Examiner):
    """Follows every order of ours through all lives of a run; `reached` counts rare branches."""

    def __init__(self, case: Case, *, reached: Counter[str]) -> None:
        """Tell `breach` what must not be."""
        super().__init__(case)
        self._reached = reached
        self._sent: dict[tuple[VenueName, str], Sent] = {}

    def sent(self, venue: VenueName, client_id: str | None) -> Sent | None:
        """Return the order of ours with that id, None where there is none."""
        return self._sent.get((venue, client_id)) if client_id is not None else None

    def started(self, state: BotState) -> None:
        """Closes leave even if the disk fails: of such a one the next life cannot know."""
        for (venue, _), sent in self._sent.items():
            if sent.request.reduce_only and not self._is_intended(venue, sent.request):
                sent.is_forgotten = True

    def sending(self, venue: VenueName, request: OrderRequest) -> None:
        """See an order that is about to leave: may it?"""
        role = role_of(request)
        self._check_alone(venue, request)
        if not request.reduce_only:
            self._check_intent(venue, request)
            self._check_size(venue, request, role)
        if role is Role.THROUGH:
            self._reached["closed through zero"] += 1
        elif role is Role.OPEN and self._truth.ours(venue.twin, request.symbol):
            self._reached["opening topped up"] += 1
        self._sent[venue, request.client_id] = Sent(request, role)

    def _check_intent(self, venue: VenueName, request: OrderRequest) -> None:
        """An increasing order stands on the disk, so that the worst crash does not forget it."""
        if not self._is_intended(venue, request):
            text = f"{venue} {request.side} {request.size} {request.client_id}"
            self._breach(Rule.NO_INTENT, text)

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
                self._breach(Rule.TWO_LIVE, f"{venue} {request.client_id} beside {client_id}")

    def _may_act(self, venue: VenueName, client_id: str, sent: Sent) -> bool:
        view = self._stage.world.exchanges[venue].order_by_client_id(ACCOUNT, client_id)
        if view is not None:
            return not view.status.is_final
        if sent.has_landed or sent.fences != self._stage.world.fences[venue, ACCOUNT]:
            return False
        return self._stage.world.time_ms() <= sent.may_act_until_ms

    def _check_size(self, venue: VenueName, request: OrderRequest, role: Role) -> None:
        exchange, config = self._stage.world.exchanges[venue], self._config
        ours = abs(self._truth.ours(venue, request.symbol))
        if role is Role.THROUGH:
            if request.size > ours + least(self._stage, venue, request.symbol, request.price):
                self._breach(Rule.TOO_LARGE, f"{venue} through zero {request.size} of {ours}")
            return
        # The limit is a hair from the price that the size was chosen at; the mark may have jumped.
        total_usd = (ours + request.size) * request.price
        if total_usd > config.base_capital_allocation * PRICE_SLACK:
            self._breach(Rule.TOO_LARGE, f"{venue} {total_usd:.2f} USD in {request.symbol}")
        free_usd = exchange.account(ACCOUNT).free + ours * request.price
        if total_usd > config.equity_use_max * free_usd * PRICE_SLACK:
            self._breach(Rule.TOO_LARGE, f"{venue} {total_usd:.2f} of {free_usd:.2f} USD free")
        setting = self._stage.setting(venue, request.symbol)
        if setting.leverage != 1 or setting.margin_mode is not MarginMode.CROSS:
            text = f"{venue} {setting.margin_mode} leverage {setting.leverage} {request.symbol}"
            self._breach(Rule.TOO_LARGE, text)

    def left(self, venue: VenueName, client_id: str, *, may_act: bool) -> None:
        """See an order on the wire."""
        if may_act:
            sent = self._sent[venue, client_id]
            sent.may_act_until_ms = self._stage.world.time_ms() + VALIDITY_MS[venue]
            sent.fences = self._stage.world.fences[venue, ACCOUNT]

    def landed(self, venue: VenueName, client_id: str, *, is_orphan: bool) -> None:
        """See an order arrive."""
        sent = self._sent[venue, client_id]
        sent.has_landed = True
        if sent.fences != self._stage.world.fences[venue, ACCOUNT]:
            self._reached["fence voided an order"] += 1
        elif self._stage.world.time_ms() > sent.may_act_until_ms:
            self._reached["order expired on its way"] += 1
        elif is_orphan:
            self._reached["order landed after its sender had died"] += 1

    def filled(self, venue: VenueName, fill: Fill, before: Decimal) -> None:
        """A reduce-only order reduces, and only what is ours."""
        sent = self.sent(venue, fill.client_id)
        if sent is None or not sent.request.reduce_only:
            return
        after = self._truth.ours(venue, fill.symbol)
        if abs(fill.size_after) > abs(fill.size_before):
            self._breach(Rule.REDUCE_ONLY, f"{venue} {fill.size_before} to {fill.size_after}")
        if before * after < 0 or abs(after) > abs(before):
            self._breach(Rule.OWNERS, f"{venue} closed {fill.size} where {before} was ours")

    def changed(self, venue: VenueName, order: OrderView) -> None:
        """The owner's resting orders end by filling, never by our hand."""
        if is_ours(order.client_id) or order.tif is not TimeInForce.GTC:
            return
        ends_by_itself = (OrderStatus.FILLED, OrderStatus.CANCELED_LIQUIDATION)
        if order.status.is_final and order.status not in ends_by_itself:
            self._breach(Rule.OWNERS, f"{venue} order {order.order_id} is {order.status}")
