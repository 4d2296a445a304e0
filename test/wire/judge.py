"""What must hold of one run, by the exchanges' own books."""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from desk.core.actions import Alert
from desk.core.events import ActionBroke
from desk.core.ids import OrderKey
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Phase
from desk.sim.exchange import ExchangeEvent, FillBooked
from desk.sim.world import World
from test.wire.plan import Mischief

BASE_S = 20.0
FAULT_S = 15.0  # a request given up, a pause, a fence
DEATH_S = 15.0


@dataclass(slots=True)
class Judge:
    """Watches both exchanges from the first fill to the end."""

    world: World
    account_ids: dict[VenueName, int]
    mischiefs: tuple[Mischief, ...]
    broken: list[str] = field(default_factory=list)
    naked_s_max: float = 0.0
    _held: dict[tuple[VenueName, str], Decimal] = field(default_factory=dict)
    _leg: Decimal = Decimal(0)
    _since_ms: int | None = None

    def watch(self) -> None:
        """Listen from now on."""
        for venue, exchange in self.world.exchanges.items():
            exchange.listen(partial(self._hear, venue))

    def decided(self, record: Record[BotState]) -> None:
        """See one decision: no fault of our own, and no halt."""
        if isinstance(record.event, ActionBroke):
            self.broken.append(f"a fault of our own: {record.event.text}")
        if record.decision.state.phase is Phase.HALT:
            alerts = (row.text for row in record.decision.actions if isinstance(row, Alert))
            self.broken.append(f"halted: {'; '.join(alerts)}")

    def conclude(self, code: int | None) -> None:
        """See the end of the last life."""
        self._turn()
        if code != 0:
            self.broken.append(f"ended with {code}")
        for (venue, symbol), size in self._held.items():
            if size:
                self.broken.append(f"{venue} holds {size} {symbol} at the end")
        for venue, exchange in self.world.exchanges.items():
            for order in exchange.orders(self.account_ids[venue]):
                self.broken.append(f"{venue} has order {order.client_id} at the end")
        allowed_s = BASE_S + sum(_excuse_s(row) for row in self.mischiefs)
        if self.naked_s_max > allowed_s:
            self.broken.append(f"naked for {self.naked_s_max:.1f} s, {allowed_s:g} s allowed")

    def _hear(self, venue: VenueName, event: ExchangeEvent) -> None:
        if not isinstance(event, FillBooked) or event.fill.account_id != self.account_ids[venue]:
            return
        fill = event.fill
        self._turn()
        if OrderKey.parse(fill.client_id) is None:
            self.broken.append(f"{venue} filled {fill.client_id}, which is no id of ours")
        self._held[venue, fill.symbol] = fill.size_after
        sizes = [abs(size) for (_, symbol), size in self._held.items() if symbol == fill.symbol]
        self._leg = max(self._leg, *sizes) if any(sizes) else Decimal(0)
        gap = abs(self._gap(fill.symbol))
        if gap > self._leg:
            self.broken.append(f"{gap} {fill.symbol} naked, {self._leg} a leg")
        if not gap:
            self._since_ms = None
        elif self._since_ms is None:
            self._since_ms = self.world.time_ms()

    def _gap(self, symbol: str) -> Decimal:
        return sum((self._held.get((venue, symbol), Decimal(0)) for venue in VenueName), Decimal(0))

    def _turn(self) -> None:
        if self._since_ms is not None:
            self.naked_s_max = max(
                self.naked_s_max, (self.world.time_ms() - self._since_ms) / 1000
            )


def _excuse_s(row: Mischief) -> float:
    """Return by how much one mischief may prolong the life of a naked leg."""
    if row.fault is None:
        return DEATH_S
    return row.fault.count * FAULT_S + abs(row.fault.delay_s)
