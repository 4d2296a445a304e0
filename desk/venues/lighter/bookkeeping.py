"""Lighter's own rows for the ledger, asked for with what the budget has to spare.

Money that came in or went out stands in three lists (apidocs.lighter.xyz: deposit, withdraw and
transfer history); of each only USDC counts, the collateral of perpetuals.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from desk.core.account import Account
from desk.core.books import Movement, MovementKind
from desk.core.funding import FundingPayment
from desk.core.order import Fill
from desk.venues.lighter.decode import decode, rows_of, to_ms
from desk.venues.lighter.reads import LighterReads
from desk.venues.limits import Priority
from desk.venues.rows import Row

USDC = 3
DEPOSITS, WITHDRAWALS, INTERNAL = "deposit/history", "withdraw/history", "transfer/history"
_INFLOW = "Inflow"
_SELF = "L2SelfTransfer"
_PERPS = "perps"

ReadMovements = Callable[[bytes, Mapping[int, str]], tuple[list[Movement], str | None]]


class LighterBooks:
    """One account's rows; a `core.ports.BookSource`."""

    def __init__(self, reads: LighterReads) -> None:
        """Read through `reads`."""
        self._reads = reads

    @property
    def account_id(self) -> str:
        """Return the account's index."""
        return str(self._reads.account_index)

    async def account(self) -> Account:
        """Return equity and every open position: one request."""
        return await self._reads.account()

    async def fills(self, *, since_ms: int) -> Sequence[Fill]:
        """Return executions since `since_ms`: a request per 100."""
        return await self._reads.fills_since(since_ms, symbol=None, priority=Priority.SPARE)

    async def payments(self, *, since_ms: int) -> Sequence[FundingPayment]:
        """Return funding since `since_ms`: a request per 100."""
        return await self._reads.payments_since(since_ms, priority=Priority.SPARE)

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        """Return money moved since `since_ms`: three requests, more where pages are many, and one
        where the account has not been read yet."""
        found: dict[str, Movement] = {}

        def is_enough(page: Sequence[Movement]) -> bool:
            found.update((row.movement_id, row) for row in page)
            return any(row.at_ms < since_ms for row in page)

        params: dict[str, object] = {"account_index": self._reads.account_index}
        params["l1_address"] = await self._reads.l1_address()  # the list of deposits asks for it
        for name, read in READERS.items():
            await self._reads.pages(name, params, read, is_enough, priority=Priority.SPARE)
        rows = (row for row in found.values() if row.at_ms >= since_ms)
        return sorted(rows, key=lambda row: (row.at_ms, row.movement_id))


class _Deposit(Row, frozen=True):
    id: str
    amount: Decimal
    timestamp: int
    status: str
    asset_id: int = USDC


class _Deposits(Row, frozen=True):
    deposits: list[msgspec.Raw] | None
    cursor: str | None = None


class _Withdrawals(Row, frozen=True):
    withdraws: list[msgspec.Raw] | None
    cursor: str | None = None


class _Internal(Row, frozen=True):
    id: str
    amount: Decimal
    timestamp: int
    type: str
    fee: Decimal = Decimal(0)
    to_route: str = _PERPS
    asset_id: int = USDC


class _InternalRows(Row, frozen=True):
    transfers: list[msgspec.Raw] | None
    cursor: str | None = None


def read_deposits(
    body: bytes, symbols: Mapping[int, str]
) -> tuple[list[Movement], str | None]:
    """Return one page of deposits that have arrived, and the cursor of the next."""
    page = decode(body, _Deposits, DEPOSITS)
    rows = rows_of(page.deposits, _Deposit, key="id", request=DEPOSITS)
    moved = [
        Movement(
            f"deposit:{row.id}", MovementKind.DEPOSIT, row.amount, to_ms(row.timestamp), row.status
        )
        for row in rows
        if row.asset_id == USDC and row.status == "completed"
    ]
    return moved, page.cursor or None


def read_outflows(
    body: bytes, symbols: Mapping[int, str]
) -> tuple[list[Movement], str | None]:
    """Return one page of withdrawals, and the cursor of the next.

    The money leaves the account when it is asked for; where the venue gave it back, nothing moved.
    """
    page = decode(body, _Withdrawals, WITHDRAWALS)
    rows = rows_of(page.withdraws, _Deposit, key="id", request=WITHDRAWALS)
    moved = [
        Movement(
            f"withdraw:{row.id}",
            MovementKind.WITHDRAWAL,
            Decimal(0) if row.status in ("failed", "refunded") else -row.amount,
            to_ms(row.timestamp),
            row.status,
        )
        for row in rows
        if row.asset_id == USDC
    ]
    return moved, page.cursor or None


def read_internal(
    body: bytes, symbols: Mapping[int, str]
) -> tuple[list[Movement], str | None]:
    """Return one page of what moved between accounts, pools and routes, and the next cursor.

    The type says which way; between the two routes of one account, where it went.
    """
    page = decode(body, _InternalRows, INTERNAL)
    rows = rows_of(page.transfers, _Internal, key="id", request=INTERNAL)
    moved = [
        Movement(
            f"transfer:{row.id}",
            MovementKind.INTERNAL,
            row.amount if _comes_in(row) else -row.amount - row.fee,
            to_ms(row.timestamp),
            row.type,
        )
        for row in rows
        if row.asset_id == USDC
    ]
    return moved, page.cursor or None


def _comes_in(row: _Internal) -> bool:
    return row.to_route == _PERPS if row.type == _SELF else row.type.endswith(_INFLOW)


READERS: Mapping[str, ReadMovements] = {
    DEPOSITS: read_deposits,
    WITHDRAWALS: read_outflows,
    INTERNAL: read_internal,
}
