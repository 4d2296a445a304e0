"""What this client knows of orders without asking: enough to save requests, never to decide.

Pure and bounded. An order is remembered by our id, its latest state as the stream told it.
"""

from typing import TypeVar

from desk.core.order import Order, OrderKind

ORDERS_MAX = 2_048
_V = TypeVar("_V")


class OrderMemory:
    """The latest orders by client id; the oldest make room."""

    def __init__(self) -> None:
        """Start empty."""
        self._orders: dict[str, Order] = {}
        self._ids: dict[str, str] = {}
        self._kinds: dict[str, OrderKind] = {}

    def note_kind(self, client_id: str, kind: OrderKind) -> None:
        """Remember what was signed under an id."""
        _put(self._kinds, client_id, kind)

    def note(self, order: Order) -> None:
        """Remember an order's state, unless a final one is known: updates may come late."""
        if order.client_id is None:
            return
        known = self._orders.get(order.client_id)
        if known is None or not known.status.is_final:
            _put(self._orders, order.client_id, order)
        if order.client_id not in self._kinds:
            self.note_kind(order.client_id, order.kind)

    def note_id(self, client_id: str, order_id: str) -> None:
        """Remember the venue's id of an order it has acknowledged."""
        _put(self._ids, client_id, order_id)

    def order_id(self, client_id: str) -> str | None:
        """Return the venue's id of an order, None for one it never named."""
        order = self._orders.get(client_id)
        return self._ids.get(client_id) if order is None else order.order_id

    def order(self, symbol: str, client_id: str) -> Order | None:
        """Return an order of a market as last seen, None for an unknown one."""
        order = self._orders.get(client_id)
        return order if order is not None and order.symbol == symbol else None

    def is_trigger(self, client_id: str) -> bool | None:
        """Return whether an id is a trigger's, None for an unknown one."""
        kind = self._kinds.get(client_id)
        return None if kind is None else kind is not OrderKind.LIMIT


def _put(table: dict[str, _V], key: str, value: _V) -> None:
    table.pop(key, None)
    table[key] = value
    if len(table) > ORDERS_MAX:
        del table[next(iter(table))]
