"""Pacifica's own rows for the ledger, asked for with what the budget has to spare."""

from collections.abc import Sequence

from desk.core.account import Account
from desk.core.books import Movement, MovementKind
from desk.core.funding import FundingPayment
from desk.core.order import Fill
from desk.venues.limits import Priority
from desk.venues.pacifica.account import BalanceRow
from desk.venues.pacifica.account_reads import FUNDING, AccountReads

DEPOSIT = "deposit"
_KINDS = {
    DEPOSIT: MovementKind.DEPOSIT,
    "deposit_release": MovementKind.DEPOSIT,
    "withdraw": MovementKind.WITHDRAWAL,
}
# Told by the lists of fills and payments; what else changes cash was neither earned nor lost here.
_TRADING = frozenset(
    {"trade", "market_liquidation", "backstop_liquidation", "adl_liquidation", FUNDING}
)


class PacificaBooks:
    """One account's rows; a `core.ports.BookSource`."""

    def __init__(self, reads: AccountReads) -> None:
        """Read through `reads`."""
        self._reads = reads

    @property
    def account_id(self) -> str:
        """Return the account's address."""
        return self._reads.account_id

    async def account(self) -> Account:
        """Return equity and every open position: 2 credits."""
        return await self._reads.account()

    async def fills(self, *, since_ms: int) -> Sequence[Fill]:
        """Return executions since `since_ms`: 12 credits per 1,000."""
        return await self._reads.fills_since(since_ms, symbol=None, priority=Priority.SPARE)

    async def payments(self, *, since_ms: int) -> Sequence[FundingPayment]:
        """Return funding since `since_ms`: 1 credit per 1,000."""
        return await self._reads.payments_since(since_ms, priority=Priority.SPARE)

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        """Return money moved since `since_ms`: 12 credits per 1,000 changes of cash."""
        changes = await self._reads.cash_changes(since_ms, priority=Priority.SPARE)
        return [_movement(row) for row in reversed(changes) if _has_moved(row)]


def _has_moved(row: BalanceRow) -> bool:
    """Return whether a change of cash is a movement that has arrived: a deposit that still waits
    in `pending_balance` arrives with its release."""
    waits = row.event_type == DEPOSIT and row.pending_balance > 0
    return row.event_type not in _TRADING and not waits


def _movement(row: BalanceRow) -> Movement:
    return Movement(
        movement_id=f"{row.created_at}:{row.event_type}:{row.amount}:{row.balance}",
        kind=_KINDS.get(row.event_type, MovementKind.INTERNAL),
        usd=row.amount,
        at_ms=row.created_at,
        word=row.event_type,
    )
