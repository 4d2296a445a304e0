"""Contract: the rows that the books are made of, the same from every venue."""

from decimal import Decimal

from desk.core.books import MovementKind
from desk.core.order import Side
from test.contract.bench import DEPOSIT_USD, Bench
from test.contract.candidates import contract

_HOUR_S = 3_700


def _account_id(bench: Bench) -> int:
    (number,) = bench.world.exchanges[bench.name].account_ids()
    return number


@contract
async def test_the_books_hold_what_the_account_did(bench: Bench) -> None:
    """Fills and payments for the books are those of every other read."""
    await bench.fill("BTC", Side.BUY)
    await bench.wait(_HOUR_S)
    books = bench.venue.books
    assert list(await bench.venue.fills(since_ms=0)) == list(await books.fills(since_ms=0))
    payments = await books.payments(since_ms=0)
    assert 1 == len(payments)
    assert list(await bench.venue.funding_payments(since_ms=0)) == list(payments)


@contract
async def test_money_moved_is_told_with_its_sign(bench: Bench) -> None:
    """What came in is positive, what went out negative, and trading is neither."""
    since_ms = bench.clock.now_ms()
    exchange = bench.world.exchanges[bench.name]
    await bench.fill("BTC", Side.BUY)
    exchange.deposit(_account_id(bench), Decimal("250.5"))
    await bench.wait()
    exchange.deposit(_account_id(bench), Decimal(-100))
    moved = await bench.venue.books.movements(since_ms=since_ms)
    assert [
        (MovementKind.DEPOSIT, Decimal("250.5")),
        (MovementKind.WITHDRAWAL, Decimal(-100)),
    ] == [(row.kind, row.usd) for row in moved]


@contract
async def test_a_row_read_twice_has_one_id(bench: Bench) -> None:
    """Each movement is told apart from every other, and is the same when it is read again."""
    exchange = bench.world.exchanges[bench.name]
    for _ in range(2):
        await bench.wait()
        exchange.deposit(_account_id(bench), Decimal(1))
    first = await bench.venue.books.movements(since_ms=0)
    assert list(first) == list(await bench.venue.books.movements(since_ms=0))
    assert DEPOSIT_USD + 2 == sum(row.usd for row in first)
    assert 3 == len({row.movement_id for row in first})
