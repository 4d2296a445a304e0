"""A small market to try the embedded exchange on: one book, one account, a recorder of events.

Helpers only; the facts are in the test modules.
"""

from decimal import Decimal
from typing import Any, TypeVar

from desk.core.book import Level
from desk.core.market import Instrument
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.sim.exchange import (
    Exchange,
    ExchangeEvent,
    NewOrder,
    OrderStatus,
    OrderType,
    OrderView,
    Refusal,
    RefusalReason,
    TimeInForce,
    TxDone,
    VenueRules,
    lighter_market,
    lighter_rules,
    pacifica_market,
    pacifica_rules,
)

D = Decimal
START_MS = 1_800_000_000_000  # the top of an hour
HOUR_MS = 3_600_000
ME = 7
Event = TypeVar("Event")


def eth(venue: VenueName) -> Instrument:
    """Return a market at around 2,000 USD: tick 0.1, lot 0.001, 50 times."""
    return Instrument(
        venue=venue,
        symbol="ETH",
        price_tick=D("0.1"),
        size_lot=D("0.001"),
        size_min=D("0.005") if venue is VenueName.LIGHTER else D("0.001"),
        notional_min_usd=D(10),
        leverage_max=50,
        maintenance_margin_fraction=D("0.012") if venue is VenueName.LIGHTER else D("0.01"),
        market_id=0 if venue is VenueName.LIGHTER else None,
    )


class Bench:
    """One exchange with ETH at 2,000 USD, ten levels a side of 1 ETH, ticks apart."""

    def __init__(self, rules: VenueRules, *, collateral: str = "10000", fee_level: int = 0) -> None:
        """Open at START_MS with account ME."""
        market = lighter_market if rules.is_lighter else pacifica_market
        self.exchange = Exchange(rules, [market(eth(rules.venue))], start_ms=START_MS)
        self.exchange.add_account(collateral=D(collateral), account_id=ME, fee_level=fee_level)
        self.events: list[ExchangeEvent] = []
        self.exchange.listen(self.events.append)
        self.price("2000")

    def price(self, mark: str, *, size: str = "1", levels: int = 10, premium: str = "0") -> None:
        """Move mark, index and the strangers' depth around it."""
        bids, asks = depth(D(mark), D(size), levels)
        self.exchange.set_market(
            "ETH", index=D(mark), mark=D(mark), bids=bids, asks=asks, premium=D(premium)
        )

    def pass_ms(self, duration_ms: int) -> None:
        """Let time pass."""
        self.exchange.advance(self.exchange.now_ms + duration_ms)

    def send(self, side: Side, size: str, price: str | None = None, **fields: Any) -> int:
        """Submit an order on ETH and wait no time."""
        order = NewOrder("ETH", side, D(size), D(price) if price else None, **fields)
        return self.exchange.submit(ME, order)

    def take(self, side: Side, size: str, **fields: Any) -> OrderView:
        """Run an immediate order at up to 5 % from mark through its speed bump."""
        mark = self.exchange.stats("ETH").mark
        edge = (mark * (1 + side.sign * D("0.05"))).quantize(D("0.1"))
        return self.run(side, size, str(edge), tif=TimeInForce.IOC, **fields)

    def run(self, side: Side, size: str, price: str | None = None, **fields: Any) -> OrderView:
        """Submit an order, let its speed bump pass, and return it."""
        order_id = self.send(side, size, price, **fields)
        self.pass_ms(300)
        return self.order(order_id)

    def order(self, order_id: int) -> OrderView:
        """Return an order that must be remembered."""
        order = self.exchange.order(order_id, symbol="ETH")
        assert order is not None
        return order

    def status(self, order_id: int) -> OrderStatus:
        """Return the status of an order."""
        return self.order(order_id).status

    @property
    def size(self) -> Decimal:
        """Return the account's signed ETH position."""
        position = self.exchange.account(ME).positions.get("ETH")
        return position.size if position is not None else D(0)

    def seen(self, kind: type[Event]) -> list[Event]:
        """Return the events of one kind, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]

    def outcome(self, tag: str) -> TxDone:
        """Return what became of a tagged request."""
        return next(done for done in self.seen(TxDone) if done.tag == tag)

    def refusal(self, side: Side, size: str, price: str | None = None, **fields: Any) -> Refusal:
        """Return the refusal an order meets at the gate."""
        try:
            self.send(side, size, price, **fields)
        except Refusal as refusal:
            return refusal
        raise AssertionError("the order was taken")

    def reason(
        self, side: Side, size: str, price: str | None = None, **fields: Any
    ) -> RefusalReason:
        """Return why an order is refused at the gate."""
        return self.refusal(side, size, price, **fields).reason


def depth(mark: Decimal, size: Decimal, levels: int) -> tuple[list[Level], list[Level]]:
    """Return bids and asks one tick apart around `mark`."""
    tick = D("0.1")
    steps = range(1, levels + 1)
    return [(mark - tick * k, size) for k in steps], [(mark + tick * k, size) for k in steps]


def lighter(**fields: Any) -> Bench:
    """Return a bench on Lighter."""
    return Bench(lighter_rules(), **fields)


def pacifica(**fields: Any) -> Bench:
    """Return a bench on Pacifica."""
    return Bench(pacifica_rules(), **fields)


def stop(
    side: Side, trigger: str, *, kind: OrderType = OrderType.STOP_LOSS, **fields: Any
) -> NewOrder:
    """Return a trigger for the whole position, executing up to 5 % beyond its trigger."""
    price = (D(trigger) * (1 + side.sign * D("0.05"))).quantize(D("0.1"))
    return trigger_order(side, trigger, kind, price=price, **fields)


def trigger_order(side: Side, trigger: str, kind: OrderType, **fields: Any) -> NewOrder:
    """Return a reduce-only trigger for the whole position."""
    given: dict[str, Any] = {"size": D(0), "reduce_only": True, "tif": TimeInForce.IOC} | fields
    return NewOrder("ETH", side, type=kind, trigger_price=D(trigger), **given)
