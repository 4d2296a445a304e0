"""The rows for the ledger from a simulated client, as the real clients hand them out."""

from collections.abc import Sequence
from typing import Protocol

from desk.core.account import Account
from desk.core.books import Movement
from desk.core.funding import FundingPayment
from desk.core.order import Fill


class AccountReads(Protocol):
    """The reads of a simulated client that the books are made of."""

    @property
    def account_id(self) -> int:
        """Return which account it is a client of."""
        ...

    async def account(self) -> Account:
        """Return equity and every open position."""
        ...

    async def fills(self, *, since_ms: int) -> Sequence[Fill]:
        """Return executions, oldest first."""
        ...

    async def funding_payments(self, *, since_ms: int) -> Sequence[FundingPayment]:
        """Return payments, oldest first."""
        ...

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        """Return money moved, oldest first."""
        ...


class SimBooks:
    """One account's rows; a `core.ports.BookSource`. Its budget knows no lowest priority."""

    def __init__(self, reads: AccountReads) -> None:
        """Read through `reads`."""
        self._reads = reads

    @property
    def account_id(self) -> str:
        """Return the account's number."""
        return str(self._reads.account_id)

    async def account(self) -> Account:
        """Return equity and every open position."""
        return await self._reads.account()

    async def fills(self, *, since_ms: int) -> Sequence[Fill]:
        """Return executions since `since_ms`."""
        return await self._reads.fills(since_ms=since_ms)

    async def payments(self, *, since_ms: int) -> Sequence[FundingPayment]:
        """Return funding since `since_ms`."""
        return await self._reads.funding_payments(since_ms=since_ms)

    async def movements(self, *, since_ms: int) -> Sequence[Movement]:
        """Return money moved since `since_ms`."""
        return await self._reads.movements(since_ms=since_ms)
