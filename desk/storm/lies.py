"""What a venue tells of the account that is not so, or is so no more.

Venues have shown an empty list of positions for an instant, lists that lag under load, and an
order as canceled that had filled. Spoils answers only: at the exchange all is as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from desk.core.account import Account
from desk.core.order import Fill, Order, OrderStatus
from desk.core.ports import StreamListener
from desk.core.stream import FillSeen, OrderSeen, StreamEvent


@dataclass(slots=True)
class Lies:
    """The lies of one venue; times in ms UTC, as the venue has them."""

    now_ms: Callable[[], int]
    schedule: Callable[[int, Callable[[], None]], None]
    _blank_until_ms: int = 0
    _stale_until_ms: int = 0
    _old: Account | None = None
    _false_until_ms: dict[str, int] = field(default_factory=dict)

    def show_nothing(self, seconds: float) -> None:
        """Show no positions for some time."""
        self._blank_until_ms = self.now_ms() + round(seconds * 1000)

    def show_old(self, account: Account, seconds: float) -> None:
        """Show the account as it is now for some time."""
        self._old, self._stale_until_ms = account, self.now_ms() + round(seconds * 1000)

    def deny(self, client_id: str, seconds: float) -> None:
        """Call an order canceled, and know nothing of its fills for some time."""
        self._false_until_ms[client_id] = self.now_ms() + round(seconds * 1000)

    def end(self) -> None:
        """Tell the truth from now on."""
        self._blank_until_ms = self._stale_until_ms = 0
        self._false_until_ms.clear()

    # What is told

    def account(self, true: Account) -> Account:
        """Return what a read of the account shows."""
        if self._old is not None and self.now_ms() < self._stale_until_ms:
            true = replace(self._old, asked_at_ms=true.asked_at_ms, at_ms=true.at_ms)
        return replace(true, positions=()) if self.now_ms() < self._blank_until_ms else true

    def order(self, true: Order) -> Order:
        """Return how an order is told: one that is denied has ended, and nothing came of it."""
        if not self._is_denied(true.client_id) or not true.filled:
            return true
        return replace(
            true, status=OrderStatus.CANCELED, filled=Decimal(0), average_price=None, reason="ioc"
        )

    def fills(self, true: list[Fill]) -> list[Fill]:
        """Return the fills that are told."""
        return [fill for fill in true if not self._is_denied(fill.client_id)]

    def told(self, listener: StreamListener) -> StreamListener:
        """Return a listener that hears the stream as it is told."""

        def hear(event: StreamEvent) -> None:
            if isinstance(event, OrderSeen):
                event = OrderSeen(self.order(event.order))
            elif isinstance(event, FillSeen) and self._is_denied(event.fill.client_id):
                late = event
                until_ms = self._false_until_ms[event.fill.client_id or ""]
                self.schedule(until_ms, lambda: listener(late))
                return
            listener(event)

        return hear

    def _is_denied(self, client_id: str | None) -> bool:
        return self.now_ms() < self._false_until_ms.get(client_id or "", 0)
