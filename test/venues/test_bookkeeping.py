"""What the ledger reads of money that came in or went out, row by row."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from desk.core.books import MovementKind
from desk.core.errors import BadMessage, RateLimited
from desk.venues.lighter.bookkeeping import read_deposits, read_internal, read_outflows
from desk.venues.limits import Priority
from pacifica_client import PacificaClient
from test.venues.pacifica_venue import FakeVenue, ask, ok

D = Decimal
AT_S = 1_767_700_860


def page(name: str, *rows: dict[str, Any]) -> bytes:
    """Return one page of a list as Lighter words it."""
    common = {"id": "7", "amount": "12.5", "timestamp": AT_S, "asset_id": 3}
    return msgspec.json.encode({"code": 200, name: [common | row for row in rows], "cursor": ""})


def usd(read: Any, body: bytes) -> list[Decimal]:
    """Return what the rows of a page moved."""
    return [row.usd for row in read(body, {})[0]]


@pytest.mark.parametrize(
    ("status", "moved"),
    [("completed", [D("12.5")]), ("pending", []), ("claimable", []), ("failed", [])],
)
def test_a_deposit_counts_once_it_has_arrived(status: str, moved: list[Decimal]) -> None:
    """One that is on its way, or failed, has changed nothing yet."""
    assert moved == usd(read_deposits, page("deposits", {"status": status}))


@pytest.mark.parametrize(
    ("status", "moved"), [("pending", D("-12.5")), ("claimable", D("-12.5")), ("refunded", D(0))]
)
def test_money_leaves_when_it_is_asked_for(status: str, moved: Decimal) -> None:
    """One that the venue gave back moved nothing, and says so under its old id."""
    rows, _ = read_outflows(page("withdraws", {"status": status, "type": "fast"}), {})
    assert [("withdraw:7", MovementKind.WITHDRAWAL, moved)] == [
        (row.movement_id, row.kind, row.usd) for row in rows
    ]


@pytest.mark.parametrize(
    ("row", "moved"),
    [
        ({"type": "L2TransferInflow"}, D("12.5")),
        ({"type": "L2TransferOutflow", "fee": "1"}, D("-13.5")),
        ({"type": "L2SelfTransfer", "to_route": "perps"}, D("12.5")),
        ({"type": "L2SelfTransfer", "to_route": "spot"}, D("-12.5")),
    ],
)
def test_the_type_says_which_way_money_went(row: dict[str, str], moved: Decimal) -> None:
    """A fee of the sender's goes with it; between two routes the goal decides."""
    assert [moved] == usd(read_internal, page("transfers", row))


def test_another_asset_is_not_money_of_ours() -> None:
    """Only USDC is collateral of perpetuals."""
    assert [] == usd(read_deposits, page("deposits", {"status": "completed", "asset_id": 1}))


def test_a_list_that_is_missing_is_not_empty() -> None:
    """An answer without its list cannot be read."""
    with pytest.raises(BadMessage):
        read_deposits(b'{"code": 200}', {})


def change(event: str, amount: str, **more: str) -> dict[str, Any]:
    """Return one row of Pacifica's changes of cash."""
    row = {"event_type": event, "amount": amount, "balance": "1", "created_at": AT_S * 1000}
    return row | {"pending_balance": "0"} | more


def test_trading_is_no_movement() -> None:
    """Fills, funding and liquidations stand in lists of their own; the rest moved money."""
    venue = FakeVenue()
    words = ("trade", "funding", "market_liquidation", "subaccount_transfer", "withdraw", "deposit")
    rows = [change(word, "2") for word in words]
    venue.answers["/account/balance/history"] = ok(rows)
    found = ask(venue, lambda made: made.books.movements(since_ms=0))
    assert ["deposit", "withdrawal", "internal"] == [row.kind.value for row in found]


def test_a_deposit_that_waits_arrives_with_its_release() -> None:
    """It is counted once, when it has become cash."""
    venue = FakeVenue()
    rows = [change("deposit_release", "5"), change("deposit", "5", pending_balance="5")]
    venue.answers["/account/balance/history"] = ok(rows)
    found = ask(venue, lambda made: made.books.movements(since_ms=0))
    assert [("deposit_release", D(5))] == [(row.word, row.usd) for row in found]


def test_the_books_leave_room_for_an_opening() -> None:
    """When the rows have used all they may, an opening need not wait."""
    venue = FakeVenue()
    venue.answers["/account/balance/history"] = ok([])

    async def story(made: PacificaClient) -> float:
        await asyncio.sleep(60)
        for _ in range(3):
            await made.books.movements(since_ms=0)
        with pytest.raises(RateLimited):
            await made.books.movements(since_ms=0)
        assert 0 < (made.budget.left(priority=Priority.NORMAL) or 0)
        return made.opening_wait_s()

    assert 0 == ask(venue, story, limits="published")
