"""What a venue tells that is not so, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from desk.core.account import Account, Position
from desk.core.order import Fill, Order, OrderStatus, Side
from desk.core.stream import FillSeen, OrderSeen, StreamEvent
from desk.storm.lies import Lies
from desk.storm.runs import parse_plan, play

ZERO, ONE = Decimal(0), Decimal(1)
HELD = Account(ONE, ONE, ONE, (Position("BTC", ONE, ONE),), 1, 2)
FLAT = Account(ONE, ONE, ONE, (), 3, 4)
FILLED = Order("BTC", "1", "ours", Side.BUY, ONE, ONE, ONE, OrderStatus.FILLED, 1)
FILL = Fill("BTC", "1", "1", "ours", Side.BUY, ONE, ONE, ZERO, 1, is_maker=False)


class Time:
    """A clock that is set by hand, and what is to happen at which time."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.planned: list[tuple[int, Callable[[], None]]] = []

    def lies(self) -> Lies:
        """Return lies that go by it."""
        return Lies(lambda: self.now_ms, lambda at_ms, action: self.planned.append((at_ms, action)))


def test_a_blank_read_shows_no_positions_for_a_time() -> None:
    """The rest of the account is shown as it is."""
    time = Time()
    lies = time.lies()
    lies.show_nothing(5)

    assert () == lies.account(HELD).positions
    assert HELD.equity_usd == lies.account(HELD).equity_usd
    time.now_ms = 5_000
    assert HELD == lies.account(HELD)


def test_a_stale_read_shows_what_was() -> None:
    """It looks as new as any other."""
    time = Time()
    lies = time.lies()
    lies.show_old(HELD, 5)

    assert HELD.positions == lies.account(FLAT).positions
    assert (3, 4) == (lies.account(FLAT).asked_at_ms, lies.account(FLAT).at_ms)
    time.now_ms = 5_000
    assert FLAT == lies.account(FLAT)


def test_an_order_that_is_denied_is_canceled_and_has_no_fills() -> None:
    """Wherever it is asked for."""
    lies = Time().lies()
    lies.deny("ours", 5)

    told = lies.order(FILLED)

    assert (OrderStatus.CANCELED, ZERO) == (told.status, told.filled)
    assert [] == lies.fills([FILL])


def test_the_fills_of_a_denied_order_are_streamed_late() -> None:
    """Its false end is streamed at once."""
    time, heard = Time(), list[StreamEvent]()
    lies = time.lies()
    lies.deny("ours", 5)
    hear = lies.told(heard.append)

    hear(OrderSeen(FILLED))
    hear(FillSeen(FILL))

    assert [OrderSeen(lies.order(FILLED))] == heard
    [(at_ms, come)] = time.planned
    come()
    assert 5_000 == at_ms
    assert FillSeen(FILL) == heard[-1]


def test_an_empty_list_for_an_instant_closes_nothing() -> None:
    """Nor do positions that lag while a hedge is closed, or a closing order called canceled."""
    for strike in ("HOLD#17:blank:1:pacifica", "CLOSE#1:stale_account:20", "send#7:lying_row:10"):
        outcome = play(parse_plan(f"seed=1 hours=cycle strikes={strike}"))

        assert () == outcome.violations
        assert 1 == sum(n for name, n in outcome.reached.items() if name.startswith("struck by"))
