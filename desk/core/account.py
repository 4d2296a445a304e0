"""What an account holds on one venue: equity, positions, leverage settings."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class MarginMode(StrEnum):
    """Whether a position shares the account's collateral or has its own."""

    CROSS = "cross"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True)
class Position:
    """An open position.

    `size` is signed base units (+ long, - short) and never zero: flat means no row.
    `entry_price` is the venue's average (USD); `liquidation_price` is None where there is none.
    """

    symbol: str
    size: Decimal
    entry_price: Decimal
    liquidation_price: Decimal | None = None
    margin_mode: MarginMode = MarginMode.CROSS


@dataclass(frozen=True, slots=True)
class Account:
    """One account read.

    `asked_at_ms` is when the request left: nothing that happened before it is missing from the
    answer. `equity_usd` includes unrealised profit, `free_usd` is what new positions may use,
    `balance_usd` is cash with realised profit,     fees and funding. `positions` holds every open
    position, whoever opened it.
    """

    equity_usd: Decimal
    balance_usd: Decimal
    free_usd: Decimal
    positions: tuple[Position, ...]
    asked_at_ms: int
    at_ms: int

    def size_of(self, symbol: str) -> Decimal:
        """Return the signed size held in `symbol`; zero when this read shows no position there."""
        return sum((row.size for row in self.positions if row.symbol == symbol), Decimal(0))


@dataclass(frozen=True, slots=True)
class Leverage:
    """A symbol's setting as the venue reports it; `value` is a multiple (1 = no leverage)."""

    symbol: str
    value: Decimal
    margin_mode: MarginMode
